"""Files of our own making: what they say, and that a document's file is made where the vendor gives none."""

from dataclasses import replace
from typing import Any

import pytest

from chassis.outcomes import Ok, Outcome, Rejected
from chassis.subjects import SubjectErased, SubjectRef
from chassis.tenants import TenantView
from chassis.values.payment_qr import Payee, payment_qr
from chassis.values.purpose import read_purpose
from chassis.work.handlers import Done, Permit, Task
from connectors.ports.accounting import PdfFile
from connectors.registry import ELBA_VENDOR
from services.invoicing.domain import commands as c
from services.invoicing.domain.state import Document
from services.invoicing.workers import DrawDraft, FetchPdf, Papers, rendering
from services.invoicing.workers.rendering import Renderer, Seller, compiled, content_of, purpose_of
from tests.services.invoicing.parts import answer, issued, last, linked, request
from tests.services.streams import NOW, TENANT

SELLER = {
    "seller_id": "main",
    "inn": "7725010016",
    "requisites": {
        "name": "ООО «Ромашка»",
        "kpp": "772501001",
        "address": "г. Москва",
        "bank": "ПАО Сбербанк",
        "bic": "044525225",
        "account": "40702810200000000001",
        "correspondent_account": "30101810400000000225",
    },
}
PERSON = f"{TENANT}/{'0' * 32}"
SETTINGS = {"name": "Ромашка", "sellers": [SELLER]}


def document() -> Document:
    (found,) = issued().state.documents.values()
    assert isinstance(found, Document)
    return found


def content(settings: dict[str, Any]) -> dict[str, Any]:
    shown, seller = document(), Seller.of(settings, "main")
    assert shown.draft is not None
    assert shown.issued is not None
    assert seller is not None
    return content_of(shown.draft, shown.issued, shown.link, seller, "ООО «Вектор»")


def test_the_payment_code_is_that_of_the_standard() -> None:
    payee = Payee(
        "ООО «Ромашка»", "7725010016", "772501001", "40702810200000000001", "ПАО Сбербанк", "044525225",
        "30101810400000000225",
    )  # fmt: skip
    text = payment_qr(payee, sum_kopecks=85_000_00, purpose="Оплата по счету № 127 от 12.03.2026, без НДС")
    assert text == (
        "ST00012|Name=ООО «Ромашка»|PersonalAcc=40702810200000000001|BankName=ПАО Сбербанк|BIC=044525225|"
        "CorrespAcc=30101810400000000225|Sum=8500000|Purpose=Оплата по счету № 127 от 12.03.2026, без НДС|"
        "PayeeINN=7725010016|KPP=772501001"
    )


def test_no_value_breaks_a_payment_code() -> None:
    odd = Payee("Рога | Копыта\nи Ко", "500100732259", "", "40802810200000000001", "Банк " * 20, "044525225", "")
    text = payment_qr(odd, sum_kopecks=1, purpose="п" * 500)
    members = dict(part.split("=", 1) for part in text.split("|")[1:])
    assert members["Name"] == "Рога / Копыта и Ко"
    assert (len(members["BankName"]) <= 45, len(members["Purpose"]), members["CorrespAcc"]) == (True, 210, "0")
    assert "KPP" not in members


def test_a_paper_says_what_was_issued() -> None:
    told, shown = content(SETTINGS), document()
    assert shown.draft is not None
    assert told["title"].startswith("Счёт на оплату № B24-15 от ")
    assert told["buyer"].startswith("ООО «Вектор», ИНН")
    assert told["sum_in_words"].endswith("копеек")
    assert len(told["lines"]) == len(shown.draft.lines)
    assert "<svg" in told["qr"]
    assert told["seller"]["line"] == "ООО «Ромашка», ИНН 7725010016, КПП 772501001, г. Москва"


def test_the_purpose_of_the_code_leads_back_to_the_invoice() -> None:
    shown = document()
    assert shown.draft is not None
    assert shown.issued is not None
    read = read_purpose(purpose_of(shown.draft, shown.issued))
    assert [(one.number, one.dated) for one in read.references] == [(shown.issued.number, shown.issued.date)]


