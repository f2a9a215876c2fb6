"""`sverka sandbox …` against a sandbox process: what each command makes of the simulated world."""

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
