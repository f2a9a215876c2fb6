"""Compares the plan with what the portals and accounts show in the end; nothing of the product is asked."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sverka.demo.accountant import same_name
from sverka.demo.day import ZONE, StagedDeal
from sverka.demo.plan import PlannedDeal
from sverka.demo.world import Pair, World
from sverka.screen import money

Record = Mapping[str, Any]

STATUS_SHOWN: Final = {
    "needs_data": "Не хватает данных",
    "issued": "Выставлен",
    "partially_paid": "Оплачен частично",
    "paid": "Оплачен",
    "overpaid": "Переплата",
}
"""What a manager is to read, as nobody but the plan says it: asked of the product, a wrong word would be expected."""
DRAFT_TOLD: Final = "Проект счёта"
"""How the file of an invoice that awaits its accountant is told, where one was drawn before it was posted."""
_TOLD_DUE = re.compile(r"Оплатить до (\d\d\.\d\d\.\d{4})")


@dataclass(frozen=True, slots=True)
class Miss:
    """One thing that is not as planned."""

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: {self.expected} ≠ {self.found}"


@dataclass(frozen=True, slots=True)
class DealVerdict:
    """How one deal ended."""

    plan: PlannedDeal
    tenant: str
    deal_id: int
    page: str
    misses: tuple[Miss, ...]
    troubles: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """As planned."""
        return not self.misses


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the day ended."""

    deals: tuple[DealVerdict, ...]
    accounts: tuple[str, ...]
    """What no planned deal explains, one sentence each."""

    @property
    def ok(self) -> bool:
        """Everything as planned."""
        return not self.accounts and all(deal.ok for deal in self.deals)


def judge(
    world: World, deals: Sequence[StagedDeal], pairs: Sequence[Pair], acts_without_pdf: Collection[tuple[str, str]]
) -> Verdict:
    """Looks at every deal and every account. ``acts_without_pdf``: (tenant, deal), see `Accountant.found_acts`."""
    today = world.now().astimezone(ZONE).date()
    judged: list[DealVerdict] = []
    faults: list[str] = []
    for pair in pairs:
        account = Account(world.account(pair.account))
        notifications = world.notifications(pair.slug)
        own = [deal for deal in deals if deal.pair is pair]
        for deal in own:
            view = world.deal(pair.slug, deal.deal_id)
            pdf = (pair.slug, str(deal.deal_id)) not in acts_without_pdf
            misses = tuple(_misses(deal, view, account, notifications, today, act_pdf=pdf))
            page = world.deal_page(pair.slug, deal.deal_id)
            judged.append(DealVerdict(deal.plan, pair.slug, deal.deal_id, page, misses, tuple(deal.troubles)))
        faults += [f"{pair.account}: {sentence}" for sentence in account.unexplained(own)]
    judged.sort(key=lambda one: one.plan.number)
    return Verdict(tuple(judged), tuple(faults))


class Account:
    """An accounting account's records, found by the deal that they belong to."""

    def __init__(self, state: Record) -> None:
        self._invoices: list[Record] = list(state["invoices"].values())
        self._acts: list[Record] = list(state["acts"].values())
        self._counterparties: dict[str, Record] = state["counterparties"]

    def invoices_of(self, deal_id: int) -> list[Record]:
        """Live ones: those that have the deal's number, where it is ours to give (a revision has one more), or carry
        the deal's marker."""
        number, marker = f"B24-{deal_id}", f"[b24:{deal_id}:invoice:"
        return [
            invoice
            for invoice in self._invoices
            if not invoice["cancelled"]
            and (
                invoice["number"] == number
                or invoice["number"].startswith(f"{number}-")
                or marker in (invoice["comment"] or "")
                or marker in (invoice.get("external_id") or "")
            )
        ]

    def acts_of(self, invoices: Sequence[Record], number: str) -> list[Record]:
        """The acts that name one of the invoices, or have the number that the deal shows."""
        ids = {invoice["id"] for invoice in invoices}
        return [act for act in self._acts if act["invoice_id"] in ids or (number and act["number"] == number)]

    def buyer_of(self, invoice: Record) -> Record:
        """The counterparty's record."""
        found: Record = self._counterparties.get(invoice["counterparty_id"], {})
        return found

    def unexplained(self, deals: Sequence[StagedDeal]) -> Iterator[str]:
        """Documents of no planned deal, and buyers that have several records."""
        planned = {invoice["id"] for deal in deals for invoice in self.invoices_of(deal.deal_id)}
        for invoice in self._invoices:
            if invoice["id"] not in planned and not invoice["cancelled"]:
                yield f"invoice {invoice['number']} belongs to no deal of the plan"
        # Where nothing ties an act to an invoice, its number is the deal's.
        acts = [act["invoice_id"] or f"of act {act['number']}" for act in self._acts]
        for invoice_id, count in Counter(acts).items():
            if count > 1:
                yield f"{count} acts for one invoice {invoice_id}"
        keys = [(one["inn"], one["kpp"] or "") for one in self._counterparties.values() if one["inn"]]
        people = [one for one in self._counterparties.values() if not one["inn"]]
        keys += [("", str(one["email"])) for one in people if one["email"] is not None]
        for (inn, rest), count in Counter(keys).items():
            if count > 1:
                yield f"{count} records of the buyer {inn} {rest}".rstrip()
        # Without e-mail addresses people are told apart by how many of a name there should be.
        planned_names = Counter(_words(deal.plan.buyer.name) for deal in deals if deal.plan.buyer.kind == "person")
        names = Counter(_words(str(one["full_name"])) for one in people if one["email"] is None)
        for name, count in names.items():
            if count > planned_names[name]:
                yield f"{count} records of the buyer {' '.join(name)}"


