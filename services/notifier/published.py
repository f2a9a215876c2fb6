"""The only bridge from what a deal was told to public messages."""

from collections.abc import Sequence

from chassis.aggregate import PublicMessage, Recorded
from contracts import topics
from contracts.messages import notifier
from contracts.messages.values import Reason
from services.notifier.domain import deal


def published(recorded: Recorded, state: deal.State) -> Sequence[PublicMessage]:
    """``CrmWriteRefused`` for each refused write, ``CrmUpdated`` when the last write of a fact is settled."""
    event = recorded.event
    if not isinstance(event, deal.Written):
        return ()
    deal_id = state.stream.partition("-")[2]
    messages = []
    if event.refused is not None:
        reason = Reason(code=event.refused.code, values=event.refused.values)
        refused = notifier.CrmWriteRefused(deal_id=deal_id, cause_id=event.fact_id, write=event.write, reason=reason)
        messages.append(PublicMessage(topics.CRM_UPDATES, refused))
    if event.fact_id not in state.pending:
        updated = notifier.CrmUpdated(deal_id=deal_id, cause_id=event.fact_id, writes=event.fact_writes)
        messages.append(PublicMessage(topics.CRM_UPDATES, updated))
    return messages
