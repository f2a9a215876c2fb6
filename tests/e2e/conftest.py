"""One installation with a sandbox for all scenarios, and hands that call the public commands."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.local.child import leashed
from sverka.cli import run
from sverka.installation.processes import CODE
from tests.e2e.traces import Traces, receiving
from tests.kit.errors import Logs, fail_on_unexpected

START_SECONDS_MAX: Final = 120
SETTLE_SECONDS_MAX: Final = 60
LOOK_SECONDS: Final = 0.2
CLOCK_RATE: Final = 60
START: Final = "2026-09-15T09:00:00+03:00"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gave."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The document of a command that was to succeed."""
        assert self.code == 0, f"exit code {self.code}: {self.err}"
        return json.loads(self.out)


@dataclass(slots=True)
class Installation:
    """A running installation. Commands run in this process; what they print is caught."""

    data: Path
    made: int = 0
    active: list[str] = field(default_factory=list)

    def call(self, *arguments: str) -> Answer:
        """``sverka ARGUMENTS --data …``."""
        bytes_out, err = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(bytes_out, "utf-8")
        code = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                run([*arguments, "--data", str(self.data)])
            except SystemExit as ended:
                code = int(ended.code or 0)
        out.flush()
        return Answer(code, bytes_out.getvalue().decode(), err.getvalue())

    def json(self, *arguments: str) -> Any:
        """The document of ``--json``."""
        return self.call(*arguments, "--json").json()

    def now(self) -> datetime:
        """Business time."""
        return datetime.fromisoformat(self.json("sandbox", "clock", "show")["now"])

    def until(self, what: str, probe: Callable[[], Any], seconds_max: float = SETTLE_SECONDS_MAX) -> Any:
        """The first true answer of a probe."""
        deadline = time.monotonic() + seconds_max
        while not (found := probe()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds_max:.0f} s; {self.state()}"
            time.sleep(LOOK_SECONDS)
        return found

    def settle(self, seconds_max: float = SETTLE_SECONDS_MAX) -> None:
        """Waits until everything that was done up to now has come to its end."""
        acted_at = self.now()

        def rested() -> bool:
            if self.json("sandbox", "status")["events_pending"]:
                return False
            status = self.json_status()
            since = status["quiet_since"]
            return bool(status["idle"] and since and datetime.fromisoformat(since) > acted_at)

        self.until("rest", rested, seconds_max)

    def json_status(self) -> Any:
        """The document of `status`, also while a service is not ready."""
        return json.loads(self.call("status", "--json").out)

    def state(self) -> str:
        """What is open, for a failed wait."""
        work = self.call("work", "list").out
        return f"{self.call('status').out}\n{work}"

    def portal(self, **options: Any) -> "Portal":
        """A new portal with an account, applied as a tenant of its own."""
        self.made += 1
        opened = Portal.opened(self, f"e2e-{self.made}", **options)
        self.active.append(opened.slug)
        return opened

    def suspend_tenants(self) -> None:
        """Those made since the last time: sweeps and polls of a dozen would take a processor for themselves."""
        while self.active:
            self.json("tenant", "suspend", self.active.pop())


