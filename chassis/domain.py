"""The vocabulary of a pure domain: events with stable names, and refusals as values."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

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


if TYPE_CHECKING:
    from dataclasses import replace as replace  # the names and types of its fields are checked
else:

    def replace(state, /, **fields):
        """The state with some fields changed, as its namesake of ``dataclasses`` gives it in ten times the time.

        Every event folds into a new state, so this is called more often than anything else of a domain. It is for
        frozen dataclasses without ``slots`` and ``__post_init__``. Raises TypeError for a field that the state lacks.
        """
        made = object.__new__(type(state))
        made.__dict__.update(state.__dict__, **fields)
        if len(made.__dict__) != len(state.__dict__):
            raise TypeError(f"{type(state).__name__} lacks {', '.join(fields.keys() - state.__dict__.keys())}")
        return made
