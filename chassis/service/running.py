"""The life of a service: starts its parts in order, runs until it is told to stop or a part fails, ends in order.

Start: HTTP (unready), Postgres and its schema, clock, work, HTTP open, Kafka and its topics, relay, consumer, ready.
End: unready, no more messages, work in hand comes to its end, HTTP, the outbox is flushed, connections.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from importlib import metadata
from typing import Any, Final, Generic

from starlette.routing import BaseRoute

from chassis import log, metrics, telemetry
from chassis.cancelling import cancel_all
from chassis.clock import Clock, FollowingClock, build_clock
from chassis.crash_points import arm
from chassis.engine import Engine
from chassis.health import Health
from chassis.internal_api.dead import DeadLettersApi
from chassis.internal_api.decisions import DecisionsApi
from chassis.internal_api.status import StatusApi
from chassis.internal_api.story import StoryApi
from chassis.internal_api.topics import TopicsApi
from chassis.internal_api.work import WorkApi
from chassis.lag import Lag
from chassis.messaging.codec import MessageCodec
from chassis.messaging.consumer import Consumer
from chassis.messaging.intake import Intake
from chassis.messaging.kafka import KafkaError, KafkaSettings, is_reachable, wait_for_kafka
from chassis.messaging.relay import Relay, count_letters, count_outbox, keep_house
from chassis.messaging.replay import DeadLetterOffice
from chassis.messaging.republish import republish
from chassis.messaging.topics import ensure_topics
from chassis.migrate import schema_fits
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from chassis.runtime import (
    EXIT_DONE,
    EXIT_FAILED,
    Loops,
    pause_seconds,
    refuse,
    run_process,
    stop_on_signals,
    until_available,
)
from chassis.service.spec import Parts, S, ServiceSpec, Work
from chassis.serving import HttpServer, Limits, PortTaken
from chassis.settings import SettingsRefused, load
from chassis.shell import Shell
from chassis.tenants import tenant_rules
from chassis.wakeups import WORK
from chassis.work.handlers import Permits
from chassis.work.machine import Schedule
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings

LOOP_AGE_SECONDS_MAX: Final = 60.0
CLOCK_AGE_SECONDS_MAX: Final = 90.0
POOLS_EVERY_SECONDS: Final = 1.0
FLUSH_SECONDS_MAX: Final = 3.0
COUNT_LETTERS_SECONDS: Final = 15.0
COUNT_OUTBOX_SECONDS: Final = 5.0
KEEP_HOUSE_SECONDS: Final = 600.0
STOP_SPARE_SECONDS: Final = 5.0
PROBE_SHARE_OF_LEASE: Final = 2 / 3
TASK_SHARE_OF_LEASE: Final = 5 / 6
MILLISECONDS: Final = 1_000

_log = log.get(__name__)


class Service(Generic[S]):
    """One service in this process. ``run`` once; several services may run in one process, for tests."""

    def __init__(self, spec: ServiceSpec[S], settings: S) -> None:
        self.health = Health()
        self.ready = asyncio.Event()
        self._spec = spec
        self._settings = settings
        self._kafka = KafkaSettings.of(settings)
        self._loops = Loops()
        self._shell = Shell(self.health, settings.token())
        self._server = HttpServer(
            Limits(self._shell, in_flight_max=settings.http_in_flight_max, body_bytes_max=spec.body_bytes_max),
            host=settings.host,
            port=settings.port,
            stop_seconds_max=STOP_SPARE_SECONDS,
            connections_per_peer_max=settings.http_connections_per_peer_max,
        )
        self._consumer: Consumer | None = None
        self._relay: Relay | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self._settings.host}:{self._server.port}"

    async def run(self, stop: asyncio.Event) -> int:
        """Runs until ``stop`` is set (0) or a part fails (1). Raises PortTaken, SettingsRefused, TopicDiffers."""
        await self._server.start()
        _log.info("listening", port=self._server.port, version=_version())
        self._loops.start("health", self.health.watch())
        async with contextlib.AsyncExitStack() as parts:
            parts.push_async_callback(self._loops.stop)
            parts.push_async_callback(self._server.stop)
            try:
                return await self._until(stop, parts)
            finally:
                self.ready.clear()
                self.health.set_unready("the service is ending")
                await self._close(parts)

    async def _until(self, stop: asyncio.Event, parts: contextlib.AsyncExitStack) -> int:
        stopped = asyncio.create_task(stop.wait())
        failed = asyncio.create_task(self._loops.failure())
        starting = asyncio.create_task(self._start(parts), name="start")
        waits: list[asyncio.Task[Any]] = [stopped, failed, starting]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                self.health.set_ready()
                self.ready.set()
                _log.info("ready", port=self._server.port)
                await asyncio.wait([stopped, failed], return_when=asyncio.FIRST_COMPLETED)
            return EXIT_FAILED if failed.done() else EXIT_DONE
        finally:
            await cancel_all(waits)

    async def _close(self, parts: contextlib.AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(self._settings.stop_seconds_max + STOP_SPARE_SECONDS):
                await parts.aclose()
        except TimeoutError:
            _log.error("the end in order took too long and is broken off", seconds=self._settings.stop_seconds_max)

    async def _start(self, parts: contextlib.AsyncExitStack) -> None:
        settings, spec = self._settings, self._spec
        clock = await self._start_clock()
        database = await self._open_database()
        parts.push_async_callback(database.close)
        engine = Engine(spec.name, spec.stream_kinds())
        given = Parts(settings, database, engine, clock, self.health)
        parts.push_async_callback(given.http.close)
        self._keep(parts, "wake-ups", given.wakeups.run())
        intake = Intake(
            spec.name,
            database=database,
            engine=engine,
            codec=MessageCodec([message for topic in spec.reads for message in topic.messages]),
            route=spec.route,
            now=clock.now,
        )
        self._start_relay(given, parts)
        for name, loop in spec.loops(given).items():
            self._keep(parts, name, loop)
        self._keep(parts, "pools", self._measure_pools(database))
        work = spec.work(given)
        runner = self._runner(given, work, parts)
        lag = Lag(spec.name, self._kafka, spec.reads, database)
        parts.push_async_callback(lag.close)
        routes = [*spec.routes(given), *self._internal_routes(given, work, runner, lag, intake)]
        self._shell.open(routes, title=f"Sverka {spec.name}", version=_version())
        parts.push_async_callback(self._server.stop)
        await runner.start()
        parts.push_async_callback(runner.stop)
        self._keep(parts, "work", runner.failed())
        if spec.reads:  # whoever reads nothing serves without Kafka: its messages wait in the outbox
            self.health.set_unready("waiting for Kafka")
            await self._start_consumer(intake, parts)

    async def _start_clock(self) -> Clock:
        settings = self._settings
        clock = build_clock(
            environment=settings.env,
            rate=settings.clock_rate,
            control_url=settings.sandbox_control_url,
            client_name=f"{self._spec.name}:{self._server.port}",
        )
        if isinstance(clock, FollowingClock):
            self.health.set_unready("waiting for the sandbox's clock")
            beat = self.health.heartbeat("clock", CLOCK_AGE_SECONDS_MAX)
            self._loops.start("clock", clock.run(beat.beat))
            await clock.wait_followed()
        return clock

    async def _open_database(self) -> Database:
        settings = self._settings

        async def attempt() -> Database:
            return await Database.open(
                settings.database_url.get_secret_value(),
                settings.delivery_database_url.get_secret_value(),
                app_pool_size_max=settings.app_pool_size_max,
                delivery_pool_size_max=settings.delivery_pool_size_max,
            )

        database = await until_available("Postgres", attempt, INFRASTRUCTURE_ERRORS, self.health.set_unready)
        folders = self._spec.migration_folders()

        async def fits() -> bool | None:
            return await schema_fits(database, folders) or None

        await until_available("the schema; run `sverka migrate`", fits, INFRASTRUCTURE_ERRORS, self.health.set_unready)

        async def check() -> str:
            async with database.delivery_connection() as connection:
                await connection.fetchval("SELECT 1")
            return ""

        self.health.check("postgres", check)
        return database

    def _runner(self, given: Parts[S], work: Work, parts: contextlib.AsyncExitStack) -> WorkRunner:
        settings = self._settings
        permits: Permits
        if work.permits is not None:
            permits = work.permits
        else:
            permits = given.permits
            parts.push_async_callback(given.permits.close)
        beat = self.health.heartbeat("work", LOOP_AGE_SECONDS_MAX)
        runner = WorkRunner(
            given.database,
            given.engine,
            given.clock,
            permits,
            effects=work.effects,
            tasks=work.tasks,
            probe_account=work.probe_account,
            settings=WorkSettings(
                in_flight_max=settings.workers,
                lease_seconds=settings.lease_seconds,
                send_seconds_max=settings.call_seconds_max,
                probe_seconds_max=settings.lease_seconds * PROBE_SHARE_OF_LEASE,
                task_seconds_max=settings.lease_seconds * TASK_SHARE_OF_LEASE,
                drain_seconds_max=max(1.0, settings.stop_seconds_max - STOP_SPARE_SECONDS),
                schedule=Schedule(seconds=settings.retry_seconds, jitter=settings.retry_jitter),
                look_up_first_until=settings.look_up_first_until,
            ),
            tenant_rules=tenant_rules,
            waiters_of=work.waiters_of,
            progress=beat.beat,
        )
        planned = given.wakeups.waiter(WORK)

        async def wake() -> None:
            while True:
                if await planned.wait():
                    runner.wake()

        self._keep(parts, "work wake-ups", wake())
        return runner

    def _start_relay(self, given: Parts[S], parts: contextlib.AsyncExitStack) -> None:
        database, kafka, spec = given.database, self._kafka, self._spec

        async def republished(topic: str) -> int:
            return await republish(database, given.engine, topic)

        relay = Relay(database, kafka, spec.writes, given.wakeups, republished)
        running = self._loops.start("relay", relay.run())
        self._relay = relay

        async def sending() -> str:
            return relay.problem

        if spec.reads:  # what comes over HTTP is kept whether or not it can be said, so nobody else turns it away
            self.health.check("relay", sending)

        async def flush() -> None:
            self._loops.let_end(running)
            relay.stop()
            with contextlib.suppress(TimeoutError):  # what waits is sent after the next start
                async with asyncio.timeout(FLUSH_SECONDS_MAX):
                    if await is_reachable(kafka):
                        await asyncio.wait([running])
            await cancel_all([running])

        parts.push_async_callback(flush)

        async def now_and_then(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
            while True:
                began = time.monotonic()
                try:
                    await work()
                except INFRASTRUCTURE_ERRORS as error:
                    _log.info("housekeeping is tried again later", error=type(error).__name__)
                await asyncio.sleep(pause_seconds(time.monotonic() - began, seconds))

        counting = now_and_then(COUNT_LETTERS_SECONDS, lambda: count_letters(database, spec.name))
        self._keep(parts, "letters", counting)
        self._keep(parts, "outbox", now_and_then(COUNT_OUTBOX_SECONDS, lambda: count_outbox(database)))
        self._keep(parts, "housekeeping", now_and_then(KEEP_HOUSE_SECONDS, lambda: keep_house(database)))

    async def _start_consumer(self, intake: Intake, parts: contextlib.AsyncExitStack) -> None:
        await wait_for_kafka(self._kafka)

        async def topics() -> bool:
            await ensure_topics(self._kafka, self._spec.reads)
            return True

        await until_available("Kafka's topics", topics, (KafkaError, OSError), self.health.set_unready)
        consumer = Consumer(
            intake,
            self._kafka,
            [topic.name for topic in self._spec.reads],
            session_timeout_ms=int(self._settings.kafka_session_seconds * MILLISECONDS),
        )
        self._consumer = consumer
        await consumer.start()
        parts.push_async_callback(consumer.stop)
        self.health.trouble("consumer", lambda: "messages wait and none is taken" if consumer.stuck else "")

        async def taking() -> str:
            return f"takes no messages: {consumer.stopped}" if consumer.stopped else ""

        self.health.check("consumer", taking)

    def _internal_routes(
        self, given: Parts[S], work: Work, runner: WorkRunner, lag: Lag, intake: Intake
    ) -> list[BaseRoute]:
        spec, database, clock = self._spec, given.database, given.clock
        status = StatusApi(
            spec.name,
            _version(),
            health=self.health,
            database=database,
            clock=clock,
            lag=lag,
            busy=lambda: spec.busy(given),
            consumer_stopped=lambda: self._consumer.stopped if self._consumer is not None else "",
            relay_problem=lambda: self._relay.problem if self._relay is not None else "",
            recurring=runner.recurring_kinds,
            polls=runner.poll_kinds,
        )
        apis = (
            status,
            WorkApi(database, clock, {handler.kind: handler.policy_for for handler in work.effects}),
            DeadLettersApi(DeadLetterOffice(intake)),
            TopicsApi(database, given.engine, {topic.name for topic in spec.writes}),
            DecisionsApi(database, given.engine, clock, given.tenants, spec.decide_card),
            StoryApi(spec.name, database, spec.deal_streams),
        )
        return [route for api in apis for route in api.routes()]

    def _keep(self, parts: contextlib.AsyncExitStack, name: str, loop: Any) -> None:
        """Runs a loop from now until the parts after it have ended."""
        task = self._loops.start(name, loop)

        async def end() -> None:
            await cancel_all([task])

        parts.push_async_callback(end)

    async def _measure_pools(self, database: Database) -> None:
        while True:
            for name, pool in (("app", database._app), ("delivery", database._delivery)):
                size, idle = pool.get_size(), pool.get_idle_size()
                metrics.DB_POOL.labels(name, "in_use").set(size - idle)
                metrics.DB_POOL.labels(name, "idle").set(idle)
                metrics.DB_POOL.labels(name, "max").set(pool.get_max_size())
            await asyncio.sleep(POOLS_EVERY_SECONDS)


def main(spec: ServiceSpec[Any]) -> int:
    """Runs a service as this process until SIGTERM or SIGINT; the exit code."""
    try:
        settings = load(spec.settings)
        log.setup(spec.name, level=settings.log_level)
        arm(spec.name, settings.env, settings.crash_plans)
        exporter = telemetry.setup(
            spec.name,
            endpoint=settings.otlp_endpoint,
            sample_ratio=settings.trace_sample_ratio,
            version=_version(),
            environment=settings.env,
        )
        try:
            return run_process(lambda: _run(spec, settings))
        finally:
            exporter.close()
    except (SettingsRefused, PortTaken) as error:
        return refuse(str(error))


async def _run(spec: ServiceSpec[Any], settings: Any) -> int:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        return await Service(spec, settings).run(stop)


def _version() -> str:
    try:
        return metadata.version("sverka")
    except metadata.PackageNotFoundError:
        return "0"
