"""Accounts of every vendor in a sandbox, and one call of each kind: what ``connectors`` measures."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from chassis.clock import Clock
from chassis.outcomes import Ok, Outcome
from chassis.values.lines import DocumentLine
from chassis.values.units import Unit
from chassis.work.handlers import Permit
from connectors.ports.accounting import CounterpartyDraft, InvoiceDraft, TokenRequest
from connectors.ports.crm import NotifyUser, SetFields
from connectors.ports.edi import ClosingDraft, EdiToken, Posting
from connectors.registry import ACCOUNTING, CRM, EDI, REGISTERS, AccountingVendor, Capability
from connectors.transport import Transport
from sverka.http import Json

CREATE: Final = "create invoice"
SELLER: Final = {"title": "ООО «Вектор»", "inn": "500123456750"}
DAY: Final = date(2026, 3, 10)
INN: Final = "7709123453"
BUYER: Final = CounterpartyDraft("company", "ООО «Лотос»", inn=INN, kpp="770901001")
UNIT: Final = Unit("796", "шт")
LINES: Final = tuple(
    DocumentLine(f"Стеллаж СТ-{number}", Decimal(2), UNIT, Decimal("1000.00"), "none", True, 200_000, 0)
    for number in range(5)
)

Ask = Callable[[Permit], Awaitable[Outcome[Any]]]


@dataclass(frozen=True, slots=True)
class Subject:
    """One connector with an account: its calls by their names, in the order in which they are recorded."""

    name: str
    permit: Permit
    calls: Mapping[str, Ask]
    one_at_a_time: bool = False
    """Whether an account is asked one thing at a time, so that what a process does at most takes several of them."""

    def moved(self, base: str, other: str) -> "Subject":
        """The same at another address."""
        return replace(self, permit=replace(self.permit, endpoint=self.permit.endpoint.replace(base, other)))


def taken(outcome: Outcome[Any]) -> Any:
    """What came. Raises RuntimeError for anything else."""
    if isinstance(outcome, Ok):
        return outcome.value
    raise RuntimeError(f"a call of the benchmark failed: {outcome}")


async def open_all(control: Json, http: Transport) -> list[Subject]:
    """An account of each vendor with a buyer, an invoice and a payment, or a deal, or a company, or a document."""
    found = [await _accounting(vendor, control, http) for vendor in ACCOUNTING.values()]
    found += [_crm(control, http), *(_register(name, control, http) for name in REGISTERS)]
    return [*found, *[await _operator(name, control, http) for name in EDI]]


async def _accounting(vendor: AccountingVendor, control: Json, http: Transport) -> Subject:
    name = "elba-vendor" if vendor.profile == "vendor" else vendor.vendor
    account = control.post(f"/{name}/accounts", {**SELLER, "dials": {"pdf_render_seconds": 0}})
    client = vendor.connect(http, Clock())
    options = {key: account[key] for key in ("organization_id", "bank_account_id", "organization") if key in account}
    token = account.get("api_key") or f"{account.get('user')}:{account.get('password')}"
    if vendor.vendor == "kontur":
        options["auth_mode"] = "api_key"
    if name == "elba":
        request = TokenRequest(account["token_url"], account["client_id"], account["client_secret"])
        token = taken(await client.obtain_token(request)).access_token
    endpoint = account.get("api_url") or account["odata_url"]
    permit = Permit(f"{vendor.api}:bench:main", endpoint, token, 10, datetime.now(UTC), options)
    buyer = taken(await client.create_counterparty(permit, BUYER, key="buyer")).counterparty_id

    def draft(number: int) -> InvoiceDraft:
        marker, own = f"[b24:{number}:invoice:1:7c1f09aa]", None if vendor.numbers_itself else f"B24-{number}"
        return InvoiceDraft(DAY, DAY, buyer, LINES, f"Сделка №{number}", marker, own)

    invoice = taken(await client.create_invoice(permit, draft(1), key="first")).invoice_id
    if vendor.vendor == "onec":
        control.post(f"/onec/{account['account']}/invoices/{invoice}/post", {})
    control.post(f"/{name}/{account['account']}/payments", {"invoice": invoice, "amount_kopecks": 100_000})
    calls: dict[str, Ask] = {
        "find buyer": lambda permit: client.find_counterparty(permit, INN),
        CREATE: lambda permit: client.create_invoice(permit, draft(2), key="second"),
        "read invoice": lambda permit: client.read_invoice(permit, invoice),
    }
    if vendor.can(Capability.PAYMENTS_OF_INVOICE):
        calls["payments of an invoice"] = lambda permit: client.payments_of_invoice(permit, invoice)
    if vendor.can(Capability.INVOICE_PDF):
        calls["PDF of 60 KiB"] = lambda permit: client.invoice_pdf(permit, invoice)
    return Subject(vendor.api, permit, calls, one_at_a_time=vendor.vendor == "onec")


def _crm(control: Json, http: Transport) -> Subject:
    portal = control.post("/bitrix24/portals", {"slug": "bench", "title": SELLER["title"], "funnels": [{"name": "О"}]})
    company = control.post("/bitrix24/portals/bench/companies", {"title": "ООО «Лотос»", "inn": INN})["company"]["id"]
    rows = [{"name": line.name, "price": "1000.00", "quantity": 2} for line in LINES]
    deal = control.post("/bitrix24/portals/bench/deals", {"title": "Поставка", "company": company, "rows": rows})
    deal_id = str(deal["deal"]["id"])
    client = CRM["bitrix24"].connect(http, Clock(), lambda moved: None)
    writes = (
        SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1"}),
        NotifyUser("1", "Счёт B24-1 выставлен", "SVERKA|1", "sverka"),
    )

    async def write(permit: Permit) -> Outcome[Any]:
        outcomes = await client.write(permit, writes)
        return next((one for one in outcomes if not isinstance(one, Ok)), outcomes[0])

    permit = Permit("bitrix24:bench", portal["webhook_url"], "", 10, datetime.now(UTC))
    return Subject(
        "bitrix24", permit, {"read deal": lambda permit: client.read_deal(permit, deal_id), "write two facts": write}
    )


async def _operator(name: str, control: Json, http: Transport) -> Subject:
    """A box with a document that both have signed; its files were asked for once, so that they are there."""
    account = control.post(f"/{name}/accounts", {"title": "ООО «Вектор»", "inn": INN, "kpp": "770901001"})
    partner = {"inn": "7801456782", "kpp": "780101001", "name": "ООО «Север»"}
    box = control.post(f"/{name}/{account['account']}/partners", partner)["box_id"]
    client = EDI[name].connect(http, Clock())
    login, password = account["login"], account["password"]
    credentials = EdiToken(account["api_url"], account["client_id"], login=login, password=password)
    token = taken(await client.obtain_token(credentials)).access_token
    permit = Permit(name, account["api_url"], token, 10, datetime.now(UTC), {"box_id": account["box_id"]})
    draft = ClosingDraft("1", DAY, LINES, box, "Сделка №1")
    posting = Posting(box, taken(await client.write_title(permit, draft)), "sverka:act-1", "Сделка №1", "1", DAY)
    ref = taken(await client.post(permit, posting, key="first"))
    for by in ("us", "partner"):
        control.post(f"/{name}/{account['account']}/documents/1/sign", {"by": by})
    for file in (client.print_form, client.archive):
        await file(permit, ref)
    calls: dict[str, Ask] = {
        "find a box": lambda permit: client.find_boxes(permit, partner["inn"], partner["kpp"]),
        "write a title": lambda permit: client.write_title(permit, draft),
        "post a document": lambda permit: client.post(permit, posting, key="first"),
        "read a document": lambda permit: client.document(permit, ref),
        "news": lambda permit: client.news(permit, ""),
        "print form": lambda permit: client.print_form(permit, ref),
        "signed archive": lambda permit: client.archive(permit, ref),
    }
    return Subject(name, permit, calls)


def _register(name: str, control: Json, http: Transport) -> Subject:
    control.post(f"/{name}/companies", {"inn": INN, "kpp": "770901001", "ogrn": "1237700012340", "name": "ООО «Лотос»"})
    account = control.post(f"/{name}/accounts", {"title": "Вектор"})
    client = REGISTERS[name].connect(http, Clock())
    token = f"{account['api_key']} {account.get('secret', '')}".strip()
    permit = Permit(name, account["api_url"], token, 10, datetime.now(UTC))
    return Subject(name, permit, {"company by INN": lambda permit: client.by_inn(permit, INN)})