@pytest.mark.parametrize(
    ("rates", "vat_kopecks", "said", "label"),
    [
        (("none",), 0, ", без НДС", "Без налога (НДС)"),
        (("0", "none"), 0, ", НДС 0%", "В том числе НДС:"),
        (("10", "0"), 1_00, ", в т.ч. НДС 1,00", "В том числе НДС:"),
        (("22",), 0, ", в т.ч. НДС 0,00", "В том числе НДС:"),
    ],
)
def test_no_vat_at_all_is_another_thing_than_zero_percent(
    rates: tuple[str, ...], vat_kopecks: int, said: str, label: str
) -> None:
    shown, seller = document(), Seller.of(SETTINGS, "main")
    assert shown.draft is not None
    assert shown.issued is not None
    assert seller is not None
    lines = tuple(shown.draft.lines[0].model_copy(update={"vat": rate}) for rate in rates)
    draft = shown.draft.model_copy(update={"lines": lines, "vat_kopecks": vat_kopecks})
    assert purpose_of(draft, shown.issued).endswith(said)
    assert content_of(draft, shown.issued, shown.link, seller, "ООО «Вектор»")["sums"][1][0] == label


@pytest.mark.parametrize("sums", [{"total_kopecks": 1}, {"vat_kopecks": 2}])
async def test_what_accounting_has_with_other_sums_is_not_drawn_from_what_was_ordered(sums: dict[str, int]) -> None:
    shown = document()
    assert shown.issued is not None
    shelf: Any = Shelf(replace(shown, issued=shown.issued.model_copy(update=sums)), SETTINGS)
    made = await Papers(shelf, shelf, shelf, Renderer()).pdf(task())
    assert isinstance(made, Rejected)
    assert made.problem.code == "document_differs"


def test_without_an_account_there_is_no_code() -> None:
    told = content({"name": "Ромашка", "sellers": [{"seller_id": "main", "inn": "7725010016"}]})
    assert (told["qr"], told["bank"], told["seller"]["name"]) == ("", None, "Ромашка")
    assert compiled(told).startswith(b"%PDF-")


def test_one_document_is_one_file_whatever_its_texts_contain() -> None:
    told = content(SETTINGS)
    told["lines"][0] = ("1", "Кабель #panic() $x$ \\ *5* [a]", *told["lines"][0][2:])
    assert compiled(told) == compiled(told)
    assert compiled(told).startswith(b"%PDF-")


class Shelf:
    """A store of one document, a directory of one tenant, and blobs that keep what they are given."""

    def __init__(self, found: Document | None, settings: dict[str, Any]) -> None:
        self.found, self.settings = found, settings
        self.kept: list[bytes] = []
        self.erased: set[str] = set()

    async def document(self, tenant: str, stream: str, document_id: str) -> Document | None:
        return self.found

    async def view(self, tenant: str) -> TenantView:
        return TenantView("active", 1, self.settings)

    async def read(self, reference: SubjectRef) -> dict[str, Any]:
        if str(reference) in self.erased:
            raise SubjectErased(str(reference))
        return {"name": "Лапина Ирина"}

    async def put(self, tenant: str, content: bytes) -> str:
        self.kept.append(content)
        return "blob-1"


def task() -> Task:
    payload = {"document_id": "d1", "kind": "invoice", "remote_id": "e1", "number": "118"}
    permit = Permit("elba-vendor:t:main", "", "", 1, NOW)
    return Task(TENANT, "w1", "k", "d1", payload, "deal-15", "elba-vendor:t:main", 1, permit, NOW)


async def test_where_the_vendor_gives_no_file_it_is_made_and_kept() -> None:
    nobody: Any = None
    shelf: Any = Shelf(document(), SETTINGS)
    done = await FetchPdf(lambda account: ELBA_VENDOR, nobody, shelf, Papers(shelf, shelf, shelf, Renderer())).run(
        task()
    )
    assert isinstance(done, Done)
    assert [one.body for one in done.commands] == [c.Render("d1", "blob-1", len(shelf.kept[0]))]
    assert shelf.kept[0].startswith(b"%PDF-")


def reviewed(language: str = "ru") -> Document:
    """An invoice that its accountant has yet to post."""
    shown = document()
    assert shown.issued is not None
    terms = shown.terms.model_copy(update={"language": language})
    return replace(shown, phase="review", terms=terms, issued=shown.issued.model_copy(update={"unposted": True}))


