"""What a document is made from: the buyer, the rows, the seller's terms, and the lines computed from them."""

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.domain import Problem
from chassis.values.lines import SourceRow
from chassis.values.vat import Regime, TaxPeriod, VatMode, VatRate

Kind = Literal["invoice", "act"]
BuyerKind = Literal["company", "entrepreneur", "person"]


class Value(BaseModel):
    """The base of stored values: frozen; unknown fields of later builds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Reason(Value):
    """A problem as it is stored: a code and the values of its sentence."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> "Reason":
        """The stored form of a problem."""
        return cls(code=problem.code, values=problem.values)


class Row(Value):
    """A product row of the deal; prices are roubles per unit, exact."""

    name: str
    quantity: Decimal
    price: Decimal
    price_exclusive: Decimal
    vat: str
    tax_included: bool
    unit_code: str = ""
    unit_name: str = ""
    product_id: str = ""
    is_service: bool = False
    external_code: str = ""

    def source(self) -> SourceRow:
        """The row as the rules of lines take it."""
        return SourceRow(
            name=self.name,
            quantity=self.quantity,
            price=self.price,
            price_exclusive=self.price_exclusive,
            rate=self.vat,
            vat_included=self.tax_included,
            unit_code=self.unit_code or None,
            unit_name=self.unit_name or None,
            is_service=self.is_service,
            product_id=self.product_id or None,
            external_code=self.external_code,
        )


class Deal(Value):
    """What the deal showed when it was asked; ``content_hash`` tells an edit from an echo.

    ``buyer_party`` tells buyers apart as their links do: INN and KPP of a company, INN of an entrepreneur, ``c`` and
    the contact of a person without INN; the INN of a company whose card has no KPP; "" where the CRM names none, or
    none rightly. ``order_number`` is the buyer's
    number of a shop's order, ``gifts`` how many of its rows cost nothing and were left out. ``lost``: it stands
    in a lost stage.
    """

    deal_id: str
    title: str = ""
    category_id: str = ""
    currency: str
    opportunity_kopecks: int
    responsible_id: str = ""
    has_buyer: bool
    buyer_kind: BuyerKind = "company"
    buyer_name: str = ""
    buyer_address: str = ""
    buyer_party: str = ""
    rows: tuple[Row, ...]
    content_hash: str
    order_number: str = ""
    gifts: int = 0
    lost: bool = False

    def or_same(self, other: "Deal", link: "Link | None" = None) -> "Deal":
        """``other`` where a document of this deal, made for ``link``, would show the same to the same buyer, else this
        one: a card that was filled up from the state register is no change of a deal."""
        same = self.buyer_party and all(getattr(self, name) == getattr(other, name) for name in _SHOWN)
        filled = link is not None and (self.buyer_party, other.buyer_party) == (link.key, link.inn)
        same = same and (self.buyer_party == other.buyer_party or filled)
        return other if same and self._rows_shown() == other._rows_shown() else self

    def _rows_shown(self) -> tuple[Row, ...]:
        """The rows without what no document shows."""
        return tuple(row.model_copy(update={"external_code": ""}) for row in self.rows)


_SHOWN = ("buyer_kind", "currency", "opportunity_kopecks", "order_number", "gifts")


class Tax(Value):
    """The seller's tax profile from a day on."""

    valid_from: dt.date
    regime: Regime
    vat: VatMode

    def period(self) -> TaxPeriod:
        """The period as the rules of VAT take it."""
        return TaxPeriod(self.valid_from, self.regime, self.vat)


class EdiTerms(Value):
    """The seller's box at an operator of electronic documents; ``function`` is the kind of title, "" for any."""

    account: str
    function: str = ""


class Terms(Value):
    """The seller's settings in force for one request; ``edi`` None: acts are not exchanged electronically. ``goods`` is
    what becomes of goods that the nomenclature lacks, "" where documents refer to none. ``seller_inn`` None: terms of
    an older build."""

    seller_id: str
    seller_inn: str | None = None
    account: str
    vendor: str
    tax: tuple[Tax, ...]
    due_days: int
    due_calendar: bool
    number_template: str
    act_requires_paid: bool = False
    invoice_on: bool = True
    act_on: bool = True
    timezone: str
    language: Literal["ru", "en"] = "ru"
    edi: EdiTerms | None = None
    goods: Literal["", "create", "list"] = ""

    def sells_as(self, other: "Terms") -> bool:
        """Whether both are of one legal entity, which a tenant may rename, or put another in the place of."""
        if self.seller_inn and other.seller_inn:
            return self.seller_inn == other.seller_inn
        return self.seller_id == other.seller_id


class Link(Value):
    """The accounting record of the buyer; ``warnings`` are what was left out of the buyer's requisites. A person's name
    is not here: ``subject_ref`` names what has it. ``party`` tells buyers apart; links of older builds have none."""

    counterparty_id: str
    remote_id: str
    kind: BuyerKind
    inn: str = ""
    kpp: str = ""
    name: str = ""
    subject_ref: str = ""
    warnings: tuple[Reason, ...] = ()
    party: str = ""

    @property
    def key(self) -> str:
        """Whose link it is; "" for a person without INN in a link of an older build."""
        return self.party or "-".join(part for part in (self.inn, self.kpp) if part)

    def is_of(self, party: str) -> bool:
        """Whether the link is that buyer's. Older links of people without INN do not tell one contact from another."""
        return party == self.key if self.key else party.startswith("c")

    def is_of_one(self, party: str, shown: Collection[str]) -> bool:
        """Whether the link is the buyer's of a deal that has ``shown`` these: a company whose card never had a KPP got
        it from the state register."""
        return self.is_of(party) or (bool(self.kpp) and party == self.inn and self.key not in shown)


class Line(Value):
    """One line of the document as it is sent; the price contains VAT and price × quantity gives the amount exactly."""

    name: str
    quantity: Decimal
    unit_code: str
    unit_name: str
    price_kopecks: int
    vat: VatRate
    amount_kopecks: int
    vat_kopecks: int
    product_id: str = ""
    is_service: bool = False
    external_code: str = ""


class Draft(Value):
    """A document ready to be sent; nothing in it changes afterwards, whatever the clock or the deal say."""

    kind: Kind
    revision: int
    attempt: int
    number: str
    date: dt.date
    due_date: dt.date | None = None
    lines: tuple[Line, ...]
    total_kopecks: int
    vat_kopecks: int
    marker: str
    comment: str
    warnings: tuple[Reason, ...] = ()


class Used(Value):
    """The accounting's item that a document's lines of one product refer to; ``created`` for this document."""

    product_id: str
    item_id: str
    created: bool = False


class Issued(Value):
    """What the accounting service made of a draft; ``unposted`` as long as its accountant has yet to post it.
    ``form`` tells what a closing document is."""

    remote_id: str
    number: str
    date: dt.date
    url: str = ""
    total_kopecks: int
    vat_kopecks: int
    counterparty_remote_id: str = ""
    unposted: bool = False
    form: Literal["act", "waybill", "upd", "sale"] = "act"

    def has_vat_of(self, draft: Draft) -> bool:
        """Whether its VAT is what was ordered, but for the rounding of lines."""
        return abs(self.vat_kopecks - draft.vat_kopecks) <= len(draft.lines)
