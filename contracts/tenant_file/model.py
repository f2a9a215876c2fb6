"""The model of the tenant's file; a field's description is what a person should write there."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator

from contracts.messages.values import Regime, VatMode
from contracts.tenant_file.accounting import Accounting
from contracts.tenant_file.edi import EdiPart
from contracts.tenant_file.parts import Address, DuePart, Limit, Part, Zone
from contracts.tenant_file.registers import RegisterPart
from contracts.tenant_file.shops import ShopPart

OAUTH_URL: Final = "https://oauth.bitrix24.tech"
"""Where Bitrix24 gives tokens."""
_OF_WEBHOOKS: Final = ("webhook_url", "application_token")
_WEBHOOK: Final = re.compile(r"https?://[^/\s?#]+/(?:[^\s?#]*/)?rest/\d+/[^/\s?#]+/?")


def _hook(text: str) -> str:
    if not _WEBHOOK.fullmatch(text):
        raise ValueError("not the address of an inbound webhook")
    return text.rstrip("/") + "/"


def _template(text: str) -> str:
    if "{deal}" not in text or re.sub(r"\{deal\}", "", text).count("{"):
        raise ValueError("not a template")
    return text


_Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
_Stage = Annotated[str, Field(min_length=1, max_length=60)]
_Stages = Annotated[tuple[_Stage, ...], Field(max_length=50)]
_Time = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_SecretIfAny = Annotated[str, Field(min_length=1, max_length=2000)] | None
_UserField = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]


class FunnelPart(Part):
    """What happens in one funnel of deals."""

    category: int = Field(ge=0, description="write the funnel's number, 0 for the first one")
    issue_invoice: _Stages = Field(default=(), description="write a list of stages, for example [PREPAYMENT_INVOICE]")
    issue_act: _Stages = Field(default=(), description="write a list of stage ids, for example [WON]")
    waiting_for_payment: _Stages = Field(default=(), description="write a list of stage ids")
    paid: str = Field(default="", max_length=60, description="write the id of the stage of a paid deal")


class FieldsPart(Part):
    """Which fields of the portal take what."""

    invoice_number: _UserField | None = Field(default=None, description="write the name of a field of deals")
    invoice_date: _UserField | None = Field(default=None, description="write the name of a field of deals")
    invoice_url: _UserField | None = Field(default=None, description="write the name of a field of deals")
    invoice_status: _UserField | None = Field(default=None, description="write the name of a field of deals")
    invoice_pdf: _UserField | None = Field(default=None, description="write the name of a file field of deals")
    paid: _UserField | None = Field(default=None, description="write the name of a field of deals")
    overdue_days: _UserField | None = Field(default=None, description="write the name of a field of deals")
    act_number: _UserField | None = Field(default=None, description="write the name of a field of deals")
    act_pdf: _UserField | None = Field(default=None, description="write the name of a file field of deals")

    def named(self) -> dict[str, str]:
        """Our names to the portal's, without those that are not mapped."""
        return {name: value for name, value in self.model_dump().items() if value}


class CompanyFieldsPart(Part):
    """Which fields of the portal's companies take what."""

    status: _UserField | None = Field(default=None, description="write the name of a field of companies")

    def named(self) -> dict[str, str]:
        """Our names to the portal's, without those that are not mapped."""
        return {name: value for name, value in self.model_dump().items() if value}


