"""I12, I18: tenants see nothing of each other, strangers get nowhere, and nothing keeps secrets and people in clear."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.chaos.checker.history import Line, Row, Tables, Violation

TENANT_IN_LOG: Final = re.compile(r'"tenant(?:_id)?":\s*"([^"]+)"')
PERSONAL_INN: Final = re.compile(r"(?<![0-9A-Za-z-])\d{12}(?![0-9A-Za-z-])")
SHOWN_CHARS: Final = 200
SECRET_CHARS_MIN: Final = 8
FORGED: Final = ".forged"
POSTS: Final = frozenset({"ForgedPosts", "MalformedPosts"})
REFUSED_MIN: Final = 400
PARTS: Final = frozenset({"postgres", "kafka", "sandbox"})
"""Logs that are not the product's own."""


def tenants_are_apart(
    tenants: Sequence[Row], tables: Tables, lines: Sequence[Line], logs: Mapping[str, Path]
) -> Iterator[Violation]:
    """I12. The mark of a tenant, which stands in its deals, goods and buyers, is in no row, message, request or log
    line of another tenant, and no vendor saw a token that it had not given to that account."""
    marks = {tenant["canary"]: tenant["slug"] for tenant in tenants}
    accounts = {tenant["account"]: tenant["slug"] for tenant in tenants} | {t["slug"]: t["slug"] for t in tenants}
    for service, rows in tables.items():
        for table, found in rows.items():
            for row in found:
                owner = row.get("tenant_id")
                if owner is not None:
                    for mark in _marks_in(_text(row), marks, str(owner)):
                        yield Violation(
                            "I12", f"{service}.{table}: a row of {owner} holds {marks[mark]}'s mark", (row,)
                        )
    for line in lines:
        owner = accounts.get(line["account"])
        if owner is None:
            continue
        for mark in _marks_in(_text(line), marks, owner):
            yield Violation("I12", f"a line about {owner} holds {marks[mark]}'s mark", (line,))
        if line["kind"] == "request" and line["error"] == "InvalidToken":
            yield Violation("I12", f"{line['account']} was shown a token that it had not given", (line,))
    for name, file in logs.items():
        for text in _lines(file):
            named = TENANT_IN_LOG.search(text)
            if named is not None:
                for mark in _marks_in(text, marks, named[1]):
                    yield Violation("I12", f"{name}: a line about {named[1]} holds {marks[mark]}'s mark", (text,))


def logs_hold_no_secrets(campaign: Mapping[str, Any], logs: Mapping[str, Path]) -> Iterator[Violation]:
    """I18. No log holds a token, a secret, a webhook's secret address, a person's e-mail or INN of twelve digits."""
    secrets = [secret for secret in campaign["secrets"] if len(secret) >= SECRET_CHARS_MIN]
    for name, file in logs.items():
        if name in PARTS or not file.exists():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        for secret in secrets:
            if secret in text:
                yield Violation("I18", f"{name} holds a secret of {len(secret)} characters", (_around(text, secret),))
        for found in PERSONAL_INN.finditer(text):
            yield Violation("I18", f"{name} holds the INN of a person", (_around(text, found[0]),))


def strangers_are_refused(lines: Sequence[Line], injections: Sequence[Row]) -> Iterator[Violation]:
    """I12. A webhook with another's token, or none, and one that is no webhook is never acknowledged."""
    for line in lines:
        if line["kind"] == "event" and line["phase"] == "sent" and str(line["event"]).endswith(FORGED):
            yield Violation("I12", f"{line['account']}: a forged {line['name']} was acknowledged", (line,))
    for one in injections:
        for status, count in one["detail"].get("refused", {}).items() if one["name"] in POSTS else ():
            if 0 < int(status) < REFUSED_MIN:
                yield Violation("I12", f"{one['name']}: {count} posts were answered by {status}", (one,))


def rows_hold_no_people(campaign: Mapping[str, Any], tables: Tables) -> Iterator[Violation]:
    """I18. No row of any database, and so no message, holds a private person's e-mail in clear, and no webhook that was
    kept its sender's token."""
    people = [secret for secret in campaign["secrets"] if "@" in secret]
    for service, rows in tables.items():
        for table, found in rows.items():
            text = _text(found)
            for secret in people:
                if secret in text:
                    yield Violation("I18", f"{service}.{table} holds a person's e-mail", (_around(text, secret),))
    kept = "\n".join(str(row.get("body") or "") for row in tables["ingest"]["webhooks"])
    for secret in campaign["secrets"]:
        if len(secret) >= SECRET_CHARS_MIN and secret in kept:
            yield Violation("I18", f"a webhook is kept with a secret of {len(secret)} characters")


def _marks_in(text: str, marks: Mapping[str, str], owner: str) -> Iterator[str]:
    for mark, tenant in marks.items():
        if tenant != owner and mark in text:
            yield mark


def _text(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


def _lines(file: Path) -> Iterator[str]:
    if file.exists():
        with file.open(encoding="utf-8", errors="replace") as opened:
            yield from opened


def _around(text: str, part: str) -> str:
    """The log line, with the secret itself left out."""
    place = text.index(part)
    begin = text.rfind("\n", 0, place) + 1
    return text[begin : begin + SHOWN_CHARS].replace(part, "***").split("\n")[0]
