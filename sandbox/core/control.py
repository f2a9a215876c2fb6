"""The control API: clock, limits, faults, ledger, reset, seed and state, and each vendor's own controls."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sandbox.core.clock import from_rfc3339, to_rfc3339
from sandbox.core.faults import KINDS, RuleError
from sandbox.core.openapi import CONTROL, Served, document
from sandbox.core.roster import make_roster
from sandbox.core.vendor import SeedSpec
from sandbox.core.wire import BadRequestError, Reply, Request, Route, UnknownError, disconnected, first_of
from sandbox.core.world import World

POLL_SECONDS_MAX = 25.0
LEDGER_LINES_MAX = 10_000
BUYERS_MAX = 10_000
TENANTS_MAX = 100


def refused(sentence: str, status: int = 400) -> Reply:
    """A control answer that says what is wrong."""
    return Reply(status=status, payload={"error": sentence})


def control_routes(world: World) -> list[Route]:
    """All routes under /control, the vendors' own included; each answers only when its lines are durable."""
    control = _Control(world)
    routes = [
        Route("GET", "/control/clock", control.clock, "business time; long poll with client, after, wait_seconds"),
        Route("POST", "/control/clock", control.set_clock, "set, advance_seconds or rate; wait", {"rate": 60}),
        Route("GET", "/control/limits", control.limits, "are rate limits on"),
        Route("POST", "/control/limits", control.set_limits, "switch rate limits", {"enabled": False}),
        Route("GET", "/control/faults", control.faults, "fault rules and all kinds"),
        Route("POST", "/control/faults", control.add_faults, "add one rule or a list", {
            "vendor": "elba", "operation": "invoice.create", "kind": "timeout_after", "calls": [1]}),
        Route("DELETE", "/control/faults", control.remove_faults, "remove all rules"),
        Route("DELETE", "/control/faults/{id}", control.remove_faults, "remove one rule"),
        Route("GET", "/control/ledger", control.ledger, "JSON lines; vendor, account, kind, after, limit"),
        Route("POST", "/control/reset", control.reset, "empty everything"),
        Route("POST", "/control/seed", control.seed, "portals and accounts in pairs", {"portals": 3, "seed": 7}),
        Route("GET", "/control/accounts", control.accounts, "portals and accounts of every vendor, by their ids"),
        Route("GET", "/control/status", control.status, "what is still to happen"),
        Route("GET", "/control/https", control.https, "the address over TLS, and the authority to trust"),
        Route("GET", "/control/openapi.json", control.openapi, "this list as OpenAPI"),
    ]  # fmt: skip
    for vendor in world.vendors.values():
        routes.append(Route("GET", f"/control/{vendor.name}/state", control.state(vendor.name), "the whole state"))
        for route in vendor.control_routes():
            pattern = f"/control/{vendor.name}{route.pattern}"
            routes.append(Route(route.method, pattern, route.handler, route.summary, route.example))
    control.listed = routes
    return [replace(route, handler=_answered_durably(world, route)) for route in routes]


def _answered_durably(world: World, route: Route) -> Callable[[Request], Awaitable[Reply]]:
    async def handle(request: Request) -> Reply:
        try:
            reply = await route.handler(request)
        except (BadRequestError, RuleError, ValueError) as error:
            return refused(str(error))
        except UnknownError as error:
            return refused(f"unknown {error.args[0]!r}", 404)
        except KeyError as error:
            # A look-up by a name that the caller gave; any other missing key is a failure of our own.
            given = (*request.params.values(), *request.query().values())
            if not any(value and value in str(error.args[0]) for value in given):
                raise
            return refused(f"unknown {error.args[0]!r}", 404)
        await world.ledger.durable()
        return reply

    return handle


