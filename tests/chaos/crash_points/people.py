"""Managers, buyers and an accountant who do their part of each deal as soon as the portal shows that it is due."""

import random
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sverka.api import Api
from sverka.demo.accountant import Accountant
from sverka.demo.day import StagedDeal
from sverka.demo.drawing import legal_inn
from sverka.demo.plan import PAID, PREPAYMENT, WON, Buyer, Expected, PlannedDeal, PlannedTenant
from sverka.demo.tenant_files import write_tenant_file
from sverka.demo.verdict import Verdict, judge
from sverka.demo.world import Pair, World
from sverka.endings import NotAsWished
from sverka.tenants import read_tenant_file

DEALS_PER_TENANT: Final = 2
LOOK_AT_CARDS_SECONDS: Final = 1.0
PRICE_KOPECKS: Final = 100_050
PAID_STATUS: Final = "Оплачен"


class Turn(StrEnum):
    """Whose turn it is."""

    INVOICE = "invoice"  # ours: the deal waits for its invoice
    MONEY = "money"  # ours: the payment is to be seen
    ACT = "act"
    NOBODYS = "nobody's"


@dataclass(slots=True)
class OpenDeal:
    """A deal with when its manager began it, seconds of the monotonic clock."""

    staged: StagedDeal
    began_at: float
    turn: Turn = Turn.INVOICE


class People:
    """All of one installation. ``work`` again and again; each call does what can be done now."""

    def __init__(
        self, world: World, api: Api, pairs: list[Pair], activated_at: datetime, files: Path, chance: random.Random
    ) -> None:
        """``pairs`` become tenants one after another, as their turn comes."""
        self.deals: list[OpenDeal] = []
        self._world = world
        self._api = api
        self._waiting = pairs
        self._pairs: list[Pair] = []
        self._activated_at = activated_at
        self._files = files
        self._chance = chance
        self._accountant = Accountant(api, world)
        self._cards_at = 0.0

    def open(self) -> list[OpenDeal]:
        """The deals that have not come to their end."""
        return [deal for deal in self.deals if deal.turn is not Turn.NOBODYS]

    def work(self, deals_open_max: int) -> None:
        """Begins deals while fewer are open, takes each a step further, looks at the cards now and then."""
        if len(self.open()) < deals_open_max:
            self._begin()
        for deal in self.open():
            self._go_on(deal)
        if time.monotonic() >= self._cards_at:
            self._cards_at = time.monotonic() + LOOK_AT_CARDS_SECONDS
            self._answer_cards()

    def verdict(self) -> Verdict:
        """What the portals and the accounts show in the end."""
        staged = [deal.staged for deal in self.deals]
        return judge(self._world, staged, self._pairs, self._accountant.found_acts())

    def _begin(self) -> None:
        number = len(self.deals)
        if number >= DEALS_PER_TENANT * len(self._pairs) and not self._welcome():
            return
        pair = self._pairs[-1]
        inn = legal_inn(self._chance)
        buyer = Buyer("company", f"ООО «Покупатель {number}»", inn, f"{inn[:4]}01001")
        row = {"name": "Стеллаж", "price": f"{PRICE_KOPECKS / 100:.2f}", "quantity": "2"}
        total = 2 * PRICE_KOPECKS
        planned = PlannedDeal(
            number=number, tenant=pair.number, scenario="", title=f"Сделка {number}", buyer=buyer, crm_inn=inn,
            crm_kpp=buyer.kpp, twin=False, rows=(row,), steps=(),
            expected=Expected(acts=1, total_kopecks=total, paid_kopecks=total, status="paid", stage=WON),
        )  # fmt: skip
        company, requisite = self._world.add_company(pair.slug, {"title": buyer.name, "inn": inn, "kpp": buyer.kpp})
        deal_id = self._world.add_deal(pair.slug, {"title": planned.title, "rows": [row], "company": company})
        self._world.move(pair.slug, deal_id, PREPAYMENT)
        assert requisite is not None, "the company has an INN"
        self._world.fill_requisite(pair.slug, requisite, {"RQ_KPP": buyer.kpp})
        self.deals.append(OpenDeal(StagedDeal(planned, pair, deal_id), time.monotonic()))

    def _welcome(self) -> bool:
        """The next tenant, if one is left and ingest takes it; it may be dead just now, or die before it answers."""
        if not self._waiting:
            return False
        pair = self._waiting[0]
        read = read_tenant_file(
            write_tenant_file(self._files, PlannedTenant(pair.number, "exempt"), pair, self._activated_at), pair.env
        )
        try:
            applied = self._api.apply(read.tenant, read.document(), dry_run=False)
        except NotAsWished:
            return False
        self._world.subscribe(pair.slug, applied["webhook_urls"]["bitrix24"])
        self._pairs.append(self._waiting.pop(0))
        return True

    def _go_on(self, deal: OpenDeal) -> None:
        slug, account, deal_id = deal.staged.pair.slug, deal.staged.pair.account, deal.staged.deal_id
        shown: dict[str, Any] = self._world.deal(slug, deal_id)["deal"]
        match deal.turn:
            case Turn.INVOICE if number := shown["UF_CRM_INVOICE_NUMBER"]:
                self._world.pay(account, {"invoice": number, "amount_kopecks": 2 * PRICE_KOPECKS})
                deal.turn = Turn.MONEY
            case Turn.MONEY if (shown["UF_CRM_INVOICE_STATUS"], shown["stageId"]) == (PAID_STATUS, PAID):
                self._world.move(slug, deal_id, WON)
                deal.turn = Turn.ACT
            case Turn.ACT if shown["UF_CRM_ACT_NUMBER"]:
                deal.turn = Turn.NOBODYS

    def _answer_cards(self) -> None:
        for pair in {deal.staged.pair.slug: deal.staged.pair for deal in self.open()}.values():
            try:
                self._accountant.clear_doubts(pair.slug, pair.account)
            except NotAsWished:  # the owner is dead just now
                return
