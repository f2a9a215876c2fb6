"""The only bridge from private events of requests, parties and cards to public messages."""

from collections.abc import Sequence

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
    """The cards about a party."""
    match recorded.event:
        case CardOpened() as opened:
            return (PublicMessage(OPERATIONS, operations.DecisionNeeded(**cards.needed(opened))),)
        case CardTaken() as taken:
            return (PublicMessage(OPERATIONS, operations.DecisionTaken(**cards.decided(taken))),)
        case _:
            return ()


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
