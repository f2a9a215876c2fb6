"""The processes of a campaign, each behind a proxy; the one place that knows how the product is installed."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit, urlunsplit

from aiokafka.errors import KafkaError  # type: ignore[import-untyped] # it ships no types

from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.topics import ensure_topics
from contracts import topics
from deploy.local.child import Child
from deploy.local.folder import DataFolder
from deploy.local.installation import Addresses
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.service import ProcessSpec, Service, answers
from deploy.local.supervisor import Part
from sverka.installation.migration import migrate_all
from sverka.installation.processes import specs_factory
from sverka.installation.secrets import SecretsFolder
from sverka.tenants import read_tenant_file
from tests.chaos.campaign.children import Nursery
from tests.chaos.campaign.proxy import HOST, Proxy

SERVICES: Final = topics.SERVICES
CALL_SECONDS_MAX: Final = 2.0
LEASE_SECONDS: Final = 6.0
SESSION_SECONDS: Final = 3.0
READY_SECONDS_MAX: Final = 120.0
LOOK_SECONDS: Final = 0.05
END_SECONDS_MAX: Final = 45.0
PROXIES: Final = ("postgres", "kafka", "bitrix24", "elba", "ingress", "permits")
SETTINGS: Final = {
    "SVERKA_CALL_SECONDS_MAX": f"{CALL_SECONDS_MAX:g}",
    "SVERKA_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
    "SVERKA_KAFKA_SESSION_SECONDS": f"{SESSION_SECONDS:g}",
    "SVERKA_WORKERS": "12",  # with many at once on two cores, each would outlive so short a lease
}


class NotStarted(Exception):  # noqa: N818 - named after what happened
    """A process did not come up."""


class KafkaBehindProxy(Kafka):
    """A broker that tells its clients the proxy's port."""

    def __init__(self, folder: Path, log: Path, *, port: int, controller_port: int, told_port: int) -> None:
        super().__init__(folder, log, port=port, controller_port=controller_port, from_template=True)
        self._own_port = port
        self._told_port = told_port

    def _write_settings(self, file: Path, data: Path) -> Path:
        written = super()._write_settings(file, data)
        text = written.read_text()
        own = f"advertised.listeners=PLAINTEXT://{HOST}:{self._own_port}"
        assert own in text, "the broker's settings name its port"
        written.write_text(text.replace(own, f"advertised.listeners=PLAINTEXT://{HOST}:{self._told_port}"))
        return written


class Process(Protocol):
    """A running process, ours or the nursery's."""

    @property
    def pid(self) -> int: ...
    @property
    def log(self) -> Path: ...
    def exit_code(self) -> int | None: ...
    def send(self, number: int) -> None: ...
    def kill(self) -> None: ...
    def finish(self, seconds: float) -> int: ...


@dataclass(slots=True)
class Running:
    """A process, and what asks it whether it is ready."""

    part: Part
    child: Process

    def is_ready(self) -> bool:
        """Whether it can be used."""
        if isinstance(self.part, Service):
            return self.child.exit_code() is None and answers(self.part.spec.ready_url)
        assert isinstance(self.child, Child), "Postgres and Kafka are children of this process"
        return self.part.is_ready(self.child)


