"""`sverka sandbox …` against a sandbox process: what each command makes of the simulated world."""

import json
import ssl
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import httpx
import pytest

from sverka.cli import run
from tests.sandbox.running import DEADLINE_SECONDS, Process

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One for all: each test has names of its own."""
    sandbox = Process(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.kill()


@pytest.fixture
def call(process: Process, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """`sverka sandbox ARGUMENTS`: the document of `--json`, else what was printed."""
    monkeypatch.setenv("SVERKA_SANDBOX_CONTROL_URL", f"{process.url}/control")

    def called(*arguments: str) -> Any:
        with pytest.raises(SystemExit) as ended:
            run(["sandbox", *arguments])
        printed = capsys.readouterr()
        assert not ended.value.code, printed.err
        return json.loads(printed.out) if "--json" in arguments else printed.out

    return called


def test_the_authority_is_printed_as_a_path_that_clients_can_trust(call: Call, process: Process) -> None:
    printed = call("ca")
    assert printed == f"{process.ca_file}\n"
    assert call("ca", "--json") == {"https_url": process.https_url, "ca_file": process.ca_file}
    assert Path(printed.strip()).read_text().startswith("-----BEGIN CERTIFICATE-----")
    trusting = ssl.create_default_context(cafile=printed.strip())
    answer = httpx.get(f"{process.https_url}/healthz", verify=trusting, timeout=DEADLINE_SECONDS)
    assert answer.json()["status"] == "ok"


STATES = {
    "valid": None,
    "expired": "expired_token",
    "revoked": "invalid_token",
    "dismissed": "authorization_error",
    "unpaid": "PAYMENT_REQUIRED",
    "not_installed": "ERROR_OAUTH",
    "narrow": "insufficient_scope",
    "external": "ALLOWED_ONLY_INTRANET_USER",
    "restricted": "user_access_error",
}


class Page(BaseHTTPRequestHandler):
    """A handler on an integrator's side: it remembers what was posted, and its page ends an installation."""

    heard: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.heard.append(dict(parse_qsl(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<script>BX24.installFinish()</script>")

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/app"
    server.shutdown()
    server.server_close()


def asked(pair: dict[str, Any], method: str = "crm.deal.list") -> dict[str, Any]:
    """What a portal answers to an access token."""
    answer = httpx.post(f"{pair['client_endpoint']}{method}", json={"auth": pair["access_token"]}, trust_env=False)
    found: dict[str, Any] = answer.json()
    return found


def test_tokens_come_in_every_state_that_the_vendor_knows(call: Call) -> None:
    call("portal", "open", "tokens", "--json")
    for state, error in STATES.items():
        assert asked(call("token", "tokens", state, "--json")).get("error") == error, state
    narrow = call("token", "tokens", "--scope", "im", "--scope", "placement", "--json")
    assert asked(narrow)["error"] == "insufficient_scope"
    assert "error" not in asked(call("token", "tokens", "--scope", "crm", "--json"))
    good = call("token", "tokens", "--json")
    assert call("token", "tokens", "restricted", "--existing", "--json")["changed"] > 2
    assert asked(good)["error"] == "user_access_error"


def test_an_application_is_installed_opened_and_removed(call: Call, page: str) -> None:
    call("portal", "open", "pages", "--json")
    call("app", "edit", "pages", "ui=true", "--json")
    assert call("app", "install", "pages", page, "--json")["installed"] is True
    opened = call("placement", "pages", "DEFAULT", "ID=7", "--json")
    assert (opened["status"], Page.heard[-1]["PLACEMENT_OPTIONS"]) == (200, '{"ID":"7"}')
    pair = call("token", "pages", "--json")
    assert call("uninstall", "pages", "--clean", "--json")["installed"] is False
    assert asked(pair)["error"] == "invalid_token"


def test_a_robot_runs_on_a_deal(call: Call, page: str) -> None:
    call("portal", "open", "robots", "--json")
    deal = call("deal", "add", "robots", "--json")["deal"]["id"]
    ran = call("robot", "robots", str(deal), "--address", page, "--json")
    assert ran["document_id"][-1] == f"DEAL_{deal}"


def test_a_renamed_portal_sends_calls_on(call: Call) -> None:
    call("portal", "open", "renamed", "--json")
    pair = call("token", "renamed", "--json")
    host = call("portal", "rename", "renamed", "--json")["settings"]["moved_to"]
    answer = httpx.post(f"{pair['client_endpoint']}profile", json={"auth": pair["access_token"]}, trust_env=False)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"http://{host}/bitrix24/renamed/rest/profile")


def test_limits_are_switched_off_and_on(call: Call) -> None:
    assert call("limits", "off", "--json") == {"enabled": False}
    assert call("limits", "on", "--json") == {"enabled": True}
    assert call("limits", "--json") == {"enabled": True}
    call("limits", "off", "--json")


def test_a_payment_is_recorded_on_any_invoice_of_any_service(call: Call, process: Process) -> None:
    for vendor in ("elba", "moedelo", "kontur"):
        account = call("account", "open", "ООО «Вектор»", "7707083893", "--vendor", vendor, "--json")["account"]
        inn = ("--inn", "7736207543", "--kpp", "773601001")
        buyer = call("counterparty", "add", account, "ООО «Лотос»", *inn, "--json")
        item = {"name": "Стол", "unit": "шт", "count": 1, "price": 1000, "ndsRate": "NoNds"}
        made = httpx.post(
            f"{process.url}/control/{vendor}/{account}/invoices",
            json={"number": "А-1", "date": "2026-09-15", "counterpartyId": buyer["id"], "items": [item]},
            trust_env=False,
        )
        assert made.status_code < 300, made.text
        paid = call("pay", account, "А-1", "--amount", "250,50", "--order", "57", "--json")
        assert paid["amount_kopecks"] == 25_050
