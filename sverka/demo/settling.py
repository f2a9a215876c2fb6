"""Waits until an installation is at rest: nothing open, and every poll has looked since and found nothing."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sverka.demo.world import World
from sverka.models import StatusDocument
from sverka.status import StatusQuestion

LOOK_SECONDS: Final = 0.2


def settle(
    question: StatusQuestion,
    world: World,
    *,
    seconds_max: float,
    look: Callable[[StatusDocument], None] = lambda _: None,
) -> bool:
    """Real seconds at most; `look` sees every answer. False when the time is over and something is still open."""
    acted_at = world.now()
    deadline = time.monotonic() + seconds_max
    while True:
        pending = world.events_pending()
        status = question.ask()
        look(status)
        if not pending and rested(status, acted_at):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)


def rested(status: StatusDocument, acted_at: datetime) -> bool:
    """Whether everything that was done up to a business moment has come to its end."""
    return status.idle and status.quiet_since is not None and status.quiet_since > acted_at
