"""Access tokens of accounts: fetched by client credentials, or rotated in pairs; asked for once, by one process.

A pair is rotated only after the vendor refused its access token. The refresh token may then serve never again, so the
new one is stored in one statement with the access token before either is used, and only in place of the pair that it
was made from. What the vendor gave and the database did not take is kept in memory and written as soon as it does: so a
process whose lease ran out may hold the pair that others take for lost.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from chassis import log
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.postgres import INFRASTRUCTURE_ERRORS, Connection, Database, log_level
from chassis.work.permits import ACCOUNT_UNKNOWN, TOKEN_MARK, token_mark
from connectors.ports.accounting import AccessToken
from services.ingest import metrics
from services.ingest.store.connections import Account, ConnectionStore, LinkState

TOKEN_MARGIN_SECONDS: Final = 60.0
TOKEN_LEASE_SPARE_SECONDS: Final = 5.0
TOKEN_WAIT_SECONDS_MAX: Final = 8.0
TOKEN_POLL_SECONDS: Final = 0.1
ECHO_SECONDS: Final = 5.0
REFUSED_SECONDS: Final = 60.0
SAVE_TRIES_MAX: Final = 40
SAVE_AGAIN_SECONDS: Final = 0.25
KEEP_EVERY_SECONDS: Final = 1.0
END_SECONDS_MAX: Final = 4.0
HELD_SECONDS: Final = 120.0
"""How long a pair is not called lost that another process may have renewed and not written yet."""

_STATE_PROBLEMS: Final[Mapping[LinkState, tuple[str, bool]]] = {
    # What is told of an account that is not connected, and whether that is an outage, of which people hear.
    "waiting": ("portal_not_connected", False),
    "lost": ("portal_reconnect_needed", True),
    "uninstalled": ("portal_app_removed", False),
}

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Renewed:
    """A pair that takes the place of another. ``endpoint``: where the account is now, "" where the vendor does not
    say."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_seconds: int
    endpoint: str = ""


FetchToken = Callable[[Account], Awaitable[Outcome[AccessToken]]]
"""Asks a vendor for an access token."""

RenewPair = Callable[[Account], Awaitable[Outcome[Renewed]]]
"""Asks a vendor for the next pair. Rejected: no retry helps, the account's owner has to connect it anew."""

Lose = Callable[[Connection, Account], Awaitable[bool]]
"""Destroys a pair that the vendor takes no more, and tells of it, in the caller's transaction; False when another has
replaced it."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    why: Retryable
    until: datetime


@dataclass(frozen=True, slots=True)
class _Lease:
    """The right to ask the vendor. ``abandoned``: whoever had it before never said what came of it."""

    epoch: int
    abandoned: bool


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Since when a pair is refused that may have been renewed by another process."""

    mark: bytes | None
    since: float


