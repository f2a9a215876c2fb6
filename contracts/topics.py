"""Every topic as data: its one writer, its readers, its messages, how it is keyed and kept."""

from dataclasses import dataclass

from contracts.envelope import Message
from contracts.messages import counterparty, ingest, invoicing, notifier, operations, payments

PARTITIONS = 12
RETENTION_SECONDS = 14 * 24 * 3600

DEALS = "deals"
TENANTS = "tenants"
COUNTERPARTIES = "counterparties"
DOCUMENTS = "documents"
PAYMENTS = "payments"
CRM_UPDATES = "crm-updates"
STATEMENTS = "statements"
CALLBACKS = "callbacks"
COMPANIES = "companies"
COMPANY_CARDS = "company-cards"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``key`` says in words what follows ``tenant:`` in the Kafka key; ``compacted`` topics hold one type
    with
    the full state and are kept for ever, all others for ``retention_seconds``."""

    name: str
    writer: str
    readers: tuple[str, ...]
    messages: tuple[type[Message], ...]
    key: str
    compacted: bool = False
    partitions: int = PARTITIONS
    retention_seconds: int = RETENTION_SECONDS


def operations_topic(service: str) -> str:
    """The topic on which a service speaks of its own work."""
    return f"{service}.operations"


def _operations(service: str) -> Topic:
    return Topic(
        operations_topic(service),
        service,
        ("notifier",),
        operations.MESSAGES,
        "deal, else vendor, else that of a dead letter",
    )


_OTHER_MESSAGES = (ingest.TenantState, ingest.StatementReceived, ingest.AccountingCalled, ingest.CompanyChanged)
_DEAL_MESSAGES = tuple(m for m in ingest.MESSAGES if m not in _OTHER_MESSAGES)

TOPICS: tuple[Topic, ...] = (
    Topic(DEALS, "ingest", ("counterparty", "invoicing", "notifier"), _DEAL_MESSAGES, "deal"),
    Topic(
        TENANTS, "ingest", ("counterparty", "invoicing", "payments", "notifier"), (ingest.TenantState,), "tenant", True
    ),
    Topic(STATEMENTS, "ingest", ("payments",), (ingest.StatementReceived,), "statement"),
    Topic(CALLBACKS, "ingest", ("payments",), (ingest.AccountingCalled,), "object of an account"),
    Topic(COMPANIES, "ingest", ("counterparty",), (ingest.CompanyChanged,), "requisites"),
    Topic(COUNTERPARTIES, "counterparty", ("invoicing", "notifier"), counterparty.LINK_MESSAGES, "deal"),
    Topic(COMPANY_CARDS, "counterparty", ("notifier",), counterparty.CARD_MESSAGES, "INN"),
    Topic(DOCUMENTS, "invoicing", ("counterparty", "payments", "notifier"), invoicing.MESSAGES, "deal"),
    Topic(PAYMENTS, "payments", ("invoicing", "notifier"), payments.MESSAGES, "deal"),
    Topic(CRM_UPDATES, "notifier", (), notifier.MESSAGES, "deal"),
    _operations("ingest"),
    _operations("counterparty"),
    _operations("invoicing"),
    _operations("payments"),
    _operations("notifier"),
)

SERVICES = ("ingest", "counterparty", "invoicing", "payments", "notifier")


def read_by(service: str) -> tuple[Topic, ...]:
    """The topics that a service consumes."""
    return tuple(topic for topic in TOPICS if service in topic.readers)


def written_by(service: str) -> tuple[Topic, ...]:
    """The topics that a service alone writes."""
    return tuple(topic for topic in TOPICS if topic.writer == service)
