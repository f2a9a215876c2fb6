"""From a request and its buyer to a document ready to be sent, or to everything that a person must change, at once."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from chassis.domain import Problem
from chassis.ids import deterministic_id
from chassis.values.calendar import TermMode, due_date
from chassis.values.lines import DocumentLine, LinesBlocked, check_total, document_lines, totals
from chassis.values.marker import effect_key, make_marker
from chassis.values.money import split_line
from chassis.values.vat import tax_on, vat_kopecks
from services.invoicing.domain.state import Document
from services.invoicing.domain.values import Draft, Kind, Line, Reason

CURRENCY = "RUB"
_COMMENT = {
    "ru": {"invoice": "{about}. Оплатить до {due}", "act": "{about}"},
    "en": {"invoice": "{about}. Pay by {due}", "act": "{about}"},
}
_PERIOD = {
    "ru": ("Период оказания услуг: {}", "Период оказания услуг: с {} по {}"),
    "en": ("Services rendered on {}", "Services rendered from {} to {}"),
}
_ABOUT = {"ru": ("Сделка №{}", "Заказ с сайта №{}"), "en": ("Deal {}", "Order {}")}


def document_id(tenant: str, seller_id: str, deal_id: str, kind: Kind, revision: int) -> str:
    """The key of a document: (tenant, seller, deal, kind, revision), as one id (R3)."""
    return str(deterministic_id("document", tenant, seller_id, deal_id, kind, str(revision)))


@dataclass(frozen=True, slots=True)
class Sound:
    """What nothing speaks against: its date in the seller's zone, and its lines with what was changed about them."""

    date: dt.date
    lines: tuple[DocumentLine, ...]
    warnings: tuple[Problem, ...]


def examine(document: Document, now: dt.datetime) -> Sound | tuple[Reason, ...]:
    """The lines of the document as of today, or all reasons why it cannot be drafted."""
    today = now.astimezone(ZoneInfo(document.terms.timezone)).date()
    reasons = []
    if document.deal.currency not in ("RUB", "RUR"):
        reasons.append(Problem("currency_unsupported", {"currency": document.deal.currency}))
    tax = tax_on((period.period() for period in document.terms.tax), today)
    if tax is None:
        reasons.append(Problem("tax_profile_missing", {"date": today.isoformat()}))
        return tuple(Reason.of(problem) for problem in reasons)
    rows = [row.source() for row in document.deal.rows]
    found = document_lines(rows, vat_mode=tax.vat, on=today, vat_overridden=document.vat_overridden)
    if isinstance(found, LinesBlocked):
        reasons.extend(found.problems)
        return tuple(Reason.of(problem) for problem in reasons)
    agrees = check_total(found.lines, document.deal.opportunity_kopecks)
    if isinstance(agrees, Problem):
        reasons.append(agrees)
    if reasons:
        return tuple(Reason.of(problem) for problem in reasons)
    return Sound(today, found.lines, found.warnings)


def draft(document: Document, sound: Sound, invoiced_on: dt.date | None = None) -> Draft:
    """The document with its date, lines, sums, number and marker; ``invoiced_on`` is the day of the first of the
    seller's invoices that stand, None without one."""
    lines = tuple(part for line in sound.lines for part in _exact(line))
    warnings, due = list(sound.warnings), None
    if document.kind == "invoice":
        mode: TermMode = "calendar" if document.terms.due_calendar else "working"
        term = due_date(sound.date, document.terms.due_days, mode)
        due = term.day
        warnings += [term.warning] if term.warning is not None else []
    if document.deal.gifts:
        warnings.append(Problem("gifts_left_out", {"count": document.deal.gifts}))
    if document.kind == "act" and (goods := sum(1 for line in sound.lines if line.product_id and not line.is_service)):
        warnings.append(Problem("goods_in_act", {"count": goods}))
    marker = _marker(document)
    return Draft(
        kind=document.kind,
        revision=document.revision,
        attempt=document.attempt + 1,
        number=_number(document) if document.kind == "invoice" else "",
        date=sound.date,
        due_date=due,
        lines=lines,
        total_kopecks=sum(line.amount_kopecks for line in lines),
        vat_kopecks=sum(line.vat_kopecks for line in lines),
        marker=marker,
        comment=_comment(document, due, _period(document, sound, invoiced_on), marker),
        warnings=tuple(Reason.of(warning) for warning in warnings),
    )


