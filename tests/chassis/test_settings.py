"""Settings: what the environment gives, refusals in words without secrets, and a help text that names everything."""

from pathlib import Path

import pytest
from pydantic import Field

from chassis.http import AddressRefused
from chassis.settings import Environment, ServiceSettings, SettingsRefused, help_text, load, variables


class IngestSettings(ServiceSettings):
    """What ingest takes beside."""

    sweep_seconds: float = Field(default=60.0, description="Pause between sweeps, in business seconds.")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, info in IngestSettings.model_fields.items():
        for variable in variables(name, info):
            monkeypatch.delenv(variable, raising=False)


def test_defaults_are_those_of_production() -> None:
    settings = load(ServiceSettings)
    assert settings.env is Environment.PRODUCTION
    assert settings.clock_rate == 1.0
    assert settings.retry_seconds == (5.0, 15.0, 45.0)
    with pytest.raises(AddressRefused):
        settings.address_policy().check_url("http://127.0.0.1/")


def test_lists_and_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVERKA_ENV", "development")
    monkeypatch.setenv("SVERKA_RETRY_SECONDS", "1, 2,3.5")
    monkeypatch.setenv("SVERKA_VENDOR_PORTS", "443,10443")
    monkeypatch.setenv("SVERKA_VENDOR_NETWORKS", "10.20.0.0/16")
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp:4318")
    settings = load(IngestSettings)
    assert settings.retry_seconds == (1.0, 2.0, 3.5)
    assert settings.vendor_ports == {443, 10443}
    assert settings.kafka_bootstrap == "kafka:9092"
    assert settings.otlp_endpoint == "http://otlp:4318"
    settings.address_policy().check_url("http://127.0.0.1:1/")
    monkeypatch.setenv("SVERKA_KAFKA_BOOTSTRAP", "other:9092")
    assert load(IngestSettings).kafka_bootstrap == "other:9092", "our own name wins"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SVERKA_PORT", "many", "SVERKA_PORT: "),
        ("SVERKA_ENV", "prod", "'development', 'production' or 'test'"),
        ("SVERKA_RETRY_SECONDS", "5,-1", "write positive seconds by comma"),
        ("SVERKA_VENDOR_NETWORKS", "nonsense", "SVERKA_VENDOR_NETWORKS"),
        ("SVERKA_CLOCK_RATE", "60", "real time"),
        ("SVERKA_LEASE_SECONDS", "49", "at least twice SVERKA_CALL_SECONDS_MAX"),
        ("SVERKA_SANDBOX_CONTROL_URL", "http://127.0.0.1:1/control", "real time"),
    ],
)
def test_refusals_name_the_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsRefused, match=words):
        load(IngestSettings)


def test_refusals_and_representations_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVERKA_DATABASE_URL", "postgresql://u:canary-secret@h/d")
    monkeypatch.setenv("SVERKA_SERVICE_TOKEN", "canary-secret-token")
    monkeypatch.setenv("SVERKA_CLOCK_RATE", "canary-secret")
    with pytest.raises(SettingsRefused) as refused:
        load(IngestSettings)
    assert "canary" not in str(refused.value)
    monkeypatch.delenv("SVERKA_CLOCK_RATE")
    assert "canary" not in repr(load(IngestSettings))


def test_token_from_variable_or_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="SVERKA_SERVICE_TOKEN"):
        load(ServiceSettings).token()
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    monkeypatch.setenv("SVERKA_SERVICE_TOKEN_FILE", str(file))
    assert load(ServiceSettings).token() == "0123456789abcdef"
    file.unlink()
    with pytest.raises(SettingsRefused, match="cannot be read"):
        load(ServiceSettings).token()


def test_help_names_every_variable_once() -> None:
    text = help_text([ServiceSettings, IngestSettings])
    for name, info in IngestSettings.model_fields.items():
        assert info.description, f"{name} is not explained"
        for variable in variables(name, info):
            headings = [line.strip().split(" or ") for line in text.splitlines()]
            assert sum(variable in heading for heading in headings) == 1, variable
    assert "Default: 5,15,45." in " ".join(text.split())
    assert text.index("IngestSettings") < text.index("SVERKA_SWEEP_SECONDS")
