"""Buyers, a deal's requests and a party for tests."""

from typing import Any

from chassis.cards import TakeCard
from services.counterparty.app import DEALS, PARTIES
from services.counterparty.domain import deal, party
from services.counterparty.domain.company import Facts
from services.counterparty.domain.values import Buyer, Party, Reason, Register, Rules, check
from tests.services.streams import NOW, Stream

ROMASHKA = "7736207543-773601001"
VASILEK = "7707083893-770701001"
ACCOUNT = "elba:main"
DADATA = Register(account="dadata:vektor:register", vendor="dadata", per_day=100)
FOCUS = Register(account="focus:vektor:register", vendor="focus", per_day=100)
NO = Reason(code="accounting_refused")

Requests = Stream[deal.State, deal.Command]
PartyStream = Stream[party.State, party.Command]


def company(party_key: str = ROMASHKA, **fields: Any) -> Buyer:
    """A company of the CRM."""
    inn, _, kpp = party_key.partition("-")
    given = {"crm_kind": "company", "crm_id": "512", "kind": "company", "name": "Ромашка", "inn": inn, "kpp": kpp}
    return Buyer(**(given | fields))


def person(**fields: Any) -> Buyer:
    """A contact without INN."""
    given = {"crm_kind": "contact", "crm_id": "77", "kind": "person", "subject_ref": "blob-77"}
    return Buyer(**(given | fields))


def checked(buyer: Buyer | None = None) -> Party:
    """The party of a buyer that is in order."""
    found, reasons, _ = check(buyer or company(), Rules())
    assert found is not None, reasons
    return found


def requests() -> Requests:
    """The requests of deal 15."""
    return Stream(DEALS, "deal-15")


def ask(
    request_id: str = "r1", buyer: Buyer | None = None, content: str = "a", registers: tuple[Register, ...] = ()
) -> deal.AskLink:
    """A document was requested for a deal that shows a buyer."""
    return deal.AskLink("vektor", request_id, "15", ACCOUNT, buyer, Rules(registers=registers), content, "7")


def facts(**fields: Any) -> Facts:
    """What the state register says of Romashka."""
    given: dict[str, Any] = {
        "inn": "7736207543", "kpp": "773601001", "ogrn": "1027700229193", "full_name": "ООО «РОМАШКА»",
        "short_name": "ООО «Ромашка»", "address": "119021, г Москва, ул Льва Толстого, д 16", "status": "active",
        "provider": "dadata", "fetched_at": NOW,
    }  # fmt: skip
    return Facts(**(given | fields))


def a_party(key: str = ROMASHKA) -> PartyStream:
    """A party's stream."""
    return Stream(PARTIES, f"party-{key}")


def want(
    request_id: str = "r1",
    account: str = ACCOUNT,
    buyer: Buyer | None = None,
    registers: tuple[Register, ...] = (),
) -> party.WantRecord:
    """A request needs the party's record."""
    return party.WantRecord("vektor", account, request_id, f"deal of {request_id}", checked(buyer), "7", registers)


def answers(stream: PartyStream) -> list[tuple[str, str]]:
    """(request, remote id or the refusal's code) of all answers planned so far, in order."""
    found = []
    for (kind, _), plan in stream.tasks.items():
        if kind == party.ANSWER:
            refused = plan.payload["refused"]
            word = refused["code"] if refused is not None else plan.payload["remote_id"]
            found += [(request_id, word) for request_id in plan.payload["waiting"]]
    return found


def open_cards(stream: PartyStream) -> list[str]:
    """The kinds of the questions that stand before a person."""
    return sorted(card.opened.kind for card in stream.state.cards.by_id.values() if card.taken is None)


def take(stream: PartyStream, kind: str, choice: str, number: str = "") -> None:
    """A person answers the open question of a kind."""
    cards = [one for one in stream.state.cards.by_id.values() if one.taken is None and one.opened.kind == kind]
    assert len(cards) == 1, f"one open question of {kind}, found {len(cards)}"
    stream.ran(TakeCard(cards[0].opened.card_id, choice, "Анна", number))
