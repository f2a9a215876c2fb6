"""The vocabulary of a pure domain: events with stable names, and refusals as values."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """A private fact of one stream; frozen, named and versioned explicitly: ``class Issued(Event, name="Issued")``.

    The name and the integer version are what is stored, never a class path. A new optional field keeps the version;
    a changed meaning is a new name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.NAME == "":
            raise TypeError(f"{cls.__name__} needs a stored name: class {cls.__name__}(Event, name=...)")

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: Any) -> None:
        cls.NAME = name
        cls.VERSION = version
        super().__init_subclass__(**kwargs)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, as data: a stable code and the values that its sentence names.

    The sentence itself is a template in the language of the reader; ``code`` picks it.
    """

    code: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that the domain does not take in the present state; nothing is recorded."""

    problem: Problem
