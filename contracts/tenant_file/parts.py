"""What the parts of a tenant's file are made of."""

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an address")
    return text.rstrip("/")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError only for some names
        raise ValueError("no such zone") from error
    except KeyError as error:
        raise ValueError("no such zone") from error
    return name


Address = Annotated[str, Field(max_length=2000), AfterValidator(_url)]
Secret = Annotated[str, Field(min_length=1, max_length=2000, repr=False)]


Zone = Annotated[str, AfterValidator(_zone)]


class Part(BaseModel):
    """The base of all parts; a field's description is what a person should write there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Limit(Part):
    """A bucket: calls at once, and calls that come back each second."""

    burst: int = Field(ge=1, le=10_000, description="write how many calls may go at once, for example 50")
    per_second: float = Field(gt=0, le=10_000, description="write how many calls a second are allowed, for example 2")


class DuePart(Part):
    """The term of payment."""

    days: int = Field(default=3, ge=0, le=365, description="write a number of days from 0 to 365")
    calendar: bool = Field(default=True, description="write true for calendar days, false for working days")
