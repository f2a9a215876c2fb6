"""Managers and buyers: each deal's steps, done as soon as what they wait for is seen; never sooner, whatever breaks."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any, assert_never

from tests.chaos.campaign.plan import (
    INVOICING,
    LOST,
    NEW,
    AddGoods,
    ByHand,
    Change,
    Decide,
    Enter,
    FillKpp,
    FixInn,
    Flap,
    Lose,
    Move,
    Pay,
    PlannedDeal,
    Refund,
    Step,
)
from tests.chaos.campaign.view import View
from tests.chaos.campaign.world import Pair, Refused, World

NUMBER = "UF_CRM_INVOICE_NUMBER"
STATUS = "UF_CRM_INVOICE_STATUS"
PDF = "UF_CRM_INVOICE_PDF"
PAID_FIELD = "UF_CRM_PAID"
NEEDS_DATA = "Не хватает данных"
THINK_SECONDS_MAX = 1.0
LATE_ROW = {"name": "Доставка", "price": "1500.00", "quantity": "1"}


@dataclass(slots=True)
class StagedDeal:
    """A planned deal in its portal; `deeds` is what was done with it, with real times."""

    plan: PlannedDeal
    pair: Pair
    deal_id: int
    requisite: int = 0
    payment: str = ""
    off_kopecks: int = 0
    """By how much the vendor's total differs from the planned one."""
    paid_off_kopecks: int = 0
    """The same, once it was paid: whoever pays in full pays what the invoice says."""
    done: bool = False
    trouble: str = ""
    deeds: list[dict[str, Any]] = field(default_factory=list)


