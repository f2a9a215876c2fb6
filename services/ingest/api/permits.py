"""Leave to call a vendor: the account's address, a token that works, and a share of its bucket."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.postgres import Database
from chassis.secrets import KeyMissing, SecretBroken
from chassis.work.handlers import Permit, PermitClass
from chassis.work.permits import (
    ACCOUNT_UNKNOWN,
    PERMITS_PATH,
    REPORT_PATH,
    TOKEN_REFUSED,
    PermitAnswer,
    answer_to_json,
    problem_from_json,
)
from connectors.ports.accounting import AccessToken
from services.ingest import metrics
from services.ingest.domain import buckets, portal
from services.ingest.store import buckets as bucket_rows
from services.ingest.store.connections import Account, ConnectionStore

ACCOUNT_FRESH_SECONDS: Final = 2.0
TOKEN_MARGIN_SECONDS: Final = 60.0
TOKEN_LEASE_SPARE_SECONDS: Final = 5.0
TOKEN_WAIT_SECONDS_MAX: Final = 8.0
TOKEN_POLL_SECONDS: Final = 0.1
ECHO_SECONDS: Final = 5.0
REFUSED_SECONDS: Final = 60.0

FetchToken = Callable[[Account], Awaitable[Outcome[AccessToken]]]
"""Asks a vendor for an access token."""

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

    async def acquired(self, request: Request) -> Response:
        """``{account, count, class}``: a permit, or why there is none now."""
        body = await json_of(request)
        count, name = body.get("count"), text_of(body, "class", PermitClass.INTERACTIVE.value)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise HTTPException(400, "count is a number from 1")
        if name not in {one.value for one in PermitClass}:
            raise HTTPException(400, f"class is one of {', '.join(PermitClass)}")
        answer = await self._desk.acquire(text_of(body, "account"), count, PermitClass(name))
        return Response(orjson.dumps(answer_to_json(answer)), media_type="application/json")

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


@dataclass(frozen=True, slots=True)
class _Refusal:
    why: Retryable
    until: datetime


class PermitDesk:
    """Gives out permits of all accounts; what is left of each lies in the database, so that several processes share it.

    ``tokens`` are the vendors whose accounts need one fetched, by (vendor, profile); each fetch is one call of
    ``call_seconds_max``.
    """

    def __init__(
        self,
        database: Database,
        store: ConnectionStore,
        clock: Clock,
        tokens: Mapping[tuple[str, str], FetchToken],
        *,
        call_seconds_max: float = 25.0,
    ) -> None:
        self._token_lease_seconds = call_seconds_max + TOKEN_LEASE_SPARE_SECONDS
        self._database = database
        self._store = store
        self._clock = clock
        self._tokens = dict(tokens)
        self._accounts: dict[str, tuple[Account, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._fetched_at: dict[str, float] = {}
        self._refused: dict[str, _Refusal] = {}

    async def acquire(self, account: str, count: int, permit_class: PermitClass) -> PermitAnswer:
        """A permit for up to ``count`` calls (10 at most), or why not. Raises the infrastructure errors of Postgres."""
        async with self._lock(account):
            found = await self._account(account)
            if not isinstance(found, Account):
                metrics.PERMITS_DENIED.labels("", "account").inc()
                return found
            ready = await self._with_token(found)
            if not isinstance(ready, Account):
                metrics.PERMITS_DENIED.labels(found.vendor, "token").inc()
                return ready
            return await self._taken(ready, max(1, count), permit_class)

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """The vendor answered with its own limit, or refused the token."""
        async with self._lock(account):
            found = await self._account(account)
            if not isinstance(found, Account):
                return
            if problem.code == TOKEN_REFUSED:
                await self._token_refused(found)
            else:
                await self._limited(found, until)

    def forget(self, tenant: TenantId) -> None:
        """The tenant's connections were changed: what memory has of them is no longer right."""
        for account in [name for name, (found, _) in self._accounts.items() if found.tenant == tenant]:
            del self._accounts[account]
            self._refused.pop(account, None)

    async def _account(self, name: str) -> Account | Retryable:
        cached = self._accounts.get(name)
        if cached is not None and time.monotonic() - cached[1] < ACCOUNT_FRESH_SECONDS:
            return cached[0]
        self._accounts.pop(name, None)
        try:
            tenant = tenant_id(portal.tenant_of(name))
            async with self._database.transaction([tenant]) as connection:
                found = await self._store.find(connection, tenant, name)
        except ValueError:
            return _unknown(name)
        except (SecretBroken, KeyMissing) as error:
            _log.error("the secrets of an account do not open", account=name, error=type(error).__name__)
            return Retryable(Problem("secret_unreadable", {"account": name}), outage=False)
        return _unknown(name) if found is None else self._keep(found)

    async def _taken(self, account: Account, count: int, permit_class: PermitClass) -> PermitAnswer:
        now, share, limit = self._clock.now(), _SHARES[permit_class], account.limit
        given: buckets.Given | buckets.NotYet = buckets.Given(min(count, buckets.PERMITS_MAX))
        if limit is not None:
            async with self._database.transaction([account.tenant]) as connection:
                given = await bucket_rows.change(
                    connection,
                    account.tenant,
                    account.account,
                    limit,
                    now,
                    lambda bucket: buckets.take(bucket, count, share, now),
                )
        if isinstance(given, buckets.NotYet):
            metrics.PERMITS_DENIED.labels(account.vendor, "limit").inc()
            return Deferred(Problem("limit_used_up", {"account": account.account}), given.until)
        metrics.PERMITS_GIVEN.labels(account.vendor, share).inc(given.count)
        return Permit(
            account=account.account,
            endpoint=account.endpoint,
            access_token=account.standing_token or account.token,
            count=given.count,
            expires_at=now + timedelta(seconds=buckets.PERMIT_SECONDS),
            options=account.options,
        )

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

    # Tokens

    async def _with_token(self, account: Account) -> Account | Deferred | Retryable:
        fetch = self._tokens.get((account.vendor, account.profile))
        if fetch is None or account.standing_token or self._usable(account):
            return account
        refused = self._refused.get(account.account)
        if refused is not None and self._clock.now() < refused.until:
            return refused.why
        deadline = time.monotonic() + TOKEN_WAIT_SECONDS_MAX
        while time.monotonic() < deadline:
            # The lease is in the database and no transaction is open while the vendor is asked.
            async with self._database.transaction([account.tenant]) as connection:
                present = await self._store.find(connection, account.tenant, account.account)
                if present is None:
                    return _unknown(account.account)
                if self._usable(present):
                    return self._keep(present)
                epoch = await self._store.lease_token(
                    connection, account.tenant, account.account, self._token_lease_seconds
                )
            if epoch is not None:
                return await self._fetched(present, epoch, fetch)
            await asyncio.sleep(TOKEN_POLL_SECONDS)  # another process asks for it
        return Deferred(Problem("token_is_being_fetched", {"account": account.account}))

    async def _fetched(self, account: Account, epoch: int, fetch: FetchToken) -> Account | Deferred | Retryable:
        outcome = await fetch(account)
        now = self._clock.now()
        if not isinstance(outcome, Ok):
            metrics.TOKENS_FETCHED.labels(account.vendor, type(outcome).__name__.lower()).inc()
            async with self._database.transaction([account.tenant]) as connection:
                await self._store.end_lease(connection, account.tenant, account.account, epoch)
            if isinstance(outcome, Deferred):
                return outcome
            why = Retryable(outcome.problem, outage=True)
            if isinstance(outcome, Rejected):
                self._refused[account.account] = _Refusal(why, now + timedelta(seconds=REFUSED_SECONDS))
            return why
        metrics.TOKENS_FETCHED.labels(account.vendor, "ok").inc()
        token = outcome.value
        lives = token.expires_in_seconds
        ends_at = now + timedelta(seconds=max(lives - TOKEN_MARGIN_SECONDS, lives / 2))
        async with self._database.transaction([account.tenant]) as connection:
            await self._store.save_token(connection, account, epoch, token.access_token, ends_at, token.refresh_token)
            present = await self._store.find(connection, account.tenant, account.account)
        if present is None or not present.token:
            return Deferred(Problem("token_is_being_fetched", {"account": account.account}))
        self._fetched_at[account.account] = time.monotonic()
        return self._keep(present)

    async def _token_refused(self, account: Account) -> None:
        if (account.vendor, account.profile) not in self._tokens or not account.token:
            return
        if time.monotonic() - self._fetched_at.get(account.account, -ECHO_SECONDS) < ECHO_SECONDS:
            return  # calls that were under way still report the token before this one
        _log.warning("a vendor refused a token before its end", account=account.account, vendor=account.vendor)
        async with self._database.transaction([account.tenant]) as connection:
            await self._store.drop_token(connection, account.tenant, account.account)
        self._accounts.pop(account.account, None)

    def _usable(self, account: Account) -> bool:
        if not account.token or account.token_ends_at is None:
            return False
        return self._clock.now() < account.token_ends_at

    def _keep(self, account: Account) -> Account:
        self._accounts[account.account] = (account, time.monotonic())
        return account

    def _lock(self, account: str) -> asyncio.Lock:
        return self._locks.setdefault(account, asyncio.Lock())


def _unknown(account: str) -> Retryable:
    return Retryable(Problem(ACCOUNT_UNKNOWN, {"account": account}), outage=False)
