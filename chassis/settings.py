"""Settings of a service, from the environment with prefix ``SVERKA_``, and the help text made from them."""

import ipaddress
import ssl
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AliasChoices, AwareDatetime, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chassis.http.addresses import PORTS_ALLOWED, AddressPolicy
from chassis.http.transport import trusting

PREFIX = "SVERKA_"

S = TypeVar("S", bound="KafkaAccess")


class Environment(StrEnum):
    """Where the process runs. ``production`` refuses plain http, private addresses of vendors and crash points; only
    ``test`` heeds the last."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"
    TEST = "test"


class SettingsRefused(ValueError):  # noqa: N818 - named after what happened
    """The environment holds a value that cannot be used; the text names the variable and what to write."""


class KafkaAccess(BaseSettings):
    """Where Kafka is, and who we are there."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    kafka_bootstrap: str = Field(
        default="127.0.0.1:9092",
        validation_alias=AliasChoices("SVERKA_KAFKA_BOOTSTRAP", "KAFKA_BOOTSTRAP"),
        description="Kafka's host:port, several by comma.",
    )
    topic_prefix: str = Field(
        default="",
        pattern=r"^[a-z0-9._-]{0,40}$",
        description="Put before every topic and group, so that two may share a Kafka.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    kafka_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authority that signed the brokers' certificates; the system's are trusted if "
        "unset.",
    )
    kafka_certificate_file: Path | None = Field(
        default=None, description="PEM file of our own certificate, where Kafka knows its clients by certificates."
    )
    kafka_key_file: Path | None = Field(default=None, description="PEM file of that certificate's key.")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; for the SASL protocols."
    )
    kafka_user: str = Field(default="", description="Our name at Kafka; for the SASL protocols.")
    kafka_password_file: Path | None = Field(default=None, description="A file with that user's password.")
    kafka_session_seconds: float = Field(
        default=10.0,
        ge=1,
        le=300,
        description="Real seconds after which the messages of a consumer that is dead go to another one.",
    )

    @model_validator(mode="after")
    def _kafka_agrees(self) -> Self:
        protocol = self.kafka_security_protocol
        for name in ("kafka_sasl_mechanism", "kafka_user", "kafka_password_file"):
            given = _only_with(name, getattr(self, name), protocol, "SASL_SSL", "SASL_PLAINTEXT")
            if protocol.startswith("SASL_") and not given:
                raise ValueError(f"SVERKA_KAFKA_SECURITY_PROTOCOL={protocol} needs {PREFIX}{name.upper()}")
        for name in ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file"):
            _only_with(name, getattr(self, name), protocol, "SASL_SSL", "SSL")
        if (self.kafka_certificate_file is None) != (self.kafka_key_file is None):
            raise ValueError("set both SVERKA_KAFKA_CERTIFICATE_FILE and SVERKA_KAFKA_KEY_FILE, or neither")
        return self

    def kafka_password(self) -> str:
        """The password from its file; "" without one. Raises SettingsRefused when it cannot be read or is empty."""
        if self.kafka_password_file is None:
            return ""
        try:
            text = self.kafka_password_file.read_text().strip()
        except OSError as error:
            raise SettingsRefused(f"SVERKA_KAFKA_PASSWORD_FILE cannot be read: {error}") from error
        if not text:
            raise SettingsRefused(f"SVERKA_KAFKA_PASSWORD_FILE: {self.kafka_password_file} is empty")
        return text


def _only_with(name: str, value: object, protocol: str, *protocols: str) -> bool:
    if value and protocol not in protocols:
        raise ValueError(
            f"{PREFIX}{name.upper()} is of use only with SVERKA_KAFKA_SECURITY_PROTOCOL={' or '.join(protocols)}; "
            "unset it, or set that"
        )
    return bool(value)


