"""One run: an account whose tokens rotate in pairs, a database, some processes with the product's own keeping of tokens
that all find the token refused at about the same time, again and again, and stand still where it is most awkward."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http.addresses import AddressPolicy
from chassis.http.client import VendorHttp
from chassis.ids import TenantId, tenant_id
from chassis.migrate import Urls, migrate
from chassis.outcomes import Deferred, Outcome
from chassis.postgres import Connection, Database
from chassis.secrets import Keyring, Secrets
from chassis.work.handlers import TOKEN_REFUSED
from chassis.work.permits import TOKEN_MARK, token_mark
from connectors.bitrix24.oauth import Bitrix24OAuth
from deploy.local.postgres import Postgres
from services.ingest.api.tokens import Renewed, RenewPair, Tokens
from services.ingest.app import SPEC, _renew
from services.ingest.store.connections import (
    CLIENT_ID,
    CLIENT_SECRET,
    ENDPOINT,
    OAUTH,
    Account,
    ConnectionStore,
)
from tests.chaos.tokens.checks import anomalies
from tests.chaos.tokens.history import Asked, Given, History
from tests.kit.database import PASSWORDS
from tests.kit.mortal import Mortal
from tests.sandbox.running import Sandbox, serve

TENANT: Final = tenant_id("vektor")
CRM: Final = "bitrix24:vektor"
PROCESSES: Final = 3
ASKERS: Final = 2
ROUNDS: Final = 5
ASKS_MAX: Final = 5
STILL: Final = 0.3
STILL_SECONDS_MAX: Final = 0.4
"""Short of the lease under which a token is fetched: who stands still for longer has lost it, and an answer that nobody
has stored by then is lost for good, whoever fetches."""


@dataclass(frozen=True, slots=True)
class Renewals:
    """What a run came to. ``stood_still`` counts how often a process did."""

    anomalies: list[str]
    asked: int
    given: int
    stood_still: int
    seconds: float


class StillDatabase(Database):
    """A database whose process may stand still before a transaction begins and after it is committed."""

    still: "Still"

    @contextlib.asynccontextmanager
    async def transaction(
        self, tenants: Collection[TenantId], locks: Iterable[int] = (), what: Collection[str] = (), first: str = ""
    ) -> AsyncIterator[Connection]:
        """As the product's."""
        await self.still()
        async with super().transaction(tenants, locks, what, first) as connection:
            yield connection
        await self.still()


