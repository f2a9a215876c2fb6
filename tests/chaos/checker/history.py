"""What is left of a campaign, as plain data, and what a violation is."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

Row = Mapping[str, Any]
Line = Mapping[str, Any]
Tables = Mapping[str, Mapping[str, Sequence[Row]]]
"""Rows by service and table."""

SERVICES: Final = ("ingest", "counterparty", "invoicing", "payments", "notifier")
READERS: Final[Mapping[str, tuple[str, ...]]] = {
    "InvoiceRequested": ("counterparty", "invoicing"),
    "ActRequested": ("counterparty", "invoicing"),
    "DealChanged": ("invoicing",),
    "TenantState": ("counterparty", "invoicing", "payments", "notifier"),
    "CounterpartyLinked": ("invoicing",),
    "CounterpartyRejected": ("invoicing",),
    "InvoiceIssued": ("payments", "notifier"),
    "InvoiceCancelled": ("payments", "notifier"),
    "InvoiceRejected": ("notifier",),
    "InvoiceReentered": ("notifier",),
    "InvoiceRevised": ("notifier",),
    "ActIssued": ("notifier",),
    "ActRejected": ("notifier",),
    "DocumentRendered": ("notifier",),
    "InvoiceBalanceChanged": ("invoicing", "notifier"),
    "PaymentReceived": ("notifier",),
    "PaymentReversed": ("notifier",),
    "DecisionNeeded": ("notifier",),
    "DecisionTaken": ("notifier",),
    "OutageBegan": ("notifier",),
    "OutageEnded": ("notifier",),
}
"""Who must have taken every message of a type; others let it pass."""
MARKER: Final = re.compile(r"\[b24:(?P<deal>\d+):(?P<kind>invoice|act):(?P<revision>\d+):(?P<tail>[0-9a-f]{8})\]")


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: a sentence, and the ledger lines or rows that prove it."""

    invariant: str
    sentence: str
    evidence: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Marked:
    """What a document's marker names."""

    text: str
    deal: int
    kind: str
    revision: int


def marked(comment: Any) -> Marked | None:
    """The marker in a comment."""
    found = MARKER.search(str(comment or ""))
    if found is None:
        return None
    return Marked(found[0], int(found["deal"]), found["kind"], int(found["revision"]))


def moment(value: Any) -> datetime:
    """A time as the ledger or a database writes it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))


def seconds(value: Any) -> float:
    """The same as unix seconds."""
    return moment(value).timestamp()


@dataclass(frozen=True, slots=True)
class History:
    """Everything of one run. ``tables`` are the product's databases, ``rebuilt`` its read rows before and after they
    were made anew from events."""

    campaign: Mapping[str, Any]
    lines: Sequence[Line]
    portals: Mapping[str, Mapping[str, Sequence[Row]]]
    accounts: Mapping[str, Mapping[str, Any]]
    tables: Tables
    rebuilt: Tables = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    """Each process's last exposition, by its name."""
    samples: Sequence[Row] = ()
    logs: Mapping[str, Path] = field(default_factory=dict)
    broker: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    """What the broker holds in the end: by topic each message's key and id, partition by partition in their order."""
    sessions: Sequence[Row] = ()
    """Connections to the database server that were left when services had ended, and while they lived."""

    @property
    def deals(self) -> Sequence[Row]:
        """The planned deals with what became of them in the portal."""
        found: Sequence[Row] = self.campaign["deals"]
        return found

    @property
    def tenants(self) -> Sequence[Row]:
        """The planned tenants with their portal and account."""
        found: Sequence[Row] = self.campaign["tenants"]
        return found

    @property
    def injections(self) -> Sequence[Row]:
        """The faults that were injected."""
        found: Sequence[Row] = self.campaign["injections"]
        return found

    @property
    def decisions(self) -> Sequence[Row]:
        """What the accountant decided."""
        found: Sequence[Row] = self.campaign["decisions"]
        return found

    @property
    def contradicted(self) -> Sequence[Row]:
        """Other choices that were asked for after a card had been taken, with the status that answered."""
        found: Sequence[Row] = self.campaign.get("contradicted", ())
        return found


def read_lines(file: Path) -> list[Line]:
    """JSON lines; a torn last one is left out."""
    with file.open(encoding="utf-8") as opened:
        return [json.loads(raw) for raw in opened if raw.endswith("\n")]


def requests(lines: Sequence[Line], vendor: str, *operations: str) -> Iterator[Line]:
    """The requests of some operations, in their order."""
    return (
        line
        for line in lines
        if line["kind"] == "request" and line["vendor"] == vendor and line["operation"] in operations
    )
