"""A simulated accounting service: all that does not depend on its wire."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Generic

from sandbox.accounting.control import Control, parse_dials
from sandbox.accounting.gate import B
from sandbox.accounting.pages import Pages
from sandbox.accounting.records import Account, Counterparty
from sandbox.core.roster import TenantPlan
from sandbox.core.vendor import Change, EventPost, SeedSpec, Timer
from sandbox.core.wire import Route
from sandbox.core.world import World


class AccountingService(Generic[B]):
    """The base of accounting vendors. What is missing for the core's `Vendor` is the vendor's wire: `routes` and
    `fault_reply`; and `connection`, which names what one needs to enter an account."""

    name: str
    title: str
    seeded_always: bool = False
    """Whether a seed makes its accounts also when it names another accounting service, or none."""

    def __init__(self, world: World, book: B) -> None:
        self._world = world
        self.book = book

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        """Addresses and credentials by their names, below a base address."""
        raise NotImplementedError

    def control(self) -> Control:
        """What people do inside an account; a vendor may add to it."""
        return Control(self._world, self.book, self.name, self.connection)

    def control_routes(self) -> Sequence[Route]:
        return self.control().routes()

    def pages(self) -> Sequence[Route]:
        return Pages(self.book, self.name, self.title).routes()

    def apply(self, change: Change) -> None:
        self.book.apply(change)

    def run_timer(self, timer: Timer) -> None:
        raise ValueError(f"no timer {timer.op!r} is known here")

    def forge(self, post: EventPost) -> EventPost:
        """The same; a vendor that sends events says how a stranger would send them."""
        return post

    def accounts(self) -> list[dict[str, str]]:
        return [
            {"account": account.id, "title": account.title, "page": f"/pages/{self.name}/{account.id}"}
            for account in self.book.accounts.values()
        ]

    def snapshot(self, account: str | None) -> dict[str, Any]:
        if account is not None:
            return self.book.accounts[account].as_json()
        return {account_id: one.as_json() for account_id, one in self.book.accounts.items()}

    def seed(self, spec: SeedSpec) -> dict[str, str]:
        """One account per tenant if the seed's `accounting` names this vendor; it knows `known_buyers_per_account` of
        the tenant's buyers (a third by default). The key of the vendor's name holds dials."""
        if spec.options.get("accounting", self.name if self.seeded_always else "") != self.name:
            return {}
        dials = parse_dials(spec.options.get(self.name) or {}, self.book.dials_type)
        env: dict[str, str] = {}
        for plan in spec.roster.tenants:
            known = int(spec.options.get("known_buyers_per_account", -(-len(plan.buyers) // 3)))
            account = self.book.accounts.get(f"{self.name}-{plan.slug}")
            if account is None:
                account = self._opened(plan, spec.roster.seed, known)
                if dials:
                    self.book.turn_dials(account, dials)
            env |= self._lines(account, plan.index, spec.base_url, known)
        return env

    def _opened(self, plan: TenantPlan, seed: int, known: int) -> Account:
        digest = hashlib.sha256(f"{self.name}|{seed}|{plan.slug}".encode()).hexdigest()
        account = self.book.open_account(
            account_id=f"{self.name}-{plan.slug}",
            title=plan.title,
            inn=plan.seller.inn,
            client_id=f"client-{plan.slug}-{digest[:8]}",
            client_secret=digest[8:48],
        )
        for buyer in plan.buyers[:known]:
            card = Counterparty(
                full_name=buyer.full_name,
                short_name=buyer.name,
                inn=buyer.inn,
                kpp=buyer.kpp or None,
                ogrn=buyer.ogrn,
                address=buyer.address,
                email=buyer.email,
                phone=buyer.phone,
                type="entrepreneur" if buyer.is_entrepreneur else "legal",
            )
            self.book.put_counterparty(account, card)
        return account

    def _lines(self, account: Account, index: int, base_url: str, known: int) -> dict[str, str]:
        prefix = f"{self.name.upper().replace('-', '_')}_{index}"
        known_ids = list(account.records["counterparties"])[:known]
        return {
            f"{prefix}_ACCOUNT": account.id,
            f"{prefix}_INN": account.inn,
            f"{prefix}_OWN_ACCOUNT": account.own_account,
            **{f"{prefix}_{key.upper()}": value for key, value in self.connection(account, base_url).items()},
            **({f"{prefix}_COUNTERPARTY_IDS": ",".join(known_ids)} if known_ids else {}),
        }

    def clear(self) -> None:
        self.book.clear()

    async def start(self) -> None:
        """Nothing runs by itself: what waits is a matter of business time."""

    async def stop(self) -> None:
        """Nothing runs by itself."""
