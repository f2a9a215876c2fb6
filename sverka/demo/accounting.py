"""The accounting services that a demonstration can be played on: what differs between them, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Service:
    """One accounting service. ``sandbox`` is its name there, which also begins the seed's environment lines; ``keys``
    are those of the tenant's file, where ``{env}`` stands for a line's beginning; ``feed`` is the sandbox's operation
    by which payments are looked for; ``dials`` say how its accounts behave; ``found_by_id``: a person names an invoice
    by its id, since the service does not find it by its number."""

    sandbox: str
    keys: Mapping[str, str]
    feed: str
    dials: Mapping[str, Any] = field(default_factory=dict)
    found_by_id: bool = False

    def env(self, number: int, name: str) -> str:
        """The name of an environment line of the n-th account."""
        return f"{self.sandbox.upper().replace('-', '_')}_{number}_{name}"

    def part(self, number: int) -> dict[str, Any]:
        """The connection in a tenant's file, with references to the environment."""
        return {key: value.replace("{env}", self.env(number, "")) for key, value in self.keys.items()}


ELBA: Final = Service(
    sandbox="elba",
    keys={
        "vendor": "elba",
        "profile": "seed",
        "api_url": "env:{env}API_URL",
        "token_url": "env:{env}TOKEN_URL",
        "client_id": "env:{env}CLIENT_ID",
        "client_secret": "env:{env}CLIENT_SECRET",
    },
    feed="payment.list",
)
ONEC: Final = Service(
    sandbox="onec",
    keys={
        "vendor": "onec",
        "unknown_goods": "create",
        "odata_url": "env:{env}ODATA_URL",
        "user": "env:{env}USER",
        "password": "env:{env}PASSWORD",
        "organization": "env:{env}ORGANIZATION",
    },
    feed="payment.list",
    dials={"posts_after_seconds": 60, "pdf_render_seconds": 0},
)
ELBA_VENDOR: Final = Service(
    sandbox="elba-vendor",
    keys={
        "vendor": "elba",
        "profile": "vendor",
        "api_url": "env:{env}API_URL",
        "api_key": "env:{env}API_KEY",
        "organization_id": "env:{env}ORGANIZATION_ID",
    },
    feed="balance.list",
    found_by_id=True,
)
KONTUR: Final = Service(
    sandbox="kontur",
    keys={
        "vendor": "kontur",
        "unknown_goods": "text",
        "api_url": "env:{env}API_URL",
        "token_url": "env:{env}TOKEN_URL",
        "client_id": "env:{env}CLIENT_ID",
        "client_secret": "env:{env}CLIENT_SECRET",
        "organization_id": "env:{env}ORGANIZATION_ID",
    },
    feed="payment.list",
)
MOEDELO: Final = Service(
    sandbox="moedelo",
    keys={
        "vendor": "moedelo",
        "auth_mode": "oauth",
        "api_url": "env:{env}API_URL",
        "token_url": "env:{env}TOKEN_URL",
        "client_id": "env:{env}CLIENT_ID",
        "client_secret": "env:{env}CLIENT_SECRET",
        "refresh_token": "env:{env}REFRESH_TOKEN",
    },
    feed="invoice.find",
)
SERVICES: Final[Mapping[str, Service]] = {one.sandbox: one for one in (ELBA, ELBA_VENDOR, MOEDELO, KONTUR, ONEC)}
