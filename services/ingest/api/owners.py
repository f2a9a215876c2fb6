"""Asks the services that own what ingest does not: one table from public paths to their internal ones."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx
import orjson

from chassis.http import internal_client

ASK_SECONDS_MAX: Final = 20.0


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that every service has its part of."""

    path: str
    key: str
    order: str


LISTS: Final = {
    "work": Listing("/internal/work", "work", "planned_at"),
    "dead": Listing("/internal/dead", "dead", "dead_at"),
    "decisions": Listing("/internal/decisions", "decisions", "opened_at"),
}
ITEMS: Final = {"work": "/internal/work/{id}", "dead": "/internal/dead/{id}", "decisions": "/internal/decisions/{id}"}
ACTIONS: Final = {
    "work": "/internal/work/{id}/retry",
    "dead": "/internal/dead/{id}/discard",
    "decisions": "/internal/decisions/{id}",
}
REPLAY: Final = "/internal/dead/replay"
REPUBLISH: Final = "/internal/republish"
STORY: Final = "/internal/deals/{tenant}/{deal}"
STATUS: Final = "/internal/status"


@dataclass(frozen=True, slots=True)
class Answered:
    """What one service said; ``status`` 0 when it is away."""

    service: str
    status: int
    body: Any


class Owners:
    """All services of the installation by their addresses, ingest among them."""

    def __init__(self, urls: Mapping[str, str], service_token: str) -> None:
        self._clients = {
            name: internal_client(timeout_seconds=ASK_SECONDS_MAX, token=service_token, base_url=url)
            for name, url in urls.items()
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections."""
        for client in self._clients.values():
            await client.aclose()

    async def ask(
        self, service: str, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Answered:
        """One service; one whose address nobody has set counts as away."""
        if service not in self._clients:
            return Answered(service, 0, {"error": f"set SVERKA_{service.upper()}_URL to reach {service}"})
        content = None if body is None else orjson.dumps(body)
        try:
            answer = await self._clients[service].request(method, path, params=dict(query or {}), content=content)
            found = orjson.loads(answer.content) if answer.content else None
        except (httpx.HTTPError, OSError, orjson.JSONDecodeError) as error:
            return Answered(service, 0, {"error": f"{service} does not answer ({type(error).__name__})"})
        return Answered(service, answer.status_code, found)

    async def ask_all(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> list[Answered]:
        """Every service at once, in a stable order."""
        return list(
            await asyncio.gather(
                *(self.ask(name, method, path, query=query, body=body) for name in sorted(self._clients))
            )
        )

    async def listed(self, name: str, query: Mapping[str, str]) -> tuple[list[dict[str, Any]], list[Answered]]:
        """A list of all services, each item with its ``service``, and the answers that were no lists."""
        listing = LISTS[name]
        answers = await self.ask_all("GET", listing.path, query=query)
        found = [
            {"service": answer.service, **item}
            for answer in answers
            if answer.status == 200
            for item in answer.body[listing.key]
        ]
        found.sort(key=lambda item: str(item.get(listing.order) or ""))
        return found, [answer for answer in answers if answer.status != 200]

    async def owner_of(self, name: str, item_id: str, query: Mapping[str, str]) -> Answered:
        """The answer of the one service that has an item; else that of whoever could not be asked, else a 404."""
        answers = await self.ask_all("GET", ITEMS[name].format(id=item_id), query=query)
        for answer in answers:
            if answer.status == 200:
                return Answered(answer.service, 200, {"service": answer.service, **answer.body})
        told = [answer for answer in answers if answer.status not in (404, 0)]
        away = [answer for answer in answers if answer.status == 0]
        return (told or away or answers)[0]
