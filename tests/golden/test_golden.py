"""Every event that a release ever stored is read by today's code, and every stream comes to the state it had then."""

import json
from pathlib import Path
from typing import Any

import pytest

from chassis.aggregate import StreamKind
from tests.golden import __main__ as command
from tests.golden.canonical import canonical, hash_of
from tests.golden.corpus import FOLDER, Entry, entries, examples, kinds, replayed, stream_files

KINDS = kinds()
STREAMS = stream_files()


def _missing(known: set[Entry]) -> list[str]:
    return [
        f"{one} has no example: tell a history with it in tests/golden/histories.py, then `python -m tests.golden`"
        for now in sorted(entries(KINDS))
        for version in range(1, now.version + 1)
        if (one := Entry(now.service, now.prefix, now.event, version)) not in known
    ]


def _kept(stored: Any, again: Any) -> Any:
    """What is there again of what was stored; a field that was added since says nothing."""
    if isinstance(stored, dict) and isinstance(again, dict):
        return {name: _kept(value, again.get(name)) for name, value in stored.items()}
    if isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        return [_kept(value, now) for value, now in zip(stored, again, strict=True)]
    return again


def _kinds_of(path: Path, stream: str) -> list[StreamKind[Any, Any]]:
    return KINDS[path.parents[1].name, stream.partition("-")[0]]


def test_every_version_of_every_event_has_an_example() -> None:
    known = {entry for entry, _ in examples()}
    assert _missing(known) == []
    newest = max(known)
    (sentence,) = _missing(known - {newest})
    assert str(newest) in sentence


def test_every_kind_of_stream_has_a_whole_one() -> None:
    told = {(path.parents[1].name, path.stem.partition("-")[0]) for path in STREAMS}
    assert KINDS.keys() - told == set()


def test_every_stored_event_is_read_and_loses_nothing() -> None:
    for entry, data in examples():
        for kind in KINDS[entry.service, entry.prefix]:
            event = kind.codec.decode(entry.event, entry.version, json.dumps(data))
            if entry.version == event.VERSION:
                again = json.loads(kind.codec.encode(event))
                assert _kept(data, again) == data, entry


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_a_stored_stream_comes_to_the_state_it_had(path: Path) -> None:
    frozen = json.loads(path.read_text(encoding="utf-8"))
    assert hash_of(frozen["state"]) == frozen["state_sha256"], "the file was changed by hand"
    for kind in _kinds_of(path, frozen["stream"]):
        found = replayed(kind, frozen["stream"], frozen["events"])
        assert found["state"] == frozen["state"]
        assert found["state_sha256"] == frozen["state_sha256"]
        for before, now in zip(frozen["said"], found["said"], strict=True):
            assert now[: len(before)] == before, "a message's id is made of its place: new ones come last"


def test_the_command_adds_what_is_missing_and_touches_nothing_else(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in FOLDER.rglob("*.json")}
    assert command.add(tmp_path) == [], "run `python -m tests.golden` and commit what it adds"
    assert {path: path.read_bytes() for path in FOLDER.rglob("*.json")} == before


def test_a_lost_field_a_changed_meaning_and_an_unknown_event_are_seen() -> None:
    path = next(path for path in STREAMS if path.stem == "deal-paid-and-gone")
    frozen = json.loads(path.read_text(encoding="utf-8"))
    (kind,) = _kinds_of(path, frozen["stream"])
    counted = [event for event in frozen["events"] if event["type"] == "PaymentCounted"][-1]
    counted["data"]["operation"]["amount_kopecks"] += 1
    assert replayed(kind, frozen["stream"], frozen["events"])["state_sha256"] != frozen["state_sha256"]
    counted["type"] = "PaymentSeen"
    with pytest.raises(LookupError, match="unknown to this build"):
        replayed(kind, frozen["stream"], frozen["events"])


def test_a_default_of_a_state_is_left_out() -> None:
    assert canonical(KINDS["payments", "operation"][0].initial("operation-1")) == {"stream": "operation-1"}