class _Control:
    def __init__(self, world: World) -> None:
        self._world = world
        self.listed: list[Route] = []

    async def clock(self, request: Request) -> Reply:
        query = request.query()
        clock = self._world.clock
        client = query.get("client")
        if "after" not in query:
            return Reply(payload={**clock.state.as_json(), "now": to_rfc3339(clock.unix()), "behind": clock.behind()})
        after = int(_number("after", query["after"]))
        if client:
            clock.saw(client, after)
        if after == clock.state.revision:
            wait = min(_number("wait_seconds", query.get("wait_seconds", 20)), POLL_SECONDS_MAX)
            if not await self._wait_revision(request, wait):
                if client:
                    clock.forget(client)
                return Reply(status=204, manner="hang_up")
        return Reply(payload={**clock.state.as_json(), "now": to_rfc3339(clock.unix())})

    async def _wait_revision(self, request: Request, wait_seconds: float) -> bool:
        """False when the client hung up."""
        gone = disconnected(request.disconnected) if request.disconnected else asyncio.Event().wait()
        ended = await first_of(gone, self._world.clock.wait_changed(wait_seconds), self._world.stopping.wait())
        return ended != 0

    async def set_clock(self, request: Request) -> Reply:
        body = _object(request, {"set", "advance_seconds", "rate", "wait"})
        if not {"set", "advance_seconds", "rate"} & set(body):
            raise BadRequestError('give "set" (RFC 3339), "advance_seconds" or "rate"')
        clock = self._world.clock
        state = clock.altered(
            set_to=from_rfc3339(body["set"]) if "set" in body else None,
            advance_seconds=_number("advance_seconds", body["advance_seconds"]) if "advance_seconds" in body else None,
            rate=_number("rate", body["rate"]) if "rate" in body else None,
        )
        self._world.set_clock(state)
        await self._world.ledger.durable()
        behind = await clock.wait_followed() if body.get("wait") else clock.behind()
        return Reply(payload={**state.as_json(), "now": to_rfc3339(clock.unix()), "behind": behind})

    async def limits(self, request: Request) -> Reply:
        return Reply(payload={"enabled": self._world.limits.enabled})

    async def set_limits(self, request: Request) -> Reply:
        body = _object(request, {"enabled"})
        if not isinstance(body.get("enabled"), bool):
            raise BadRequestError('give {"enabled": true} or {"enabled": false}')
        self._world.set_limits(body["enabled"])
        return Reply(payload={"enabled": body["enabled"]})

    async def faults(self, request: Request) -> Reply:
        rules = [rule.as_json() for rule in self._world.faults.rules.values()]
        return Reply(payload={"rules": rules, "kinds": KINDS})

    async def add_faults(self, request: Request) -> Reply:
        body = request.json()
        rules = body if isinstance(body, list) else [body]
        if not all(isinstance(rule, dict) for rule in rules):
            raise BadRequestError("a rule is an object")
        with self._world.ledger.together():
            made = [self._world.add_fault(rule) for rule in rules]
        return Reply(status=201, payload={"rules": made})

    async def remove_faults(self, request: Request) -> Reply:
        rule_id = request.params.get("id")
        if rule_id is not None and rule_id not in self._world.faults.rules:
            raise UnknownError(rule_id)
        self._world.remove_fault(rule_id)
        return Reply(payload={"rules": [rule.as_json() for rule in self._world.faults.rules.values()]})

    async def ledger(self, request: Request) -> Reply:
        query = request.query()
        await self._world.ledger.durable()
        lines = self._world.ledger.read(
            after=int(_number("after", query.get("after", 0))),
            vendor=query.get("vendor"),
            kind=query.get("kind"),
            account=query.get("account"),
            limit=min(int(_number("limit", query.get("limit", 1000))), LEDGER_LINES_MAX),
        )
        return Reply(body=b"".join(lines), content_type="application/x-ndjson; charset=utf-8")

    async def reset(self, request: Request) -> Reply:
        await self._world.reset()
        return Reply(payload={"reset": True})

    async def seed(self, request: Request) -> Reply:
        body = request.json()
        if not isinstance(body, dict):
            raise BadRequestError("the body is a JSON object")
        tenants = _whole(body, "portals", 1, 1, TENANTS_MAX)
        buyers = _whole(body, "buyers_per_portal", 10, 0, BUYERS_MAX)
        for name in ("deals_per_portal", "known_buyers_per_account"):
            _whole(body, name, 0, 0, BUYERS_MAX)
        if body.get("accounting", "elba") not in self._world.vendors:
            raise BadRequestError(f"`accounting` is one of {', '.join(self._world.vendors)}")
        for name in self._world.vendors:
            if not isinstance(body.get(name) or {}, dict):
                raise BadRequestError(f"`{name}` is a JSON object of dials")
        roster = make_roster(_whole(body, "seed", 1, 0, 2**53), tenants, buyers)
        spec = SeedSpec(roster=roster, base_url=request.base_url, options=body)
        env: dict[str, str] = {"SANDBOX_URL": request.base_url}
        with self._world.ledger.together():
            for vendor in self._world.vendors.values():
                env |= vendor.seed(spec)
        tenants_json = [
            {"index": plan.index, "slug": plan.slug, "title": plan.title, "seller_inn": plan.seller.inn}
            for plan in roster.tenants
        ]
        lines = [f"{name}={_quoted(value)}" for name, value in env.items()]
        if request.headers.get("accept", "").startswith("text/plain"):
            return Reply(status=201, body=("\n".join(lines) + "\n").encode(), content_type="text/plain; charset=utf-8")
        return Reply(status=201, payload={"tenants": tenants_json, "env": env, "env_lines": lines})

    async def accounts(self, request: Request) -> Reply:
        return Reply(
            payload=[
                {"vendor": vendor.name, "account": row["account"], "title": row["title"]}
                for vendor in self._world.vendors.values()
                for row in vendor.accounts()
            ]
        )

    async def status(self, request: Request) -> Reply:
        world = self._world
        return Reply(
            payload={
                "now": to_rfc3339(world.clock.unix()),
                "seq": world.ledger.seq,
                "events_pending": world.outgoing.pending,
                "timers_pending": world.timers_pending,
                "vendors": list(world.vendors),
            }
        )

    async def https(self, request: Request) -> Reply:
        secure = self._world.secure
        if secure is None:
            return refused("this sandbox serves http alone", 404)
        pem = secure.ca_file.read_text(encoding="ascii")
        return Reply(payload={"https_url": secure.url, "ca_file": str(secure.ca_file), "ca_pem": pem})

    def state(self, vendor_name: str) -> Callable[[Request], Awaitable[Reply]]:
        async def handle(request: Request) -> Reply:
            return Reply(payload=self._world.vendors[vendor_name].snapshot(request.query().get("account")))

        return handle

    async def openapi(self, request: Request) -> Reply:
        served = [Served("control", route, CONTROL) for route in self.listed]
        return Reply(payload=document("Sandbox control", served, request.base_url))


def _object(request: Request, allowed: set[str]) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise BadRequestError("the body is a JSON object")
    if unknown := set(body) - allowed:
        raise BadRequestError(f"unknown keys {sorted(unknown)}; known are {sorted(allowed)}")
    return body


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"`{name}` is a number, not {value!r}") from error
    if not math.isfinite(number):
        raise BadRequestError(f"`{name}` is a finite number")
    return number


def _whole(body: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    """A whole number of the body, or what is expected, in words."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequestError(f"`{name}` is a whole number between {low} and {high}")
    return value


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'" if any(char in value for char in " '\"$&|;<>()`\\«»") else value
