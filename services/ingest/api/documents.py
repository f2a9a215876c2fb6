"""From a tenant's file to settings and accounts, and what one file changes of another."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis.domain import Problem
from chassis.http import AddressPolicy, AddressRefused
from chassis.ids import TenantId
from chassis.values.bank import account_ok
from chassis.values.inn import inn_ok
from chassis.values.vat import TaxPeriod
from connectors.registry import ACCOUNTING, AccountingVendor
from contracts.tenant_file import (
    SECRET_KEYS,
    AccountingPart,
    Fault,
    FunnelPart,
    SellerPart,
    TenantFile,
    TenantFileRefused,
)
from contracts.tenant_file import Limit as FileLimit
from contracts.tenant_file.model import OAUTH_URL, PoliciesPart
from services.ingest.api import edi_settings as edi
from services.ingest.api import register_settings as registers
from services.ingest.api import shop_settings as shops
from services.ingest.domain import order, portal
from services.ingest.domain.buckets import Limit
from services.ingest.domain.values import (
    Connection,
    Due,
    Funnel,
    Policies,
    Reminders,
    Requisites,
    Retry,
    Seller,
    Settings,
    Steps,
    Tax,
)
from services.ingest.store.connections import (
    APPLICATION_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    ENDPOINT,
    HOOK_SECRET,
    MEMBER_ID,
    OAUTH,
    Account,
)

APPLIED_ENDPOINT: Final = "applied_endpoint"
HIDDEN: Final = "•••"
HOOK_SECRET_BYTES: Final = 24
LEARNED: Final = (ENDPOINT, APPLICATION_TOKEN, MEMBER_ID)
"""What the installation of an application brings."""
_NAMES_OF_ITEMS: Final = ("id", "category", "from", "vendor")


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a file changes; secrets are not shown. None: not there before, or not any more."""

    key: str
    before: Any
    after: Any


def checked(file: TenantFile, tenant: str, policy: AddressPolicy, networks: Sequence[str] = ()) -> TenantFile:
    """The file, after what only an installation can check. Raises TenantFileRefused."""
    faults = list(_faults(file, tenant, policy, networks))
    if faults:
        raise TenantFileRefused(faults)
    return file


def settings_of(file: TenantFile) -> Settings:
    """The tenant's settings without secrets."""
    reminders = file.reminders
    return Settings(
        name=file.name,
        activated_at=file.activated_at,
        language=file.language,
        timezone=file.timezone,
        crm_account=portal.crm_account(file.tenant),
        funnels=tuple(_funnel(funnel) for funnel in file.bitrix24.funnels),
        fields=file.bitrix24.fields.named(),
        company_fields=file.bitrix24.company_fields.named(),
        admin_chat=file.bitrix24.admin_chat,
        sellers=tuple(_seller(file.tenant, seller, file.policies) for seller in file.sellers),
        policies=Policies.model_validate(file.policies.model_dump(exclude_none=True)),
        steps=Steps.model_validate(file.steps.model_dump()),
        reminders=Reminders(
            days=reminders.days, at=reminders.at, quiet_from=reminders.quiet[0], quiet_until=reminders.quiet[1]
        ),
        retry=None if file.retry is None else Retry(seconds=file.retry.seconds, jitter=file.retry.jitter),
        sweep_seconds=file.bitrix24.sweep_seconds,
        shops=shops.settings_of(file),
        registers=registers.settings_of(file),
    )


def accounts_of(file: TenantFile, present: Mapping[str, Account]) -> dict[str, Account]:
    """The accounts that a file asks for. What ingest made or learned itself is kept: the secret of the webhooks'
    address, the new host of a portal that was renamed, and what the installation of an application brought."""
    tenant = TenantId(file.tenant)
    name = portal.crm_account(tenant)
    known = present.get(name)
    access = _by_app(file, known) if file.bitrix24.mode == portal.APP else _by_webhooks(file, known)
    before = {} if known is None else known.secrets
    crm = Account(
        tenant=tenant,
        account=name,
        vendor=portal.CRM_VENDOR,
        profile=file.bitrix24.mode,
        secrets={**access, HOOK_SECRET: before.get(HOOK_SECRET) or secrets.token_urlsafe(HOOK_SECRET_BYTES)},
        limit=_limit(file.bitrix24.limit),
        state="waiting" if file.bitrix24.mode == portal.APP else "",
    )
    sellers = (_accounting(tenant, seller.id, seller.accounting, file.policies) for seller in file.sellers)
    return {
        account.account: account
        for account in (
            crm,
            *sellers,
            *edi.accounts_of(file),
            *shops.accounts_of(file, present),
            *registers.accounts_of(file),
        )
    }


