"""The first sync through its command: what a preview shows, what is linked and created, what is left to a person."""

import csv
import io
from typing import Any

import httpx
import pytest
import yaml

from chassis.values.inn import inn_ok
from deploy.local.launch import running
from tests.e2e.conftest import Answer, Installation, Portal

KPP = "770901001"


def inn(number: int) -> str:
    """A company's INN with a right check digit."""
    return next(text for digit in range(10) if inn_ok(text := f"{770_000_000 + number}{digit}"))


class Books:
    """A portal and an account, filled by hand."""

    def __init__(self, portal: Portal) -> None:
        self.portal, self.at = portal, portal.at
        run = running(self.at.data)
        assert run is not None
        assert run.sandbox is not None
        self._control = httpx.Client(base_url=run.sandbox.control_url, timeout=30.0)

    def company(self, title: str, **card: Any) -> str:
        """A company of the CRM; its id."""
        made = self._posted(f"/bitrix24/portals/{self.portal.slug}/companies", {"title": title, **card})
        return str(made["company"]["id"])

    def record(self, name: str, **card: Any) -> str:
        """A record of the accounting service; its id."""
        return str(self._posted(f"/elba/{self.portal.account}/counterparties", {"fullName": name, **card})["id"])

    def companies(self, wanted: str) -> list[dict[str, Any]]:
        """Companies of the CRM with an INN."""
        found = self.at.json("sandbox", "company", "list", self.portal.slug)["companies"]
        return [one for one in found if any(held.get("RQ_INN") == wanted for held in one["requisites"])]

    def takes_from_accounting(self) -> None:
        """The tenant lets companies come from accounting."""
        document = yaml.safe_load(self.portal.file.read_text())
        document["steps"] = {"reverse_sync": True}
        self.portal.file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
        self.at.json("tenant", "apply", str(self.portal.file), "--yes")
        self.at.settle()

    def records(self) -> dict[str, str]:
        """id → INN of all records."""
        return {str(one["id"]): str(one.get("inn") or "") for one in self.portal.records("counterparties")}

    def sync(self, *options: str) -> Answer:
        """The command."""
        return self.at.call("sync", self.portal.slug, *options)

    def synced(self, *options: str) -> dict[str, Any]:
        """The one seller of the command's document."""
        (seller,) = self.sync(*options, "--json").json()["sellers"]
        found: dict[str, Any] = seller
        return found

    def _posted(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._control.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture
def books(installation: Installation) -> Books:
    return Books(installation.portal())


def by_company(synced: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """(outcome, reason) of each company."""
    return {item["company_id"]: (item["outcome"], item["reason"]) for item in synced["items"] if item["company_id"]}


def test_what_is_found_is_linked_the_rest_created_and_what_is_unclear_left_to_a_person(books: Books) -> None:
    known = books.company("ООО «Известное»", inn=inn(1), kpp=KPP)
    new = books.company("ООО «Новое»", inn=inn(2), kpp=KPP, address="ул. Лесная, 1", email="a@new.example")
    first, second = (books.company(f"ООО «Дважды {number}»", inn=inn(3), kpp=KPP) for number in (1, 2))
    doubled = books.company("ООО «Две карточки»", inn=inn(4), kpp=KPP)
    wrong = books.company("ООО «Опечатка»", inn="7709123450", kpp=KPP)
    bare = books.company("ООО «Без реквизитов»")
    headless = books.company("ООО «Без КПП»", inn=inn(5))
    own = books.company("ООО «Своё»", inn=inn(6), kpp=KPP, mine=True)
    branch = books.company("ООО «Филиал»", inn=inn(7), kpp="781001001")
    sole = books.company("ИП Лапин Пётр", inn="500100732259")
    theirs = books.record("ООО «Известное»", inn=inn(1), kpp=KPP)
    for _ in range(2):
        books.record("ООО «Две карточки»", inn=inn(4), kpp=KPP)
        books.record("ООО «Никто»", inn=inn(8), kpp=KPP)
    books.record("ООО «Филиал»", inn=inn(7), kpp=KPP)
    before = books.records()

    preview = books.synced("--preview")
    assert preview["phase"] == "compared"
    told = by_company(preview)
    assert {company: told[company] for company in (known, new, first, sole)} == {
        known: ("to_pair", ""), new: ("to_create", ""), first: ("to_create", ""), sole: ("to_create", ""),
    }  # fmt: skip
    unclear = {
        second: ("conflict", "companies_double"), doubled: ("conflict", "records_double"),
        wrong: ("conflict", "inn_checksum"), branch: ("conflict", "branch_unknown"),
        bare: ("skipped", "inn_missing"), headless: ("skipped", "kpp_missing"), own: ("skipped", "own_company"),
    }  # fmt: skip
    assert {company: told[company] for company in unclear} == unclear
    alone = [item for item in preview["items"] if not item["company_id"]]
    assert {(item["inn"], item["reason"]) for item in alone} == {(inn(8), "records_double")}
    assert books.records() == before, "a preview changes nothing"

    applied = books.synced("--apply")
    assert applied["phase"] == "done"
    told = by_company(applied)
    assert told[known] == ("paired", "")
    assert all(told[company] == ("created", "") for company in (new, first, sole))
    assert {company: told[company] for company in unclear} == unclear
    held = {item["company_id"]: item["remote_id"] for item in applied["items"]}
    assert held[known] == theirs
    assert held[second] == held[first], "both companies are the one record"
    created = {record: number for record, number in books.records().items() if record not in before}
    assert sorted(created.values()) == sorted([inn(2), inn(3), "500100732259"])
    (card,) = [one for one in books.portal.records("counterparties") if one["inn"] == inn(2)]
    assert (card["email"], card["kpp"]) == ("a@new.example", KPP)
    assert "Лесная" in card["address"]

    again = books.synced("--apply")
    assert again["outcomes"]["created"] == again["outcomes"]["to_create"] == 0
    assert again["outcomes"]["paired"] == 4
    assert len(books.records()) == len(before) + 3, "nobody has a second record"


def test_what_accounting_alone_has_is_created_in_the_crm_once(books: Books) -> None:
    books.takes_from_accounting()
    options = {"inn": inn(41), "kpp": KPP, "phone": "+7 495 000-00-00"}
    record = books.record("ООО «Из бухгалтерии»", **options)
    preview = books.synced("--preview")
    assert [(one["outcome"], one["remote_id"]) for one in preview["items"] if one["inn"] == inn(41)] == [
        ("to_enter", record)
    ]
    assert books.companies(inn(41)) == [], "a preview changes nothing"
    applied = books.synced("--apply")
    assert (applied["phase"], applied["outcomes"]["entered"], applied["outcomes"]["to_enter"]) == ("done", 1, 0)
    (company,) = books.at.until("the company", lambda: books.companies(inn(41)))
    (requisite,) = company["requisites"]
    told = (requisite["RQ_KPP"], requisite["RQ_COMPANY_NAME"], requisite["RQ_PHONE"])
    assert told == (KPP, "ООО «Из бухгалтерии»", options["phone"])
    books.at.settle()
    again = books.synced("--apply")
    assert (again["outcomes"]["paired"], again["outcomes"]["entered"]) == (1, 0)
    books.at.settle()
    assert len(books.companies(inn(41))) == 1
    assert list(books.records()) == [record]


def test_an_invoice_takes_the_record_that_the_sync_linked(books: Books) -> None:
    company = books.company("ООО «Покупатель»", inn=inn(11), kpp=KPP)
    books.synced("--apply")
    (record,) = books.records()
    deal = books.portal.deal(company=company)
    books.portal.move(deal)
    books.at.until("the invoice", lambda: books.portal.records("invoices"))
    (invoice,) = books.portal.records("invoices")
    assert (invoice["counterparty_id"], list(books.records())) == (record, [record])


def test_what_was_entered_by_hand_after_the_preview_is_not_created_again(books: Books) -> None:
    company = books.company("ООО «Поздняя»", inn=inn(21), kpp=KPP)
    assert by_company(books.synced("--preview"))[company] == ("to_create", "")
    record = books.record("ООО «Поздняя»", inn=inn(21), kpp=KPP)
    applied = books.synced("--apply")
    assert by_company(applied)[company] == ("paired", "")
    assert list(books.records()) == [record]


def test_people_read_a_table_and_programs_csv(books: Books) -> None:
    books.company("ООО «Опечатка»", inn="7709123450", kpp=KPP)
    books.company("=1+1", inn=inn(31), kpp=KPP)
    shown = books.sync("--preview")
    assert shown.code == 0, shown.err
    assert "7709123450" in shown.out
    assert "ООО «Опечатка»" in shown.out
    printed = books.sync("--preview", "--csv")
    rows = {row["inn"]: row for row in csv.DictReader(io.StringIO(printed.out))}
    assert rows["7709123450"]["outcome"] == "conflict"
    assert rows["7709123450"]["reason_text"]
    assert rows[inn(31)]["name"] == "'=1+1"


@pytest.mark.parametrize("options", [(), ("--preview", "--apply"), ("--preview", "--csv", "--json")])
def test_one_thing_is_to_be_said(books: Books, options: tuple[str, ...]) -> None:
    assert books.sync(*options).code == 2


def test_a_seller_that_is_not_there_is_named(books: Books) -> None:
    refused = books.sync("--preview", "--seller", "second")
    assert refused.code == 1
    assert "main" in refused.err