class Bitrix24Part(Part):
    """The portal: by its inbound and outgoing webhooks, or by an application that is installed in it."""

    mode: Literal["webhook", "app"] = Field(default="webhook", description="write webhook or app")
    webhook_url: Annotated[str, Field(max_length=2000), AfterValidator(_hook)] | None = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="in mode webhook write the inbound webhook's address https://PORTAL/rest/USER/SECRET/, best as "
        "env:NAME; in mode app leave it out",
    )
    application_token: _SecretIfAny = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="in mode webhook write the application token of the outgoing webhook, best as env:NAME or "
        "file:PATH; in mode app leave it out, the installation brings it",
    )
    client_id: _SecretIfAny = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="in mode app write the application's client id, best as env:NAME; in mode webhook leave it out",
    )
    client_secret: _SecretIfAny = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="in mode app write the application's client secret, best as env:NAME or file:PATH; in mode webhook "
        "leave it out",
    )
    oauth_url: Address | None = Field(
        default=None,
        description="leave it out, or write the address of the authorisation server: https://oauth.bitrix24.tech",
    )
    limit: Limit | Literal["unlimited"] = Field(
        default=Limit(burst=50, per_second=2), description="write {burst: 50, per_second: 2} or unlimited"
    )
    funnels: tuple[FunnelPart, ...] = Field(default=(), max_length=40, description="write a list of funnels")
    fields: FieldsPart = Field(default=FieldsPart(), description="write names of ours and of the portal's fields")
    company_fields: CompanyFieldsPart = Field(
        default=CompanyFieldsPart(), description="write names of ours and of the portal's fields of companies"
    )
    admin_chat: str = Field(
        default="", pattern=r"^(chat\d+|\d+)?$", description="write the dialog id of a chat, for example chat42"
    )
    sweep_seconds: float = Field(default=60, ge=1, le=3600, description="write seconds from 1 to 3600, for example 60")

    @field_validator("webhook_url", "application_token", "client_id", "client_secret")
    @classmethod
    def _of_mode(cls, value: str | None, info: ValidationInfo) -> str | None:
        needed = info.data.get("mode") == ("webhook" if info.field_name in _OF_WEBHOOKS else "app")
        if "mode" in info.data and (value is not None) != needed:
            raise ValueError("missing in this mode" if needed else "of the other mode")
        return value

    @field_validator("funnels")
    @classmethod
    def _once(cls, funnels: tuple[FunnelPart, ...]) -> tuple[FunnelPart, ...]:
        return _unique(funnels, lambda funnel: funnel.category)


