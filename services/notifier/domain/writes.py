"""Writes to the CRM, absolute and in our own names: the worker puts the portal's field names, stages and words in."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.ids import deterministic_id


class Write(BaseModel):
    """The base of writes: frozen, stored in events and effects."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SetFields(Write):
    """Deal fields by our names (``invoice_number``, ``paid``, …) with their absolute values; "" clears a field."""

    write: Literal["fields"] = "fields"
    values: dict[str, str | int]


class PutFile(Write):
    """A file into a file field by our name; the newest stands there alone (R17)."""

    write: Literal["file"] = "file"
    field: str
    blob: str
    file_name: str


class MoveToPaid(Write):
    """To the paid stage of the funnel, if the deal still stands in one of its waiting stages (R5)."""

    write: Literal["stage"] = "stage"
    category_id: str


class AddComment(Write):
    """A timeline comment, found again by its marker; ``blob`` is a file that goes with it."""

    write: Literal["comment"] = "comment"
    text: str
    values: dict[str, Any] = Field(default_factory=dict)
    blob: str = ""
    file_name: str = ""


class NotifyPerson(Write):
    """A personal notification to the responsible, replaced by the next one with its tag."""

    write: Literal["notification"] = "notification"
    user_id: str
    text: str
    tag: str
    values: dict[str, Any] = Field(default_factory=dict)


class SayInChat(Write):
    """A message to the tenant's admin chat; it has no look-up, so it is repeated once at most."""

    write: Literal["chat"] = "chat"
    text: str
    values: dict[str, Any] = Field(default_factory=dict)


AnyWrite = SetFields | PutFile | MoveToPaid | AddComment | NotifyPerson | SayInChat


def marker(tenant: str, fact_id: str, index: int) -> str:
    """The visible marker of a comment, by which it is found before any repeat."""
    return f"[sv:{deterministic_id('comment', tenant, fact_id, str(index)).hex[:12]}]"