@dataclass(slots=True)
class Portal:
    """One tenant: a portal, an accounting account, and what people do there."""

    at: Installation
    slug: str
    account: str
    file: Path
    known: dict[str, str] = field(default_factory=dict)

    @classmethod
    def opened(cls, at: Installation, slug: str, *, vat: str = "exempt", subscribed: bool = True) -> "Portal":
        """Portal, account, tenant's file, and the outgoing webhook pointed to it."""
        portal = at.json("sandbox", "portal", "open", slug, "--title", f"ООО «{slug}»")
        account = at.json("sandbox", "account", "open", f"ООО «{slug}»", "7707083893", "--account", f"acc-{slug}")
        document = {
            "tenant": slug, "name": f"ООО «{slug}»", "activated_at": START,
            "bitrix24": {
                "webhook_url": portal["webhook_url"], "application_token": portal["application_token"],
                "admin_chat": portal["chat"], "sweep_seconds": 60,
                "funnels": [{
                    "category": 0, "issue_invoice": ["PREPAYMENT_INVOICE"], "issue_act": ["WON"],
                    "waiting_for_payment": ["PREPAYMENT_INVOICE", "EXECUTING"], "paid": "FINAL_INVOICE",
                }],
                "fields": {
                    "invoice_number": "UF_CRM_INVOICE_NUMBER", "invoice_date": "UF_CRM_INVOICE_DATE",
                    "invoice_url": "UF_CRM_INVOICE_URL", "invoice_status": "UF_CRM_INVOICE_STATUS",
                    "invoice_pdf": "UF_CRM_INVOICE_PDF", "paid": "UF_CRM_PAID", "overdue_days": "UF_CRM_OVERDUE_DAYS",
                    "act_number": "UF_CRM_ACT_NUMBER", "act_pdf": "UF_CRM_ACT_PDF",
                },
            },
            "steps": {"reverse_sync": False},
            "sellers": [{
                "id": "main", "inn": "7707083893",
                "accounting": {
                    "vendor": "elba", "api_url": account["api_url"], "token_url": account["token_url"],
                    "client_id": account["client_id"], "client_secret": account["client_secret"],
                    "payments_poll_seconds": 60,
                },
                "tax": [{"from": "2025-01-01", "regime": "osno" if vat == "standard" else "usn_income", "vat": vat}],
            }],
        }  # fmt: skip
        file = at.data / f"{slug}.yaml"
        file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
        applied = at.json("tenant", "apply", str(file), "--yes")
        opened = cls(at, slug, account["account"], file, {"hook": applied["webhook_urls"]["bitrix24"]})
        if subscribed:
            at.json("sandbox", "portal", "subscribe", slug, opened.known["hook"])
        return opened

    def company(self, inn: str = "7736207543", kpp: str = "773601001") -> tuple[str, str]:
        """A buyer; its company and its requisite."""
        options = ["--inn", inn] + (["--kpp", kpp] if kpp else [])
        made = self.at.json("sandbox", "company", "add", self.slug, "ООО «Покупатель»", *options)
        return str(made["company"]["id"]), str(made["requisites"][0]["ID"])

    def deal(self, *rows: str, company: str = "", contact: str = "") -> str:
        """A deal in its first stage."""
        buyer = ["--company", company] if company else ["--contact", contact] if contact else []
        goods = [part for row in rows or ("Стеллаж;1000.00;2",) for part in ("--row", row)]
        return str(self.at.json("sandbox", "deal", "add", self.slug, *buyer, *goods)["deal"]["id"])

    def move(self, deal: str, stage: str = "PREPAYMENT_INVOICE") -> None:
        """To a stage."""
        self.at.json("sandbox", "deal", "move", self.slug, deal, stage)

    def pay(self, deal: str, amount: str = "", *options: str) -> str:
        """A payment of the deal's invoice; returns its id."""
        sum_options = ["--amount", amount] if amount else []
        return str(self.at.json("sandbox", "pay", self.account, f"B24-{deal}", *sum_options, *options)["id"])

    def seen(self, deal: str) -> dict[str, Any]:
        """The deal's fields as people see them."""
        found: dict[str, Any] = self.view(deal)["deal"]
        return found

    def view(self, deal: str) -> dict[str, Any]:
        """The deal with its timeline."""
        found: dict[str, Any] = self.at.json("sandbox", "deal", "show", self.slug, deal)
        return found

    def comments(self, deal: str) -> list[str]:
        """The deal's timeline."""
        return [str(comment["text"]) for comment in self.view(deal)["comments"]]

    def chat(self) -> list[dict[str, Any]]:
        """What the admin chat was told."""
        chats = self.at.json("sandbox", "portal", "messages", self.slug)["chats"]
        return [message for chat in chats for message in chat["messages"]]

    def notifications(self) -> list[dict[str, Any]]:
        """What the portal's people were notified of."""
        found: list[dict[str, Any]] = self.at.json("sandbox", "portal", "messages", self.slug)["notifications"]
        return found

    def records(self, kind: str) -> list[dict[str, Any]]:
        """invoices, acts, payments or counterparties of the account."""
        found: dict[str, dict[str, Any]] = self.at.json("sandbox", "account", "show", self.account)[kind]
        return list(found.values())

    def fault(self, vendor: str, operation: str, kind: str, *options: str) -> str:
        """A rule for this tenant alone; returns its id."""
        account = self.account if vendor == "elba" else self.slug
        rule = self.at.json("sandbox", "faults", "add", vendor, operation, kind, "--account", account, *options)
        return str(rule["rules"][0]["id"])


@pytest.fixture(scope="session")
def traces() -> Iterator[Traces]:
    """Every span of ``installation``."""
    with receiving() as found:
        yield found


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, traces: Traces) -> Iterator[Installation]:
    """Started once, in front of nobody: it ends in order when the test process does."""
    data = tmp_path_factory.mktemp("installation")
    log = (data / "up.log").open("wb")
    command = [sys.executable, "-m", "sverka", "up", "--sandbox", "--data", str(data)]
    env = {**os.environ, "SVERKA_OTLP_ENDPOINT": traces.endpoint, "SVERKA_TRACE_SAMPLE_RATIO": "1"}
    launcher = subprocess.Popen(leashed(command), stdout=log, stderr=log, cwd=CODE, start_new_session=True, env=env)
    at = Installation(data)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (data / "run.json").exists():
            assert launcher.poll() is None, (data / "up.log").read_text()
            assert time.monotonic() < deadline, (data / "up.log").read_text()
            time.sleep(LOOK_SECONDS)
        at.json("sandbox", "clock", "set", START)
        at.json("sandbox", "clock", "rate", str(CLOCK_RATE))
        yield at
    finally:
        at.call("down")
        launcher.wait(START_SECONDS_MAX)
        log.close()


@pytest.fixture(scope="session")
def service_logs(installation: Installation) -> Logs:
    """What the processes of ``installation`` write."""
    return Logs(installation.data / "logs")


@pytest.fixture(autouse=True)
def _no_unexpected_errors_of_services(request: pytest.FixtureRequest) -> Iterator[None]:
    if "installation" not in request.fixturenames:
        yield
        return
    logs: Logs = request.getfixturevalue("service_logs")
    yield
    fail_on_unexpected(request, logs.new_errors())


@pytest.fixture(autouse=True)
def _no_tenant_outlives_its_scenario(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "installation" in request.fixturenames:
        request.getfixturevalue("installation").suspend_tenants()


@pytest.fixture(scope="session")
def shared_portal(installation: Installation) -> Portal:
    """A tenant for scenarios that leave it as it was; it is there for all of them."""
    portal = installation.portal()
    installation.active.remove(portal.slug)
    return portal


@pytest.fixture(autouse=True, scope="session")
def plain_environment() -> Iterator[None]:
    """English, and nothing of the caller's own settings."""
    before = dict(os.environ)
    for name in ("SVERKA_DATA", "SVERKA_URL", "SVERKA_TOKEN", "SVERKA_ENV", "SVERKA_SANDBOX_CONTROL_URL"):
        os.environ.pop(name, None)
    os.environ["SVERKA_LANGUAGE"] = "en"
    yield
    os.environ.clear()
    os.environ.update(before)
