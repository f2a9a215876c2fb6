"""Acts that are exchanged electronically, for tests: a deal with a box, the operator's answers, whole stories."""

from chassis.cards import TakeCard
from services.invoicing.app import EXCHANGES
from services.invoicing.domain import edi, plans
from services.invoicing.domain import edi_commands as ec
from services.invoicing.domain.edi_events import EdiOrder, EdiTitle, Obstacle
from services.invoicing.domain.values import EdiTerms, Reason
from tests.services.invoicing.parts import Documents, answer, documents, last, linked, request
from tests.services.streams import Stream

ACCOUNT = "diadoc:vektor:main"
BOX = "c0ffee00-2222-4f43-8a0e-52d7f8e5b002"
TITLE = EdiTitle(
    blob="vektor/aa", file_name="ON_1.xml", document_type="UniversalTransferDocument", function="ДОП", version="v3"
)
Exchanges = Stream[edi.State, ec.Command]


def act() -> Documents:
    """A deal whose act was made for a seller with a box."""
    stream = documents()
    stream.ran(request("act", "act", edi=EdiTerms(account=ACCOUNT)))
    stream.ran(linked("act"))
    stream.ran(answer(last(stream, "create-act"), number="88"))
    return stream


def order(stream: Documents | None = None) -> EdiOrder:
    """What the deal's exchanges are told of its act."""
    tasks = (stream or act()).tasks
    (payload,) = (plan.payload for (kind, _), plan in tasks.items() if kind == plans.EXCHANGE)
    return EdiOrder.model_validate(payload)


def begun() -> Exchanges:
    """An act that is to be exchanged."""
    stream: Exchanges = Stream(EXCHANGES, edi.stream_of("15"))
    stream.ran(ec.BeginEdi(order()))
    return stream


def only(stream: Exchanges) -> edi.Exchange:
    """The one act of the stream."""
    (one,) = stream.state.exchanges.values()
    return one


def key(stream: Exchanges) -> str:
    return only(stream).order.document_id


def prepared(stream: Exchanges | None = None) -> Exchanges:
    """The title is written."""
    stream = stream or begun()
    stream.ran(ec.SeePrepared(key(stream), BOX, TITLE))
    return stream


def posted(stream: Exchanges | None = None) -> Exchanges:
    """The document is in the box."""
    stream = stream or prepared()
    stream.ran(ec.SeePosted(key(stream), only(stream).attempt, "m1", "e1"))
    return stream


def moved(stream: Exchanges, *statuses: str, reason: str = "") -> Exchanges:
    """The document goes through states."""
    for status in statuses:
        stream.ran(ec.SeeStatus(key(stream), status, reason))
    return stream


def signed() -> Exchanges:
    """The whole way: news are heard, both sign, the files come, the partner asks for revocation."""
    stream = posted()
    stream.ran(ec.HearNews("m1"))
    moved(stream, "sending", "awaiting_counterparty", "signed")
    stream.ran(ec.SeeFiles(key(stream), "vektor/zip", 300, "vektor/pdf", 200))
    return moved(stream, "revocation_requested", "revoked")


def hard() -> Exchanges:
    """Not acquainted, invited, late, then yes; refused by the operator, then doubtful, sent again, waits, given up."""
    stream = begun()
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question="edi_not_acquainted"), BOX))
    answered(stream, "edi_not_acquainted", "invite")
    stream.ran(ec.SeeInvitation(key(stream), BOX, 1, "task-1"))
    stream.ran(ec.SeePartner(key(stream), Obstacle(question="edi_not_acquainted")))
    answered(stream, "edi_not_acquainted", "look_again")
    prepared(stream)
    stream.ran(ec.RefusePost(key(stream), 1, Reason(code="edi_refused", values={"text": "нет"})))
    answered(stream, "edi_not_posted", "look_again")
    prepared(stream)
    stream.ran(ec.RefusePost(key(stream), 2, Reason(code="vendor_fault"), doubtful=True))
    answered(stream, "edi_uncertain", "resend")
    posted(stream)
    stream.ran(ec.MeetEdiDeadline(key(stream), edi.AWAITING_OWN))
    moved(stream, "sending", "awaiting_counterparty")
    stream.ran(ec.MeetEdiDeadline(key(stream), "awaiting_counterparty"))
    answered(stream, "edi_waits_long", "give_up")
    return stream


def answered(stream: Exchanges, kind: str, choice: str) -> None:
    """A person answers the open question of a kind."""
    found = stream.state.cards.open_of(kind, key(stream))
    assert found is not None, f"no open question {kind}"
    stream.ran(TakeCard(found.opened.card_id, choice, "Анна"))


def questions(stream: Exchanges) -> list[str]:
    """The kinds of the questions that stand before a person."""
    return sorted(card.opened.kind for card in stream.state.cards.by_id.values() if card.taken is None)


def planned(stream: Exchanges) -> set[str]:
    """The kinds of all tasks and effects so far."""
    return {kind for kind, _ in stream.tasks} | {plan.kind for plan in stream.effects.values()}
