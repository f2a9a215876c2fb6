"""Who is told in somebody's place."""

from dataclasses import dataclass
from typing import Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit


@dataclass(frozen=True, slots=True)
class StandIn:
    """Who is told in a user's place. ``name`` is the user's own, ``head_id`` the head's; "" is unknown, or none."""

    name: str
    head_id: str


class FindStandIn(Protocol):
    """Finds the acting head of a user's department, or of one above it; never the user. What may not be asked about is
    not known."""

    async def find_stand_in(self, permit: Permit, user_id: str) -> Outcome[StandIn]: ...
