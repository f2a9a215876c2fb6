"""Look-up of acts, where an accounting service lists them."""

from datetime import datetime
from typing import Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit
from connectors.ports.accounting import ActCard


class FindAct(Protocol):
    """Look-up of a lost create: acts that carry our marker, of one invoice, or changed since a moment where the act has
    none. More than one is a duplicate."""

    async def find_act(
        self, permit: Permit, *, marker: str, invoice_id: str | None, since: datetime
    ) -> Outcome[tuple[ActCard, ...]]: ...
