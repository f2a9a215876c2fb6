"""Postgres, Kafka, the network between, and the clock."""

import asyncio
import random
import re
import shutil
from collections.abc import Awaitable
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped] # it ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from tests.chaos.campaign.faults.base import Fault, Hands, Injection, NotStruck
from tests.chaos.campaign.postgres_wire import cut_commits, refuse_commits
from tests.chaos.campaign.proxy import HOST, Proxy, Weather

TOPICS: Final = {
    "counterparty": ("deals", "tenants"),
    "invoicing": ("deals", "tenants", "counterparties", "payments"),
    "payments": ("tenants", "documents"),
    "notifier": ("deals", "counterparties", "documents", "payments"),
}
"""What each service reads; of the notifier's the busy ones."""
HOURS: Final = 2
IDLE_SECONDS_MAX: Final = 10.0
HOLD_TRIES_MAX: Final = 5
LOOK_SECONDS: Final = 0.05
NUMBERED: Final = re.compile(r"^.+-\d+$")
"""A folder of a partition's log."""


class KillPostgres(Fault):
    """F05: SIGKILL to Postgres, all databases at once; it recovers from its log."""

    code = "F05"
    latest = 0.8

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        async with hands.keeper.lock("postgres"):
            await hands.keeper.kill("postgres", min(chance.choice((0.0, 1.0)), hands.left()))
        note.count = 1


class CutCommits(Fault):
    """F06: connections to Postgres are reset at their COMMIT; nobody knows whether the server has got it."""

    code = "F06"
    weight = 2

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        proxy = hands.stage.proxies["postgres"]
        async with hands.keeper.lock("proxy:postgres"):
            before = proxy.touched
            cut_commits(proxy, chance, most=chance.randint(3, 12))
            try:
                await asyncio.sleep(min(2.0, hands.left()))
                await touched(proxy, before)
            finally:
                proxy.clear()
            note.count = proxy.touched - before


class IdleInTransaction(Fault):
    """F09: somebody holds rows of due work, and an open transaction that has written, for seconds."""

    code = "F09"
    latest = 0.7

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        service = chance.choice(("counterparty", "invoicing", "payments", "notifier"))
        note.detail = {"database": service}
        for _ in range(HOLD_TRIES_MAX):
            connection = await _connected(hands.stage.databases()[service])
            try:
                await self._hold(connection, hands, note)
            except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError) as error:
                note.detail["ended_by"] = type(error).__name__  # Postgres was killed under it
            finally:
                connection.terminate()
            if note.count:
                return
        raise NotStruck("Postgres was killed each time before anything was held")

    async def _hold(self, connection: asyncpg.Connection, hands: Hands, note: Injection) -> None:
        await connection.execute("CREATE TABLE IF NOT EXISTS chaos_scratch (at timestamptz)")
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("INSERT INTO chaos_scratch VALUES (now())")
        held = await connection.fetch(
            "SELECT work_id FROM work WHERE queue <> 'closed' ORDER BY seq LIMIT 20 FOR UPDATE SKIP LOCKED"
        )
        note.detail["rows"] = len(held)
        note.count = 1
        await asyncio.sleep(min(6.0, hands.left()))
        await transaction.rollback()


class RefuseCommits(Fault):
    """F10: COMMITs are answered by 40001 (serialization failure) or 40P01 (deadlock), and rolled back."""

    code = "F10"
    weight = 2

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        proxy = hands.stage.proxies["postgres"]
        async with hands.keeper.lock("proxy:postgres"):
            before = proxy.touched
            refuse_commits(proxy, [chance.choice(("40001", "40P01")) for _ in range(chance.randint(3, 15))])
            try:
                await asyncio.sleep(min(2.0, hands.left()))
                await touched(proxy, before)
            finally:
                proxy.clear()
            note.count = proxy.touched - before


class KillKafka(Fault):
    """F11: SIGKILL to the broker; its data stay."""

    code = "F11"
    latest = 0.75

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        async with hands.keeper.lock("kafka"):
            await hands.keeper.kill("kafka", min(chance.choice((0.0, 2.0)), hands.left()))
        note.count = 1


class LoseKafka(Fault):
    """F12: the broker dies and all of its data is gone; a new one stands at the same address, with empty topics."""

    code = "F12"
    latest = 0.6

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        async with hands.keeper.lock("kafka"):
            with hands.keeper.held("kafka"):
                await hands.keeper.kill("kafka")
                await asyncio.to_thread(shutil.rmtree, hands.stage.data.kafka / "data")
                await asyncio.to_thread(hands.stage.kafka.prepare)
                await hands.stage.start_part("kafka")
                await hands.stage.make_topics()
        note.count = 1


class LoseTopic(Fault):
    """F12 of one topic: the disk under it is lost, so that its log is empty and begins at 0, while the offsets of all
    groups survive."""

    code = "F12"
    latest = 0.6

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        topic = chance.choice(("deals", "counterparties", "documents", "payments"))
        note.detail = {"topic": topic}
        async with hands.keeper.lock("kafka"):
            with hands.keeper.held("kafka"):
                await hands.keeper.kill("kafka")
                logs = [log for log in (hands.stage.data.kafka / "data").glob(f"{topic}-*") if NUMBERED.match(log.name)]
                for log in logs:
                    await asyncio.to_thread(shutil.rmtree, log)
                await hands.stage.start_part("kafka")
        note.count = len(logs)
        if not logs:
            raise NotStruck(f"{topic} had no log")


