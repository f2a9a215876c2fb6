"""I5, I15: what the CRM shows, and how often it was written."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Final

from tests.chaos.checker.history import Line, Row, Violation, marked, moment, requests
from tests.chaos.checker.invariants.content import standing

PAID_STAGE: Final = "FINAL_INVOICE"
WAITING_STAGES: Final = ("PREPAYMENT_INVOICE", "EXECUTING")
NUMBER: Final = "UF_CRM_INVOICE_NUMBER"
STATUS: Final = "UF_CRM_INVOICE_STATUS"
PAID_FIELD: Final = "UF_CRM_PAID"
DATE: Final = "UF_CRM_INVOICE_DATE"
URL: Final = "UF_CRM_INVOICE_URL"
PDF: Final = "UF_CRM_INVOICE_PDF"
ACT_NUMBER: Final = "UF_CRM_ACT_NUMBER"
ACT_PDF: Final = "UF_CRM_ACT_PDF"
RECEIVED: Final = "получена"
DEAL: Final = 2
WRITES_PER_HOUR_MAX: Final = 60
REPEATS_MAX: Final = 20
"""Writes of a deal that may be made again since their answers were lost."""
HOUR_SECONDS: Final = 3600.0


def crm_shows_the_account(
    deals: Sequence[Row],
    accounts: Mapping[str, Mapping[str, Any]],
    portals: Mapping[str, Mapping[str, Sequence[Row]]],
    lines: Sequence[Line],
) -> Iterator[Violation]:
    """I5. What a deal shows in the end is a function of its account's records and of where its manager moved it: the
    number of its invoice in force, the sum paid, the state of payment, and the stage "paid" when it was paid in full in
    a stage that waits for it, and only then."""
    for deal in deals:
        if "deleted_by_hand" in deal["scenario"]:
            continue  # the account forgot the invoice, so that it tells nothing of the deal
        shown = _shown(portals[deal["slug"]], deal["deal_id"])
        money = _money(accounts[deal["account"]], deal["deal_id"])
        wanted = {
            NUMBER: (money.numbers, str(shown.get(NUMBER) or "")),
            PAID_FIELD: ((money.paid,), kopecks(shown.get(PAID_FIELD))),
            STATUS: (money.statuses(), str(shown.get(STATUS) or "")),
            "stage": (_stages(portals[deal["slug"]], deal, money, lines), shown.get("STAGE_ID")),
        }
        for what, (allowed, found) in wanted.items():
            if found not in allowed:
                yield Violation(
                    "I5",
                    f"{deal['slug']} deal {deal['deal_id']} ({deal['scenario']}) shows {what} {found!r}, and its "
                    f"account says {' or '.join(map(repr, allowed))}",
                    tuple(_writes(lines, deal)),
                )


def crm_shows_the_documents(
    deals: Sequence[Row],
    accounts: Mapping[str, Mapping[str, Any]],
    portals: Mapping[str, Mapping[str, Sequence[Row]]],
    decisions: Sequence[Row],
) -> Iterator[Violation]:
    """I5. A deal shows its invoice in force by its date, its address and its own file, and its act by its number and
    its own file; a file is missing only where the service would not give it, or where people found the act, of which
    the service's API tells nothing."""
    without = {
        (one["tenant"], str(one["deal"]))
        for one in decisions
        if one["kind"] == "pdf_refused" or (one["kind"] == "document_uncertain" and one["choice"] == "found")
    }
    for deal in deals:
        if not deal["done"] or "deleted_by_hand" in deal["scenario"]:
            continue
        shown, account = _shown(portals[deal["slug"]], deal["deal_id"]), accounts[deal["account"]]
        files = {row["ID"]: row["NAME"] for row in portals[deal["slug"]].get("file", ())}
        wrong: list[str] = []
        for invoice in standing(account, deal, "invoice"):
            if str(shown.get(DATE) or "")[:10] != invoice["date"]:
                wrong.append(f"the date {shown.get(DATE)}, not {invoice['date']}")
            if not str(shown.get(URL) or "").endswith(invoice["document_token"]):
                wrong.append(f"the address {shown.get(URL)}, not that of {invoice['document_token']}")
            wrong += _file(files, shown.get(PDF), f"Счёт {invoice['number']}.pdf", deal, without)
        for act in standing(account, deal, "act"):
            if str(shown.get(ACT_NUMBER) or "") != act["number"]:
                wrong.append(f"the act {shown.get(ACT_NUMBER)}, not {act['number']}")
            wrong += _file(files, shown.get(ACT_PDF), f"Акт {act['number']}.pdf", deal, without)
        for sentence in wrong:
            yield Violation(
                "I5", f"{deal['slug']} deal {deal['deal_id']} ({deal['scenario']}) shows {sentence}", (shown,)
            )


def payments_are_told(deals: Sequence[Row], portals: Mapping[str, Mapping[str, Sequence[Row]]]) -> Iterator[Violation]:
    """I15. A deal that was paid has the comment that says so."""
    for deal in deals:
        if not deal["done"] or deal["expected"]["paid_kopecks"] <= 0:
            continue
        if not any(RECEIVED in text for text in comments_of(portals[deal["slug"]], deal["deal_id"])):
            yield Violation("I15", f"{deal['slug']} deal {deal['deal_id']}: no comment tells of its payment")


