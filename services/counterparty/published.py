"""The only bridge from private events of requests, parties and cards to public messages."""

from collections.abc import Mapping, Sequence

from chassis import cards
from chassis.aggregate import PublicMessage, Recorded
from chassis.cards import CardOpened, CardTaken
from contracts import topics
from contracts.messages import counterparty, operations
from contracts.messages.values import Reason as WireReason
from services.counterparty.domain import card, deal, party
from services.counterparty.domain.records import CompanyMissing
from services.counterparty.domain.values import Reason

OPERATIONS = topics.operations_topic("counterparty")


def published_of_deal(recorded: Recorded, state: deal.State) -> Sequence[PublicMessage]:
    """The answers to a deal's requests."""
    event = recorded.event
    match event:
        case deal.Linked():
            linked = counterparty.CounterpartyLinked(
                request_id=event.request_id,
                deal_id=event.deal_id,
                counterparty_id=event.counterparty_id,
                account=event.account,
                remote_id=event.remote_id,
                kind=event.party.kind,
                inn=event.party.inn,
                kpp=event.party.kpp,
                name=event.party.name,
                subject_ref=event.party.subject_ref,
                created=event.created,
                conflict_crm_ids=event.party.same_inn_crm_ids,
                warnings=_reasons(event.warnings),
                party=event.party.party,
            )
            return (PublicMessage(topics.COUNTERPARTIES, linked),)
        case deal.LinkRefused():
            refused = counterparty.CounterpartyRejected(
                request_id=event.request_id, deal_id=event.deal_id, reasons=_reasons(event.reasons)
            )
            return (PublicMessage(topics.COUNTERPARTIES, refused),)
        case _:
            return ()


def published_of_party(recorded: Recorded, state: party.State) -> Sequence[PublicMessage]:
    """The cards about a party, in each deal that waits for them."""
    event = recorded.event
    match event:
        case CardOpened() as opened:
            return tuple(_asked(opened, deal_id, state) for deal_id in state.shown_in(opened))
        case CardTaken() as taken:
            told, opened = cards.decided(taken), state.cards.by_id[taken.card_id].opened
            return tuple(
                PublicMessage(OPERATIONS, operations.DecisionTaken(**{**told, "deal_id": deal_id}))
                for deal_id in state.shown_in(opened)
            )
        case party.RequestLeft():
            asked = (state.cards.by_id[card_id].opened for card_id in event.cards)
            return tuple(_withdrawn(opened, event.deal_id) for opened in asked)
        case party.RecordWanted():
            return _joined(event.account, {event.request_id: event.deal_id}, state)
        case party.StandingWanted():
            return _joined(event.account, event.waiting, state)
        case _:
            return ()


def _withdrawn(opened: CardOpened, deal_id: str) -> PublicMessage:
    """A deal that waits no more for what a person is asked has the question withdrawn; others keep it."""
    told = operations.DecisionTaken(
        card_id=opened.card_id, kind=opened.kind, choice=party.WITHDRAWN, by="", deal_id=deal_id
    )
    return PublicMessage(OPERATIONS, told)


def _joined(account: str, requests: Mapping[str, str], state: party.State) -> Sequence[PublicMessage]:
    """A deal that comes to wait for what a person is being asked already is told the same; with a second request it
    was told before."""
    waiting = state.records[account].waiting
    deals = list(waiting.values())
    return tuple(
        _asked(opened, deal_id, state)
        for opened in state.open_about(account)
        for request_id, deal_id in requests.items()
        if request_id in waiting and deals.count(deal_id) == 1
    )


def _asked(opened: CardOpened, deal_id: str, state: party.State) -> PublicMessage:
    record = state.records.get(opened.subject)
    responsible = opened.responsible_id if record is None else record.responsible_of(deal_id)
    told = {**cards.needed(opened), "deal_id": deal_id, "responsible_id": responsible}
    return PublicMessage(OPERATIONS, operations.DecisionNeeded(**told))


def published_of_card(recorded: Recorded, state: card.State) -> Sequence[PublicMessage]:
    """What is to be written into the CRM."""
    event = recorded.event
    match event:
        case CardOpened() as opened:
            return (PublicMessage(OPERATIONS, operations.DecisionNeeded(**cards.needed(opened))),)
        case CardTaken() as taken:
            return (PublicMessage(OPERATIONS, operations.DecisionTaken(**cards.decided(taken))),)
        case CompanyMissing():
            appeared = counterparty.CompanyAppeared(
                key=event.key,
                kind=event.kind,
                inn=event.inn,
                kpp=event.kpp,
                values={name: one.value for name, one in event.values.items()},
                origins={name: one.origin for name, one in event.values.items()},
            )
            return (PublicMessage(topics.COMPANY_CARDS, appeared),)
        case card.CardFilled():
            return (_filled(event),)
        case _:
            return ()


def _filled(event: card.CardFilled) -> PublicMessage:
    filled = counterparty.CompanyFilled(
        company_id=event.company_id,
        requisite_id=event.requisite_id,
        inn=event.inn,
        values={name: one.value for name, one in event.values.items()},
        origins={name: one.origin for name, one in event.values.items()},
        status=event.status,
        responsible_id=event.responsible_id,
    )
    return PublicMessage(topics.COMPANY_CARDS, filled)


def _reasons(reasons: Sequence[Reason]) -> tuple[WireReason, ...]:
    return tuple(WireReason(code=reason.code, values=reason.values) for reason in reasons)
