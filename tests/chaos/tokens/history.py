"""What each process asked the authorisation server, and what token it was given."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Asked:
    """A process asked for the next pair with a refresh token, known by its mark: from when it held the lease until it
    had the answer (monotonic seconds)."""

    process: int
    mark: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Given:
    """A process was given a token in a round; or was not, for a reason."""

    process: int
    round: int
    token: str = ""
    why: str = ""


@dataclass(slots=True)
class History:
    """A whole run. ``ended`` are the tokens that were refused at each round's beginning; ``state`` is the account's at
    the end, and ``last_works`` says whether the authorisation server knows the last token."""

    ended: Sequence[str] = ()
    asked: list[Asked] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    state: str = ""
    last_works: bool = False