class Tokens:
    """Keeps tokens by (vendor, profile): ``fetches`` for client credentials, ``renewals`` for pairs; each of them is
    one call of ``call_seconds_max``."""

    def __init__(
        self,
        database: Database,
        store: ConnectionStore,
        clock: Clock,
        fetches: Mapping[tuple[str, str], FetchToken],
        renewals: Mapping[tuple[str, str], RenewPair],
        lose: Lose,
        *,
        call_seconds_max: float = 25.0,
    ) -> None:
        self._lease_seconds = call_seconds_max + TOKEN_LEASE_SPARE_SECONDS
        self._database = database
        self._store = store
        self._clock = clock
        self._fetches = dict(fetches)
        self._renewals = dict(renewals)
        self._lose = lose
        self._fetched_at: dict[str, float] = {}
        self._refused: dict[str, _Refusal] = {}
        self._unsaved: dict[str, tuple[Account, Renewed]] = {}
        self._doubts: dict[str, _Doubt] = {}
        self._renewing: set[asyncio.Task[Outcome[Renewed]]] = set()

    async def run(self) -> None:
        """Writes what the database did not take, whether or not anybody asks for it, until it is cancelled; then the
        pairs that are still on their way, if the vendor and the database are quick."""
        try:
            while True:
                await asyncio.sleep(KEEP_EVERY_SECONDS)
                await self._keep()
        finally:
            try:
                async with asyncio.timeout(END_SECONDS_MAX):
                    if self._renewing:
                        await asyncio.wait(self._renewing)
                    await self._keep()
            except TimeoutError:
                _log.warning("pairs of tokens did not come to their end in time", count=len(self._renewing))
            for name in self._unsaved:
                _log.error("a pair of tokens is lost with this process", account=name)

    async def ready(self, account: Account) -> Account | Deferred | Retryable:
        """The account with a token that may be sent, or why there is none now."""
        if not self._has_tokens(account) or account.standing_token or self._usable(account):
            return account
        if (told := _not_connected(account)) is not None:
            return told
        refused = self._refused.get(account.account)
        if refused is not None and self._clock.now() < refused.until:
            return refused.why
        deadline = time.monotonic() + TOKEN_WAIT_SECONDS_MAX
        while time.monotonic() < deadline:
            if account.account in self._unsaved:
                return await self._saved(account.account)
            # The lease is in the database and no transaction is open while the vendor is asked.
            async with self._database.transaction([account.tenant]) as connection:
                # Locked, else another process could store the next pair before the lease is taken for this one.
                present = await self._store.find(connection, account.tenant, account.account, locked=True)
                if present is None:
                    return Retryable(Problem(ACCOUNT_UNKNOWN, {"account": account.account}), outage=False)
                if self._usable(present):
                    return present
                if (told := _not_connected(present)) is not None:
                    return told
                abandoned = await self._store.is_leased(connection, account.tenant, account.account)
                epoch = await self._store.lease_token(connection, account.tenant, account.account, self._lease_seconds)
            if epoch is not None:
                return await self._asked(present, _Lease(epoch, abandoned))
            await asyncio.sleep(TOKEN_POLL_SECONDS)  # another process asks for it
        return _being_fetched(account)

    async def refused(self, account: Account, problem: Problem) -> bool:
        """The vendor refused the account's token; whether what memory has of the account is no longer right."""
        if not self._has_tokens(account) or not account.token:
            return False
        mark = problem.values.get(TOKEN_MARK)
        if mark is not None:
            if mark != token_mark(account.token):
                return False  # a call that was under way with the token before this one
        elif time.monotonic() - self._fetched_at.get(account.account, -ECHO_SECONDS) < ECHO_SECONDS:
            return False
        if not self._rotates(account):
            _log.warning("a vendor refused a token before its end", account=account.account, vendor=account.vendor)
        async with self._database.transaction([account.tenant]) as connection:
            await self._store.drop_token(connection, account)
        return True

    def forget(self, account: str) -> None:
        """The account was changed."""
        self._refused.pop(account, None)

    async def _asked(self, account: Account, lease: _Lease) -> Account | Deferred | Retryable:
        if self._rotates(account):
            return await self._renewed(account, lease)
        return await self._fetched(account, lease.epoch)

    async def _fetched(self, account: Account, epoch: int) -> Account | Deferred | Retryable:
        outcome = await self._fetches[account.vendor, account.profile](account)
        if not isinstance(outcome, Ok):
            return await self._without(account, epoch, outcome)
        metrics.TOKENS_FETCHED.labels(account.vendor, "ok").inc()
        token = outcome.value
        lives = token.expires_in_seconds
        ends_at = self._clock.now() + timedelta(seconds=max(lives - TOKEN_MARGIN_SECONDS, lives / 2))
        async with self._database.transaction([account.tenant]) as connection:
            await self._store.save_token(connection, account, epoch, token.access_token, ends_at, token.refresh_token)
            present = await self._store.find(connection, account.tenant, account.account)
        return self._present(account, present)

    async def _renewed(self, account: Account, lease: _Lease) -> Account | Deferred | Retryable:
        renewal = asyncio.create_task(self._renewal(account))
        self._renewing.add(renewal)
        renewal.add_done_callback(self._renewing.discard)
        outcome = await asyncio.shield(renewal)  # whoever asked may go away; the answer is the only one there is
        if isinstance(outcome, Rejected):
            if lease.abandoned and self._may_be_held(account):
                return _being_fetched(account)
            return await self._given_up(account, lease.epoch, outcome)
        if not isinstance(outcome, Ok):
            return await self._without(account, lease.epoch, outcome)
        return await self._saved(account.account)

    async def _renewal(self, account: Account) -> Outcome[Renewed]:
        outcome = await self._renewals[account.vendor, account.profile](account)
        if isinstance(outcome, Ok):
            metrics.TOKENS_FETCHED.labels(account.vendor, "ok").inc()
            self._unsaved[account.account] = (account, outcome.value)
        return outcome

    def _may_be_held(self, account: Account) -> bool:
        """Whether the process whose lease ran out may still write the pair that came in place of the refused one. The
        lease is left to run out again, so that whoever asks next has the same doubt."""
        doubt = self._doubts.get(account.account)
        if doubt is None or doubt.mark != account.pair_mark:
            doubt = self._doubts[account.account] = _Doubt(account.pair_mark, time.monotonic())
            _log.warning("a pair is refused that another process may have renewed", account=account.account)
        return time.monotonic() - doubt.since < HELD_SECONDS

    async def _saved(self, name: str) -> Account | Deferred | Retryable:
        """Writes a pair that the vendor gave; without it the account would be lost, so it is tried again and again."""
        account, pair = self._unsaved[name]
        for tries in range(SAVE_TRIES_MAX):
            try:
                return await self._written(account, pair)
            except INFRASTRUCTURE_ERRORS as error:
                if tries == 0:
                    _log.warning("a pair of tokens is not stored yet", account=name, error=type(error).__name__)
                await asyncio.sleep(SAVE_AGAIN_SECONDS)
        return _being_fetched(account)

    async def _keep(self) -> None:
        for account, pair in tuple(self._unsaved.values()):
            try:
                await self._written(account, pair)
            except Exception as error:  # noqa: BLE001 - it is tried again, and one holds up no other
                name = type(error).__name__
                _log.log(log_level(error), "a pair of tokens is not stored yet", account=account.account, error=name)

    async def _written(self, account: Account, pair: Renewed) -> Account | Deferred:
        ends_at = self._clock.now() + timedelta(seconds=pair.expires_in_seconds)
        name = account.account
        async with self._database.transaction([account.tenant]) as connection:
            swapped = await self._store.swap_pair(connection, account, pair.access_token, pair.refresh_token, ends_at)
            if swapped and pair.endpoint:
                await self._store.move(connection, account.tenant, name, pair.endpoint)
            present = await self._store.find(connection, account.tenant, name)
        if self._unsaved.get(name) == (account, pair):
            del self._unsaved[name]
        return self._present(account, present)

    async def _given_up(self, account: Account, epoch: int, refused: Rejected) -> Account | Deferred | Retryable:
        """The vendor takes the refresh token no more. Another process may have replaced it meanwhile: looked at once
        more before the account is called lost."""
        metrics.TOKENS_FETCHED.labels(account.vendor, "rejected").inc()
        async with self._database.transaction([account.tenant]) as connection:
            if await self._lose(connection, account):
                _log.warning(
                    "a portal takes our access no more: its owner has to connect it again",
                    account=account.account, reason=refused.problem.code,
                )  # fmt: skip
            else:
                await self._store.end_lease(connection, account.tenant, account.account, epoch)
            present = await self._store.find(connection, account.tenant, account.account)
        told = None if present is None else _not_connected(present)
        return told or self._present(account, present)

    async def _without(
        self, account: Account, epoch: int, outcome: Outcome[AccessToken] | Outcome[Renewed]
    ) -> Deferred | Retryable:
        assert not isinstance(outcome, Ok), "a failure"
        metrics.TOKENS_FETCHED.labels(account.vendor, type(outcome).__name__.lower()).inc()
        async with self._database.transaction([account.tenant]) as connection:
            await self._store.end_lease(connection, account.tenant, account.account, epoch)
        if isinstance(outcome, Deferred):
            return outcome
        why = Retryable(outcome.problem, outage=True)
        if isinstance(outcome, Rejected):
            self._refused[account.account] = _Refusal(why, self._clock.now() + timedelta(seconds=REFUSED_SECONDS))
        return why

    def _present(self, account: Account, present: Account | None) -> Account | Deferred:
        if present is None or not present.token:
            return _being_fetched(account)
        self._fetched_at[account.account] = time.monotonic()
        return present

    def _usable(self, account: Account) -> bool:
        if self._rotates(account):
            return bool(account.token)  # the vendor alone says when it is spent
        if not account.token or account.token_ends_at is None:
            return False
        return self._clock.now() < account.token_ends_at

    def _rotates(self, account: Account) -> bool:
        return (account.vendor, account.profile) in self._renewals

    def _has_tokens(self, account: Account) -> bool:
        return self._rotates(account) or (account.vendor, account.profile) in self._fetches


def _being_fetched(account: Account) -> Deferred:
    return Deferred(Problem("token_is_being_fetched", {"account": account.account}))


def _not_connected(account: Account) -> Retryable | None:
    if account.state not in _STATE_PROBLEMS:
        return None
    code, outage = _STATE_PROBLEMS[account.state]
    return Retryable(Problem(code, {"account": account.account}), outage=outage)
