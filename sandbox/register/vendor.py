"""A provider of the register as the sandbox's vendor: control, pages, seed; its own API is a subclass's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from sandbox.core.faults import Fault
from sandbox.core.pages import environment
from sandbox.core.vendor import Change, EventPost, SeedSpec, Timer
from sandbox.core.wire import BadRequestError, Reply, Request, Route, html
from sandbox.core.world import World
from sandbox.register.book import Account, Book, Company, Dials, company_from, dials_from

KEY_LENGTH = 40
PAGE = """{% extends "layout.html" %}{% block title %}{{ account.title }}{% endblock %}
{% block header %}<a href="{{ base }}/">Песочница</a><h1>{{ vendor }}: {{ account.title }}</h1>
<div class="muted">Сегодня {{ today }}: {{ used }} из {{ account.dials.per_day }} запросов</div>{% endblock %}
{% block main %}<h2>Реестр</h2><table><tr><th>ИНН</th><th>КПП</th><th>Название</th><th>Адрес</th><th>Состояние</th></tr>
{% for one in companies %}<tr><td>{{ one.inn }}</td><td>{{ one.kpp }}</td><td>{{ one.name }}</td>
<td>{{ one.address }}</td>
<td><span class="tag {{ 'good' if one.status == 'ACTIVE' else 'bad' }}">{{ one.status }}</span></td></tr>{% endfor %}
</table>{% endblock %}"""
PAGES: Final = environment({"account.html": PAGE})


class RegisterVendor:
    """All accounts of one provider."""

    name = ""
    statuses: Sequence[int] = ()
    title = ""
    dials = Dials()

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book(world, self, self.dials)

    # The vendor's own API

    def routes(self) -> Sequence[Route]:
        raise NotImplementedError

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        """How an account is entered: addresses and credentials by their names."""
        raise NotImplementedError

    def refusal(self, status: int, text: str) -> Reply:
        """The vendor's own envelope of an error."""
        raise NotImplementedError

    async def exchanged(
        self,
        request: Request,
        operation: str,
        key: str,
        answer: Callable[[Account], Reply],
        facts: dict[str, Any],
    ) -> Reply:
        """One call under a key: refusals and the rate first, then the answer."""
        account = self.book.by_key(key)

        def execute(fault: Fault | None) -> Reply:
            if account is None:
                return self.refusal(403 if key else 401, "unknown key" if key else "no key")
            if account.dials.refuse_status is not None:
                return self.refusal(account.dials.refuse_status, "access refused")
            dials = account.dials
            rate = {"burst": dials.limit_burst, "per_second": dials.limit_per_second}
            if self._world.limits.take(f"{self.name}|{account.id}", **rate) > 0:
                reply = self.refusal(429, "too many requests")
                reply.headers["Retry-After"] = "1"
                return reply
            return answer(account)

        account_id = account.id if account is not None else ""
        return await self._world.exchange(self, request, account_id, operation, execute, facts)

    # What every vendor gives

    def control_routes(self) -> Sequence[Route]:
        return [
            Route("GET", "/accounts", self._listed, "accounts with credentials"),
            Route("POST", "/accounts", self._opened, "create an account", {"title": "ООО «Вектор»"}),
            Route("POST", "/companies", self._put, "an entry of the register", {"inn": "7709123453", "name": "Лотос",
                  "kpp": "770901001", "status": "LIQUIDATING"}),
            Route("POST", "/{account}/dials", self._turned, "how the account behaves", {"per_day": 5}),
        ]  # fmt: skip

    def pages(self) -> Sequence[Route]:
        return [Route("GET", "/{account}", self._shown)]

    def apply(self, change: Change) -> None:
        self.book.apply(change)

    def run_timer(self, timer: Timer) -> None:
        raise ValueError(f"no timer {timer.op!r} is known here")

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        statuses = {"limit_429": 429, "limit_503": 503, "operation_time_limit": 429, "token_expired": 401}
        status = statuses.get(fault.kind, int(fault.number("status", 500)))
        reply = self.refusal(status, "internal error" if status >= 500 else "refused")
        if fault.kind == "error_in_200":
            reply.status = 200
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply

    def forge(self, post: EventPost) -> EventPost:
        return post

    def accounts(self) -> list[dict[str, str]]:
        return [
            {"account": one.id, "title": one.title, "page": f"/pages/{self.name}/{one.id}"}
            for one in self.book.accounts.values()
        ]

    def snapshot(self, account: str | None) -> dict[str, Any]:
        return self.book.snapshot(account)

    def seed(self, spec: SeedSpec) -> dict[str, str]:
        """An account per tenant, and every buyer of the roster as an entry of the register."""
        env: dict[str, str] = {}
        for plan in spec.roster.tenants:
            account_id = f"{self.name}-{plan.slug}"
            if account_id not in self.book.accounts:
                key, secret = self._credentials(f"{spec.roster.seed}|{plan.slug}")
                self.book.open_account(account_id, plan.title, key, secret, {})
                for party in (plan.seller, *plan.buyers):
                    self.book.put_company(
                        Company(party.inn, party.name, party.full_name, party.kpp, party.ogrn, party.address)
                    )
            for name, value in self.connection(self.book.accounts[account_id], spec.base_url).items():
                env[f"{self.name.upper()}_{plan.index}_{name.upper()}"] = value
        return env

    def clear(self) -> None:
        self.book.clear()

    async def start(self) -> None:
        """Nothing runs by itself."""

    async def stop(self) -> None:
        """Nothing runs by itself."""

    # Control

    async def _listed(self, request: Request) -> Reply:
        rows = [self._described(one, request) for one in self.book.accounts.values()]
        return Reply(payload={"accounts": rows})

    async def _opened(self, request: Request) -> Reply:
        body = request.json()
        unknown = sorted(body.keys() - {"title", "account", "dials"})
        if unknown:
            raise BadRequestError(f"unknown field {unknown[0]!r}; known are title, account, dials")
        account_id = str(body.get("account") or f"{self.name}-{len(self.book.accounts) + 1}")
        if account_id in self.book.accounts:
            raise BadRequestError(f"there is an account {account_id!r} already")
        key, secret = self._credentials(account_id)
        dials = dials_from(body.get("dials") or {})
        account = self.book.open_account(account_id, str(body.get("title") or account_id), key, secret, dials)
        await self._world.ledger.durable()
        return Reply(status=201, payload=self._described(account, request))

    async def _put(self, request: Request) -> Reply:
        company = company_from(request.json())
        self.book.put_company(company)
        await self._world.ledger.durable()
        return Reply(status=201, payload=asdict(company))

    async def _turned(self, request: Request) -> Reply:
        account = self.book.account(request.params["account"])
        self.book.turn_dials(account, dials_from(request.json()))
        await self._world.ledger.durable()
        return Reply(payload=asdict(account.dials))

    async def _shown(self, request: Request) -> Reply:
        account = self.book.accounts.get(request.params["account"])
        if account is None:
            return html("<p>Такого аккаунта нет.</p>", 404)
        companies = [one for found in self.book.companies.values() for one in found]
        text = PAGES.get_template("account.html").render(
            base=request.base_url,
            vendor=self.title,
            account=account,
            today=self.book.today,
            used=self.book.used(account),
            companies=companies,
        )
        return html(text)

    def _described(self, account: Account, request: Request) -> dict[str, Any]:
        return {
            "account": account.id,
            "title": account.title,
            "dials": asdict(account.dials),
            **self.connection(account, request.base_url),
        }

    def _credentials(self, about: str) -> tuple[str, str]:
        """A key and a secret that are the same for the same account every time."""
        digest = hashlib.sha512(f"{self.name}|{about}".encode()).hexdigest()
        return digest[:KEY_LENGTH], digest[KEY_LENGTH : 2 * KEY_LENGTH]