def left_out(present: Mapping[str, Account], wanted: Mapping[str, Account]) -> list[Problem]:
    """``accounting_left_out`` with the accounting accounts that a file has no more: whoever renames a seller, or takes
    it out, is told that what its open invoices are paid is seen no more."""
    vendors = {vendor for vendor, _ in ACCOUNTING}
    gone = sorted(name for name, account in present.items() if name not in wanted and account.vendor in vendors)
    return [Problem("accounting_left_out", {"accounts": ", ".join(gone)})] if gone else []


def keeps_pair(wanted: Account, present: Account | None) -> bool:
    """Whether the tokens of an account stay good under its new settings: they belong to an application."""
    if present is None or wanted.profile != portal.APP or present.profile != portal.APP:
        return False
    return wanted.secrets[CLIENT_ID] == present.secrets[CLIENT_ID]


def _by_webhooks(file: TenantFile, known: Account | None) -> dict[str, str]:
    applied = file.bitrix24.webhook_url or ""
    before = {} if known is None or known.profile == portal.APP else known.secrets
    return {
        ENDPOINT: before[ENDPOINT] if before.get(APPLIED_ENDPOINT) == applied else applied,
        APPLIED_ENDPOINT: applied,
        APPLICATION_TOKEN: file.bitrix24.application_token or "",
    }


