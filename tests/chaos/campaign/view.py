"""What the sandbox's ledger says so far: deals as the portal shows them, documents as the account has them."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

Line = dict[str, Any]

LOOK_SECONDS: Final = 0.15
MARKER: Final = re.compile(r"\[b24:(\d+):(invoice|act):(\d+):[0-9a-f]{8}\]")


class View:
    """Follows the ledger's file; whoever waits for something is asked again after each look."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._offset = 0
        self._rest = b""
        self._looked = asyncio.Event()
        self.deals: dict[tuple[str, int], dict[str, Any]] = {}
        self.records: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        self.fired: Counter[str] = Counter()
        self.sent: list[Line] = []

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Takes the lines that were written since."""
        with self._ledger.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        self._looked.set()
        self._looked = asyncio.Event()

    async def until(self, probe: Callable[[], Any]) -> Any:
        """The first true answer."""
        while not (found := probe()):
            await self._looked.wait()
        return found

    def deal(self, slug: str, deal: int) -> dict[str, Any]:
        """The deal's fields as last written."""
        return self.deals.get((slug, deal), {})

    def documents(self, account: str, kind: str, deal: int) -> list[dict[str, Any]]:
        """The account's records of a kind (invoices, acts) that bear the deal's marker."""
        found = self.records.get(account, {}).get(kind, {}).values()
        return [record for record in found if marked_deal(record.get("comment")) == deal]

    def _take(self, line: Line) -> None:
        match line["kind"]:
            case "change" if line["vendor"] == "bitrix24":
                data = line["data"]
                if data.get("family") == "deal" and data["op"] in ("put", "patch"):
                    self.deals.setdefault((line["account"], int(data["id"])), {}).update(data["values"])
            case "change":
                self._take_record(line["account"], line["op"], line["data"])
            case "request":
                self.requests[line["vendor"], line["operation"]] += 1
            case "fault":
                self.fired[line["rule"]] += 1
            case "event" if line["phase"] == "queued":
                self.sent.append(line)

    def _take_record(self, account: str, op: str, data: dict[str, Any]) -> None:
        kinds = self.records.setdefault(account, {})
        if op == "put":
            kinds.setdefault(data["kind"], {})[data["record"]["id"]] = data["record"]
        elif op == "delete":
            kinds.setdefault(data["kind"], {}).pop(data["id"], None)


def marked_deal(comment: Any) -> int | None:
    """The deal that a document's marker names."""
    found = MARKER.search(str(comment or ""))
    return int(found[1]) if found else None
