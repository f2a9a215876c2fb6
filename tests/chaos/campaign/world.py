"""The hands of people and of the bank in the sandbox, by its control API; calls wait for a sandbox that is away."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

import httpx

MANAGER: Final = 7
"""The responsible manager in a seeded portal."""
AWAY_SECONDS_MAX: Final = 30.0
PAUSE_SECONDS: Final = 0.2


class Refused(Exception):  # noqa: N818 - the other side's answer
    """A call that was not taken; the text is the answer's."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A portal with its accounting account; `env` has their credentials by the names of the seed."""

    number: int
    slug: str
    account: str
    title: str
    seller_inn: str
    env: Mapping[str, str]


class World:
    """One sandbox. Every call answers when it is durable."""

    def __init__(self, control_url: str) -> None:
        self._url = control_url
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """One call; repeated while nobody listens. Raises Refused."""
        deadline = time.monotonic() + AWAY_SECONDS_MAX
        while True:
            try:
                answer = await self._client.request(method, self._url + path, json=body, params=query)
                break
            except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
        if answer.is_error:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    # the world itself

    async def clock(self, **change: Any) -> dict[str, Any]:
        """Changes business time (`set`, `rate`), or tells it."""
        found: dict[str, Any] = (
            await self.call("POST", "/clock", {**change, "wait": True}) if change else await self.call("GET", "/clock")
        )
        return found

    async def jump(self, seconds: float) -> None:
        """Moves business time, once: what is repeated after a lost answer names the moment, not the distance."""
        now = datetime.fromisoformat((await self.clock())["now"])
        await self.clock(set=(now + timedelta(seconds=seconds)).isoformat())

    async def seed(self, base: str, pairs: int, seed: int, elba: Mapping[str, Any]) -> list[Pair]:
        """Portals and accounts in pairs, without buyers. `base` is the address that their links shall have."""
        body = {
            "portals": pairs, "seed": seed, "buyers_per_portal": 0, "known_buyers_per_account": 0, "elba": dict(elba),
        }  # fmt: skip
        answer = await self._client.post(f"{base}/control/seed", json=body)
        done = answer.raise_for_status().json()
        env: dict[str, str] = done["env"]
        return [
            Pair(one["index"], one["slug"], env[f"ELBA_{one['index']}_ACCOUNT"], one["title"], one["seller_inn"], env)
            for one in done["tenants"]
        ]

    async def add_rules(self, rules: list[dict[str, Any]]) -> list[str]:
        """Rules of the sandbox's fault plan; their ids."""
        return [rule["id"] for rule in (await self.call("POST", "/faults", rules))["rules"]]

    async def clear_rules(self) -> None:
        """No rule any more."""
        await self.call("DELETE", "/faults")

    async def remove_rule(self, rule: str) -> None:
        """One rule less."""
        await self.call("DELETE", f"/faults/{rule}")

    async def events_pending(self) -> int:
        """Webhooks that are yet to be sent."""
        return int((await self.call("GET", "/status"))["events_pending"])

    async def timers_pending(self) -> int:
        """Commits and files that are yet to come."""
        return int((await self.call("GET", "/status"))["timers_pending"])

    # a portal

    async def subscribe(self, slug: str, url: str) -> None:
        """Points the portal's outgoing webhook to an address."""
        known = (await self.call("GET", f"/bitrix24/portals/{slug}"))["subscription"]
        await self.call("PATCH", f"/bitrix24/portals/{slug}/subscriptions/{known}", {"url": url})

    async def add_company(self, slug: str, card: Mapping[str, Any]) -> tuple[int, int]:
        """A company; its id and that of its requisite."""
        done = await self.call("POST", f"/bitrix24/portals/{slug}/companies", {**card, "assigned_by": MANAGER})
        return int(done["company"]["id"]), int(done["requisites"][0]["ID"]) if done["requisites"] else 0

    async def add_contact(self, slug: str, card: Mapping[str, Any]) -> int:
        """A person."""
        return int(
            (await self.call("POST", f"/bitrix24/portals/{slug}/contacts", {**card, "assigned_by": MANAGER}))["id"]
        )

    async def add_deal(self, slug: str, card: Mapping[str, Any]) -> int:
        """A deal in its first stage."""
        done = await self.call("POST", f"/bitrix24/portals/{slug}/deals", {**card, "assigned_by": MANAGER})
        return int(done["deal"]["id"])

    async def move(self, slug: str, deal: int, stage: str) -> None:
        """The manager drags the deal."""
        await self.call("POST", f"/bitrix24/portals/{slug}/deals/{deal}/move", {"stage": stage})

    async def edit_deal(self, slug: str, deal: int, fields: Mapping[str, Any]) -> None:
        """The manager types into the deal."""
        await self.call("PATCH", f"/bitrix24/portals/{slug}/deals/{deal}", {"fields": dict(fields)})

    async def replace_rows(self, slug: str, deal: int, rows: list[dict[str, Any]]) -> None:
        """The manager changes the goods."""
        await self.call("PUT", f"/bitrix24/portals/{slug}/deals/{deal}/rows", {"rows": rows})

    async def edit_requisite(self, slug: str, requisite: int, fields: Mapping[str, str]) -> None:
        """The manager types into a requisite."""
        await self.call("PATCH", f"/bitrix24/portals/{slug}/requisites/{requisite}", dict(fields))

    async def portal_state(self, slug: str) -> dict[str, Any]:
        """Everything in a portal."""
        found: dict[str, Any] = await self.call("GET", "/bitrix24/state", account=slug)
        return found

    # an account

    async def account_state(self, account: str) -> dict[str, Any]:
        """Everything in an account."""
        found: dict[str, Any] = await self.call("GET", "/elba/state", account=account)
        return found

    async def know_buyer(self, account: str, card: Mapping[str, Any]) -> str:
        """The accountant has a record of the buyer."""
        return str((await self.call("POST", f"/elba/{account}/counterparties", dict(card)))["id"])

    async def elba(self, method: str, account: str, path: str, body: Any = None) -> Any:
        """Anything else that people and the bank do in an account."""
        return await self.call(method, f"/elba/{account}{path}", body)