def _misses(
    deal: StagedDeal, view: Record, account: Account, notifications: Sequence[Record], today: date, *, act_pdf: bool
) -> Iterator[Miss]:
    expected, shown = deal.plan.expected, view["deal"]
    comments = [str(comment["text"]) for comment in view["comments"]]
    yield from _equal("stage", expected.stage, shown.get("stageId"))
    yield from _equal("status", STATUS_SHOWN[expected.status], shown.get("UF_CRM_INVOICE_STATUS") or "")
    invoices = account.invoices_of(deal.deal_id)
    yield from _equal("invoices", expected.invoices, len(invoices))
    if invoices and expected.invoices:
        yield from _invoice_misses(deal, shown, invoices[0], account)
    elif not expected.invoices:
        yield from _equal("invoice number on the deal", "", shown.get("UF_CRM_INVOICE_NUMBER") or "")
    yield from _equal("paid", money(expected.paid_kopecks), money(_kopecks(shown.get("UF_CRM_PAID"))))
    acts = account.acts_of(invoices, str(shown.get("UF_CRM_ACT_NUMBER") or ""))
    yield from _act_misses(deal, shown, acts, pdf=act_pdf)
    yield from _overdue_misses(deal, shown, invoices, notifications, today)
    for part in expected.comment_parts:
        if not any(part in comment for comment in comments):
            yield Miss("comment", part, "–")
    files = sum(1 for one in view["comments"] if one["files"] and not str(one["text"]).startswith(DRAFT_TOLD))
    yield from _equal("comments with a PDF", expected.invoices + (expected.acts if act_pdf else 0), files)
    for text, count in Counter(comments).items():
        if count > 1:
            yield Miss("comment told once", "1", f"{count} × {text[:60]}")


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(name.split()))


def _invoice_misses(deal: StagedDeal, shown: Record, invoice: Record, account: Account) -> Iterator[Miss]:
    yield from _equal("total", money(deal.plan.expected.total_kopecks), money(invoice["sum_kopecks"]))
    yield from _equal("invoice number on the deal", invoice["number"], shown.get("UF_CRM_INVOICE_NUMBER") or "")
    yield from _equal("invoice date on the deal", invoice["date"], str(shown.get("UF_CRM_INVOICE_DATE") or "")[:10])
    if not shown.get("UF_CRM_INVOICE_URL"):
        yield Miss("link on the deal", "…", "–")
    yield from _file("invoice PDF on the deal", shown.get("UF_CRM_INVOICE_PDF"))
    record, buyer = account.buyer_of(invoice), deal.plan.buyer
    if buyer.kind == "person":
        # An accounting service without e-mail addresses in its cards has the name alone.
        email = record.get("email")
        if email is not None or not same_name(buyer.name, str(record.get("full_name"))):
            yield from _equal("buyer", buyer.email, email)
    else:
        yield from _equal("buyer's INN", buyer.inn, record.get("inn"))


def _act_misses(deal: StagedDeal, shown: Record, acts: Sequence[Record], *, pdf: bool) -> Iterator[Miss]:
    yield from _equal("acts", deal.plan.expected.acts, len(acts))
    if acts and deal.plan.expected.acts:
        yield from _equal("act number on the deal", acts[0]["number"], shown.get("UF_CRM_ACT_NUMBER") or "")
        if pdf:
            yield from _file("act PDF on the deal", shown.get("UF_CRM_ACT_PDF"))
        yield from _equal("act's total", money(deal.plan.expected.total_kopecks), money(acts[0]["sum_kopecks"]))


def _overdue_misses(
    deal: StagedDeal, shown: Record, invoices: Sequence[Record], notifications: Sequence[Record], today: date
) -> Iterator[Miss]:
    found = int(shown.get("UF_CRM_OVERDUE_DAYS") or 0)
    if not deal.plan.expected.overdue or not invoices:
        yield from _equal("days overdue", 0, found)
        return
    due = _due_date(invoices[0])
    if due is None:
        yield Miss("due date of the invoice", "…", "–")
        return
    yield from _equal("days overdue", (today - due).days, found)
    number = invoices[0]["number"]
    if not any(number in str(one["text"]) and "просроч" in str(one["text"]) for one in notifications):
        yield Miss("reminder to the manager", number, "–")


def _due_date(invoice: Record) -> date | None:
    """As the account has it; where it keeps none in the document, as the invoice's comment tells the buyer."""
    if invoice["due_date"]:
        return date.fromisoformat(str(invoice["due_date"])[:10])
    told = _TOLD_DUE.search(invoice["comment"] or "")
    return datetime.strptime(told[1], "%d.%m.%Y").date() if told else None  # noqa: DTZ007 - a day has no zone


def _equal(what: str, expected: object, found: object) -> Iterator[Miss]:
    if expected != found:
        yield Miss(what, str(expected) or "–", str(found) or "–")


def _file(what: str, value: Any) -> Iterator[Miss]:
    size = value.get("size", 0) if isinstance(value, Mapping) else 0
    if not size:
        yield Miss(what, "…", "–")


def _kopecks(value: Any) -> int:
    """A money field as the portal shows it: `150000.50|RUB`."""
    amount = str(value or "0").split("|")[0] or "0"
    roubles, _, rest = amount.partition(".")
    return int(roubles) * 100 + int(f"{rest[:2]:0<2}")
