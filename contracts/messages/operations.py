"""What every service says of its own work: delays, outages, and the decisions that people are asked for."""

from datetime import datetime

from pydantic import Field

from contracts.envelope import Message
from contracts.messages.values import Reason


class WorkDelayed(Message, name="WorkDelayed"):
    """Work waits for a vendor and will resume by itself; nothing is lost."""

    work_id: str
    kind: str
    vendor: str
    account: str
    reason: Reason
    since: datetime
    deal_id: str = ""


class WorkResumed(Message, name="WorkResumed"):
    """Delayed work went through."""

    work_id: str
    kind: str
    vendor: str
    account: str
    deal_id: str = ""


class DecisionNeeded(Message, name="DecisionNeeded"):
    """A card stands before a person. ``choices`` are the codes that may be taken; ``values`` are what its text
    names."""

    card_id: str
    kind: str
    choices: tuple[str, ...]
    values: dict[str, str | int] = Field(default_factory=dict)
    deal_id: str = ""
    responsible_id: str = ""


class DecisionTaken(Message, name="DecisionTaken"):
    """A person took a card."""

    card_id: str
    kind: str
    choice: str
    by: str
    number: str = ""
    deal_id: str = ""


class OutageBegan(Message, name="OutageBegan"):
    """A vendor does not answer this tenant; one message per outage, however much work waits."""

    vendor: str
    accounts: tuple[str, ...]
    since: datetime
    reason: Reason


class OutageEnded(Message, name="OutageEnded"):
    """The vendor answers again; delayed work resumes by itself."""

    vendor: str
    accounts: tuple[str, ...]
    since: datetime
    ended_at: datetime


class DeadLettersBegan(Message, name="DeadLettersBegan"):
    """A message of ``topic`` could not be handled by this service: it and what follows under its key wait for a person,
    nothing is lost. ``key`` is the Kafka key without the tenant."""

    topic: str
    key: str
    since: datetime


class DeadLettersEnded(Message, name="DeadLettersEnded"):
    """All that waited under the key was handled or given up."""

    topic: str
    key: str
    since: datetime
    ended_at: datetime


MESSAGES = (
    WorkDelayed, WorkResumed, DecisionNeeded, DecisionTaken, OutageBegan, OutageEnded, DeadLettersBegan,
    DeadLettersEnded,
)  # fmt: skip