class People:
    """Plays deals. `decisions` are the steps that the accountant takes for them, by (slug, deal)."""

    def __init__(self, world: World, view: View) -> None:
        self._world = world
        self._view = view
        self.decisions: dict[tuple[str, int], Decide] = {}
        self._to_come: dict[tuple[str, int], list[str]] = {}
        self.taken: set[tuple[str, int]] = set()

    async def set_the_stage(self, plan_deal: PlannedDeal, pair: Pair) -> StagedDeal:
        """The deal in its first stage, with its buyer in the portal and, where planned, in the account."""
        world, buyer = self._world, plan_deal.buyer
        staged = StagedDeal(plan_deal, pair, 0)
        card: dict[str, Any] = {"title": plan_deal.title, "rows": list(plan_deal.rows), **plan_deal.card}
        if buyer.kind == "person":
            first, last = buyer.name.split(" ", 1)
            card["contact"] = await world.add_contact(
                pair.slug, {"name": first, "last_name": last, "email": buyer.email}
            )
        else:
            company = {"title": buyer.name, "inn": plan_deal.crm_inn}
            company |= {"kpp": plan_deal.crm_kpp} if plan_deal.crm_kpp else {}
            card["company"], staged.requisite = await world.add_company(pair.slug, company)
            if plan_deal.twin:
                await world.add_company(pair.slug, company)
            await self._know(pair, plan_deal)
        staged.deal_id = await world.add_deal(pair.slug, card)
        kinds = [step.kind for step in plan_deal.steps if isinstance(step, Decide)]
        self._to_come[pair.slug, staged.deal_id] = kinds
        return staged

    def wanted_later(self, deal: tuple[str, int]) -> list[str]:
        """The kinds of cards that steps of a deal still want."""
        return self._to_come.get(deal, [])

    async def _know(self, pair: Pair, deal: PlannedDeal) -> None:
        buyer = deal.buyer
        record = {"fullName": buyer.name, "inn": buyer.inn} | ({"kpp": buyer.kpp} if buyer.kpp else {})
        match buyer.records:
            case "none":
                return
            case "own":
                await self._world.know_buyer(pair.account, record)
            case "double":
                await self._world.know_buyer(pair.account, record)
                await self._world.know_buyer(pair.account, record)
            case "branch":
                other = {**record, "kpp": f"{buyer.inn[:4]}02002"} if buyer.kpp else record
                await self._world.know_buyer(pair.account, other)
            case _:
                assert_never(buyer.records)

    async def play(self, deal: StagedDeal, starts: float, chance: random.Random) -> None:
        """All steps of one deal; `starts` by the monotonic clock."""
        await asyncio.sleep(max(0.0, starts + deal.plan.starts_at - time.monotonic()))
        try:
            for step in deal.plan.steps:
                await self._do(deal, step)
                deal.deeds.append({"do": type(step).__name__, "real": time.time()})
                deal.done = step is deal.plan.steps[-1]
                await asyncio.sleep(chance.uniform(0, THINK_SECONDS_MAX))
        except Refused as refused:
            deal.trouble = str(refused)

    async def _do(self, deal: StagedDeal, step: Step) -> None:
        world, slug, account, deal_id = self._world, deal.pair.slug, deal.pair.account, deal.deal_id
        match step:
            case Enter():
                await world.move(slug, deal_id, INVOICING)
            case Move():
                await self._invoice_shown(deal)
                if step.after:
                    await self._view.until(lambda: self._shown(deal, "STAGE_ID") == step.after)
                await world.move(slug, deal_id, step.stage)
            case Flap():
                for _ in range(step.times):
                    await world.move(slug, deal_id, NEW)
                    await world.move(slug, deal_id, INVOICING)
            case Pay():
                await self._pay(deal, step)
            case Refund():
                await self._paid(deal, step.paid_kopecks)
                invoice = await self._invoice(deal)
                await world.elba(
                    "POST", account, "/payments",
                    {"invoice": invoice["id"], "amount_kopecks": step.kopecks, "refund": True},
                )  # fmt: skip
            case Change():
                await self._paid(deal, step.paid_kopecks)
                await self._change(deal, step)
            case FillKpp():
                await self._view.until(lambda: self._shown(deal, STATUS) == NEEDS_DATA)
                await world.edit_requisite(slug, deal.requisite, {"RQ_KPP": deal.plan.buyer.kpp})
            case FixInn():
                await self._view.until(lambda: self._shown(deal, STATUS) == NEEDS_DATA)
                await world.edit_requisite(slug, deal.requisite, {"RQ_INN": deal.plan.buyer.inn})
            case AddGoods():
                await self._invoice_shown(deal)
                extra: dict[str, Any] = {
                    "name": "Доставка", "price": f"{step.kopecks / 100:.2f}", "quantity": "1",
                }  # fmt: skip
                first = deal.plan.rows[0]
                extra |= {"vat": first["vat"]} if "vat" in first else {}
                await world.replace_rows(slug, deal_id, [*deal.plan.rows, extra])
            case Lose():
                await self._view.until(lambda: self._shown(deal, STATUS) == NEEDS_DATA)
                await world.move(slug, deal_id, LOST)
                await world.replace_rows(slug, deal_id, [dict(LATE_ROW)])
            case ByHand():
                await self._view.until(lambda: self._shown(deal, PDF))
                await self._by_hand(deal, step)
            case Decide():
                self.decisions[slug, deal_id] = step
                await self._view.until(lambda: (slug, deal_id) in self.taken)
                self.taken.discard((slug, deal_id))
                self._to_come[slug, deal_id].remove(step.kind)
            case _:
                assert_never(step)

    async def _pay(self, deal: StagedDeal, step: Pay) -> None:
        if not step.early:
            await self._invoice_shown(deal)
        invoice = await self._invoice(deal)
        total = deal.plan.expected.total_kopecks
        deal.off_kopecks = invoice["sum_kopecks"] - total
        if _paid_by(deal, step) == total:
            deal.paid_off_kopecks = deal.off_kopecks
        amount = step.kopecks + (deal.off_kopecks if _paid_by(deal, step) == total else 0)
        body: dict[str, Any] = {"invoice": invoice["id"], "amount_kopecks": amount}
        body |= {"listed_twice": True} if step.listed_twice else {}
        body |= {"late_seconds": step.late_seconds} if step.late_seconds else {}
        done = await self._world.elba("POST", deal.pair.account, "/payments", body)
        deal.payment = str(done["id"])

    async def _change(self, deal: StagedDeal, step: Change) -> None:
        path, account = f"/payments/{deal.payment}", deal.pair.account
        match step.how:
            case "removed":
                deal.paid_off_kopecks = 0
                await self._world.elba("POST", account, f"{path}/remove", {})
            case "vanished":
                deal.paid_off_kopecks = 0
                await self._world.elba("POST", account, f"{path}/remove", {"vanish": True})
            case "renamed":
                deal.payment = str((await self._world.elba("POST", account, f"{path}/rename", {}))["id"])
            case "revised":
                in_full = step.to_kopecks == deal.plan.expected.total_kopecks
                deal.paid_off_kopecks = deal.off_kopecks if in_full else 0
                amount = step.to_kopecks + deal.paid_off_kopecks
                await self._world.elba("PATCH", account, path, {"amount_kopecks": amount})
            case _:
                assert_never(step.how)

    async def _by_hand(self, deal: StagedDeal, step: ByHand) -> None:
        invoice = await self._invoice(deal)
        path, account = f"/invoices/{invoice['id']}", deal.pair.account
        match step.how:
            case "edited":
                comment = f"{invoice['comment']} Отгрузка в пятницу."
                await self._world.elba("PATCH", account, path, {"comment": comment})
            case "deleted":
                await self._world.elba("DELETE", account, path)
            case "cancelled":
                await self._world.elba("POST", account, f"{path}/cancel", {})
            case _:
                assert_never(step.how)

    async def _invoice_shown(self, deal: StagedDeal) -> None:
        await self._view.until(lambda: self._shown(deal, NUMBER))

    async def _invoice(self, deal: StagedDeal) -> dict[str, Any]:
        def live() -> dict[str, Any] | None:
            found = self._view.documents(deal.pair.account, "invoices", deal.deal_id)
            return next((invoice for invoice in found if not invoice["cancelled"]), None)

        found: dict[str, Any] = await self._view.until(live)
        return found

    async def _paid(self, deal: StagedDeal, kopecks: int) -> None:
        wanted = kopecks + deal.paid_off_kopecks
        await self._view.until(lambda: kopecks_of(self._shown(deal, PAID_FIELD)) == wanted)

    def _shown(self, deal: StagedDeal, field_name: str) -> Any:
        return self._view.deal(deal.pair.slug, deal.deal_id).get(field_name)


def _paid_by(deal: StagedDeal, last: Pay) -> int:
    """What the plan has paid up to a step, kopecks."""
    paid = 0
    for step in deal.plan.steps:
        paid += step.kopecks if isinstance(step, Pay) else 0
        if step is last:
            break
    return paid


def kopecks_of(value: Any) -> int:
    """A money field as the portal keeps it: `1500.50|RUB`."""
    roubles, _, rest = str(value or "0").split("|")[0].partition(".")
    return int(roubles or 0) * 100 + int(f"{rest[:2]:0<2}")
