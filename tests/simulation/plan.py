"""What people, buyers and banks do in a run: tenants, deals, and a short list of acts for each deal, by the seed."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from chassis.ids import TenantId
from chassis.values.lines import SourceRow
from services.ingest.domain import portal
from services.ingest.domain.values import Connection, Funnel, Policies, Seller, Settings, Steps, Tax
from tests.simulation.accounting import FORBIDDEN
from tests.simulation.chance import Chance

BEGIN = dt.datetime(2026, 3, 11, 6, 0, tzinfo=dt.UTC)
PHASES = (
    BEGIN,
    BEGIN + dt.timedelta(hours=5),
    BEGIN + dt.timedelta(days=8),
    BEGIN + dt.timedelta(days=8, hours=5),
)
"""When each act of a deal may happen, where acts wait for each other: an invoice is overdue by the third."""

TRIGGER, ACT, PAID = "PREPAYMENT_INVOICE", "WON", "PAID"
FIELDS = {
    "invoice_number": "UF_NUMBER",
    "invoice_date": "UF_DATE",
    "invoice_url": "UF_URL",
    "invoice_status": "UF_STATUS",
    "invoice_pdf": "UF_PDF",
    "paid": "UF_PAID",
    "overdue_days": "UF_OVERDUE",
    "act_number": "UF_ACT",
    "act_pdf": "UF_ACT_PDF",
}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens to a deal. ``what`` is enter, edit, pay, refund, vanish, rename, correct, stray, fix,
    delete or restore; ``stage``, ``share`` (of the invoice's total, in percent) and ``times`` go with some of them."""

    what: str
    stage: str = ""
    share: int = 0
    times: int = 1


@dataclass(frozen=True, slots=True)
class BuyerPlan:
    """Who buys, and what the accounting service holds of them beforehand: records by their KPP."""

    buyer_id: str
    inn: str
    kpp: str
    is_person: bool = False
    records: tuple[str, ...] = ()
    wrong_inn: str = ""


@dataclass(frozen=True, slots=True)
class DealPlan:
    """One deal. ``keep`` is what a person answers when it was changed after its invoice. A ``wrong_inn`` of its buyer
    stands in the CRM until ``fix``."""

    tenant: TenantId
    deal_id: str
    buyer: BuyerPlan
    rows: tuple[SourceRow, ...]
    acts: tuple[Act, ...]
    keep: bool = True


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """One tenant with its settings."""

    tenant: TenantId
    settings: Settings

    @property
    def crm_account(self) -> str:
        """The account of its portal."""
        return portal.crm_account(self.tenant)

    @property
    def account(self) -> str:
        """The account of its only seller."""
        return accounting_account(self.tenant)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run."""

    tenants: tuple[TenantPlan, ...]
    deals: tuple[DealPlan, ...]


def accounting_account(tenant: TenantId) -> str:
    """The account of a tenant's only seller."""
    return portal.accounting_account("elba", tenant, "main")