class Stage:
    """All processes of one campaign, in one folder. Use from the main thread's event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = DataFolder(folder)
        for part in (self.data.logs, self.data.secrets, self.data.kafka):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ports: dict[str, int] = {}
        for name in ("postgres", "kafka", "controller", "sandbox", "sandbox-https", *SERVICES):
            self.ports[name] = free_port(frozenset(self.ports.values()))
        self.proxies = {name: Proxy(name, self._target(name)) for name in PROXIES}
        self.running: dict[str, Running] = {}
        self.specs: dict[str, ProcessSpec] = {}
        self.crash_plans = folder / "crash_plans"
        self.crash_plans.mkdir(exist_ok=True)
        self.data.token_file.write_text(secrets.token_urlsafe(32) + "\n")
        self.postgres: Postgres
        self.kafka: KafkaBehindProxy

    def _target(self, proxy: str) -> int:
        vendors = {"bitrix24": "sandbox", "elba": "sandbox", "ingress": "ingest", "permits": "ingest"}
        return self.ports[vendors.get(proxy, proxy)]

    # start and end

    async def start(self) -> None:
        """Everything, ready."""
        for proxy in self.proxies.values():
            await proxy.start()
        self.postgres = Postgres(
            self.data.postgres,
            self.data.logs / "postgres.log",
            self.data.secrets / "postgres",
            port=self.ports["postgres"],
            from_template=True,
        )
        self.kafka = KafkaBehindProxy(
            self.data.kafka,
            self.data.logs / "kafka.log",
            port=self.ports["kafka"],
            controller_port=self.ports["controller"],
            told_port=self.proxies["kafka"].port,
        )
        self._nursery = Nursery()
        await asyncio.gather(asyncio.to_thread(self.postgres.prepare), asyncio.to_thread(self.kafka.prepare))
        parts: list[Part] = [self.postgres, self.kafka]
        for part in parts:
            self.running[part.name] = Running(part, part.spawn())
        await self._ready("postgres", "kafka")
        specs = await asyncio.to_thread(specs_factory(sandbox=True, say=lambda _: None), self._addresses())
        self.specs = {spec.name: self._placed(spec) for spec in specs}
        await asyncio.to_thread(self._nursery.wait_ready)
        for name in ("sandbox", *SERVICES):
            self.spawn(name)
        await self._ready("sandbox", *SERVICES)

    def _addresses(self) -> Addresses:
        return Addresses(
            folder=self.folder,
            secrets=self.data.secrets,
            token_file=self.data.token_file,
            postgres_url=at_port(self.postgres.url, self.proxies["postgres"].port),
            kafka_bootstrap=f"{HOST}:{self.proxies['kafka'].port}",
            port=lambda name: self.ports[name],
        )

    def _placed(self, spec: ProcessSpec) -> ProcessSpec:
        """A process with the campaign's settings; calls between services go through their proxy."""
        if spec.role == "sandbox":
            return spec
        env = {**spec.env, **SETTINGS, "SVERKA_ENV": "test", "SVERKA_CRASH_PLANS": str(self.crash_plans)}
        if spec.name == "ingest":
            env["SVERKA_PUBLIC_URL"] = self.url("ingress")
        else:
            env["SVERKA_INGEST_URL"] = self.url("permits")
        return replace(spec, env=env)

    def spawn(self, name: str) -> None:
        """Starts a process of ours, or starts it again."""
        spec = self.specs[name]
        part = Service(spec, self.data)
        child: Process
        if spec.argv[:2] == [sys.executable, "-m"] and spec.role == "service":
            log = self.data.logs / f"{name}.log"
            child = self._nursery.spawn(name, spec.argv[2], {**os.environ, **spec.env}, log)
        else:
            child = part.spawn()
        self.running[name] = Running(part, child)

    def spawn_beside(self, name: str, spec: ProcessSpec) -> None:
        """One more process under a name of its own."""
        self.specs[name] = spec
        self.spawn(name)

    def replica(self, service: str, name: str, **env: str) -> ProcessSpec:
        """The spec of a second process of a service, on a port of its own."""
        spec, port = self.specs[service], free_port(frozenset(self.ports.values()))
        self.ports[name] = port
        url = f"http://{HOST}:{port}"
        own = {**spec.env, "SVERKA_PORT": str(port), **env}
        return replace(spec, name=name, url=url, ready_url=f"{url}/readyz", env=own)

    async def start_part(self, name: str) -> None:
        """Starts Postgres or Kafka again, and returns when it can be used."""
        part = self.running[name].part
        if isinstance(part, Postgres):
            await asyncio.to_thread(part.wait_for_orphans)
        self.running[name] = Running(part, part.spawn())
        await self._ready(name)

    async def make_topics(self) -> None:
        """Makes the topics that are missing, past the proxy; a broker that has just come up may refuse for a while."""
        async with asyncio.timeout(READY_SECONDS_MAX):
            while True:
                try:
                    await ensure_topics(KafkaSettings(f"{HOST}:{self.ports['kafka']}"), topics.TOPICS)
                except KafkaError:
                    await asyncio.sleep(LOOK_SECONDS)
                else:
                    return

    async def migrate(self, *services: str, code: Path | None = None) -> None:
        """Applies what migrations there are, those of another build where `code` names its folder."""
        from chassis.migrate import migrate

        folder = SecretsFolder(self.data.secrets)
        if code is None:
            await asyncio.to_thread(migrate_all, self.postgres.url, folder, lambda _: None, services)
            return
        for service in services:
            folders = (code / "services" / service / "migrations",)
            await migrate(self.postgres.url, service, folders, folder.passwords(service))

    async def _ready(self, *names: str, restarted: bool = False) -> None:
        async with asyncio.timeout(READY_SECONDS_MAX):
            waiting = list(names)
            while waiting:
                for name in tuple(waiting):
                    running = self.running[name]
                    if running.child.exit_code() is not None and not restarted:
                        raise NotStarted(f"{name} ended at its start; see {running.child.log}")
                    if await asyncio.to_thread(running.is_ready):
                        waiting.remove(name)
                await asyncio.sleep(LOOK_SECONDS)

    async def ready(self, *names: str) -> None:
        """Returns when these can be used, however often they are started again meanwhile."""
        await self._ready(*names, restarted=True)

    async def end_services(self) -> dict[str, dict[str, float]]:
        """Ends services and sandbox in order; the exit code and the real seconds that each took."""
        ends = {}
        services = [name for name in self.running if name not in ("sandbox", "postgres", "kafka")]
        for names in (services, ["sandbox"]):
            began = time.monotonic()
            for name in names:
                self.running[name].child.send(signal.SIGTERM)
            for name in names:
                code = await asyncio.to_thread(self.running.pop(name).child.finish, END_SECONDS_MAX)
                ends[name] = {"code": code, "seconds": round(time.monotonic() - began, 1)}
        return ends

    async def end(self) -> None:
        """Ends whatever still runs, at once; Postgres in order, since a killed one leaves its shared memory behind."""
        postgres = self.running.pop("postgres", None)
        if postgres is not None and isinstance(postgres.child, Child):
            postgres.part.ask_to_end(postgres.child)
        for running in self.running.values():
            running.child.kill()
        self.running.clear()
        if postgres is not None:
            await asyncio.to_thread(postgres.child.finish, END_SECONDS_MAX)
        self._nursery.end()
        for proxy in self.proxies.values():
            await proxy.stop()

    # where things are

    def url(self, name: str) -> str:
        """Where a process listens, or a proxy."""
        return f"http://{HOST}:{self.proxies[name].port if name in self.proxies else self.ports[name]}"

    @property
    def control_url(self) -> str:
        """The sandbox's control address, past all proxies."""
        return f"{self.url('sandbox')}/control"

    @property
    def ledger(self) -> Path:
        """The sandbox's ledger."""
        return self.folder / "sandbox" / "ledger.jsonl"

    def tokens(self) -> dict[str, str]:
        """The two tokens that calls need."""
        return {
            "api": self.data.token_file.read_text().strip(),
            "service": SecretsFolder(self.data.secrets).service_token_file().read_text().strip(),
        }

    def databases(self) -> dict[str, str]:
        """An administrator's address of each service's database, past all proxies."""
        return {name: at_database(self.postgres.url, f"sverka_{name}") for name in SERVICES}

    def roles(self) -> dict[str, dict[str, str]]:
        """Each service's own two addresses of its database, past all proxies."""
        names = {"app": "SVERKA_DATABASE_URL", "delivery": "SVERKA_DELIVERY_DATABASE_URL"}
        return {
            service: {
                role: at_port(self.specs[service].env[name], self.ports["postgres"]) for role, name in names.items()
            }
            for service in SERVICES
        }

    def tenant_document(self, file: Path, env: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        """A tenant's file as the product reads it: its id and what is sent."""
        read = read_tenant_file(file, env)
        return read.tenant, read.document()


def at_port(url: str, port: int) -> str:
    """The same address at another port of this machine."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{HOST}:{port}"))


def at_database(url: str, database: str) -> str:
    """The same server's other database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
