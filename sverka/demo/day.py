"""Plays the plan: sets the stage through the API and the sandbox, then does phase by phase what people do."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as day_time
from pathlib import Path
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

from sverka.api import Api
from sverka.demo.accountant import Accountant
from sverka.demo.actions import (
    Action,
    AddGoods,
    Decide,
    Enter,
    FillKpp,
    Move,
    Pay,
    Phase,
    Refund,
    Rename,
    Reverse,
)
from sverka.demo.plan import OVERDUE_DAYS, PREPAYMENT, Plan, PlannedDeal
from sverka.demo.settling import LOOK_SECONDS, settle
from sverka.demo.tenant_files import write_tenant_file
from sverka.demo.world import Pair, World
from sverka.endings import NotAsWished
from sverka.language import tr
from sverka.models import StatusDocument
from sverka.status import StatusQuestion
from sverka.tenants import read_tenant_file

ZONE: Final = ZoneInfo("Europe/Moscow")
START: Final = datetime(2026, 9, 15, 9, 0, tzinfo=ZONE)
"""A Tuesday with no holidays near: three days on is a Friday, so due dates stay where they are."""
DUE: Final = date(2026, 9, 18)
REMINDER_DAYS: Final = (3, OVERDUE_DAYS)
LOOK_AT: Final = day_time(9, 10)
CLOCK_RATE: Final = 60.0
DOUBT_ROUNDS_MAX: Final = 6


@dataclass(slots=True)
class StagedDeal:
    """A planned deal in its portal, with what happened that could not be planned: ids."""

    plan: PlannedDeal
    pair: Pair
    deal_id: int
    requisite: int | None = None
    twin_company: int | None = None
    payment: str = ""
    troubles: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Watch:
    """What a demonstration tells while it goes on."""

    phase: Callable[[str], None]
    look: Callable[[StatusDocument], None]


class Day:
    """One demonstration on one running installation."""

    def __init__(
        self, plan: Plan, world: World, api: Api, question: StatusQuestion, watch: Watch, *, seconds_max: float
    ) -> None:
        """`seconds_max`: how long one phase may take to come to rest, real seconds."""
        self.plan = plan
        self.world = world
        self.accountant = Accountant(api, world)
        self.pairs: list[Pair] = []
        self.deals: list[StagedDeal] = []
        self.unsettled: list[str] = []
        self._api = api
        self._question = question
        self._watch = watch
        self._seconds_max = seconds_max

    def prepare(self, folder: Path, seed: int) -> None:
        """Portals, accounts, tenants, buyers and deals in their first stage."""
        self.world.start_clock(START, CLOCK_RATE)
        self.pairs = self.world.seed(len(self.plan.tenants), seed)
        for tenant, pair in zip(self.plan.tenants, self.pairs, strict=True):
            read = read_tenant_file(write_tenant_file(folder, tenant, pair, START, self.world.service), pair.env)
            hook = self._api.apply(read.tenant, read.document(), dry_run=False)["webhook_urls"]["bitrix24"]
            if tenant.by_app:
                self.world.install(pair.slug, hook)
            else:
                self.world.subscribe(pair.slug, hook)
        for tenant, pair in zip(self.plan.tenants, self.pairs, strict=True):
            if tenant.by_app:
                self._wait_connected(pair.slug)
        self.deals = [self._staged(deal, self.pairs[deal.tenant - 1]) for deal in self.plan.deals]

    def play(self, tell: Callable[[Phase], str]) -> None:
        """The whole day and the week after it; returns when all is at rest, or when a phase took too long."""
        for phase in (Phase.MORNING, Phase.REPAIRS, Phase.MONEY, Phase.MORE_MONEY, Phase.CLOSING):
            self._act(phase, tell(phase))
        for days in REMINDER_DAYS:
            moment = datetime.combine(DUE + timedelta(days=days), LOOK_AT, ZONE)
            self._watch.phase(f"{moment:%d.%m.%Y}")
            self.world.set_clock(moment)
            self._settle(f"{moment:%d.%m.%Y}")
        self._act(Phase.DECISIONS, tell(Phase.DECISIONS))

    def _wait_connected(self, slug: str) -> None:
        deadline = time.monotonic() + self._seconds_max
        while not (self._api.tenant(slug)["portal"]["state"] == "connected" and self.world.hears(slug)):
            if time.monotonic() > deadline:
                raise NotAsWished(
                    tr(
                        f"The application of {slug} was not connected within {self._seconds_max:.0f} s.",
                        f"Приложение портала {slug} не подключилось за {self._seconds_max:.0f} с.",
                    )
                )
            time.sleep(LOOK_SECONDS)

    def _staged(self, deal: PlannedDeal, pair: Pair) -> StagedDeal:
        buyer = deal.buyer
        staged = StagedDeal(deal, pair, 0)
        card: dict[str, Any] = {"title": deal.title, "rows": list(deal.rows)}
        if buyer.kind == "person":
            first, last = buyer.name.split(" ", 1)
            person = {"name": first, "last_name": last, "email": buyer.email}
            card["contact"] = self.world.add_contact(pair.slug, person)
        else:
            company = {"title": buyer.name, "inn": deal.crm_inn}
            company |= {"kpp": deal.crm_kpp} if deal.crm_kpp else {}
            card["company"], staged.requisite = self.world.add_company(pair.slug, company)
            if deal.twin:
                staged.twin_company, _ = self.world.add_company(pair.slug, company)
            if buyer.known:
                record = {"fullName": buyer.name, "inn": buyer.inn} | ({"kpp": buyer.kpp} if buyer.kpp else {})
                self.world.know_buyer(pair.account, record)
        staged.deal_id = self.world.add_deal(pair.slug, card)
        return staged

    def _act(self, phase: Phase, name: str) -> None:
        doing = [(deal, actions) for deal in self.deals for when, actions in deal.plan.steps if when is phase]
        if not doing:
            return
        self._watch.phase(name)
        for deal, actions in doing:
            self._do_all(deal, actions)
        self._settle(name)

    def _do_all(self, deal: StagedDeal, actions: Iterable[Action]) -> None:
        try:
            for action in actions:
                self._do(deal, action)
        except NotAsWished as refusal:  # what is missing is shown by the verdict, with this beside it
            deal.troubles.append(str(refusal))

    def _do(self, deal: StagedDeal, action: Action) -> None:
        world, slug, account = self.world, deal.pair.slug, deal.pair.account
        match action:
            case Enter(unheard=False):
                world.move(slug, deal.deal_id, PREPAYMENT)
            case Enter():
                lost = {"vendor": "bitrix24", "account": slug, "operation": "event:*", "kind": "drop", "rate": 1}
                rules = world.add_faults([lost])
                world.move(slug, deal.deal_id, PREPAYMENT)
                for rule in rules:
                    world.remove_fault(rule)
            case Move():
                world.move(slug, deal.deal_id, action.stage)
            case FillKpp():
                assert deal.requisite is not None, "the scenario's buyer is a company"
                world.fill_requisite(slug, deal.requisite, {"RQ_KPP": deal.plan.buyer.kpp})
            case AddGoods():
                extra = {"name": "Доставка", "price": f"{action.kopecks / 100:.2f}", "quantity": "1"}
                first = deal.plan.rows[0]
                extra |= {"vat": first["vat"]} if "vat" in first else {}
                world.replace_rows(slug, deal.deal_id, [*deal.plan.rows, extra])
            case Pay():
                money = {"amount_kopecks": action.kopecks, "listed_twice": action.listed_twice}
                deal.payment = world.pay(account, {"invoice": self._number(deal), **money})
            case Refund():
                money = {"amount_kopecks": action.kopecks, "refund": True}
                world.pay(account, {"invoice": self._number(deal), **money})
            case Reverse():
                world.reverse(account, deal.payment)
            case Rename():
                deal.payment = world.rename(account, deal.payment)
            case Decide():
                if not self.accountant.decide_planned(slug, str(deal.deal_id), action.kind, action.choice):
                    deal.troubles.append(f"no open card with the choice {action.choice}")
            case _:
                assert_never(action)

    def _number(self, deal: StagedDeal) -> str:
        """The invoice as the buyer got it: its number stands on the deal."""
        shown = self.world.deal(deal.pair.slug, deal.deal_id)["deal"]
        number = str(shown.get("UF_CRM_INVOICE_NUMBER") or "")
        if not number:
            raise NotAsWished("the deal shows no invoice that could be paid")
        return number

    def _settle(self, name: str) -> None:
        for _ in range(DOUBT_ROUNDS_MAX):
            if not settle(self._question, self.world, seconds_max=self._seconds_max, look=self._watch.look):
                self.unsettled.append(name)
                return
            if not sum(self.accountant.clear_doubts(pair.slug, pair.account) for pair in self.pairs):
                return
        self.unsettled.append(name)