def make_plan(seed: int, deals: int) -> Plan:
    """The plan of a seed. Tenants have deals and buyers of the same ids."""
    chance = Chance("plan", seed)
    tenants = tuple(_tenant(name, chance) for name in ("vektor", "sever")[: chance.whole(1, 2)])
    made = []
    for number in range(deals):
        tenant = tenants[number % len(tenants)]
        made.append(_deal(tenant.tenant, 101 + number // len(tenants), chance))
    return Plan(tenants, tuple(made))


def _tenant(name: str, chance: Chance) -> TenantPlan:
    tenant = TenantId(name)
    seller = Seller(
        seller_id="main",
        inn="7736207543",
        connection=Connection(account=accounting_account(tenant), vendor="elba", profile="seed"),
        tax=(Tax(valid_from=dt.date(2025, 1, 1), regime="usn_income", vat="exempt"),),
        payments_poll_seconds=900.0,
    )
    funnel = Funnel(
        category_id="0", issue_invoice=(TRIGGER,), issue_act=(ACT,), waiting_for_payment=(TRIGGER,), paid=PAID
    )
    settings = Settings(
        name=name,
        activated_at=BEGIN - dt.timedelta(days=1),
        language="ru" if name == "vektor" else "en",
        crm_account=portal.crm_account(tenant),
        funnels=(funnel,),
        fields=FIELDS,
        admin_chat="chat1" if chance.happens(0.5) else "",
        sellers=(seller,),
        policies=Policies(act_requires_paid=chance.happens(0.4)),
        steps=Steps(reverse_sync=False),  # nobody enters companies in the simulated accounting
        sweep_seconds=900.0,
    )
    return TenantPlan(tenant, settings)


def _deal(tenant: TenantId, number: int, chance: Chance) -> DealPlan:
    buyer = _buyer(number, chance)
    refused = chance.happens(0.08) and not buyer.wrong_inn
    rows = tuple(_row(place, chance) for place in range(chance.whole(1, 2)))
    if refused:
        rows = (SourceRow(FORBIDDEN, Decimal(1), Decimal(100), None, "none", True), *rows)
    acts = [Act("enter", TRIGGER)]
    if buyer.wrong_inn:
        acts.append(Act("fix"))
    elif refused:
        acts.append(Act("edit", times=chance.whole(1, 3)))
    left = chance.weighed(((1, 0.45), (2, 0.35), (3, 0.2))) - (len(acts) - 1)
    paid = False
    for _ in range(left):
        acts.append(_act(chance, paid=paid))
        paid = paid or acts[-1].what == "pay"
        if acts[-1].what == "delete":
            acts.append(Act("restore"))
    return DealPlan(tenant, str(number), buyer, rows, tuple(acts[: len(PHASES)]), keep=chance.happens(0.5))


def _act(chance: Chance, *, paid: bool) -> Act:
    what = chance.weighed(
        (
            ("pay", 0.4),
            ("edit", 0.2),
            ("again", 0.08),
            ("act", 0.16),
            ("stray", 0.06),
            ("delete", 0.04),
            *((one, 0.06) for one in ("refund", "vanish", "rename", "correct") if paid),
        )
    )
    match what:
        case "pay":
            return Act("pay", share=chance.weighed(((100, 0.6), (50, 0.2), (33, 0.1), (130, 0.1))))
        case "edit":
            return Act("edit", times=chance.whole(1, 3))
        case "again":
            return Act("enter", TRIGGER)
        case "act":
            return Act("enter", ACT)
        case "refund":
            return Act("refund", share=chance.pick((100, 40)))
        case _:
            return Act(what)


def _row(place: int, chance: Chance) -> SourceRow:
    quantity = Decimal(chance.pick(("1", "2", "3", "0.5", "1.25")))
    price = Decimal(chance.whole(100, 99_999)) / 100 * 4
    return SourceRow(f"Товар {place + 1}", quantity, price, None, "none", True)


def _buyer(number: int, chance: Chance) -> BuyerPlan:
    kind = chance.weighed(
        (
            ("shared", 0.3),
            ("own", 0.25),
            ("known", 0.12),
            ("person", 0.12),
            ("wrong", 0.1),
            ("double", 0.06),
            ("branch", 0.05),
        )
    )
    kpp = "770101001"
    if kind == "shared":
        one = chance.whole(1, 3)
        return BuyerPlan(str(one), inn_of(one), kpp)
    own = 1000 + number
    inn = inn_of(own)
    match kind:
        case "person":
            return BuyerPlan(str(own), "", "", is_person=True)
        case "known":
            return BuyerPlan(str(own), inn, kpp, records=(kpp,))
        case "double":
            return BuyerPlan(str(own), inn, kpp, records=(kpp, kpp))
        case "branch":
            return BuyerPlan(str(own), inn, kpp, records=("780102002",))
        case "wrong":
            return BuyerPlan(str(own), inn, kpp, wrong_inn=inn[:9] + str((int(inn[9]) + 1) % 10))
        case _:
            return BuyerPlan(str(own), inn, kpp)


def inn_of(number: int) -> str:
    """A company's INN with its right check digit."""
    digits = f"77{number:07d}"
    weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)
    check = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11 % 10
    return f"{digits}{check}"


def edited(rows: tuple[SourceRow, ...]) -> tuple[SourceRow, ...]:
    """What is sold after an edit: dearer by a fifth, and without what the vendor refuses."""
    return tuple(
        SourceRow(row.name, row.quantity, row.price + Decimal("12.40"), None, "none", True)
        for row in rows
        if row.name != FORBIDDEN
    )
