"""A deal's documents for tests: a seller without VAT, two buyers, deals, and the vendor's answers."""

import datetime as dt
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from chassis.aggregate import EffectPlan
from chassis.cards import TakeCard
from chassis.ids import TenantId
from services.invoicing import domain
from services.invoicing.app import DEALS
from services.invoicing.domain import commands as c
from services.invoicing.domain.values import Deal, Issued, Kind, Link, Reason, Row, Tax, Terms
from tests.services.streams import NOW, Stream

ROMASHKA = "7736207543-773601001"
VASILEK = "7707083893-770701001"
IVANOV = "c77"
NO = Reason(code="accounting_refused", values={"text": "нет"})

Documents = Stream[domain.State, c.Command]


def documents(now: dt.datetime = NOW) -> Documents:
    """The stream of deal 15."""
    return Stream(DEALS, "deal-15", now)


def row(price: str = "1000", quantity: str = "2", vat: str = "none", **fields: Any) -> Row:
    """A row of a deal."""
    given: dict[str, Any] = {"name": "Стол", "tax_included": True, "price_exclusive": Decimal(price), **fields}
    return Row(quantity=Decimal(quantity), price=Decimal(price), vat=vat, **given)


def deal(content: str = "a", buyer: str = ROMASHKA, rows: tuple[Row, ...] | None = None, **fields: Any) -> Deal:
    """A deal; ``content`` names what it shows, and the letters a, b, c … have their own sums."""
    rows = (row(str(1000 + ord(content[0]))),) if rows is None else rows
    opportunity = sum((line.price * line.quantity for line in rows), Decimal(0))
    given: dict[str, Any] = {
        "deal_id": "15",
        "currency": "RUB",
        "opportunity_kopecks": int(opportunity * 100),
        "responsible_id": "7",
        "has_buyer": buyer != "",
        "buyer_party": buyer,
        "content_hash": f"{content}/{buyer}",
    }
    return Deal(rows=rows, **(given | fields))


def terms(**fields: Any) -> Terms:
    """The seller's terms."""
    given: dict[str, Any] = {
        "seller_id": "main",
        "account": "elba:main",
        "vendor": "elba",
        "tax": (Tax(valid_from=dt.date(2025, 1, 1), regime="usn_income", vat="exempt"),),
        "due_days": 3,
        "due_calendar": True,
        "number_template": "B24-{deal}",
        "timezone": "Europe/Moscow",
    }
    return Terms(**(given | fields))


STANDARD = (Tax(valid_from=dt.date(2025, 1, 1), regime="osno", vat="standard"),)


def request(request_id: str = "r1", kind: Kind = "invoice", what: Deal | None = None, **fields: Any) -> c.Request:
    """A trigger."""
    return c.Request("vektor", request_id, kind, what or deal(), terms(**fields), NOW)


def link(buyer: str = ROMASHKA, **fields: Any) -> Link:
    """The accounting record of a buyer."""
    inn, _, kpp = ("", "", "") if buyer.startswith("c") else buyer.partition("-")
    kind = "person" if not inn else "company"
    given: dict[str, Any] = {
        "counterparty_id": f"cp-{buyer}",
        "remote_id": f"elba-{buyer}",
        "kind": kind,
        "party": buyer,
    }
    return Link(inn=inn, kpp=kpp, name="Ромашка", **(given | fields))


def linked(request_id: str = "r1", buyer: str = ROMASHKA, **fields: Any) -> c.KnowBuyer:
    """The answer of counterparty."""
    return c.KnowBuyer(request_id, link(buyer, **fields))


def refused(request_id: str = "r1", code: str = "inn_missing") -> c.RefuseBuyer:
    """The refusal of counterparty."""
    return c.RefuseBuyer(request_id, (Reason(code=code),))


def answer(sent: EffectPlan, **fields: Any) -> c.Confirm:
    """What the vendor made of an effect."""
    given: dict[str, Any] = {
        "remote_id": f"remote-{sent.request['document_id']}",
        "number": sent.request["number"] or "17",
        "date": dt.date.fromisoformat(sent.request["date"]),
        "url": "https://elba.example/1",
        "total_kopecks": sent.request["total_kopecks"],
        "vat_kopecks": sent.request["vat_kopecks"],
        "counterparty_remote_id": sent.request["counterparty_remote_id"],
    }
    return c.Confirm(sent.request["document_id"], sent.request["attempt"], Issued(**(given | fields)))


def last(stream: Documents, kind: str = "create-invoice") -> EffectPlan:
    """The newest effect of a kind."""
    return stream.effects_of(kind)[-1]


def issued(stream: Documents | None = None, **fields: Any) -> Documents:
    """A deal whose invoice was issued."""
    stream = stream or documents()
    stream.ran(request(**fields))
    stream.ran(linked())
    stream.ran(answer(last(stream)))
    return stream


def open_cards(stream: Documents) -> list[str]:
    """The kinds of the questions that stand before a person."""
    return sorted(card.opened.kind for card in stream.state.cards.by_id.values() if card.taken is None)


def take(stream: Documents, kind: str, choice: str, number: str = "") -> None:
    """A person answers the open question of a kind."""
    cards = [one for one in stream.state.cards.by_id.values() if one.taken is None and one.opened.kind == kind]
    assert len(cards) == 1, f"one open question of {kind}, found {len(cards)}"
    stream.ran(TakeCard(cards[0].opened.card_id, choice, "Анна", number))


class Items:
    """A mapping list, by the CRM's products."""

    def __init__(self, **known: str) -> None:
        self.known = known

    async def mapped(self, tenant: TenantId, account: str, products: Collection[str]) -> Mapping[str, str]:
        return {product: item for product, item in self.known.items() if product in products}


class Known:
    """The deals of records that our documents are."""

    def __init__(self, **deals: str) -> None:
        self.deals = deals

    async def deal_of_record(self, tenant: TenantId, account: str, issued: Issued, *, but_for: str) -> str:
        return self.deals.get(issued.remote_id, "")


def phases(stream: Documents) -> dict[tuple[str, int], str]:
    """The phase of each document, by kind and revision."""
    return {(one.kind, one.revision): one.phase for one in stream.state.documents.values()}
