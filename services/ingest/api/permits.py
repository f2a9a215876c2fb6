"""Leave to call a vendor: the account's address, a token that works, and a share of its bucket."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis import log
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.ids import TenantId, tenant_id
from chassis.internal_api.requests import json_of, text_of
from chassis.openapi import answers
from chassis.outcomes import Deferred, Retryable
from chassis.postgres import Database
from chassis.secrets import KeyMissing, SecretBroken
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass
from chassis.work.permits import (
    ACCOUNT_UNKNOWN,
    LIMIT_USED_UP,
    PERMITS_PATH,
    REPORT_PATH,
    PermitAnswer,
    answer_to_json,
    problem_from_json,
)
from services.ingest import metrics
from services.ingest.api.tokens import Tokens
from services.ingest.domain import buckets, portal
from services.ingest.store import buckets as bucket_rows
from services.ingest.store.connections import Account, ConnectionStore

ACCOUNT_FRESH_SECONDS: Final = 2.0

_SHARES: Final[Mapping[PermitClass, buckets.Share]] = {
    PermitClass.INTERACTIVE: "interactive",
    PermitClass.BULK: "bulk",
    PermitClass.SWEEP: "sweep",
    PermitClass.RESUME: "resume",
}

_log = log.get(__name__)


class PermitRoutes:
    """The desk over HTTP, for workers of other services; bodies as ``chassis.work.permits`` writes and reads them."""

    def __init__(self, desk: "PermitDesk") -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        """``POST /internal/permits`` and ``POST /internal/permits/report``."""
        return [
            Route(PERMITS_PATH, self.acquired, methods=["POST"]),
            Route(REPORT_PATH, self.reported, methods=["POST"]),
        ]

    @answers(200, 400)
    async def acquired(self, request: Request) -> Response:
        """``{account, count, class, least, unused}``: a permit, or why there is none now. Without ``least`` a few calls
        are given together or not at all."""
        body = await json_of(request)
        name = text_of(body, "class", PermitClass.INTERACTIVE.value)
        count = _number(body, "count", None, 1)
        least = _number(body, "least", count if count <= buckets.TOGETHER_MAX else 1, 1)
        unused = _number(body, "unused", 0, 0)
        if name not in {one.value for one in PermitClass}:
            raise HTTPException(400, f"class is one of {', '.join(PermitClass)}")
        account = text_of(body, "account")
        answer = await self._desk.acquire(account, count, PermitClass(name), least=least, unused=unused)
        return Response(orjson.dumps(answer_to_json(answer)), media_type="application/json")

    @answers(204, 400)
    async def reported(self, request: Request) -> Response:
        """``{account, problem, until}``: the vendor's limit, or its refusal of a token."""
        body = await json_of(request)
        try:
            problem = problem_from_json(body["problem"])
            until = None if body.get("until") is None else datetime.fromisoformat(body["until"])
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, "a report has a problem and a time, or null, until when") from error
        await self._desk.report(text_of(body, "account"), problem, until)
        return Response(status_code=204)


