"""The check of logs: what it finds, what a marker allows, and that each line is given once."""

import json
import logging
from pathlib import Path

import pytest

from tests.kit.errors import Logs, fail_on_unexpected


def line(level: str, event: str) -> str:
    return json.dumps({"ts": "2026-11-21T16:00:00.000+00:00", "level": level, "event": event}, separators=(",", ":"))


def test_lines_of_level_error_are_given_once_and_whole(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("logs")
    log = folder / "ingest.log"
    half = line("error", "half")
    log.write_text(f"{line('info', 'ready')}\nno json, and an error\n{line('error', 'one')}\n{half[:-4]}")
    logs = Logs(folder)
    assert [json.loads(found)["event"] for found in logs.new_errors()] == ["one"]
    with log.open("a") as more:
        more.write(f"{half[-4:]}\n{line('critical', 'two')}\n")
    assert [json.loads(found)["event"] for found in logs.new_errors()] == ["half", "two"]
    assert logs.new_errors() == []
    log.write_text(f"{line('error', 'cut')}\n")
    assert [json.loads(found)["event"] for found in logs.new_errors()] == ["cut"]


def test_the_trace_of_a_process_that_died_is_an_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "sandbox.log").write_text("ready\nTraceback (most recent call last):\n  File ...\n")
    assert Logs(folder).new_errors() == ["Traceback (most recent call last):"]


@pytest.mark.expects_errors("named (here|there)")
def test_only_named_lines_are_allowed(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    logging.getLogger("test").error("a line named here")
    (tmp_path / "service.log").write_text(line("error", "a line named there") + "\n")
    fail_on_unexpected(request, ["a line named there"])
    with pytest.raises(pytest.fail.Exception, match="another line"):
        fail_on_unexpected(request, ["a line named here", "another line"])
