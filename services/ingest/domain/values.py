"""What deals and tenants are made of here: snapshots of deals, settings without secrets, settings of one request."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["invoice", "act"]
BuyerKind = Literal["company", "entrepreneur", "person"]
CrmKind = Literal["company", "contact"]


class Value(BaseModel):
    """The base of stored values: frozen; unknown fields of later builds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Reason(Value):
    """A problem as it is stored: a code and the values of its sentence."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)


class Line(Value):
    """A product row of a deal as the CRM has it; prices are roubles per unit, exact. ``external_code`` is the product's
    code in other systems (Bitrix24: XML_ID), read where accounting has a nomenclature to look it up in."""

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


class Bank(Value):
    """A buyer's bank account as the CRM has it."""

    bic: str = ""
    account: str = ""
    correspondent_account: str = ""
    bank_name: str = ""


class Buyer(Value):
    """The buyer of a deal, raw. A person's name, e-mail and phone are behind ``subject_ref``, never here."""

    crm_kind: CrmKind
    crm_id: str
    kind: BuyerKind
    name: str = ""
    full_name: str = ""
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    email: str = ""
    subject_ref: str = ""
    requisite_id: str = ""
    bank: Bank | None = None
    same_inn_crm_ids: tuple[str, ...] = ()


class OrderRef(Value):
    """What makes a deal an order of a shop: the buyer's number of it, and how many rows cost nothing."""

    shop_id: str
    order_id: int
    number: str
    gifts: int = 0


class Snapshot(Value):
    """A deal at one moment. ``content_hash`` covers what a document shows, see :func:`content_hash`; ``lost``: it
    stands in a lost stage that asks for no document."""

    deal_id: str
    title: str = ""
    category_id: str
    stage_id: str
    closed: bool = False
    lost: bool = False
    currency: str
    opportunity_kopecks: int
    responsible_id: str = ""
    buyer: Buyer | None = None
    lines: tuple[Line, ...] = ()
    content_hash: str = ""
    order: OrderRef | None = None


_SHOWN_OF_BUYER = frozenset(
    {"crm_kind", "crm_id", "kind", "name", "full_name", "inn", "kpp", "ogrn", "address", "email", "bank"}
)


def content_hash(deal: Snapshot, person: Sequence[str] = ()) -> str:
    """A sum over what a document shows: buyer, lines, currency and total.

    ``person`` are the words that stand behind the buyer's ``subject_ref``, which itself is left out since it may change
    while they do not. So are the codes of products in other systems: no document shows them.
    """
    shown = deal.model_dump_json(
        include={"currency", "opportunity_kopecks", "lines"}, exclude={"lines": {"__all__": {"external_code"}}}
    )
    buyer = "" if deal.buyer is None else deal.buyer.model_dump_json(include=set(_SHOWN_OF_BUYER))
    return hashlib.sha256("\x1f".join((shown, buyer, *person)).encode()).hexdigest()[:32]


class Tax(Value):
    """The seller's tax profile from a day on."""

    valid_from: dt.date
    regime: str
    vat: str


class Due(Value):
    """The term of payment in calendar days, or in working days."""

    days: int = 3
    calendar: bool = True


class Funnel(Value):
    """What a tenant decided about one funnel; stage ids are the portal's full ones."""

    category_id: str
    issue_invoice: tuple[str, ...] = ()
    issue_act: tuple[str, ...] = ()
    waiting_for_payment: tuple[str, ...] = ()
    paid: str = ""

    def kinds_at(self, stage_id: str) -> tuple[Kind, ...]:
        """The documents that entering a stage asks for."""
        invoice: tuple[Kind, ...] = ("invoice",) if stage_id in self.issue_invoice else ()
        act: tuple[Kind, ...] = ("act",) if stage_id in self.issue_act else ()
        return (*invoice, *act)


class Connection(Value):
    """An accounting account that permits are asked for. ``goods`` is what becomes of goods that its nomenclature lacks
    (R25), "" where its documents refer to none."""

    account: str
    vendor: str
    profile: str = ""
    goods: str = ""


class Edi(Value):
    """A seller's box at an operator of electronic documents; ``function`` is the kind of title, "" for any."""

    account: str
    vendor: str
    function: str = ""
    poll_seconds: float = 60.0


class Requisites(Value):
    """What of a seller stands on papers of our own making."""

    name: str
    kpp: str = ""
    address: str = ""
    bank: str = ""
    bic: str = ""
    account: str = ""
    correspondent_account: str = ""


class Seller(Value):
    """A legal entity that sells, without secrets."""

    seller_id: str
    inn: str
    connection: Connection
    tax: tuple[Tax, ...] = ()
    due: Due = Due()
    number_template: str = "B24-{deal}"
    payments_poll_seconds: float = 300.0
    counterparties_poll_seconds: float = 900.0
    payments_from: Literal["statement"] | None = None
    requisites: Requisites | None = None
    edi: Edi | None = None


class Shop(Value):
    """A shop, without secrets. ``due`` None: the seller's. ``pay_systems`` are those that want an invoice.

    ``issue_act`` are order statuses that ask for an act; ``delivery_vat`` is the rate where the shop gives deliveries
    none."""

    shop_id: str
    seller_id: str
    pay_systems: tuple[int, ...]
    issue_act: tuple[str, ...] = ()
    due: Due | None = None
    delivery_name: str = "Доставка"
    delivery_vat: str | None = None
    number_template: str = "{order}"
    buyers_without_inn: str = "individuals"


