"""What `notifier` says: what was written to the CRM, and what the CRM refused."""

from contracts.envelope import Message
from contracts.messages.values import Reason


class CrmUpdated(Message, name="CrmUpdated"):
    """Writes of one fact reached the deal; ``writes`` are their kinds (fields, stage, comment, file, notification)."""

    deal_id: str
    cause_id: str
    writes: tuple[str, ...]


class CrmWriteRefused(Message, name="CrmWriteRefused"):
    """The portal refused a write for good; a person reads why."""

    deal_id: str
    cause_id: str
    write: str
    reason: Reason


MESSAGES = (CrmUpdated, CrmWriteRefused)