class NoKafka(Fault):
    """F13: the broker is away from the first deal on; faults stop when it is back."""

    code = "F13"

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        async with hands.keeper.lock("kafka"):
            await hands.keeper.kill("kafka", hands.left())
            await hands.stage.ready("kafka")
        note.count = 1


class SlowKafka(Fault):
    """F14: the way to the broker is slow, or swallows everything for a while, so that requests time out."""

    code = "F14"
    latest = 0.75

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        proxy = hands.stage.proxies["kafka"]
        weather = chance.choice((Weather(delay_seconds=chance.uniform(0.1, 0.6)), Weather(swallow=True)))
        note.detail = {"weather": repr(weather)}
        await under(hands, "kafka", weather, chance.uniform(2.0, 4.0), note)
        note.detail["blocks"] = proxy.touched


class RebalanceStorm(Fault):
    """F15: a stranger joins a service's group and leaves again, time after time; what it was given stands still."""

    code = "F15"
    latest = 0.5

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        service = chance.choice(tuple(TOPICS))
        note.detail = {"group": service}
        # Another fault may keep the broker away meanwhile.
        while note.count < 3 and hands.left() >= 2:
            stranger = AIOKafkaConsumer(
                *TOPICS[service],
                bootstrap_servers=f"{HOST}:{hands.stage.proxies['kafka'].port}",
                group_id=service,
                enable_auto_commit=False,
                session_timeout_ms=3_000,
                heartbeat_interval_ms=1_000,
                request_timeout_ms=4_000,
            )
            try:
                async with asyncio.timeout(8):
                    await stranger.start()
                await asyncio.sleep(min(1.5, hands.left()))
                note.count += 1
            except (KafkaError, TimeoutError, OSError) as error:
                note.detail["away"] = type(error).__name__
            finally:
                await left(stranger.stop())
            await asyncio.sleep(min(1.5, hands.left()))


class RewindOffsets(Fault):
    """F16: a service's offsets go back to the beginning while it is away: it reads everything once more."""

    code = "F16"
    latest = 0.6

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        service = chance.choice(tuple(TOPICS))
        note.detail = {"group": service}
        async with hands.keeper.lock(service):
            with hands.keeper.held(service):
                await hands.keeper.end(service)
                consumer = AIOKafkaConsumer(
                    bootstrap_servers=f"{HOST}:{hands.stage.proxies['kafka'].port}",
                    group_id=service,
                    enable_auto_commit=False,
                    request_timeout_ms=6_000,
                )
                try:
                    async with asyncio.timeout(15):
                        await consumer.start()
                        for topic in TOPICS[service]:
                            await consumer._client.add_topic(topic)
                        await consumer._client.force_metadata_update()
                        wanted = [
                            TopicPartition(topic, number)
                            for topic in TOPICS[service]
                            for number in consumer.partitions_for_topic(topic) or ()
                        ]
                        consumer.assign(wanted)
                        await consumer.commit(dict.fromkeys(wanted, 0))
                        note.count = len(wanted)
                finally:
                    await left(consumer.stop())
        if not note.count:
            raise NotStruck("no partition was found")


class ClockJumps(Fault):
    """F18: business time jumps two hours ahead, or two hours back and ahead again."""

    code = "F18"
    latest = 0.6

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        back = chance.random() < 0.5
        note.detail = {"hours": -HOURS if back else HOURS}
        if back:
            await hands.world.jump(-HOURS * 3600)
            await asyncio.sleep(min(2.0, hands.left()))
        await hands.world.jump(HOURS * 3600)
        note.count = 1


class SlowPostgres(Fault):
    """F14 of the database: every block on the way to Postgres takes longer, or connections stand half open."""

    code = "F14"
    latest = 0.7

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        weather = chance.choice((Weather(delay_seconds=0.02), Weather(swallow=True)))
        note.detail = {"weather": repr(weather)}
        await under(hands, "postgres", weather, chance.uniform(1.0, 2.5), note)


async def under(hands: Hands, name: str, weather: Weather, seconds: float, note: Injection) -> None:
    """A while of bad weather behind one proxy."""
    proxy = hands.stage.proxies[name]
    async with hands.keeper.lock(f"proxy:{name}"):
        before = proxy.touched
        proxy.weather = weather
        try:
            await asyncio.sleep(min(seconds, hands.left()))
            await touched(proxy, before)
        finally:
            proxy.clear()
        note.count = proxy.touched - before


async def touched(proxy: Proxy, before: int) -> None:
    """Returns when somebody has met the weather of a proxy."""
    for _ in range(int(IDLE_SECONDS_MAX / LOOK_SECONDS)):
        if proxy.touched > before:
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise NotStruck(f"nobody passed on the way to {proxy.name}")


async def _connected(url: str) -> asyncpg.Connection:
    """A connection to Postgres, which another fault may have killed a moment ago."""
    for _ in range(int(IDLE_SECONDS_MAX / LOOK_SECONDS)):
        try:
            return await asyncpg.connect(url, timeout=10)
        except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
            await asyncio.sleep(LOOK_SECONDS)
    raise NotStruck("Postgres was away all the time")


async def left(ending: Awaitable[object]) -> None:
    """Returns when a guest of the broker has taken its leave, or cannot: its session ends by itself then."""
    try:
        async with asyncio.timeout(8):
            await ending
    except (TimeoutError, KafkaError, OSError):
        return
    except asyncio.CancelledError:
        # The library waits for requests it has cancelled itself, and one of them may say so.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
