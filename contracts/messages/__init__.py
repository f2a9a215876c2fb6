"""Every public message, one file per producing service; ``ALL`` is the registry that schemas and examples are made
from."""

from contracts.envelope import Message
from contracts.messages import counterparty, ingest, invoicing, notifier, operations, payments

ALL: tuple[type[Message], ...] = (
    *ingest.MESSAGES,
    *counterparty.MESSAGES,
    *invoicing.MESSAGES,
    *payments.MESSAGES,
    *notifier.MESSAGES,
    *operations.MESSAGES,
)