def crm_writes_are_bounded(
    deals: Sequence[Row], portals: Mapping[str, Mapping[str, Sequence[Row]]], lines: Sequence[Line]
) -> Iterator[Violation]:
    """I15. A deal is written at most 60 times in an hour of business time, repeats of lost answers aside, and no
    comment stands in its timeline twice: our own writes come back as webhooks and set nothing in motion."""
    updates: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in requests(lines, "bitrix24", "crm.item.update"):
        updates[line["account"], str((line.get("outcome") or {}).get("id"))].append(line)
    for deal in deals:
        own = updates[deal["slug"], str(deal["deal_id"])]
        times = [moment(line["at"]).timestamp() for line in own]
        for place, time in enumerate(times):
            within = sum(time <= other <= time + HOUR_SECONDS for other in times[place:])
            if within > WRITES_PER_HOUR_MAX + REPEATS_MAX:
                yield Violation(
                    "I15", f"{deal['slug']} deal {deal['deal_id']} was written {within} times in an hour", tuple(own)
                )
                break
        comments = Counter(comments_of(portals[deal["slug"]], deal["deal_id"]))
        for text, count in comments.items():
            if count > 1:
                yield Violation(
                    "I15",
                    f"{deal['slug']} deal {deal['deal_id']}: a comment stands {count} times: {text[:80]}",
                    tuple(_comment_lines(lines, deal, text)),
                )


class _money:  # noqa: N801 - a value of this module alone
    """What the account says of a deal: live invoices, their total and what was paid for them, now and at most."""

    def __init__(self, account: Mapping[str, Any], deal_id: int) -> None:
        own = {
            invoice_id: invoice
            for invoice_id, invoice in account["invoices"].items()
            if (found := marked(invoice.get("comment"))) is not None and found.deal == deal_id
        }
        live = {invoice_id: invoice for invoice_id, invoice in own.items() if not invoice["cancelled"]}
        self.ids = frozenset(own)
        self.total = sum(invoice["sum_kopecks"] for invoice in live.values())
        self.paid = sum(
            payment["amount_kopecks"]
            for payment in account["payments"].values()
            if payment["invoice_id"] in own and not payment["removed"]
        )
        self.made = bool(own)
        self.live = bool(live)
        self.numbers = tuple(invoice["number"] for invoice in live.values()) or ("",)

    def statuses(self) -> tuple[str, ...]:
        """The texts of the state field that fit."""
        if not self.made:
            return ("Не хватает данных", "")
        if not self.live:
            return ("Аннулирован",)
        if self.paid <= 0:
            return ("Выставлен",)
        if self.paid < self.total:
            return ("Оплачен частично",)
        return ("Оплачен",) if self.paid == self.total else ("Переплата",)


def _stages(portal: Mapping[str, Sequence[Row]], deal: Row, money: _money, lines: Sequence[Line]) -> tuple[str, ...]:
    moved = [
        row
        for row in sorted(portal["stagehistory"], key=lambda row: row["ID"])
        if row["OWNER_ID"] == deal["deal_id"] and row["ENTITY_TYPE_ID"] == DEAL
    ]
    by_people = [row for row in moved if row["STAGE_ID"] != PAID_STAGE]
    last = str(by_people[-1]["STAGE_ID"])
    if last not in WAITING_STAGES:
        return (last,)
    if money.live and money.paid >= money.total:
        return (PAID_STAGE,)
    return (last, PAID_STAGE) if _was_paid(lines, deal, money) else (last,)


def _was_paid(lines: Sequence[Line], deal: Row, money: _money) -> bool:
    """Whether the deal was paid in full at some moment, though it is not now."""
    paid: dict[str, int] = {}
    for line in lines:
        if line["kind"] != "change" or line["account"] != deal["account"] or line["data"].get("kind") != "payments":
            continue
        record = line["data"].get("record")
        if record is None:
            paid.pop(line["data"]["id"], None)
        elif record["invoice_id"] in money.ids:
            paid[record["id"]] = 0 if record["removed"] else record["amount_kopecks"]
        if paid and sum(paid.values()) >= money.total > 0:
            return True
    return False


def _shown(portal: Mapping[str, Sequence[Row]], deal_id: int) -> Row:
    return next(row for row in portal["deal"] if row["ID"] == deal_id)


def _writes(lines: Sequence[Line], deal: Row) -> Iterator[Line]:
    """The changes of the deal's own record."""
    for line in lines:
        if line["kind"] == "change" and line["vendor"] == "bitrix24" and line["account"] == deal["slug"]:
            data = line["data"]
            if data.get("family") == "deal" and data.get("id") == deal["deal_id"] and data["op"] == "patch":
                yield line


def _comment_lines(lines: Sequence[Line], deal: Row, text: str) -> Iterator[Line]:
    for line in lines:
        if line["kind"] == "change" and line["vendor"] == "bitrix24" and line["account"] == deal["slug"]:
            data = line["data"]
            if data.get("family") == "comment" and (data.get("values") or {}).get("COMMENT") == text:
                yield line


def comments_of(portal: Mapping[str, Sequence[Row]], deal_id: int) -> list[str]:
    """The texts in a deal's timeline."""
    return [str(one["COMMENT"]) for one in portal.get("comment", ()) if f"deal:{deal_id}" in one["BOUND"]]


def _file(files: Mapping[int, str], shown: Any, wanted: str, deal: Row, without: Set[tuple[str, str]]) -> Iterator[str]:
    if not shown and (deal["slug"], str(deal["deal_id"])) in without:
        return
    name = files.get(int(shown)) if shown else None
    if name != wanted:
        yield f"the file {name!r}, not {wanted!r}"


def kopecks(value: Any) -> int:
    """A money field as the portal keeps it: `1500.50|RUB`."""
    roubles, _, rest = str(value or "0").split("|")[0].partition(".")
    return int(roubles or 0) * 100 + int(f"{rest[:2]:0<2}")
