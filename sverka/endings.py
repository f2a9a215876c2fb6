"""How a command ends: 0 done, 1 not as wished, 2 wrong use; the last two with a sentence that says what to do."""

from typing import Final

DONE: Final = 0
NOT_AS_WISHED: Final = 1
WRONG_USE: Final = 2


class CommandEnded(Exception):  # noqa: N818 - it is an answer to a person, shown without a trace
    """A sentence for stderr, and the exit code."""

    code: int = NOT_AS_WISHED


class NotAsWished(CommandEnded):
    """The command was right and could not do what was wished."""


class WrongUse(CommandEnded):
    """The command was called in a way that cannot mean anything."""

    code = WRONG_USE