def _by_app(file: TenantFile, known: Account | None) -> dict[str, str]:
    client_id = file.bitrix24.client_id or ""
    same = known is not None and known.profile == portal.APP and known.secrets[CLIENT_ID] == client_id
    learned = (
        {name: known.secrets[name] for name in LEARNED} if known is not None and same else dict.fromkeys(LEARNED, "")
    )
    return {
        **learned,
        CLIENT_ID: client_id,
        CLIENT_SECRET: file.bitrix24.client_secret or "",
        OAUTH: file.bitrix24.oauth_url or OAUTH_URL,
    }


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document without its secrets."""
    return {
        key: HIDDEN if key in SECRET_KEYS and value is not None else _masked(value) for key, value in document.items()
    }


def changes(before: Mapping[str, Any], known: Mapping[str, Account], file: TenantFile) -> list[Change]:
    """What a file changes. ``before`` is the masked document, whose secrets are those of the ``known`` accounts."""
    old = dict(_flat(before)) | _known_secrets(known)
    new = dict(_flat(file.document()))
    return [
        Change(key, _shown(key, old.get(key)), _shown(key, new.get(key)))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _faults(file: TenantFile, tenant: str, policy: AddressPolicy, networks: Sequence[str]) -> Iterator[Fault]:
    if file.tenant != tenant:
        yield Fault(0, "tenant", repr(file.tenant), f"write {tenant}, or apply it to the tenant that it names")
    addresses = registers.addresses(file) | edi.addresses(file)
    for key in ("webhook_url", "oauth_url"):
        if address := getattr(file.bitrix24, key):
            addresses[f"bitrix24.{key}"] = address
    yield from shops.faults(file)
    if file.policies.act_requires_paid and not file.steps.payments:
        write = "write false, or steps.payments: true, since else nobody sees that a deal is paid"
        yield Fault(0, "policies.act_requires_paid", "true", write)
    for place, seller in enumerate(file.sellers):
        part = seller.accounting
        addresses |= {f"sellers[{place}].accounting.{key}": url for key, url in part.addresses().items()}
        if (part.vendor, part.profile) not in ACCOUNTING:
            yield Fault(0, *_not_available(place, part))
        paper = seller.requisites
        if paper is not None and paper.account and not account_ok(paper.bic, paper.account):
            write = "write the account and the BIC of its bank as the bank gives them"
            yield Fault(0, f"sellers[{place}].requisites.account", "an account that no bank of this BIC has", write)
        if not inn_ok(seller.inn):
            write = "write the seller's INN with its right check digits"
            yield Fault(0, f"sellers[{place}].inn", f"an INN of {len(seller.inn)} digits that cannot be", write)
        for number, period in enumerate(seller.tax):
            try:
                TaxPeriod(period.valid_from, period.regime, period.vat)
            except ValueError as impossible:
                yield Fault(0, f"sellers[{place}].tax[{number}].vat", period.vat, f"write another: {impossible}")
    for key, address in addresses.items():
        try:
            # Only a client's own base may stand in a private network, and only in one that was opened to the client.
            (policy.reaching(networks) if key.endswith(".odata_url") else policy).check_url(address)
        except AddressRefused as refusal:
            write = f"write a public https address: {refusal}"
            yield Fault(0, key, "an address that is not called from here", write)


def _not_available(place: int, part: AccountingPart) -> tuple[str, str, str]:
    profiles = sorted(profile for vendor, profile in ACCOUNTING if vendor == part.vendor)
    key, found = ("profile", part.profile) if profiles else ("vendor", part.vendor)
    known = profiles or sorted({vendor for vendor, _ in ACCOUNTING})
    write = f"write {' or '.join(known)}; {key} {found} is not available yet"
    return f"sellers[{place}].accounting.{key}", repr(found), write


def _limit(limit: FileLimit | str) -> Limit | None:
    return Limit(limit.burst, limit.per_second) if isinstance(limit, FileLimit) else None


def _funnel(funnel: FunnelPart) -> Funnel:
    category = str(funnel.category)

    def full(stage: str) -> str:
        # The portal's own ids of other funnels' stages carry the funnel's number: C2:EXECUTING.
        return stage if category == "0" or ":" in stage or not stage else f"C{category}:{stage}"

    return Funnel(
        category_id=category,
        issue_invoice=tuple(map(full, funnel.issue_invoice)),
        issue_act=tuple(map(full, funnel.issue_act)),
        waiting_for_payment=tuple(map(full, funnel.waiting_for_payment)),
        paid=full(funnel.paid),
    )


def _seller(tenant: str, seller: SellerPart, policies: PoliciesPart) -> Seller:
    accounting = seller.accounting
    return Seller(
        seller_id=seller.id,
        inn=seller.inn,
        connection=Connection(
            account=_account_name(tenant, seller.id, accounting),
            vendor=accounting.vendor,
            profile=accounting.profile,
            goods=accounting.goods(policies.unknown_goods),
        ),
        tax=tuple(Tax.model_validate(period.model_dump()) for period in seller.tax),
        due=Due.model_validate(seller.due.model_dump()),
        number_template="" if _vendor(accounting).numbers_itself else seller.numbering.template,
        payments_poll_seconds=accounting.payments_poll_seconds,
        counterparties_poll_seconds=accounting.counterparties_poll_seconds,
        payments_from="statement" if seller.payments == "statement" else None,
        edi=edi.settings_of(tenant, seller),
        requisites=None if seller.requisites is None else Requisites.model_validate(seller.requisites.model_dump()),
    )


def _accounting(tenant: TenantId, seller_id: str, part: AccountingPart, policies: PoliciesPart) -> Account:
    access = part.access()
    if hasattr(part, "unknown_goods"):
        access["unknown_goods"] = part.goods(policies.unknown_goods) or "text"
    return Account(
        tenant=tenant,
        account=_account_name(tenant, seller_id, part),
        vendor=part.vendor,
        profile=part.profile,
        secrets={ENDPOINT: part.endpoint, **access},
        limit=_limit(part.limit),
    )


def _vendor(part: AccountingPart) -> AccountingVendor:
    return ACCOUNTING[part.vendor, part.profile]


def _account_name(tenant: str, seller_id: str, part: AccountingPart) -> str:
    return portal.accounting_account(_vendor(part).api, tenant, seller_id)


def _known_secrets(known: Mapping[str, Account]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for account in known.values():
        if account.vendor == portal.CRM_VENDOR and account.profile == portal.APP:
            for key in (CLIENT_ID, CLIENT_SECRET):
                found[f"bitrix24.{key}"] = account.secrets[key]
        elif account.vendor == portal.CRM_VENDOR:
            found["bitrix24.webhook_url"] = account.secrets.get(APPLIED_ENDPOINT, account.endpoint)
            found["bitrix24.application_token"] = account.secrets[APPLICATION_TOKEN]
        elif account.vendor == order.SHOP_VENDOR:
            found |= shops.known_secrets(account)
        elif registers.is_register(account.vendor):
            found |= registers.known_secrets(account)
        elif edi.is_operator(account.vendor):
            found |= edi.known_secrets(account)
        else:
            seller = account.account.rpartition(":")[2]
            secret = {key: value for key, value in account.secrets.items() if key in SECRET_KEYS}
            found |= {f"sellers[{seller}].accounting.{key}": value for key, value in secret.items()}
    return found


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value)
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their keys; items of lists by what names them, so that a new first one is not a change of all."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for place, item in enumerate(value):
            name = next((item[one] for one in _NAMES_OF_ITEMS if one in item), place)
            yield from _flat(item, f"{key}[{name}]")
    else:
        yield key, value


def _shown(key: str, value: Any) -> Any:
    return HIDDEN if value is not None and key.rpartition(".")[2] in SECRET_KEYS else value
