"""Parts that messages of several services share; money is integer kopecks, quantities and unit prices are exact
decimals."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

VatRate = Literal["none", "0", "5", "7", "10", "18", "20", "22"]
VatMode = Literal["exempt", "usn5", "usn7", "standard"]
Regime = Literal["usn_income", "usn_income_expense", "patent", "ausn", "osno", "npd"]
DocumentKind = Literal["invoice", "act"]
ClosingForm = Literal["act", "waybill", "upd", "sale"]
BuyerKind = Literal["company", "entrepreneur", "person"]


class Part(BaseModel):
    """The base of parts of messages: frozen, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Reason(Part):
    """What is wrong, as a stable code and the values its sentence names; the reader's language picks the sentence."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)


class DealLine(Part):
    """A product row as the CRM has it. ``price`` is per unit after discount with tax, ``price_exclusive`` without.

    ``vat`` is the raw rate in percent as text, or "none" for a row without VAT. ``external_code`` is the product's code
    in other systems, "" where it has none, or where accounting has no nomenclature to look it up in.
    """

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


class BankAccount(Part):
    """A buyer's bank account as the CRM has it."""

    bic: str = ""
    account: str = ""
    correspondent_account: str = ""
    bank_name: str = ""


class Buyer(Part):
    """The buyer of a deal as the CRM has it, raw: nothing is checked or cleaned here.

    A person's name, e-mail and phone never travel; ``subject_ref`` names the encrypted blob that has them.
    """

    crm_kind: Literal["company", "contact"]
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
    bank: BankAccount | None = None
    same_inn_crm_ids: tuple[str, ...] = ()


class OrderRef(Part):
    """What makes a deal an order of a shop: the buyer's number of it, and how many rows cost nothing and were left out.

    Such a deal has the id ``shop-<shop>-<order>`` and no deal in the CRM.
    """

    shop_id: str
    order_id: int
    number: str
    gifts: int = 0


class DealSnapshot(Part):
    """A deal at one moment, with all that an invoice or an act is made from.

    ``content_hash`` covers what a document shows (buyer, lines, currency, total), so that an edit is told from an echo.
    ``lost``: it stands in a lost stage that asks for no document.
    """

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
    lines: tuple[DealLine, ...] = ()
    content_hash: str = ""
    order: OrderRef | None = None


class TaxPeriod(Part):
    """The seller's tax profile from a day on."""

    valid_from: date
    regime: Regime
    vat: VatMode


class Connection(Part):
    """An accounting connection: the account that permits are asked for, and what kind of vendor answers.

    ``goods`` is what becomes of goods that its nomenclature lacks (R25), "" where its documents refer to none.
    """

    account: str
    vendor: str
    profile: str = ""
    goods: Literal["", "create", "list"] = ""


class EdiConnection(Part):
    """A seller's box at an operator of electronic documents. ``function`` is the kind of title, "" for the lines to
    say."""

    account: str
    vendor: str
    function: str = ""
    poll_seconds: float = 60.0


class DueRule(Part):
    """The term of payment: a number of calendar days, or of working days when ``calendar`` is false."""

    days: int = 3
    calendar: bool = True


class Funnel(Part):
    """What a tenant has decided about one funnel of deals."""

    category_id: str
    issue_invoice: tuple[str, ...] = ()
    issue_act: tuple[str, ...] = ()
    waiting_for_payment: tuple[str, ...] = ()
    paid: str = ""


class Policies(Part):
    """What a tenant may decide otherwise."""

    unknown_goods: Literal["create", "list"] = "create"
    buyers_without_inn: Literal["individuals", "refuse"] = "individuals"
    act_requires_paid: bool = False
    fill_companies: bool = True


class Steps(Part):
    """Which steps are switched on; ``reverse_sync`` None: where the accounting service tells of changed buyers."""

    invoice: bool = True
    payments: bool = True
    act: bool = True
    reverse_sync: bool | None = None


class Register(Part):
    """An account at a provider of the state register; ``per_day`` calls may be made in a day of Moscow."""

    account: str
    vendor: str
    per_day: int


class EffectiveSettings(Part):
    """The settings in force for one request, resolved by the service that evaluated its trigger."""

    seller_id: str
    seller_inn: str
    connection: Connection
    tax: tuple[TaxPeriod, ...]
    due: DueRule = DueRule()
    number_template: str = "B24-{deal}"
    policies: Policies = Policies()
    steps: Steps = Steps()
    timezone: str = "Europe/Moscow"
    language: Literal["ru", "en"] = "ru"
    registers: tuple[Register, ...] = ()
    edi: EdiConnection | None = None


class Requisites(Part):
    """What of a seller stands on papers that Sverka makes itself; without an account they have no payment code."""

    name: str
    kpp: str = ""
    address: str = ""
    bank: str = ""
    bic: str = ""
    account: str = ""
    correspondent_account: str = ""


class SellerSettings(Part):
    """One seller of a tenant, without secrets. ``payments_from`` says what was paid (R21), None being accounting."""

    seller_id: str
    inn: str
    connection: Connection
    tax: tuple[TaxPeriod, ...] = ()
    due: DueRule = DueRule()
    number_template: str = "B24-{deal}"
    payments_poll_seconds: float = 300.0
    counterparties_poll_seconds: float = 900.0
    payments_from: Literal["statement"] | None = None
    requisites: Requisites | None = None
    edi: EdiConnection | None = None


class Reminders(Part):
    """When overdue reminders go out, in the tenant's zone."""

    days: tuple[int, ...] = (3, 7)
    at: str = "09:00"
    quiet_from: str = "20:00"
    quiet_until: str = "09:00"


class RetrySchedule(Part):
    """When a failed read or an unsent call is tried again: business seconds one after another, each varied by a
    share."""

    seconds: tuple[float, ...]
    jitter: float = 0.2


class TenantSettings(Part):
    """A tenant's settings without secrets; ``fields`` maps our names (invoice_number, paid, …) to the portal's,
    ``company_fields`` those of companies (status).
    ``retry`` None leaves it to the installation."""

    name: str
    language: Literal["ru", "en"] = "ru"
    timezone: str = "Europe/Moscow"
    crm_account: str = ""
    funnels: tuple[Funnel, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)
    company_fields: dict[str, str] = Field(default_factory=dict)
    admin_chat: str = ""
    sellers: tuple[SellerSettings, ...] = ()
    policies: Policies = Policies()
    steps: Steps = Steps()
    reminders: Reminders = Reminders()
    retry: RetrySchedule | None = None
    registers: tuple[Register, ...] = ()
