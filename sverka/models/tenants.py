"""The documents of `tenant`."""

from typing import Any

from pydantic import Field

from sverka.models.base import Document


class TenantSummary(Document):
    """A tenant in short."""

    tenant: str
    name: str
    status: str = Field(description="active, suspended or removed.")
    version: int = Field(description="Of its configuration, from 1.")


class TenantsDocument(Document):
    """`sverka tenant list --json`."""

    tenants: list[TenantSummary]


class PortalLink(Document):
    """How the application stands in a portal in mode app."""

    state: str = Field(description="waiting, connected, lost or uninstalled.")
    host: str = Field(description="Where the portal is; empty before it was connected.")
    authorize_url: str = Field(description="Where the portal's administrator connects it again.")
    authorize_state: str = Field(description="What stands as `state` in that address.")


class TenantView(TenantSummary):
    """`sverka tenant show T --json`: without secrets."""

    settings: dict[str, Any]
    document: dict[str, Any] = Field(description="Its file as it was applied.")
    webhook_urls: dict[str, str] = Field(description="Where its portal sends outgoing webhooks.")
    portal: PortalLink | None = Field(default=None, description="In mode app.")


class Change(Document):
    """One value that a file changes; null: not there before, or not any more. Secrets are not shown."""

    key: str
    before: Any = None
    after: Any = None


class AppliedDocument(Document):
    """`sverka tenant apply FILE --json`."""

    tenant: str
    status: str
    version: int
    changes: list[Change]
    webhook_urls: dict[str, str]
    warning_texts: list[str] = Field(
        default_factory=list, description="What keeps nothing back, and people should know, in words."
    )


class Check(Document):
    """One part of a check."""

    what: str
    account: str = ""
    ok: bool
    problem_texts: list[str] = Field(
        default_factory=list, description="What to correct, in words; with `ok`, warnings."
    )


class ChecksDocument(Document):
    """`sverka tenant check T --json`."""

    checks: list[Check]