class TaxPart(Part):
    """The tax profile from a day on."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    valid_from: date = Field(alias="from", description="write a day as 2025-01-01")
    regime: Regime = Field(description="write usn_income, usn_income_expense, patent, ausn, osno or npd")
    vat: VatMode = Field(description="write exempt, usn5, usn7 or standard")


class NumberingPart(Part):
    """Invoice numbers, where the vendor does not give them."""

    template: Annotated[str, Field(min_length=6, max_length=30), AfterValidator(_template)] = Field(
        default="B24-{deal}", description='write a text with {deal} in it, for example "B24-{deal}"'
    )


class RequisitesPart(Part):
    """What of a seller stands on the papers that Sverka makes where the accounting service gives no file."""

    name: str = Field(min_length=1, max_length=200, description="write the seller's name as papers show it")
    kpp: str = Field(
        default="", pattern=r"^(\d{9})?$", description="write the KPP in quotes, 9 digits, or leave it out"
    )
    address: str = Field(default="", max_length=300, description="write the legal address")
    bank: str = Field(default="", max_length=100, description="write the bank's name")
    bic: str = Field(default="", pattern=r"^(\d{9})?$", description="write the BIC in quotes, 9 digits")
    account: str = Field(
        default="", pattern=r"^(\d{20})?$", description="write the account in quotes, 20 digits, or leave it out"
    )
    correspondent_account: str = Field(
        default="", pattern=r"^(\d{20})?$", description="write the correspondent account in quotes, 20 digits"
    )


class SellerPart(Part):
    """A legal entity that sells."""

    id: _Id = Field(description="write 1 to 40 characters of a-z, 0-9 and -, for example main")
    inn: str = Field(
        pattern=r"^(\d{10}|\d{12})$", description='write the INN in quotes, 10 or 12 digits, for example "7707083893"'
    )
    accounting: Accounting = Field(description="write the accounting connection")
    tax: tuple[TaxPart, ...] = Field(
        min_length=1,
        max_length=20,
        description="write a list such as - {from: 2025-01-01, regime: osno, vat: standard}",
    )
    due: DuePart = Field(default=DuePart(), description="write {days: 3, calendar: true}")
    numbering: NumberingPart = Field(default=NumberingPart(), description='write {template: "B24-{deal}"}')
    requisites: RequisitesPart | None = Field(
        default=None, description="write {name: ООО «Вектор», bank: …, bic: …, account: …} or leave it out"
    )
    edi: EdiPart | None = Field(
        default=None, description="write {vendor: diadoc, box_id: …, …} to have acts signed there, or leave it out"
    )
    payments: Literal["accounting", "statement"] = Field(
        default="accounting",
        description="write accounting, or statement where bank statement files say what was paid",
    )

    @field_validator("tax")
    @classmethod
    def _days(cls, tax: tuple[TaxPart, ...]) -> tuple[TaxPart, ...]:
        return _unique(tax, lambda period: period.valid_from)


class PoliciesPart(Part):
    """What a tenant may decide otherwise."""

    unknown_goods: Literal["create", "list"] | None = Field(default=None, description="write create or list")
    buyers_without_inn: Literal["individuals", "refuse"] = Field(
        default="individuals", description="write individuals or refuse"
    )
    act_requires_paid: bool = Field(default=False, description="write true or false")
    fill_companies: bool = Field(default=True, description="write true or false")


class RemindersPart(Part):
    """When a manager is reminded of an overdue invoice."""

    days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = Field(
        default=(3, 7), max_length=20, description="write days after the due date, for example [3, 7]"
    )
    at: _Time = Field(default="09:00", description='write a time in quotes, for example "09:00"')
    quiet: tuple[_Time, _Time] = Field(
        default=("20:00", "09:00"), description='write two times in quotes, for example ["20:00", "09:00"]'
    )


class RetryPart(Part):
    """When a failed read or an unsent call is tried again; without it as the installation has it."""

    seconds: tuple[Annotated[float, Field(gt=0, le=3600)], ...] = Field(
        default=(5, 15, 45), min_length=1, max_length=10, description="write seconds, for example [5, 15, 45]"
    )
    jitter: float = Field(default=0.2, ge=0, le=0.5, description="write a share from 0 to 0.5, for example 0.2")


class StepsPart(Part):
    """Which steps are on."""

    invoice: bool = Field(default=True, description="write true or false")
    payments: bool = Field(default=True, description="write true or false")
    act: bool = Field(default=True, description="write true or false")
    reverse_sync: bool | None = Field(default=None, description="write true or false, or leave it out")


class TenantFile(Part):
    """The whole file."""

    tenant: str = Field(
        pattern=r"^[a-z0-9-]{2,40}$", description="write 2 to 40 characters of a-z, 0-9 and -, for example vektor"
    )
    name: str = Field(min_length=1, max_length=200, description="write the name of the client")
    language: Literal["ru", "en"] = Field(default="ru", description="write ru or en")
    timezone: Zone = Field(default="Europe/Moscow", description="write a zone's name, for example Europe/Moscow")
    activated_at: datetime = Field(
        description="write a time with its zone, for example 2026-11-20T09:00:00+03:00; "
        "deals that stood in a stage before it are left alone"
    )
    bitrix24: Bitrix24Part = Field(description="write the portal's connection")
    sellers: tuple[SellerPart, ...] = Field(default=(), max_length=20, description="write a list of sellers")
    shops: tuple[ShopPart, ...] = Field(default=(), max_length=20, description="write a list of shops")
    registers: tuple[RegisterPart, ...] = Field(
        default=(), max_length=2, description="write a list such as - {vendor: dadata, api_key: env:NAME}"
    )
    policies: PoliciesPart = Field(default=PoliciesPart(), description="write the policies")
    reminders: RemindersPart = Field(default=RemindersPart(), description="write the reminders")
    retry: RetryPart | None = Field(default=None, description="write {seconds: [5, 15, 45], jitter: 0.2}")
    steps: StepsPart = Field(default=StepsPart(), description="write {invoice: true, payments: true, act: true}")

    @field_validator("activated_at")
    @classmethod
    def _zoned(cls, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            raise ValueError("a time without its zone")
        return moment

    @field_validator("sellers")
    @classmethod
    def _ids(cls, sellers: tuple[SellerPart, ...]) -> tuple[SellerPart, ...]:
        return _unique(sellers, lambda seller: seller.id)

    @field_validator("registers")
    @classmethod
    def _registers_once(cls, registers: tuple[RegisterPart, ...]) -> tuple[RegisterPart, ...]:
        return _unique(registers, lambda register: register.vendor)

    @field_validator("shops")
    @classmethod
    def _shop_ids(cls, shops: tuple[ShopPart, ...]) -> tuple[ShopPart, ...]:
        return _unique(shops, lambda shop: shop.id)

    def document(self) -> dict[str, Any]:
        """The file as JSON with its secrets: what is sent to be applied, never logged."""
        return self.model_dump(mode="json", by_alias=True)


def _unique(items: tuple[Any, ...], key: Callable[[Any], Any]) -> tuple[Any, ...]:
    if len({key(item) for item in items}) != len(items):
        raise ValueError("the same one twice")
    return items
