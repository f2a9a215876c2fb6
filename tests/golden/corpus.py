"""The corpus on disk, ``RELEASE/SERVICE/``: ``events.json`` has examples, ``streams/*.json`` whole streams."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chassis.aggregate import Recorded, StreamKind
from chassis.messaging.blocked import PREFIX as LETTERS
from chassis.tenants import TENANT_KIND
from chassis.work.operations import DELAY, OUTAGE
from services.counterparty.app import SPEC as COUNTERPARTY
from services.ingest.app import SPEC as INGEST
from services.invoicing.app import SPEC as INVOICING
from services.notifier.app import SPEC as NOTIFIER
from services.payments.app import SPEC as PAYMENTS
from tests.golden.canonical import canonical, hash_of
from tests.services.streams import NOW, TENANT

FOLDER: Final = Path(__file__).resolve().parent
CHASSIS: Final = "chassis"
_OF_CHASSIS: Final = {TENANT_KIND.prefix, OUTAGE, DELAY, LETTERS}

Kinds = dict[tuple[str, str], list[StreamKind[Any, Any]]]
"""By (service or ``chassis``, prefix): those of the chassis are several, one for each service that has them."""


@dataclass(frozen=True, order=True, slots=True)
class Entry:
    """One version of one event of one kind of stream."""

    service: str
    prefix: str
    event: str
    version: int

    def __str__(self) -> str:
        return f"{self.event} version {self.version} of {self.prefix}-… in {self.service}"


def kinds() -> Kinds:
    """All kinds of streams of this build."""
    found: Kinds = {}
    for spec in (INGEST, COUNTERPARTY, INVOICING, PAYMENTS, NOTIFIER):
        for kind in spec.stream_kinds():
            owner = CHASSIS if kind.prefix in _OF_CHASSIS else spec.name
            found.setdefault((owner, kind.prefix), []).append(kind)
    return found


def entries(of: Kinds) -> set[Entry]:
    """Every event of this build in the version that it stores now."""
    return {
        Entry(service, prefix, event.NAME, event.VERSION)
        for (service, prefix), several in of.items()
        for kind in several
        for event in kind.codec.events
    }


def release() -> str:
    """The folder of the release that is being made."""
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    return "v" + ".".join(project["project"]["version"].split(".")[:2])


def examples() -> Iterator[tuple[Entry, dict[str, Any]]]:
    """All examples of all releases, each with its event's data as it was stored."""
    for path in sorted(FOLDER.glob("v*/*/events.json")):
        for line in json.loads(path.read_text(encoding="utf-8")):
            yield Entry(path.parent.name, line["prefix"], line["type"], line["type_version"]), line["data"]


def stream_files() -> list[Path]:
    """All whole streams of all releases."""
    return sorted(FOLDER.glob("v*/*/streams/*.json"))


def replayed(kind: StreamKind[Any, Any], stream: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    """What today's code makes of a stored stream: its state, and the names of the messages of each event."""
    state, said = kind.initial(stream), []
    for version, stored in enumerate(events, start=1):
        event = kind.codec.decode(stored["type"], stored["type_version"], json.dumps(stored["data"]))
        state = kind.evolve(state, event)
        recorded = Recorded(TENANT, stream, version, event, NOW)
        said.append([message.body.NAME for message in kind.published(recorded, state)])
    dumped = canonical(state)
    return {"state_sha256": hash_of(dumped), "state": dumped, "said": said}