class Policies(Value):
    """What a tenant may decide otherwise."""

    unknown_goods: str = "create"
    buyers_without_inn: str = "individuals"
    act_requires_paid: bool = False
    fill_companies: bool = True


class Steps(Value):
    """Which steps are on; ``reverse_sync`` None: where the accounting service tells of changed buyers."""

    invoice: bool = True
    payments: bool = True
    act: bool = True
    reverse_sync: bool | None = None

    def wants(self, kind: Kind) -> bool:
        """Whether a kind of document is asked for at all."""
        return self.invoice if kind == "invoice" else self.act


class Reminders(Value):
    """When overdue reminders go out."""

    days: tuple[int, ...] = (3, 7)
    at: str = "09:00"
    quiet_from: str = "20:00"
    quiet_until: str = "09:00"


class Retry(Value):
    """When a failed read or an unsent call is tried again: business seconds, each varied by a share."""

    seconds: tuple[float, ...]
    jitter: float = 0.2


class Register(Value):
    """An account at a provider of the state register, in the order in which they are asked."""

    account: str
    vendor: str
    per_day: int


class Settings(Value):
    """A tenant's settings without secrets. ``activated_at``: stage entries before it are left alone (R1)."""

    name: str
    activated_at: dt.datetime
    language: str = "ru"
    timezone: str = "Europe/Moscow"
    crm_account: str
    funnels: tuple[Funnel, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)
    company_fields: dict[str, str] = Field(default_factory=dict)
    admin_chat: str = ""
    sellers: tuple[Seller, ...] = ()
    policies: Policies = Policies()
    steps: Steps = Steps()
    reminders: Reminders = Reminders()
    retry: Retry | None = None
    sweep_seconds: float = 60.0
    shops: tuple[Shop, ...] = ()
    registers: tuple[Register, ...] = ()

    @property
    def maps_goods(self) -> bool:
        """Whether any seller's accounting has a nomenclature that products of the CRM are looked up in."""
        return any(seller.connection.goods for seller in self.sellers)

    def funnel(self, category_id: str) -> Funnel | None:
        """The funnel of a category, where the tenant has configured it."""
        return next((funnel for funnel in self.funnels if funnel.category_id == category_id), None)

    def shop(self, shop_id: str) -> Shop | None:
        """A shop by its id, where the tenant has it."""
        return next((shop for shop in self.shops if shop.shop_id == shop_id), None)


class Config(Value):
    """The settings in force; a trigger that was added after the first file never reaches back, see
    ``triggers_since``."""

    version: int
    settings: Settings
    triggers_since: dict[str, dt.datetime] = Field(default_factory=dict)

    def since(self, category_id: str, kind: Kind, stage_id: str) -> dt.datetime:
        """The moment from which entering a stage asks for a document."""
        activated_at = self.settings.activated_at
        return max(activated_at, self.triggers_since.get(trigger_key(category_id, kind, stage_id), activated_at))

    def shop_since(self, shop_id: str) -> dt.datetime:
        """The moment from which orders of a shop are invoiced."""
        activated_at = self.settings.activated_at
        return max(activated_at, self.triggers_since.get(shop_key(shop_id), activated_at))


def trigger_key(category_id: str, kind: Kind, stage_id: str) -> str:
    """The name of one trigger in ``Config.triggers_since``."""
    return f"{category_id}/{kind}/{stage_id}"


def shop_key(shop_id: str) -> str:
    """The name of a shop as a trigger in ``Config.triggers_since``."""
    return f"shop/{shop_id}"


class Effective(Value):
    """The settings in force for one request."""

    seller_id: str
    seller_inn: str
    connection: Connection
    tax: tuple[Tax, ...]
    due: Due
    number_template: str
    policies: Policies
    steps: Steps
    timezone: str
    language: str
    registers: tuple[Register, ...] = ()
    edi: Edi | None = None


def effective(settings: Settings) -> Effective | Reason:
    """The settings of a request, or why none can be made: it must be clear who sells."""
    if not settings.sellers:
        return Reason(code="seller_missing")
    if len(settings.sellers) > 1:
        # Which of them sells is not said anywhere yet, and a document of the wrong one is worse than none.
        names = ", ".join(seller.seller_id for seller in settings.sellers)
        return Reason(code="seller_unclear", values={"sellers": names})
    return effective_of(settings, settings.sellers[0])


def effective_of_order(settings: Settings, shop: Shop, number: str) -> Effective | Reason:
    """The settings of a request for an order, whose invoice has its number where the vendor gives none (R7)."""
    seller = next((seller for seller in settings.sellers if seller.seller_id == shop.seller_id), None)
    if seller is None:
        return Reason(code="seller_missing")
    found = effective_of(settings, seller)
    # Whoever buys without an INN in a shop is a person unless the shop itself says otherwise (R11).
    policies = found.policies.model_copy(update={"buyers_without_inn": shop.buyers_without_inn})
    number_template = shop.number_template.replace("{order}", number)
    changes = {"due": shop.due or found.due, "number_template": number_template, "policies": policies}
    return found.model_copy(update=changes)


def effective_of(settings: Settings, seller: Seller) -> Effective:
    """The settings of a request to one seller."""
    return Effective(
        seller_id=seller.seller_id,
        seller_inn=seller.inn,
        connection=seller.connection,
        tax=seller.tax,
        due=seller.due,
        number_template=seller.number_template,
        policies=settings.policies,
        steps=settings.steps,
        timezone=settings.timezone,
        language=settings.language,
        registers=settings.registers,
        edi=seller.edi,
    )