def total_kopecks(document: Document, now: dt.datetime) -> int | None:
    """What the document would come to with the deal as it is; None when it cannot be drafted."""
    found = examine(document, now)
    return totals(found.lines).amount_kopecks if isinstance(found, Sound) else None


def lines_kopecks(document: Document, now: dt.datetime) -> int | None:
    """What the rows of the deal come to, whatever its own sum; None where they cannot stand on a document."""
    today = now.astimezone(ZoneInfo(document.terms.timezone)).date()
    tax = tax_on((period.period() for period in document.terms.tax), today)
    if tax is None:
        return None
    found = document_lines([row.source() for row in document.deal.rows], vat_mode=tax.vat, on=today)
    return None if isinstance(found, LinesBlocked) else totals(found.lines).amount_kopecks


def _exact(line: DocumentLine) -> tuple[Line, ...]:
    """The line so that price × quantity gives its amount to the kopeck; a whole quantity is split in two parts at most,
    a fractional one becomes one piece with the quantity in its name."""

    def part(name: str, quantity: Decimal, price_kopecks: int, amount_kopecks: int) -> Line:
        whole = amount_kopecks == line.amount_kopecks
        return Line(
            name=name,
            quantity=quantity,
            unit_code=line.unit.code,
            unit_name=line.unit.symbol,
            price_kopecks=price_kopecks,
            vat=line.vat_rate,
            amount_kopecks=amount_kopecks,
            vat_kopecks=line.vat_kopecks if whole else vat_kopecks(amount_kopecks, line.vat_rate, included=True),
            product_id=line.product_id or "",
            is_service=line.is_service,
            external_code=line.external_code,
        )

    price = Decimal(line.amount_kopecks) / line.quantity
    if price == price.to_integral_value():
        return (part(line.name, line.quantity, int(price), line.amount_kopecks),)
    if line.quantity == line.quantity.to_integral_value():
        parts = split_line(line.amount_kopecks, int(line.quantity))
        return tuple(part(line.name, Decimal(count), each, count * each) for count, each in parts)
    name = f"{line.name} ({line.quantity.normalize():f} {line.unit.symbol})"
    return (part(name, Decimal(1), line.amount_kopecks, line.amount_kopecks),)


def _number(document: Document) -> str:
    """The number that is ours to give; "" where the vendor numbers (R7)."""
    if not document.terms.number_template:
        return ""
    number = document.terms.number_template.replace("{deal}", document.deal.deal_id)
    return number if document.revision == 1 else f"{number}-{document.revision}"


def _marker(document: Document) -> str:
    key = effect_key(
        tenant=document.tenant,
        provider=document.terms.vendor,
        organisation=document.terms.account,
        deal=document.deal.deal_id,
        kind=document.kind,
        revision=document.revision,
    )
    return str(make_marker(deal=document.deal.deal_id, kind=document.kind, revision=document.revision, key=key))


def _period(document: Document, sound: Sound, invoiced_on: dt.date | None) -> str:
    """When the services of an act were rendered, as text: from the day of the invoice to the act's, or that day alone;
    "" for an invoice, and where all lines are goods (R23)."""
    if document.kind != "act" or all(line.product_id and not line.is_service for line in sound.lines):
        return ""
    on, between = _PERIOD[document.terms.language]
    last = _shown(sound.date)
    if invoiced_on is None or invoiced_on >= sound.date:
        return on.format(last)
    return between.format(_shown(invoiced_on), last)


def _comment(document: Document, due: dt.date | None, period: str, marker: str) -> str:
    text = _COMMENT[document.terms.language][document.kind]
    shown = _shown(due) if due else ""
    of_deal, of_order = _ABOUT[document.terms.language]
    deal = document.deal
    about = of_order.format(deal.order_number) if deal.order_number else of_deal.format(deal.deal_id)
    text = text.format(about=about, due=shown)
    return f"{text}. {period} {marker}" if period else f"{text} {marker}"


def _shown(day: dt.date) -> str:
    return day.strftime("%d.%m.%Y")
