"""Ingest's settings."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from chassis.ids import tenant_id
from chassis.settings import ServiceSettings, SettingsRefused

API_TOKEN_LENGTH_MIN = 16


class IngestSettings(ServiceSettings):
    """Settings of ingest."""

    public_url: str = Field(
        default="",
        description="Where portals reach ingest, as https://host, for webhook addresses. Its own address by default.",
    )
    api_token: SecretStr = Field(default=SecretStr(""), description="The token of /api/v1.")
    api_token_file: Path | None = Field(default=None, description="A file with that token.")
    counterparty_url: str = Field(default="", description="Where counterparty listens, for /api/v1.")
    invoicing_url: str = Field(default="", description="Where invoicing listens, for /api/v1.")
    payments_url: str = Field(default="", description="Where payments listens, for /api/v1.")
    notifier_url: str = Field(default="", description="Where notifier listens, for /api/v1.")
    webhooks_kept_days: int = Field(default=30, ge=1, le=90, description="How long webhooks are kept as received.")
    statements_folder: Path | None = Field(
        default=None,
        description="A folder that is watched for bank statement files, with a folder of its own for each tenant.",
    )
    statements_look_seconds: float = Field(
        default=5.0, ge=0.05, le=3600, description="Real seconds between two looks into that folder."
    )

    tenant_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Private networks that an administrator opened to one tenant's own 1C, TENANT=CIDR by comma.",
    )

    @field_validator("tenant_networks", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("tenant_networks")
    @classmethod
    def _tenant_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            tenant, _, network = text.partition("=")
            tenant_id(tenant)
            ip_network(network)
        return value

    def networks_of(self, tenant: str) -> tuple[str, ...]:
        """The private networks that a tenant's accounts may be called in."""
        pairs = (text.partition("=") for text in self.tenant_networks)
        return tuple(network for owner, _, network in pairs if owner == tenant)

    def api_secret(self) -> str:
        """The token of ``/api/v1``, from the variable or the file. Raises SettingsRefused when neither gives one."""
        text = self.api_token.get_secret_value()
        if not text and self.api_token_file is not None:
            try:
                text = self.api_token_file.read_text().strip()
            except OSError as error:
                raise SettingsRefused(f"SVERKA_API_TOKEN_FILE cannot be read: {error}") from error
        if len(text) < API_TOKEN_LENGTH_MIN:
            raise SettingsRefused("set SVERKA_API_TOKEN or SVERKA_API_TOKEN_FILE to a token of 16 characters or more")
        return text

    def own_url(self) -> str:
        """Where this process is reached from the machine itself."""
        return (self.ingest_url or f"http://{self.host}:{self.port}").rstrip("/")

    def owners(self) -> dict[str, str]:
        """Every service's address by its name; those without one are left out."""
        urls = {
            "ingest": self.own_url(),
            "counterparty": self.counterparty_url,
            "invoicing": self.invoicing_url,
            "payments": self.payments_url,
            "notifier": self.notifier_url,
        }
        return {name: url.rstrip("/") for name, url in urls.items() if url}
