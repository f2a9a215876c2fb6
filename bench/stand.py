"""What a benchmark runs on: PostgreSQL, Kafka and services as processes, with the settings that `sverka up` gives them.

The parts come from ``deploy.local.pool`` and live as long as the benchmark; a service is ``python -m services.NAME``.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import orjson

from bench.machine import postgres_settings
from bench.profiling import summary_of
from chassis.messaging.kafka import KafkaSettings
from deploy.local.folder import DataFolder
from deploy.local.installation import Addresses
from deploy.local.pool import Pool
from deploy.local.ports import free_port
from deploy.local.service import ProcessSpec, Service
from deploy.local.supervisor import Supervisor
from sverka.http import Json
from sverka.installation.processes import specs_factory


class Stand:
    """An installation whose processes are started one by one, as a benchmark wants them."""

    def __init__(self, *, sandbox: bool = False) -> None:
        self._pool = Pool()
        self.folder = self._pool.folder
        self._ports: dict[str, int] = {}
        token_file = self.folder / "api-token"
        token_file.write_text("token-of-the-benchmark\n")
        self.addresses = Addresses(
            folder=self.folder,
            secrets=self.folder / "installation-secrets",
            token_file=token_file,
            postgres_url=self._pool.postgres_url(),
            kafka_bootstrap=self._pool.kafka_bootstrap(),
            port=self._port,
        )
        made = specs_factory(sandbox=sandbox, say=lambda _: None)(self.addresses)
        self.specs = {spec.name: spec for spec in made}
        self.kafka = KafkaSettings(self.addresses.kafka_bootstrap)
        self._supervisor = Supervisor(lambda _: None, stop_asked=lambda: False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.kill()
        self._pool.close()

    def environment(self, service: str) -> Mapping[str, str]:
        """What a service's process gets beside the caller's environment."""
        return self.specs[service].env

    def start(self, *names: str, profile: bool = False) -> None:
        """Starts services of the installation, or ``sandbox``, and waits until they are ready."""
        self.start_processes([self.specs[name] for name in names], profile=profile)

    def start_processes(self, specs: Sequence[ProcessSpec], *, profile: bool = False) -> None:
        """Starts processes and waits until they are ready. With ``profile`` they run under cProfile."""
        if profile:
            specs = [replace(spec, argv=self._profiled(spec)) for spec in specs]
        folder = DataFolder(self.folder)
        folder.logs.mkdir(exist_ok=True)
        self._supervisor.start([Service(spec, folder) for spec in specs])

    def stop(self, *names: str) -> None:
        """Ends processes in order."""
        self._supervisor.stop(names)

    def profile_of(self, name: str) -> list[str]:
        """Where a profiled process spent its time, once it has ended."""
        return summary_of(self._profile_file(name))

    def client(self, name: str, path: str = "") -> Json:
        """A client of a process, with the public token."""
        return Json(self.specs[name].url + path, what=name, token="token-of-the-benchmark")

    def log(self, name: str) -> str:
        """What a process wrote."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    def postgres_settings(self, url: str) -> dict[str, str]:
        """PostgreSQL's settings as a session under this address sees them."""
        return asyncio.run(postgres_settings(url))

    def _port(self, name: str) -> int:
        if name not in self._ports:
            self._ports[name] = free_port(frozenset(self._ports.values()))
        return self._ports[name]

    def _profile_file(self, name: str) -> Path:
        return self.folder / f"{name}.profile"

    def _profiled(self, spec: ProcessSpec) -> list[str]:
        python, *rest = spec.argv
        return [python, "-m", "cProfile", "-o", str(self._profile_file(spec.name)), *rest]


def example(path: str) -> dict[str, object]:
    """An example payload of the contracts, for example ``deals/InvoiceRequested.full``."""
    file = Path(__file__).parents[1] / "contracts" / "examples" / f"{path}.json"
    found: dict[str, object] = orjson.loads(file.read_bytes())
    return found
