"""Elba as the sandbox's vendor: its routes, refusals, seed and state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sandbox.accounting.family import FamilyService, unserved
from sandbox.accounting.records import Account
from sandbox.accounting.token import TokenCalls
from sandbox.core.vendor import EventPost
from sandbox.core.wire import Route, Router
from sandbox.core.world import World
from sandbox.elba.api import acts, counterparties, invoices, products
from sandbox.elba.book import ElbaBook, signature
from sandbox.elba.gate import Gate


class Elba(FamilyService[ElbaBook]):
    """All Elba accounts of the sandbox."""

    name = "elba"
    statuses = (200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 409, 422, 429)
    title = "Эльба"
    seeded_always = True

    def __init__(self, world: World) -> None:
        super().__init__(world, ElbaBook(world, self))
        self._gate = Gate(world, self, self.book, "/api/v1")

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        return {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "api_url": f"{base_url}/api/v1",
            "token_url": f"{base_url}/connect/token",
        }

    def routes(self) -> Sequence[Route]:
        gate = self._gate
        served = [
            *counterparties.routes(gate),
            *invoices.routes(gate),
            *acts.routes(gate),
            *products.routes(gate),
        ]
        nothing = unserved(Router(served))
        return [
            *TokenCalls(self._world, self, self.book, path="/connect/token", scope="elba.api").routes(),
            *served,
            gate.route("*", "", "unknown", nothing),
            gate.route("*", "/{rest:path}", "unknown", nothing),
        ]

    def forge(self, post: EventPost) -> EventPost:
        headers = {**post.headers, "X-Elba-Signature": signature("somebody-elses-secret", post.body)}
        return replace(post, headers=headers)

    def clear(self) -> None:
        super().clear()
        self._gate.clear()
