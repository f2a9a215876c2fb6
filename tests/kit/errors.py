"""A line of level error, or a trace, that no test names fails one, from this process and from those that it started."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MARKER = "expects_errors(*patterns): lines of level error that the test is about, as regular expressions"
LOGS = ("*.log", "*.jsonl")
TRACE = b"Traceback (most recent call last)"
"""What a process says that died of something nobody caught."""
LINES_SHOWN_MAX = 10
LINE_LENGTH_MAX = 1_000
EVERYWHERE = (
    # What aiokafka and asyncpg leave to the collector of garbage when a connection is given up while it is made.
    "Unclosed AIOKafkaConnection",
    r"unexpected connection_lost\(\) call",
    # A process that got no turn for five seconds on a busy machine says so; the detector has tests of its own.
    "the event loop is blocked",
)


class Logs:
    """The lines of level error that services write under a folder; each is given once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def new_errors(self) -> list[str]:
        """Those since the last question."""
        return [line for pattern in LOGS for file in sorted(self._folder.rglob(pattern)) for line in self._errors(file)]

    def _errors(self, file: Path) -> Iterator[str]:
        with file.open("rb") as log:
            size = log.seek(0, 2)
            begin = self._read.get(file, 0)
            log.seek(begin if begin <= size else 0)  # it was cut, since it had grown too long
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read[file] = size - (len(text) - len(whole))
        for line in whole.splitlines():
            if line.startswith(TRACE) or (
                line.startswith(b'{"ts":') and json.loads(line)["level"] in ("error", "critical")
            ):
                yield line.decode()


def fail_on_unexpected(request: pytest.FixtureRequest, lines: list[str]) -> None:
    """Fails the test for lines that no pattern of its markers finds."""
    marked = [text for marker in request.node.iter_markers("expects_errors") for text in marker.args]
    patterns = [re.compile(text) for text in (*EVERYWHERE, *marked)]
    found = [line for line in lines if not any(pattern.search(line) for pattern in patterns)]
    if found:
        shown = "\n".join(line[:LINE_LENGTH_MAX] for line in found[:LINES_SHOWN_MAX])
        pytest.fail(f"lines of level error that the test does not expect:\n{shown}", pytrace=False)


@pytest.fixture(autouse=True)
def _no_unexpected_errors(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    logs = Logs(request.getfixturevalue("tmp_path")) if "tmp_path" in request.fixturenames else None
    yield
    records = [record for phase in ("setup", "call", "teardown") for record in caplog.get_records(phase)]
    lines = [f"{record.name}: {record.getMessage()}" for record in records if _is_error(record)]
    if logs is not None:
        lines += logs.new_errors()
    fail_on_unexpected(request, lines)


def _is_error(record: logging.LogRecord) -> bool:
    # aiokafka says "error" of what it tries again by itself; so does chassis.log make them warnings.
    again: Any = record.name.startswith("aiokafka") and not record.exc_info
    return record.levelno >= logging.ERROR and not again


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", MARKER)
