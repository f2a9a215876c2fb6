"""A whole installation with a sandbox, as `sverka up --sandbox` runs it, and deals that are played through it.

Moments come from the sandbox's ledger (real time, milliseconds): when a deal's webhook was ready to be sent, and when
number, link and PDF were written to the deal.
"""

import asyncio
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from bench.machine import postgres_settings
from bench.tenants import FIELDS, STAGE, Tenant, open_tenants
from deploy.local.folder import Run
from deploy.local.launch import stop_running
from sverka.http import Json
from sverka.installation.starting import start_in_background
from sverka.reach import Reach

BUYERS: Final = (("7736207543", "773601001"), ("7725010016", "772501001"), ("7707083893", "773601001"))
POSTS_AT_ONCE: Final = 32
LOOK_SECONDS: Final = 0.25
PRODUCT: Final = ("ingest", "counterparty", "invoicing", "payments", "notifier")
WANTED: Final = tuple(FIELDS[name] for name in ("invoice_number", "invoice_url", "invoice_pdf"))


@dataclass(frozen=True, slots=True)
class Deal:
    """One deal of a portal."""

    slug: str
    deal_id: int


@dataclass(frozen=True, slots=True)
class Passage:
    """When a deal's first webhook was sent, and when the last of number, link and PDF stood on it; unix seconds."""

    sent_at: float
    done_at: float

    @property
    def milliseconds(self) -> float:
        """How long it took."""
        return 1000 * (self.done_at - self.sent_at)


class Whole:
    """The installation's sandbox and API."""

    def __init__(self, folder: Path, run: Run, control: Json, ingest: Json) -> None:
        assert run.sandbox is not None, "it was started with one"
        self.folder = folder
        self.run = run
        self.control = control
        self.ingest = ingest
        self._ledger = Ledger(folder / "sandbox" / "ledger.jsonl")
        self._own = threading.local()

    def open_tenants(self, count: int, seed: int) -> list[Tenant]:
        """Tenants without any limit, their portals subscribed."""
        return open_tenants(self.control, self.ingest, count, seed=seed, unlimited=True, subscribed=True)

    def prepare(self, tenants: Sequence[Tenant], count: int) -> list[Deal]:
        """Deals in their first stage, spread over the tenants; each tenant has a few buyers."""
        companies = {tenant.slug: [self._company(tenant.slug, *buyer) for buyer in BUYERS] for tenant in tenants}

        def make(number: int) -> Deal:
            slug = tenants[number % len(tenants)].slug
            company = companies[slug][number // len(tenants) % len(BUYERS)]
            rows = [{"name": "Стеллаж", "price": "1000.00", "quantity": 2}]
            body = {"title": f"Поставка {number}", "company": company, "rows": rows}
            made = self._client().post(f"/bitrix24/portals/{slug}/deals", body)
            return Deal(slug, int(made["deal"]["id"]))

        with self._pool() as pool:
            return list(pool.map(make, range(count)))

    def move(self, deal: Deal, control: Json | None = None) -> None:
        """The manager drags the deal to the stage; the portal sends its webhook. A thread gives its own ``control``."""
        (control or self._client()).post(f"/bitrix24/portals/{deal.slug}/deals/{deal.deal_id}/move", {"stage": STAGE})

    def move_all(self, deals: Sequence[Deal]) -> None:
        """All at once."""
        with self._pool() as pool:
            list(pool.map(self.move, deals))

    def passages(self, deals: Sequence[Deal], seconds_max: float) -> dict[Deal, Passage]:
        """Waits until all have number, link and PDF; those that are still on their way after ``seconds_max`` miss."""
        wanted = set(deals)
        deadline = time.monotonic() + seconds_max
        while True:
            found = self._ledger.passages(wanted)
            if len(found) == len(wanted) or time.monotonic() > deadline:
                return found
            time.sleep(LOOK_SECONDS if len(wanted) > 1 else 0.01)

    def arrived(self, deals: Sequence[Deal]) -> int:
        """How many of them have number, link and PDF by now."""
        return len(self._ledger.passages(deals))

    def settle(self, seconds_max: float) -> None:
        """Waits until no webhook is pending and all services say that they are idle."""
        deadline = time.monotonic() + seconds_max
        while time.monotonic() < deadline:
            services = self.ingest.get("/api/v1/status")["services"].values()
            if not self.control.get("/status")["events_pending"] and all(one.get("idle") for one in services):
                return
            time.sleep(LOOK_SECONDS)

    def _pool(self) -> ThreadPoolExecutor:
        """Threads with a client each: a pool of connections that threads share may close one under another's hands."""
        return ThreadPoolExecutor(POSTS_AT_ONCE, initializer=self._open_own)

    def _open_own(self) -> None:
        self._own.control = Json(self.control.base_url, what="sandbox")

    def _client(self) -> Json:
        own: Json = getattr(self._own, "control", self.control)
        return own

    def _company(self, slug: str, inn: str, kpp: str) -> int:
        body = {"title": f"ООО «Покупатель {inn}»", "inn": inn, "kpp": kpp}
        return int(self.control.post(f"/bitrix24/portals/{slug}/companies", body)["company"]["id"])


class Ledger:
    """The sandbox's ledger, read from where the last look ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._sent: dict[Deal, float] = {}
        self._written: dict[Deal, dict[str, float]] = {}

    def passages(self, among: Iterable[Deal]) -> dict[Deal, Passage]:
        """Those of the deals that have all."""
        self._read()
        return {
            deal: Passage(self._sent[deal], max(self._written[deal].values()))
            for deal in among
            if deal in self._sent and self._written.get(deal, {}).keys() >= set(WANTED)
        }

    def _read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                self._offset += len(raw)
                if b"UF_CRM_INVOICE" in raw or b'"event"' in raw:
                    self._take(orjson.loads(raw))

    def _take(self, line: dict[str, Any]) -> None:
        slug = line["account"]
        if line["kind"] == "event":
            self._event(slug, line)
        elif line["kind"] == "change":
            self._change(slug, line)

    def _event(self, slug: str, line: dict[str, Any]) -> None:
        """The moment at which the portal has a webhook to send; the first that names the deal after its move counts."""
        if line["phase"] != "queued" or line["name"].upper() != "ONCRMDEALUPDATE":
            return
        form = parse_qs(line["post"]["body"])
        self._sent.setdefault(Deal(slug, int(form["data[FIELDS][ID]"][0])), _seconds(line["real_at"]))

    def _change(self, slug: str, line: dict[str, Any]) -> None:
        data = line["data"]
        if data.get("family") != "deal":
            return
        fields = self._written.setdefault(Deal(slug, int(data["id"])), {})
        for name in WANTED:
            if data["values"].get(name):
                fields.setdefault(name, _seconds(line["real_at"]))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@contextmanager
def whole() -> Iterator[Whole]:
    """Starts an installation in a folder of its own; ends it in order and removes it."""
    folder = Path(tempfile.mkdtemp(prefix="sverka-bench-"))
    try:
        run = start_in_background(folder, sandbox=True, port_base=None, say=_say, end_with_caller=True)
        assert run.sandbox is not None, "it was started with one"
        reach = Reach(folder)
        with (
            Json(run.sandbox.control_url, what="sandbox") as control,
            Json(reach.ingest_url(), what="ingest", token=reach.token()) as ingest,
        ):
            yield Whole(folder, run, control, ingest)
    finally:
        stop_running(folder)
        shutil.rmtree(folder, ignore_errors=True)


def postgres_of(at: Whole) -> dict[str, str]:
    """PostgreSQL's settings, read back."""
    return asyncio.run(postgres_settings(at.run.postgres.url))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
