"""Decision cards over HTTP, and the command that a decision becomes."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.cards import TABLE, TakeCard
from chassis.clock import Clock
from chassis.domain import Refused
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.internal_api.requests import LIST_MAX, flag_of, json_of, limit_of, refusal, reply, tenant_of, text_of
from chassis.openapi import answers
from chassis.postgres import Database
from chassis.tenants import TenantDirectory
from chassis.work.handlers import StreamCommand

BY_OPERATOR: Final = "operator"


@dataclasses.dataclass(frozen=True, slots=True)
class CardRow:
    """A decision card. ``choices`` are what may be taken; ``values`` fill its text; ``choice`` is None while open."""

    tenant: TenantId
    card_id: str
    stream: str
    kind: str
    choices: Sequence[str]
    values: Mapping[str, Any]
    deal_id: str
    responsible_id: str
    opened_at: datetime
    choice: str | None
    taken_by: str | None
    taken_at: datetime | None


DecideCard = Callable[[CardRow, str, str, str], StreamCommand]
"""From a card, a choice, a number and who decides to the command of the card's stream."""


def take_card(card: CardRow, choice: str, number: str, by: str) -> StreamCommand:
    """The command of a decision, for services whose streams take ``TakeCard``."""
    body = TakeCard(card_id=card.card_id, choice=choice, by=by, number=number)
    return StreamCommand(card.stream, body, f"card:{card.card_id}:{choice}:{by}")


class DecisionsApi:
    """Decision cards of all tenants: list, show, take."""

    def __init__(
        self, database: Database, engine: Engine, clock: Clock, tenants: TenantDirectory, decide: DecideCard
    ) -> None:
        self._database = database
        self._engine = engine
        self._clock = clock
        self._tenants = tenants
        self._decide = decide

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [
            Route("/internal/decisions", self.listed, methods=["GET"]),
            Route("/internal/decisions/{card_id}", self.shown, methods=["GET"]),
            Route("/internal/decisions/{card_id}", self.taken, methods=["POST"]),
        ]

    @answers(200, 400)
    async def listed(self, request: Request) -> Response:
        """``?tenant=&all=1&limit=``: open cards, or all, the oldest first."""
        every = flag_of(request, "all")
        condition = "true" if every else "choice IS NULL"
        cards = await self._cards(tenant_of(request.query_params), condition, limit_of(request))
        return reply({"decisions": cards})

    @answers(200, 400, 404, 409)
    async def shown(self, request: Request) -> Response:
        """One card by its id, and ``?tenant=`` where two tenants might have the same."""
        return reply(await self._card(request))

    @answers(200, 400, 404, 409)
    async def taken(self, request: Request) -> Response:
        """``{choice, number, by}``: takes the decision; 409 with the reason when it cannot be taken."""
        body = await json_of(request)
        choice = text_of(body, "choice")
        number, by = text_of(body, "number", ""), text_of(body, "by", BY_OPERATOR)
        card = await self._card(request)
        command = self._decide(card, choice, number, by)
        whole = Command(card.tenant, command.stream, command.body, command.command_id, {"by": by, "cause": "decision"})
        async with self._database.transaction([card.tenant]) as connection:
            (executed,) = await self._engine.execute(connection, [whole], self._clock.now())
        if isinstance(executed.refused, Refused):
            return refusal(executed.refused.problem)
        return reply(await self._card(request))

    async def _card(self, request: Request) -> CardRow:
        cards = await self._cards(
            tenant_of(request.query_params), "card_id = $2", LIST_MAX, request.path_params["card_id"]
        )
        if not cards:
            raise HTTPException(404, "there is no such card; `sverka decide list` shows what is open")
        if len(cards) > 1:
            raise HTTPException(409, "several tenants have a card of this id; name the tenant")
        return cards[0]

    async def _cards(self, tenant: TenantId | None, condition: str, limit: int, *values: str) -> list[CardRow]:
        tenants = [tenant] if tenant is not None else await self._tenants.known()
        if not tenants:
            return []
        async with self._database.transaction(tenants) as connection:
            rows = await connection.fetch(
                f"SELECT * FROM {TABLE} WHERE {condition} ORDER BY opened_at, card_id LIMIT $1",  # noqa: S608
                limit,
                *values,
            )
        return [_card(row) for row in rows]


def _card(row: Any) -> CardRow:
    return CardRow(
        tenant=TenantId(row["tenant_id"]),
        card_id=row["card_id"],
        stream=row["stream"],
        kind=row["kind"],
        choices=orjson.loads(row["choices"]),
        values=orjson.loads(row["shown"]),
        deal_id=row["deal_id"],
        responsible_id=row["responsible_id"],
        opened_at=row["opened_at"],
        choice=row["choice"],
        taken_by=row["taken_by"],
        taken_at=row["taken_at"],
    )
