"""The answers and bodies of /api/v1, for its schema."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class TenantSummary(_Model):
    """A tenant in short."""

    tenant: str
    name: str
    status: Literal["active", "suspended", "removed"]
    version: int = Field(description="Grows with every change.")


class TenantsAnswer(_Model):
    """All tenants."""

    tenants: list[TenantSummary]


class PortalPart(_Model):
    """How the application stands in a portal in mode app."""

    state: Literal["waiting", "connected", "lost", "uninstalled"]
    host: str = Field(description="Where the portal is; empty before it was connected.")
    authorize_url: str = Field(description="Where the portal's administrator connects it again.")
    authorize_state: str = Field(description="What stands as `state` in that address.")


class TenantAnswer(TenantSummary):
    """A tenant without its secrets."""

    settings: dict[str, Any] = Field(description="As the services know them.")
    document: dict[str, Any] = Field(description="The file as it was applied last, secrets hidden.")
    webhook_urls: dict[str, str] = Field(description="Where the portal sends its outgoing webhooks, by vendor.")
    portal: PortalPart | None = Field(default=None, description="In mode app.")


class Change(_Model):
    """One value that a file changes; null where there was or will be none; secrets are not shown."""

    key: str
    before: Any = None
    after: Any = None


class AppliedAnswer(_Model):
    """What a file changes, or has changed."""

    tenant: str
    status: str
    version: int
    dry_run: bool
    changes: list[Change]
    webhook_urls: dict[str, str]
    warnings: list["ProblemPart"] = Field(
        default_factory=list, description="What keeps nothing back, and people should know."
    )


class ProblemPart(_Model):
    """What is wrong, as data: a stable code and the values that its sentence names."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)


class CheckedPart(_Model):
    """The portal, or a seller's accounting service."""

    what: str
    account: str
    ok: bool
    problems: list[ProblemPart] = Field(description="With `ok` they are warnings.")


class CheckAnswer(_Model):
    """Whether a tenant's vendors have all that its file names."""

    tenant: str
    ok: bool
    checks: list[CheckedPart]


class DeliveryPart(_Model):
    """What became of one webhook."""

    delivery_id: int
    tenant: str
    received_at: datetime
    event: str
    entity: str
    object_id: str
    status: Literal["stored", "read", "done", "refused"]
    reason: str = Field(description="Why it was refused, or why nothing was to be done.")


class DeliveriesAnswer(_Model):
    """Webhooks in the order of their ids."""

    deliveries: list[DeliveryPart]


class WorkAnswer(_Model):
    """Due and delayed work of all services; ``away`` are services that could not be asked."""

    work: list[dict[str, Any]]
    away: list[str] = Field(default_factory=list)


class DeadAnswer(_Model):
    """Dead letters of all services."""

    dead: list[dict[str, Any]]
    away: list[str] = Field(default_factory=list)


class DecisionsAnswer(_Model):
    """Decision cards of all services."""

    decisions: list[dict[str, Any]]
    away: list[str] = Field(default_factory=list)


class StoriesAnswer(_Model):
    """What each service recorded about a deal."""

    services: list[dict[str, Any]]
    away: list[str] = Field(default_factory=list)


class StatusAnswer(_Model):
    """Every service as it says of itself."""

    services: dict[str, dict[str, Any]]


class Decision(_Model):
    """A decision about a card; ``number`` is what was found at the vendor."""

    choice: str = Field(min_length=1, max_length=100)
    number: str = Field(default="", max_length=100)
    by: str = Field(default="operator", min_length=1, max_length=100)


class Replay(_Model):
    """Dead letters to handle again."""

    ids: list[str] = Field(max_length=500)
    dry_run: bool = False
    by: str = Field(default="operator", min_length=1, max_length=100)


class ReplayAnswer(_Model):
    """What became of each letter: handled again, or with the ``error`` that kept it."""

    results: list[dict[str, Any]]
    away: list[str] = Field(default_factory=list)


class Discard(_Model):
    """Who gives a letter up."""

    by: str = Field(default="operator", min_length=1, max_length=100)


class Republish(_Model):
    """A topic, and the business time (RFC 3339) since when it is written anew; everything without one."""

    topic: str = Field(min_length=1, max_length=100)
    since: str = Field(default="", max_length=40)