class Still:
    """Where a process may stand still, by a coin of its own."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.times = 0

    async def __call__(self) -> None:
        """Stands still, or does not."""
        if self._chance.random() < STILL:
            self.times += 1
            await asyncio.sleep(self._chance.uniform(0.0, STILL_SECONDS_MAX))


class Process:
    """One that gives out tokens: pools, keys and memory of its own."""

    def __init__(
        self, number: int, database: StillDatabase, store: ConnectionStore, renew: RenewPair, history: History
    ) -> None:
        self.number = number
        self._history = history
        self.database = database
        self._store = store
        self.tokens = Tokens(database, store, Clock(), {}, {("bitrix24", "app"): self._renewed}, self._lose)
        self._renew = renew

    @classmethod
    async def opened(
        cls, number: int, urls: Urls, keys: str, renew: RenewPair, history: History, chance: random.Random
    ) -> Self:
        """With pools that the caller closes."""
        database = await StillDatabase.open(urls.app, urls.delivery)
        database.still = Still(chance)
        return cls(number, database, ConnectionStore(Secrets(Keyring.parse(keys))), renew, history)

    async def account(self) -> Account:
        """The account as it stands."""
        async with self.database.transaction([TENANT]) as connection:
            found = await self._store.find(connection, TENANT, CRM)
        assert found is not None, "it was written"
        return found

    async def write(self, account: Account, pair: Renewed) -> None:
        """The account with its first pair."""
        async with self.database.transaction([TENANT]) as connection:
            await self._store.save(connection, account)
            found = await self._store.find(connection, TENANT, CRM)
            assert found is not None, "it was just written"
            ends_at = Clock().now()
            await self._store.swap_pair(connection, found, pair.access_token, pair.refresh_token, ends_at)

    async def needs_another(self, ended: str, round_number: int) -> Given:
        """Finds the token refused, and asks for one."""
        account = await self.account()
        await self.tokens.refused(account, Problem(TOKEN_REFUSED, {TOKEN_MARK: ended}))
        for _ in range(ASKS_MAX):
            answer = await self.tokens.ready(await self.account())
            if not isinstance(answer, Deferred):
                break  # one that is told to wait asks again, as work does
        if isinstance(answer, Account):
            return Given(self.number, round_number, token_mark(answer.token))
        return Given(self.number, round_number, why=answer.problem.code)

    async def _renewed(self, account: Account) -> Outcome[Renewed]:
        began = time.monotonic()
        await self.database.still()
        outcome = await self._renew(account)
        await self.database.still()
        self._history.asked.append(Asked(self.number, token_mark(account.refresh_token), began, time.monotonic()))
        return outcome

    async def _lose(self, connection: Connection, account: Account) -> bool:
        return await self._store.lose_pair(connection, account, "lost")


async def run(server: Mortal[Postgres], folder: Path, seed: int, *, rounds: int = ROUNDS) -> Renewals:
    """In each round the present token is refused to all processes, at moments of their own."""
    await server.ready()
    began = time.monotonic()
    assert SPEC.migrations is not None
    urls = await migrate(server.part.url, "ingest", [SPEC.migrations], PASSWORDS)
    history, chance = History(), random.Random(f"{seed}/rounds")  # noqa: S311 - a seed makes it repeatable
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(serve(folder / "sandbox"))
        policy = AddressPolicy(development=True)
        http = await stack.enter_async_context(VendorHttp(policy))
        renew, keys = _renew(Bitrix24OAuth(http, Clock()), policy), Keyring.generate("rig")
        processes: list[Process] = []
        for number in range(PROCESSES):
            own = random.Random(f"{seed}/{number}")  # noqa: S311 - as above
            processes.append(await Process.opened(number, urls, keys, renew, history, own))
            stack.push_async_callback(processes[-1].database.close)
        await _connected(sandbox, processes[0])
        ended: list[str] = []
        for number in range(rounds):
            ended.append(token_mark((await processes[0].account()).token))
            history.given += await asyncio.gather(
                *(
                    _at(chance.uniform(0.0, STILL_SECONDS_MAX), process, ended[-1], number)
                    for process in processes
                    for _ in range(ASKERS)
                )
            )
        history.ended = ended
        last = await processes[0].account()
        history.state = last.state
        history.last_works = await _known(sandbox, last.token)
    return Renewals(
        anomalies=anomalies(history),
        asked=len(history.asked),
        given=sum(bool(one.token) for one in history.given),
        stood_still=sum(process.database.still.times for process in processes),
        seconds=time.monotonic() - began,
    )


async def _at(seconds: float, process: Process, ended: str, number: int) -> Given:
    await asyncio.sleep(seconds)
    return await process.needs_another(ended, number)


async def _connected(sandbox: Sandbox, process: Process) -> None:
    """A portal whose application has been given its first pair."""
    portal = await sandbox.control("/bitrix24/portals", {"slug": "vektor", "title": "ООО «Вектор»"})
    pair = await sandbox.control("/bitrix24/portals/vektor/tokens")
    secrets = {
        ENDPOINT: f"{sandbox.url}/bitrix24/vektor/rest/",
        OAUTH: portal["oauth_url"],
        CLIENT_ID: portal["client_id"],
        CLIENT_SECRET: portal["client_secret"],
    }
    account = Account(TENANT, CRM, "bitrix24", "app", secrets, state="waiting")
    await process.write(account, Renewed(pair["access_token"], pair["refresh_token"], 3_600))


async def _known(sandbox: Sandbox, token: str) -> bool:
    answer = await sandbox.client.post("/rest/app.info", data={"auth": token})
    return answer.status_code == 200
