"""Elba as the sandbox's vendor: its routes, refusals, seed and state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.core.faults import Fault
from sandbox.core.vendor import Change, EventPost, SeedSpec, Timer
from sandbox.core.wire import Reply, Route, Router
from sandbox.core.world import World
from sandbox.elba import wire
from sandbox.elba.api import acts, counterparties, invoices, products
from sandbox.elba.api.token import OPERATION as TOKEN_OPERATION
from sandbox.elba.api.token import TokenCalls
from sandbox.elba.book import Book, signature
from sandbox.elba.checks import ApiError
from sandbox.elba.control import Control, parse_dials
from sandbox.elba.gate import Call, Gate
from sandbox.elba.pages import Pages
from sandbox.elba.records import Counterparty

REFUSED = {
    "limit_429": (429, "TooManyRequests", "Слишком много запросов"),
    "limit_503": (503, "ServiceUnavailable", "Сервис временно недоступен"),
    "operation_time_limit": (429, "TooManyRequests", "Слишком долгие запросы"),
    "token_expired": (401, "TokenExpired", "Срок действия токена истёк"),
}
METHODS = ("GET", "POST", "PUT", "DELETE")


class Elba:
    """All Elba accounts of the sandbox."""

    name = "elba"

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book(world, self)
        self._gate = Gate(world, self, self.book)

    def routes(self) -> Sequence[Route]:
        gate = self._gate
        served = [
            *counterparties.routes(gate),
            *invoices.routes(gate),
            *acts.routes(gate),
            *products.routes(gate),
        ]
        unserved = _Unserved(Router(served)).refuse
        return [
            *TokenCalls(self._world, self, self.book).routes(),
            *served,
            gate.route("*", "", "unknown", unserved),
            gate.route("*", "/{rest:path}", "unknown", unserved),
        ]

    def control_routes(self) -> Sequence[Route]:
        return Control(self._world, self.book).routes()

    def pages(self) -> Sequence[Route]:
        return Pages(self._world, self.book).routes()

    def apply(self, change: Change) -> None:
        self.book.apply(change)

    def run_timer(self, timer: Timer) -> None:
        raise ValueError(f"no timer {timer.op!r} is known here")

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        if fault.kind == "error_in_200":
            status, code, text = int(fault.number("status", 500)), "InternalError", "Внутренняя ошибка"
        else:
            internal = (int(fault.number("status", 500)), "InternalError", "Внутренняя ошибка")
            status, code, text = REFUSED.get(fault.kind, internal)
        if operation == TOKEN_OPERATION:
            payload = {"error": "temporarily_unavailable", "error_description": text}
            reply = Reply(status=status, payload=payload, error=code)
        else:
            reply = wire.refusal(ApiError(status, code, text), f"{self._world.ledger.seq}|{operation}")
        if fault.kind == "error_in_200":
            reply.status = 200
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply

    def forge(self, post: EventPost) -> EventPost:
        headers = {**post.headers, "X-Elba-Signature": signature("somebody-elses-secret", post.body)}
        return replace(post, headers=headers)

    def accounts(self) -> list[dict[str, str]]:
        return [
            {"account": account.id, "title": account.title, "page": f"/pages/elba/{account.id}"}
            for account in self.book.accounts.values()
        ]

    def snapshot(self, account: str | None) -> dict[str, Any]:
        if account is not None:
            return self.book.accounts[account].as_json()
        return {account_id: one.as_json() for account_id, one in self.book.accounts.items()}

    def seed(self, spec: SeedSpec) -> dict[str, str]:
        """One account per tenant; it knows `known_buyers_per_account` of its buyers (a third); `elba` holds dials."""
        dials = parse_dials(spec.options.get("elba") or {})
        env: dict[str, str] = {}
        for plan in spec.roster.tenants:
            account_id = f"elba-{plan.slug}"
            digest = hashlib.sha256(f"elba|{spec.roster.seed}|{plan.slug}".encode()).hexdigest()
            known = int(spec.options.get("known_buyers_per_account", -(-len(plan.buyers) // 3)))
            account = self.book.accounts.get(account_id)
            if account is None:
                account = self.book.open_account(
                    account_id=account_id,
                    title=plan.title,
                    inn=plan.seller.inn,
                    client_id=f"client-{plan.slug}-{digest[:8]}",
                    client_secret=digest[8:48],
                )
                if dials:
                    self.book.turn_dials(account, dials)
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
            env |= {
                f"ELBA_{plan.index}_ACCOUNT": account.id,
                f"ELBA_{plan.index}_INN": account.inn,
                f"ELBA_{plan.index}_CLIENT_ID": account.client_id,
                f"ELBA_{plan.index}_CLIENT_SECRET": account.client_secret,
                f"ELBA_{plan.index}_OWN_ACCOUNT": account.own_account,
                f"ELBA_{plan.index}_API_URL": f"{spec.base_url}/api/v1",
                f"ELBA_{plan.index}_TOKEN_URL": f"{spec.base_url}/connect/token",
            }
            known_ids = list(account.records["counterparties"])[:known]
            if known_ids:
                env[f"ELBA_{plan.index}_COUNTERPARTY_IDS"] = ",".join(known_ids)
        return env

    def clear(self) -> None:
        self.book.clear()
        self._gate.clear()

    async def start(self) -> None:
        """Nothing runs by itself: what waits is a matter of business time."""

    async def stop(self) -> None:
        """Nothing runs by itself."""


class _Unserved:
    """What no route serves: 405 with the path's own methods, 404 on a path that has none."""

    def __init__(self, served: Router) -> None:
        self._served = served

    def refuse(self, call: Call) -> Reply:
        method, path = call.request.method, call.request.path
        allowed = [one for one in METHODS if isinstance(self._served.find(one, path), tuple)]
        if not allowed:
            raise ApiError(404, "NotFound", f"Метод {method} {path} не найден")
        error = ApiError(405, "MethodNotAllowed", f"Метод {method} для {path} не поддерживается")
        error.headers["Allow"] = ", ".join(allowed)
        raise error
