"""Read rows of what a deal shows; each of one stream."""

from collections.abc import Sequence

from chassis.aggregate import ReadRow
from services.notifier.domain.deal import State


def projected(stream: str, state: State) -> Sequence[ReadRow]:
    """What the deal shows, for lists."""
    deal_id = stream.partition("-")[2]
    row = ReadRow(
        "deals_shown",
        {"deal_id": deal_id},
        {"status": state.shown_status(), "overdue_days": state.overdue_days(), "writes_pending": len(state.pending)},
    )
    return (row,)
