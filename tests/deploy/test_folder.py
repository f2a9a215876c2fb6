"""Ports, run.json and log files of a data folder."""

import os
import socket
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.child import limit_log
from deploy.local.folder import DataFolder, KafkaRun, LauncherRun, PortBook, PostgresRun, Run, SandboxRun, ServiceRun
from deploy.local.refusal import Refusal


def test_ports_stay_the_same_while_they_are_free(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    first = {name: PortBook(folder, None).take(name) for name in ("postgres", "ingest")}
    assert len(set(first.values())) == 2
    assert {name: PortBook(folder, None).take(name) for name in ("ingest", "postgres")} == first
    with socket.create_server(("127.0.0.1", first["ingest"])):
        assert PortBook(folder, None).take("ingest") not in first.values()


def test_ports_from_a_base_are_counted_up_and_asked_for_twice_are_the_same(tmp_path: Path) -> None:
    base = ports.free_port()
    book = PortBook(DataFolder(tmp_path), base)
    assert [book.take("a"), book.take("b", listens=False), book.take("a")] == [base, base + 1, base]


def test_a_taken_port_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            Refusal, match=rf"Port {port}, needed for ingest, is taken by process {os.getpid()} .*--port-base"
        ):
            PortBook(DataFolder(tmp_path), port).take("ingest")


def test_a_base_too_high_is_told(tmp_path: Path) -> None:
    book = PortBook(DataFolder(tmp_path), 65_535)
    book.take("postgres", listens=False)
    with pytest.raises(Refusal, match="Port 65536, needed for ingest, does not exist"):
        book.take("ingest")


def test_run_json_round_trip_ignores_what_a_newer_version_added() -> None:
    run = Run(
        version="1",
        postgres=PostgresRun("postgresql://u:п@127.0.0.1:1/postgres", None),
        kafka=KafkaRun("127.0.0.1:2", 5),
        token_file="/x/token",
        launcher=LauncherRun(1),
        services={"ingest": ServiceRun("http://127.0.0.1:3", 7)},
        sandbox=SandboxRun("http://127.0.0.1:4", "http://127.0.0.1:4/control", 8),
    )
    assert Run.parse(run.text()) == run
    assert Run.parse(run.text().replace("{", '{"added": 1,', 1)) == run


def test_a_run_json_left_by_a_kill_is_not_believed(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    run = Run("1", PostgresRun("", None), KafkaRun("", None), "", LauncherRun(os.getpid()))
    folder.write_run(run)
    assert folder.running() is None
    with folder.hold():
        assert folder.running() is None, "a new holder removes it"
        folder.write_run(run)
        assert folder.running() == run
    assert folder.running() is None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(Refusal, match=r"cannot be used: Not a directory"),
        DataFolder(tmp_path / "file" / "data").hold(),
    ):
        pass


def test_a_log_that_outgrew_its_limit_is_set_aside_once(tmp_path: Path) -> None:
    log = tmp_path / "ingest.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 100)
        limit_log(log, bytes_max=1000)
        assert log.stat().st_size == 400, "small enough"
        limit_log(log, bytes_max=300)
        writer.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "ingest.log.1").read_bytes() == b"old\n" * 100


def test_a_file_whose_writer_was_killed_is_cleared_away(tmp_path: Path) -> None:
    unfinished = tmp_path / "secrets" / "postgres.4711.new"
    unfinished.parent.mkdir()
    unfinished.write_text("half")
    with DataFolder(tmp_path).hold():
        assert not unfinished.exists()
