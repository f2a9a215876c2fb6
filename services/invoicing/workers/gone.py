"""When "not found" tells that a document was deleted: readers may not see yet what was just made."""

from datetime import datetime, timedelta
from typing import Any, TypeGuard

from chassis.clock import Clock
from chassis.outcomes import Outcome, Rejected

GONE = "document_not_found"
HIDDEN_MAX = timedelta(minutes=3)
"""How long readers may not see a document that was made."""


def is_gone(outcome: Outcome[Any]) -> TypeGuard[Rejected]:
    """Whether the accounting service says that it does not have the document."""
    return isinstance(outcome, Rejected) and outcome.problem.code == GONE


def may_be_hidden(clock: Clock, since: datetime | None) -> bool:
    """Whether a document that was there at ``since`` may only be out of readers' sight. A clock that was set forward
    meanwhile has measured nothing, and of one that nobody watched since then that may be so."""
    if since is None:
        return True
    return clock.now() < max(since, clock.set_forward_at or since, clock.known_since or since) + HIDDEN_MAX