@pytest.mark.parametrize(
    ("language", "said"),
    [("ru", "ПРОЕКТ — на проверке у бухгалтера"), ("en", "DRAFT — under the accountant's review")],
)
async def test_r16_what_is_not_posted_says_so_and_has_nothing_to_pay_by(
    language: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []

    def seen(told: dict[str, Any]) -> bytes:
        drawn.append(told)
        return compiled(told)

    monkeypatch.setattr(rendering, "compiled", seen)
    shelf: Any = Shelf(reviewed(language), SETTINGS)
    done = await DrawDraft(shelf, Papers(shelf, shelf, shelf, Renderer())).run(task())
    assert isinstance(done, Done)
    assert [one.body for one in done.commands] == [c.Render("d1", "blob-1", len(shelf.kept[0]), draft=True)]
    (told,) = drawn
    assert (told["watermark"], told["qr"], told["bank"]) == (said, "", None)
    assert shelf.kept[0] != compiled({**told, "watermark": ""})


async def test_an_invoice_that_was_posted_meanwhile_gets_no_paper_of_a_draft() -> None:
    shelf: Any = Shelf(document(), SETTINGS)
    done = await DrawDraft(shelf, Papers(shelf, shelf, shelf, Renderer())).run(task())
    assert (done, shelf.kept) == (Done(found_something=False), [])


def test_what_is_posted_has_no_watermark() -> None:
    assert content(SETTINGS)["watermark"] == ""


def closing(form: str) -> Document:
    """A document that is a closing one of a form."""
    shown = document()
    assert shown.draft is not None
    assert shown.issued is not None
    draft = shown.draft.model_copy(update={"kind": "act", "due_date": None})
    return replace(shown, kind="act", draft=draft, issued=shown.issued.model_copy(update={"form": form}))


@pytest.mark.parametrize(
    ("form", "word", "sells"), [("act", "Акт", "Исполнитель"), ("waybill", "Накладная", "Поставщик")]
)
def test_the_paper_is_called_what_it_is(form: str, word: str, sells: str) -> None:
    shown, seller = closing(form), Seller.of(SETTINGS, "main")
    assert shown.draft is not None
    assert shown.issued is not None
    assert seller is not None
    made = content_of(shown.draft, shown.issued, shown.link, seller, "ООО «Вектор»")
    assert made["title"].startswith(f"{word} № ")
    assert made["words"]["seller"] == sells


def test_the_paper_of_an_act_names_its_period() -> None:
    stream = issued()
    stream.ran(request("act1", "act"))
    stream.ran(linked("act1"))
    stream.ran(answer(last(stream, "create-act")))
    shown = stream.state.latest("main", "act")
    assert shown is not None
    assert shown.draft is not None
    assert shown.issued is not None
    seller = Seller.of(SETTINGS, "main")
    assert seller is not None
    made = content_of(shown.draft, shown.issued, shown.link, seller, "ООО «Вектор»")
    assert "Период оказания услуг: 12.03.2026" in made["comment"]


async def test_a_universal_document_is_never_drawn_by_us() -> None:
    nobody: Any = None
    shelf: Any = Shelf(closing("upd"), SETTINGS)
    papers = Papers(shelf, shelf, shelf, Renderer())
    asked = replace(task(), payload={**task().payload, "kind": "act", "form": "upd"})
    done = await FetchPdf(lambda account: ELBA_VENDOR, nobody, shelf, papers).run(asked)
    assert (done, shelf.kept) == (Done(found_something=False), [])


async def test_a_seller_that_is_not_there_any_more_is_told() -> None:
    shelf: Any = Shelf(document(), {"name": "Ромашка", "sellers": []})
    made: Outcome[PdfFile] = await Papers(shelf, shelf, shelf, Renderer()).pdf(task())
    assert isinstance(made, Rejected)
    assert made.problem.code == "seller_missing"


async def test_a_persons_name_is_taken_from_where_it_lies_until_it_is_erased() -> None:
    shown = document()
    assert shown.link is not None
    person = shown.link.model_copy(update={"name": "", "inn": "", "kpp": "", "subject_ref": PERSON})
    shelf: Any = Shelf(replace(shown, link=person), SETTINGS)
    renderer: Any = Recording()
    assert isinstance(await Papers(shelf, shelf, shelf, renderer).pdf(task()), Ok)
    assert renderer.buyers == ["Лапина Ирина"]
    shelf.erased.add(PERSON)
    outcome = await Papers(shelf, shelf, shelf, renderer).pdf(task())
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "subject_erased"


class Recording:
    """Renders nothing, and keeps the names that it was given."""

    def __init__(self) -> None:
        self.buyers: list[str] = []

    async def pdf(self, shown: Document, seller: Seller, buyer: str) -> bytes:
        self.buyers.append(buyer)
        return b"%PDF-"
