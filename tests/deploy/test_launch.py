"""Starting and stopping as the commands do, over a PostgreSQL and a Kafka that already run."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.folder import DataFolder
from deploy.local.installation import Addresses, Installation
from deploy.local.kafka import live_brokers
from deploy.local.launch import running, start_detached, stop_running
from deploy.local.refusal import Refusal
from deploy.local.service import ProcessSpec
from tests.deploy.conftest import LAUNCHER, Installed, until


@pytest.fixture(autouse=True)
def parts_that_run(monkeypatch: pytest.MonkeyPatch, postgres_url: str, kafka_bootstrap: str) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("PYTHONPATH", str(LAUNCHER.parents[2]))


def free_base(count: int) -> int:
    """The first of so many ports in a row that are all free."""
    while True:
        base = ports.free_port()
        if all(ports.is_free(base + offset) for offset in range(count)):
            return base


def test_given_servers_are_used_and_not_ended(tmp_path: Path, postgres_url: str, kafka_bootstrap: str) -> None:
    installed = Installed(tmp_path / "data")
    run = installed.up()
    assert (run.postgres.url, run.postgres.pid) == (postgres_url, None)
    assert (run.kafka.bootstrap, run.kafka.pid) == (kafka_bootstrap, None)
    assert not (tmp_path / "data" / "postgres").exists()
    assert installed.down()
    assert not installed.processes()
    assert live_brokers(int(kafka_bootstrap.rpartition(":")[2])) == 1


def test_ports_from_a_base(tmp_path: Path) -> None:
    base = free_base(6)
    folder = tmp_path / "data"
    argv = [sys.executable, str(LAUNCHER), str(folder), str(base)]
    run = start_detached(folder, argv, say=lambda _: None, end_with_caller=True)
    assert run.sandbox is not None
    assert [run.sandbox.url, run.services["ingest"].url] == [f"http://127.0.0.1:{base + n}" for n in (3, 4)]
    said: list[str] = []
    with pytest.raises(Refusal, match="did not start"):
        start_detached(tmp_path / "other", [*argv[:2], str(tmp_path / "other"), str(base)], say=said.append)
    assert f"Port {base + 3}, needed for sandbox, is taken by process {run.sandbox.pid} " in "\n".join(said)
    assert stop_running(folder)


def spec(addresses: Addresses, name: str, program: str) -> ProcessSpec:
    url = f"http://127.0.0.1:{addresses.port(name)}"
    return ProcessSpec(name=name, argv=[sys.executable, "-c", program], url=url, ready_url=url)


def test_a_service_that_cannot_start_ends_everything_with_its_last_words(tmp_path: Path) -> None:
    def specs(addresses: Addresses) -> Sequence[ProcessSpec]:
        return [
            spec(addresses, "sound", "import time; time.sleep(600)"),
            spec(addresses, "broken", "raise SystemExit('SVERKA_KEY is not set')"),
        ]

    said: list[str] = []
    with pytest.raises(Refusal, match=r"(?s)broken does not start.*SVERKA_KEY is not set"):
        Installation(tmp_path, specs, version="test", say=said.append).run()
    assert not Installed(tmp_path).processes()
    assert running(tmp_path) is None
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "handlers are as before"


def test_what_the_factory_raises_comes_through(tmp_path: Path) -> None:
    def specs(_: Addresses) -> Sequence[ProcessSpec]:
        raise LookupError("no such migration")

    with pytest.raises(LookupError):
        Installation(tmp_path, specs, version="test", say=lambda _: None).run()
    assert DataFolder(tmp_path).holder() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_starts_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    def specs(addresses: Addresses) -> Sequence[ProcessSpec]:
        return [spec(addresses, "slow", f"import os, time; os.kill({os.getpid()}, {number}); time.sleep(600)")]

    Installation(tmp_path, specs, version="test", say=lambda _: None).run()
    assert not Installed(tmp_path).processes()


def test_a_signal_while_it_migrates_ends_it_at_once(tmp_path: Path) -> None:
    went_on: list[bool] = []

    def specs(_: Addresses) -> Sequence[ProcessSpec]:
        signal.raise_signal(signal.SIGTERM)
        went_on.append(True)
        return []

    Installation(tmp_path, specs, version="test", say=lambda _: None).run()
    assert not went_on


def test_a_caller_that_is_killed_takes_its_installation_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    call = (
        "import sys, time; from pathlib import Path; from deploy.local.launch import start_detached; "
        "start_detached(Path(sys.argv[1]), sys.argv[2:], end_with_caller=True); time.sleep(600)"
    )
    caller = subprocess.Popen([sys.executable, "-c", call, folder, sys.executable, LAUNCHER, folder])
    installed = Installed(folder)
    until(lambda: running(folder) is not None, "it is ready")
    caller.kill()
    caller.wait()
    until(lambda: running(folder) is None and not installed.processes(), "the end of everything")
    assert "sandbox ended" in installed.journal()


def test_nothing_to_stop(tmp_path: Path) -> None:
    assert not stop_running(tmp_path)
