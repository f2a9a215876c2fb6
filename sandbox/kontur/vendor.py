"""Kontur.Accounting as the sandbox's vendor: its routes, refusals, switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from sandbox.accounting.family import REFUSED, FamilyService, unserved
from sandbox.accounting.records import Account
from sandbox.accounting.token import TokenCalls
from sandbox.core.vendor import EventPost
from sandbox.core.wire import Route, Router
from sandbox.core.world import World
from sandbox.kontur.api import account as account_calls
from sandbox.kontur.api import acts, counterparties, invoices
from sandbox.kontur.book import KonturBook, signature
from sandbox.kontur.control import KonturControl
from sandbox.kontur.gate import Gate

PREFIX = "/budget/v1"
TOKEN_PATH = "/identity.kontur.ru/connect/token"  # noqa: S105 - a path


class Kontur(FamilyService[KonturBook]):
    """All Kontur.Accounting accounts of the sandbox."""

    name = "kontur"
    statuses = (200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 409, 412, 422, 423, 429)
    title = "Контур.Бухгалтерия (по договорённости проекта)"
    internal = "Internal"
    hands = KonturControl
    refused: ClassVar[Mapping[str, tuple[int, str, str]]] = {
        **REFUSED,
        "token_expired": (401, "Unauthenticated", "Срок действия токена истёк"),
    }

    def __init__(self, world: World) -> None:
        super().__init__(world, KonturBook(world, self))
        self._gate = Gate(world, self, self.book, PREFIX)

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        return {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "api_key": account.api_key,
            "organization_id": self.book.organization(account),
            "api_url": f"{base_url}{PREFIX}",
            "token_url": f"{base_url}{TOKEN_PATH}",
        }

    def routes(self) -> Sequence[Route]:
        gate = self._gate
        served = [
            *account_calls.routes(gate),
            *counterparties.routes(gate),
            *invoices.routes(gate),
            *acts.routes(gate),
        ]
        nothing = unserved(Router(served))
        return [
            *TokenCalls(self._world, self, self.book, path=TOKEN_PATH, scope="accounting").routes(),
            *served,
            gate.route("*", "", "unknown", nothing),
            gate.route("*", "/{rest:path}", "unknown", nothing),
        ]

    def forge(self, post: EventPost) -> EventPost:
        forged = signature("somebody-elses-secret", post.headers["X-Kontur-Timestamp"], post.body)
        return replace(post, headers={**post.headers, "X-Kontur-Signature": forged})

    def clear(self) -> None:
        super().clear()
        self._gate.clear()
