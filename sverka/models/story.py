"""The document of `sverka deal show --json`."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from sverka.models.base import Document

Kind = Literal["fact", "effect", "task", "attempt", "write", "message", "decision"]


class StoryLine(Document):
    """One thing that happened."""

    at: datetime | None = Field(description="Business time.")
    service: str
    kind: Kind
    text: str = Field(description="A sentence in the language of the command.")
    type: str = Field(default="", description="The stored event's name, or the kind of work.")
    state: str = Field(default="", description="Of an effect: PLANNED … CONFIRMED, REJECTED, HUMAN.")
    data: dict[str, Any] = Field(default_factory=dict, description="The event's or the work's own fields.")


class StoryDocument(Document):
    """Everything about one deal, in order."""

    tenant: str
    deal: str
    lines: list[StoryLine]
