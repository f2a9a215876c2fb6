"""The document of `sverka status --json`."""

from datetime import datetime

from pydantic import Field

from sverka.models.base import Document


class ServiceStatus(Document):
    """One service as it says of itself. Numbers are 0 while it cannot be asked; then `ready` is false."""

    version: str = ""
    ready: bool
    missing: dict[str, str] = Field(default_factory=dict, description="What it waits for, by dependency.")
    now: datetime | None = Field(default=None, description="Its business time.")
    outbox_unsent: int = Field(default=0, description="Rows committed and not yet in Kafka.")
    outbox_oldest_seconds: float = Field(default=0.0, description="The age of the oldest of them, real seconds.")
    due_work: int = Field(default=0, description="Work whose time has come.")
    delayed_work: int = Field(
        default=0, description="Work that waits for a vendor, or is long undone; it resumes by itself."
    )
    work_under_way: int = 0
    open_work: int = Field(default=0, description="Work that a fact caused and that is not at its end.")
    cards_open: int = Field(default=0, description="Decisions that wait for a person.")
    dead_letters: int = Field(default=0, description="Messages that could not be handled.")
    consumer_lag: int = Field(default=0, description="Messages in Kafka that it has not handled.")
    consumer_stopped: str = Field(default="", description="Why it takes no messages; empty while it does.")
    busy: int = Field(default=0, description="Webhooks that are stored and not yet read.")
    idle: bool = False
    polls: int = Field(default=0, description="Polls and sweeps that run.")
    quiet_since: datetime | None = Field(default=None, description="As below, of this service alone.")


class StatusDocument(Document):
    """Everything that runs."""

    idle: bool = Field(
        description="No work caused by a fact is open: no unread webhook, unsent row or consumer lag, no effect "
        "between PLANNED and PROBING, no delayed work. Polls, sweeps, reminders to come, cards and dead letters do "
        "not count."
    )
    quiet_since: datetime | None = Field(
        description="The earliest start among the last finished pass of each poll and sweep, if all of those found "
        "nothing; business time. Who acted at t waits for idle and quiet_since > t. The present moment where "
        "nothing is polled."
    )
    ready: bool = Field(description="Every service is ready.")
    services: dict[str, ServiceStatus]
