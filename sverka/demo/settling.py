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
    """Real seconds at most; what the sandbox does by itself is waited for and looked at like what people did. `look`
    sees every answer. False when the time is over and something is still open."""
    acted_at: datetime | None = None
    deadline = time.monotonic() + seconds_max
    while True:
        if acted_at is None or world.still_to_happen():
            acted_at = world.now()
        status = question.ask()
        look(status)
        if rested(status, acted_at) and not world.still_to_happen():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)


def rested(status: StatusDocument, acted_at: datetime) -> bool:
    """Whether everything that was done up to a business moment has come to its end."""
    return status.idle and status.quiet_since is not None and status.quiet_since > acted_at