class PermitDesk:
    """Gives out permits of all accounts; what is left of each lies in the database, so that several processes share
    it."""

    def __init__(
        self,
        database: Database,
        store: ConnectionStore,
        clock: Clock,
        tokens: Tokens,
        *,
        networks_of: Callable[[str], tuple[str, ...]] = lambda tenant: (),
    ) -> None:
        """``networks_of`` names the private networks that a tenant's accounts may be called in."""
        self._networks_of = networks_of
        self._database = database
        self._store = store
        self._clock = clock
        self._tokens = tokens
        self._accounts: dict[str, tuple[Account, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> PermitAnswer:
        """A permit for ``least`` to ``count`` calls (10 at most), or why not; ``unused`` calls of earlier permits go
        back. Raises the infrastructure errors of Postgres."""
        async with self._lock(account):
            found = await self._account(account)
            if not isinstance(found, Account):
                metrics.PERMITS_DENIED.labels("", "account").inc()
                return found
            ready = await self._tokens.ready(found)
            if not isinstance(ready, Account):
                metrics.PERMITS_DENIED.labels(found.vendor, "token").inc()
                return ready
            if ready is not found:
                self._keep(ready)
            return await self._taken(ready, max(1, count), max(1, least), unused, permit_class)

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """The vendor answered with its own limit, or refused the token."""
        async with self._lock(account):
            found = await self._account(account)
            if not isinstance(found, Account):
                return
            if problem.code != TOKEN_REFUSED:
                await self._limited(found, until)
            elif await self._tokens.refused(found, problem):
                self._accounts.pop(account, None)

    def forget(self, tenant: TenantId) -> None:
        """The tenant's connections were changed: what memory has of them is no longer right."""
        for account in [name for name, (found, _) in self._accounts.items() if found.tenant == tenant]:
            del self._accounts[account]
            self._tokens.forget(account)

    async def _account(self, name: str) -> Account | Retryable:
        cached = self._accounts.get(name)
        if cached is not None and time.monotonic() - cached[1] < ACCOUNT_FRESH_SECONDS:
            return cached[0]
        self._accounts.pop(name, None)
        try:
            tenant = tenant_id(portal.tenant_of(name))
        except ValueError:
            return _unknown(name)
        try:
            async with self._database.transaction([tenant]) as connection:
                found = await self._store.find(connection, tenant, name)
        except (SecretBroken, KeyMissing) as error:
            _log.error("the secrets of an account do not open", account=name, error=type(error).__name__)
            return Retryable(Problem("secret_unreadable", {"account": name}), outage=False)
        return _unknown(name) if found is None else self._keep(found)

    async def _taken(
        self, account: Account, count: int, least: int, unused: int, permit_class: PermitClass
    ) -> PermitAnswer:
        now, share, limit = self._clock.now(), _SHARES[permit_class], account.limit
        metrics.PERMITS_RETURNED.labels(account.vendor, share).inc(unused)
        given: buckets.Given | buckets.NotYet = buckets.Given(min(count, buckets.PERMITS_MAX))
        if limit is not None:
            async with self._database.transaction([account.tenant]) as connection:
                given = await bucket_rows.change(
                    connection,
                    account.tenant,
                    account.account,
                    limit,
                    now,
                    lambda bucket: buckets.take(
                        buckets.returned(bucket, unused, share, now), count, share, now, least=least
                    ),
                )
        if isinstance(given, buckets.NotYet):
            metrics.PERMITS_DENIED.labels(account.vendor, "limit").inc()
            return Deferred(Problem(LIMIT_USED_UP, {"account": account.account}), given.until)
        metrics.PERMITS_GIVEN.labels(account.vendor, share).inc(given.count)
        return Permit(
            account=account.account,
            endpoint=account.endpoint,
            access_token=account.standing_token or account.token,
            count=given.count,
            expires_at=now + timedelta(seconds=buckets.PERMIT_SECONDS),
            options=self._options(account),
        )

    def _options(self, account: Account) -> dict[str, str]:
        networks = self._networks_of(account.tenant)
        return account.options | ({"networks": ",".join(networks)} if networks else {})

    async def _limited(self, account: Account, until: datetime | None) -> None:
        metrics.LIMITS_REPORTED.labels(account.vendor).inc()
        limit, now = account.limit, self._clock.now()
        if limit is None:
            return
        async with self._database.transaction([account.tenant]) as connection:
            await bucket_rows.change(
                connection,
                account.tenant,
                account.account,
                limit,
                now,
                lambda bucket: (buckets.shrink(bucket, until, now), None),
            )

    def _keep(self, account: Account) -> Account:
        self._accounts[account.account] = (account, time.monotonic())
        return account

    def _lock(self, account: str) -> asyncio.Lock:
        return self._locks.setdefault(account, asyncio.Lock())


def _number(body: Mapping[str, object], name: str, otherwise: int | None, least: int) -> int:
    value = body.get(name, otherwise)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise HTTPException(400, f"{name} is a number from {least}")
    return value


def _unknown(account: str) -> Retryable:
    return Retryable(Problem(ACCOUNT_UNKNOWN, {"account": account}), outage=False)