class ServiceSettings(KafkaAccess):
    """What every service takes from the environment; a service's own settings are a subclass."""

    env: Environment = Field(
        default=Environment.PRODUCTION,
        description="development, test or production. Production accepts only public https addresses and real time.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    http_in_flight_max: int = Field(default=500, ge=1, description="Requests in flight; more are answered 503 at once.")
    http_connections_per_peer_max: int = Field(
        default=2_000,
        ge=1,
        description="Open connections of one address; at the limit one that waits for its sender is closed, first of "
        "those that never had an answer, and without such a one the newest is refused. Behind a proxy, more than the "
        "proxy keeps open.",
    )
    stop_seconds_max: float = Field(
        default=30.0, gt=0, description="Real seconds for an end in order; a call to a vendor may take 25 of them."
    )

    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="The service's database as its application role: postgresql://user:password@host/db.",
    )
    delivery_database_url: SecretStr = Field(
        default=SecretStr(""),
        description="The same database as its delivery role; a direct connection, not through a pooler.",
    )
    app_pool_size_max: int = Field(default=10, ge=2, le=100, description="Connections of the application role.")
    delivery_pool_size_max: int = Field(default=4, ge=2, le=50, description="Connections of the delivery role.")

    ingest_url: str = Field(default="", description="Where ingest listens; permits to call vendors come from there.")
    service_token: SecretStr = Field(default=SecretStr(""), description="The token of calls between services.")
    service_token_file: Path | None = Field(
        default=None, description="A file with that token; read when SERVICE_TOKEN is unset."
    )

    workers: int = Field(default=50, ge=1, le=500, description="Pieces of due work that run at the same time.")
    call_seconds_max: float = Field(
        default=25.0, ge=1, le=60, description="Real seconds that one call to a vendor may take in all."
    )
    lease_seconds: float = Field(
        default=60.0,
        ge=2,
        le=600,
        description="Real seconds that a piece of work belongs to the process that took it; at least twice a call.",
    )
    retry_seconds: Annotated[tuple[float, ...], NoDecode] = Field(
        default=(5.0, 15.0, 45.0),
        description="Delays before a read or an unsent call is tried again, in business seconds, by comma; for tenants "
        "whose file has no retry.",
    )
    look_up_first_until: AwareDatetime | None = Field(
        default=None,
        description="Set after a database was restored from a backup, a time with its zone: what was planned before it "
        "to be created outside is looked up before it is sent, and stands before a person where no look-up exists.",
    )
    retry_jitter: float = Field(default=0.2, ge=0, le=0.5, description="Share by which each delay is varied at random.")

    clock_rate: float = Field(
        default=1.0, ge=0, le=100_000, description="Business seconds in a real second; 1 in production."
    )
    sandbox_control_url: str = Field(
        default="", description="Control address of a sandbox, whose clock is followed; never in production."
    )

    blobs_url: str = Field(
        default="file:.sverka/blobs",
        description="Where documents lie: file:FOLDER, or s3://bucket/prefix (AWS_* variables apply).",
    )
    kek: SecretStr = Field(
        default=SecretStr(""), description="What the file below would hold, where a file is not wanted."
    )
    kek_file: Path | None = Field(
        default=None,
        description="A file with the keys that wrap data keys, one `id:base64 of 32 bytes` a line. "
        "The first wraps, all unwrap.",
    )

    vendor_ports: Annotated[frozenset[int], NoDecode] = Field(
        default=PORTS_ALLOWED, description="Ports of vendors that tenants may name, by comma."
    )
    vendor_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Private networks (CIDR, by comma) whose vendors an administrator has approved."
    )

    vendor_ca_file: Path | None = Field(
        default=None,
        description="A PEM file of authorities whose certificates of vendors are taken beside those of the usual ones.",
    )

    crash_plans: Path | None = Field(
        default=None, description="A folder of plans by which tests kill this process; heeded only in test."
    )

    log_level: str = Field(
        default="INFO", pattern="^(?i:debug|info|warning|error)$", description="DEBUG, INFO, WARNING or ERROR."
    )
    otlp_endpoint: str = Field(
        default="",
        validation_alias=AliasChoices("SVERKA_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="OTLP/HTTP address for traces (http://host:4318); unset exports none.",
    )
    trace_sample_ratio: float = Field(
        default=0.1, ge=0, le=1, description="Share of the traces that begin here and are kept."
    )

    @field_validator("retry_seconds", "vendor_ports", "vendor_networks", mode="before")
    @classmethod
    def _by_comma(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("retry_seconds")
    @classmethod
    def _positive(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or min(value) <= 0:
            raise ValueError("write positive seconds by comma, for example 5,15,45")
        return value

    @field_validator("vendor_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ipaddress.ip_network(text)
        return value

    @model_validator(mode="after")
    def _a_lease_outlives_calls(self) -> "ServiceSettings":
        if self.lease_seconds < 2 * self.call_seconds_max:
            raise ValueError("SVERKA_LEASE_SECONDS must be at least twice SVERKA_CALL_SECONDS_MAX")
        return self

    @model_validator(mode="after")
    def _production_is_strict(self) -> "ServiceSettings":
        if self.env is Environment.PRODUCTION and (self.clock_rate != 1.0 or self.sandbox_control_url):
            raise ValueError("production runs on real time: unset SVERKA_CLOCK_RATE and SVERKA_SANDBOX_CONTROL_URL")
        if self.env is not Environment.TEST and self.crash_plans is not None:
            raise ValueError("processes are killed by plan only in tests: unset SVERKA_CRASH_PLANS")
        return self

    @property
    def development(self) -> bool:
        """Whether plain http and private addresses of vendors are accepted."""
        return self.env is not Environment.PRODUCTION

    def token(self) -> str:
        """The service token, from the variable or the file. Raises SettingsRefused when neither gives one."""
        text = self.service_token.get_secret_value()
        if not text and self.service_token_file is not None:
            try:
                text = self.service_token_file.read_text().strip()
            except OSError as error:
                raise SettingsRefused(f"SVERKA_SERVICE_TOKEN_FILE cannot be read: {error}") from error
        if len(text) < 16:
            raise SettingsRefused(
                "set SVERKA_SERVICE_TOKEN or SVERKA_SERVICE_TOKEN_FILE to a token of 16 characters or more"
            )
        return text

    def key_lines(self) -> str:
        """The keys that wrap data keys, as lines. Raises SettingsRefused when neither variable nor file gives any."""
        text = self.kek.get_secret_value()
        if not text and self.kek_file is not None:
            try:
                text = self.kek_file.read_text()
            except OSError as error:
                raise SettingsRefused(f"SVERKA_KEK_FILE cannot be read: {error}") from error
        if not text:
            raise SettingsRefused("set SVERKA_KEK_FILE to a file with a line `id:base64 of 32 bytes`, or SVERKA_KEK")
        return text

    def vendor_tls(self) -> ssl.SSLContext | None:
        """Whose certificates of vendors are taken; None for the usual authorities'. Raises SettingsRefused when the
        file cannot be used."""
        if self.vendor_ca_file is None:
            return None
        try:
            return trusting(self.vendor_ca_file)
        except OSError as error:
            raise SettingsRefused(f"SVERKA_VENDOR_CA_FILE ({self.vendor_ca_file}) cannot be used: {error}") from error

    def address_policy(self) -> AddressPolicy:
        """Which addresses tenants may name."""
        networks = tuple(ipaddress.ip_network(text) for text in self.vendor_networks)
        return AddressPolicy(development=self.development, ports=self.vendor_ports, networks=networks)


def load(model: type[S]) -> S:
    """Reads the environment. Raises SettingsRefused with a line for each variable that cannot be used."""
    try:
        return model()
    except ValidationError as error:
        raise SettingsRefused("\n".join(_sentences(model, error))) from None


def help_text(models: list[type[ServiceSettings]]) -> str:
    """All settings of the models with their meaning, default and unit: ``sverka help settings``."""
    lines: list[str] = []
    seen: set[str] = set()
    for model in models:
        own = [(n, f) for n, f in model.model_fields.items() if n not in seen]
        if not own:
            continue
        seen.update(name for name, _ in own)
        lines += ["", f"{model.__name__}: {(model.__doc__ or '').strip().splitlines()[0]}"]
        for name, info in own:
            lines += ["", f"  {' or '.join(variables(name, info))}"]
            lines += textwrap.wrap(
                f"{info.description or ''} {_default(info)}", 100, initial_indent="      ", subsequent_indent="      "
            )
    return "\n".join(lines).strip() + "\n"


def variables(name: str, info: FieldInfo) -> list[str]:
    """The environment variables that a field is read from, the first one wins."""
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [PREFIX + name.upper()]


def _default(info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "Required."
    if isinstance(default, SecretStr) or default in ("", None, ()):
        return "Unset by default."
    if isinstance(default, tuple | frozenset):
        return (
            f"Default: {','.join(f'{part:g}' if isinstance(part, float) else str(part) for part in sorted(default))}."
        )
    return f"Default: {default}."


def _sentences(model: type[KafkaAccess], error: ValidationError) -> Iterator[str]:
    # Without the input: a variable may hold a secret.
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        known = model.model_fields.get(name)
        where = variables(name, known)[0] if known is not None else name
        message = problem["msg"].removeprefix("Value error, ")
        yield f"{where}: {message}" if where else message
