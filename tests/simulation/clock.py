"""Business time that moves only when the scheduler moves it."""

from datetime import datetime

from chassis.clock import ManualClock


class VirtualClock(ManualClock):
    """A manual clock that is asked very often."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._moment = start

    def now(self) -> datetime:
        """Business time in UTC."""
        return self._moment

    def set(self, moment: datetime) -> None:
        """Moves business time to a moment."""
        self._moment = moment
