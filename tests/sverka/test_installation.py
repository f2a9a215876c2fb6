"""What `up` gives to the processes: secrets of their owner alone, and variables that the services know."""

import importlib
import stat
import sys
from pathlib import Path

import pytest

from chassis.secrets import Keyring
from chassis.settings import ServiceSettings, variables
from contracts.topics import SERVICES
from deploy.local.installation import Addresses
from deploy.local.service import ProcessSpec
from sverka.endings import NotAsWished
from sverka.installation import processes
from sverka.installation.processes import specs_factory
from sverka.installation.secrets import SecretsFolder


def test_secrets_are_made_once_and_are_their_owners(tmp_path: Path) -> None:
    secrets = SecretsFolder(tmp_path / "secrets")
    first = secrets.passwords("ingest")
    assert SecretsFolder(tmp_path / "secrets").passwords("ingest") == first
    assert secrets.passwords("payments") != first
    assert Keyring.parse(secrets.kek_file().read_text()).current == "k1"
    files = [*secrets.folder.iterdir(), secrets.service_token_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(secrets.folder.stat().st_mode) == 0o700


def test_a_damaged_password_file_is_a_sentence(tmp_path: Path) -> None:
    secrets = SecretsFolder(tmp_path)
    secrets.passwords("ingest")
    (tmp_path / "database-ingest.json").write_text("{}")
    with pytest.raises(NotAsWished, match=r"database-ingest\.json is damaged"):
        secrets.passwords("ingest")


def _specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sandbox: bool) -> list[ProcessSpec]:
    async def no_topics(*_: object) -> None:
        return None

    def no_migration(admin_url: str, secrets: SecretsFolder, *_: object) -> dict[str, object]:
        from chassis.migrate import Names, urls

        return {name: urls(admin_url, Names.of(name), secrets.passwords(name)) for name in SERVICES}

    monkeypatch.setattr(processes, "ensure_topics", no_topics)
    monkeypatch.setattr(processes, "migrate_all", no_migration)
    ports: dict[str, int] = {}
    addresses = Addresses(
        folder=tmp_path,
        secrets=tmp_path / "secrets",
        token_file=tmp_path / "secrets" / "api-token",
        postgres_url="postgresql://admin:x@127.0.0.1:5432/postgres",
        kafka_bootstrap="127.0.0.1:9092",
        port=lambda name: ports.setdefault(name, 20_000 + len(ports)),
    )
    return list(specs_factory(sandbox=sandbox, say=lambda _: None)(addresses))


def test_every_service_runs_as_its_own_process_with_its_own_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = _specs(tmp_path, monkeypatch, sandbox=False)
    assert [spec.name for spec in specs] == list(SERVICES)
    for spec in specs:
        assert spec.argv == [sys.executable, "-m", f"services.{spec.name}"]
        assert spec.ready_url == f"{spec.url}/readyz"
        assert f"/sverka_{spec.name}" in spec.env["SVERKA_DATABASE_URL"]
        assert spec.env["SVERKA_ENV"] == "development"
        assert "SVERKA_SANDBOX_CONTROL_URL" not in spec.env
    assert len({spec.url for spec in specs}) == len(SERVICES)


def test_with_a_sandbox_all_follow_its_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox, *services = _specs(tmp_path, monkeypatch, sandbox=True)
    assert sandbox.role == "sandbox"
    assert {spec.env["SVERKA_SANDBOX_CONTROL_URL"] for spec in services} == {sandbox.control_url}
    data = Path(sandbox.argv[sandbox.argv.index("--data") + 1])
    assert {spec.env["SVERKA_VENDOR_CA_FILE"] for spec in services} == {str(data / "tls" / "ca.pem")}


def test_every_variable_is_a_setting_that_some_service_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name for field, info in ServiceSettings.model_fields.items() for name in variables(field, info)}
    for service in SERVICES:
        for value in vars(importlib.import_module(f"services.{service}.settings")).values():
            if isinstance(value, type) and issubclass(value, ServiceSettings):
                known |= {name for field, info in value.model_fields.items() for name in variables(field, info)}
    for spec in _specs(tmp_path, monkeypatch, sandbox=True):
        given = {name for name in spec.env if name.startswith("SVERKA_")}
        assert given <= known, spec.name
