"""What an accounting account holds: plain JSON records (money in kopecks), so that a ledger line carries them whole.

VAT rates have the words of Elba in every vendor's book; a vendor's wire has its own.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypedDict

MOSCOW = timezone(timedelta(hours=3))
VAT_PERCENT = {"NoNds": None, "Nds0": 0, "Nds5": 5, "Nds7": 7, "Nds10": 10, "Nds20": 20, "Nds22": 22}
COUNTERPARTY_TYPES = ("legal", "entrepreneur", "individual")
REFRESH = "refresh-"
"""How refresh tokens begin."""
ACT_STATUSES = ("Created", "Sent", "Signed")
RECORD_KINDS = (
    "counterparties",
    "invoices",
    "payments",
    "acts",
    "products",
    "webhooks",
    "switches",
    "news",
    "links",
    "tasks",
    "banks",
    "gone",
)

Record = dict[str, Any]
"""`id`, `updated_at`, `order` (number of the change that wrote it), and from `visible_unix` on what it shows is seen;
until then `before` (the former record, or none). The members of each kind are listed by the TypedDicts below."""


class Item(TypedDict):
    """One line; `count` is a decimal as text."""

    name: str
    count: str
    price_kopecks: int
    unit: str
    vat: str
    sum_kopecks: int


class Counterparty(TypedDict):
    full_name: str
    short_name: str | None
    inn: str | None
    kpp: str | None
    ogrn: str | None
    address: str | None
    email: str | None
    phone: str | None
    type: str


class Invoice(TypedDict):
    number: str
    date: str
    due_date: str | None
    counterparty_id: str
    comment: str | None
    items: list[Item]
    sum_kopecks: int
    vat_kopecks: int
    cancelled: bool
    created_at: str
    pdf_ready_unix: float
    document_token: str


class Payment(TypedDict):
    invoice_id: str
    own_account: str
    amount_kopecks: int
    date: str
    payment_order_number: str | None
    payer: dict[str, str | None]
    purpose: str | None
    removed: bool
    listed_twice: bool


class Act(TypedDict):
    number: str
    date: str
    counterparty_id: str
    invoice_id: str | None
    items: list[Item]
    sum_kopecks: int
    comment: str | None
    status: str
    pdf_ready_unix: float


class Product(TypedDict):
    name: str
    article: str | None
    unit: str | None
    price_kopecks: int | None
    vat: str | None


class Webhook(TypedDict):
    url: str
    events: list[str]
    secret: str


@dataclass(frozen=True, slots=True)
class Dials:
    """How one account behaves; seconds are business seconds. `refuse_status` refuses every call by 401, 402 or 403."""

    pdf_render_seconds: float = 2.0
    pdf_bytes: int = 60 * 1024
    idempotency_honoured: bool = True
    duplicate_counterparties: bool = True
    limit_burst: int = 10
    limit_per_second: float = 5.0
    limit_per_day: int = 10_000
    token_seconds: int = 3600
    refuse_status: int | None = None


@dataclass(slots=True)
class Token:
    """An access token; `state` is valid or revoked, expiry is a matter of time."""

    expires_unix: float
    state: str


@dataclass(slots=True)
class Account:
    """One account: one set of credentials, one seller."""

    id: str
    title: str
    inn: str
    own_account: str
    client_id: str
    client_secret: str
    id_key: str
    dials: Dials = field(default_factory=Dials)
    tokens: dict[str, Token] = field(default_factory=dict)
    records: dict[str, dict[str, Record]] = field(default_factory=lambda: {kind: {} for kind in RECORD_KINDS})
    made: dict[str, int] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    invoices_by_number: dict[str, list[str]] = field(default_factory=dict)
    counterparties_by_inn: dict[str, list[str]] = field(default_factory=dict)
    paid_kopecks: dict[str, int] = field(default_factory=dict)
    payments_by_invoice: dict[str, list[str]] = field(default_factory=dict)
    by_change: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)
    """Of each kind (updated_at, order, id), ascending: an account may have tens of thousands, and few change."""
    shown_unix: dict[str, float] = field(default_factory=dict)
    """From when on readers see all records of a kind as they are."""

    @property
    def api_key(self) -> str:
        """The key of vendors that take one, a GUID."""
        digest = hashlib.sha256(f"key|{self.client_secret}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16]))

    def as_json(self) -> dict[str, Any]:
        """The whole state, reproducible: what was derived from the records is left out."""
        return {
            "id": self.id,
            "title": self.title,
            "inn": self.inn,
            "own_account": self.own_account,
            "client_id": self.client_id,
            "dials": asdict(self.dials),
            "tokens": {token: asdict(state) for token, state in self.tokens.items()},
            "made": self.made,
            "answers": self.answers,
            **self.records,
        }


def utc_seconds(unix: float) -> str:
    """A wire timestamp: ISO 8601 in UTC, whole seconds, with Z."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moscow_day(unix: float) -> str:
    """The calendar day in Moscow, YYYY-MM-DD."""
    return datetime.fromtimestamp(unix, MOSCOW).strftime("%Y-%m-%d")


def seen(record: Record | None, now_unix: float) -> Record | None:
    """The record as readers see it now; None when it is not to be seen yet."""
    while record is not None and record["visible_unix"] > now_unix:
        record = record["before"]
    return record


def line_sum(count: str, price_kopecks: int) -> int:
    """count x price in kopecks, half up."""
    return int((Decimal(count) * price_kopecks).quantize(Decimal(1), ROUND_HALF_UP))


def vat_inside(sum_kopecks: int, vat: str) -> int:
    """VAT contained in a line's sum, half up; prices include VAT."""
    percent = VAT_PERCENT[vat]
    if not percent:
        return 0
    return (2 * sum_kopecks * percent + 100 + percent) // (2 * (100 + percent))


def invoice_status(invoice: Record, paid_kopecks: int, today: str) -> str:
    """Issued, PartiallyPaid, Paid, Overdue or Cancelled, as the account shows it on that day."""
    if invoice["cancelled"]:
        return "Cancelled"
    if paid_kopecks >= invoice["sum_kopecks"] and paid_kopecks > 0:
        return "Paid"
    if invoice["due_date"] and invoice["due_date"] < today:
        return "Overdue"
    return "PartiallyPaid" if paid_kopecks > 0 else "Issued"
