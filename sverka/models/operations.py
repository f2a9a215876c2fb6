"""The documents of `work`, `dead` and `decide`."""

from datetime import datetime
from typing import Any

from pydantic import Field

from sverka.models.base import Document


class WorkItem(Document):
    """One piece of due work, as its service says of it."""

    service: str = ""
    tenant: str
    work_id: str
    kind: str
    state: str
    queue: str = Field(description="waiting, ready, taken or closed.")
    stream: str = ""
    account: str = ""
    due_at: datetime | None = None
    delayed_since: datetime | None = Field(
        default=None,
        description="Since when it fails, or when it was first due if that is over 15 minutes of business time ago.",
    )
    reason_text: str = Field(default="", description="Why it waits, in words.")
    attempts: list[dict[str, Any]] = Field(default_factory=list)


class WorkDocument(Document):
    """`sverka work list --json`."""

    work: list[WorkItem]


class DeadLetter(Document):
    """One message that could not be handled."""

    service: str = ""
    tenant: str
    event_id: str
    topic: str
    key: str
    type: str
    reason: str = Field(description="content, unknown, or follows (an earlier one of its key is dead).")
    error: str
    attempts: int = 0
    dead_at: datetime | None = None


class DeadDocument(Document):
    """`sverka dead list --json`."""

    dead: list[DeadLetter]


class Replayed(Document):
    """What became of one letter."""

    service: str = ""
    event_id: str
    result: str = Field(default="", description="What was done, or would be done by a dry run.")
    error: str = Field(default="", description="Why it is dead still.")


class ReplayDocument(Document):
    """`sverka dead replay --json`."""

    results: list[Replayed]


class RepublishDocument(Document):
    """`sverka republish --json`."""

    topic: str
    messages: int = Field(description="How many were put into the outbox.")


class Decision(Document):
    """One decision card."""

    service: str = ""
    tenant: str
    card_id: str
    kind: str
    choices: list[str]
    values: dict[str, Any] = Field(default_factory=dict)
    deal_id: str = ""
    opened_at: datetime | None = None
    choice: str | None = Field(default=None, description="null while it waits for a person.")
    taken_by: str | None = None
    question: str = Field(default="", description="What is asked, in words.")
    choice_texts: dict[str, str] = Field(default_factory=dict, description="What each choice means.")


class ChangedDocument(Document):
    """`sverka deal cancel --json`, `sverka deal repeat --json`, `sverka goods map --json`."""

    changed: bool = Field(description="false where it was so already.")


class DecisionsDocument(Document):
    """`sverka decide list --json`."""

    decisions: list[Decision]
