"""What `tenant` says of an answer."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

SHARED = {"code": "portal_shared", "values": {"tenants": "gamma"}}
APPLIED = {"tenant": "vektor", "status": "active", "version": 2, "webhook_urls": {}, "warnings": [SHARED]}
CHECKED = {"what": "portal", "account": "bitrix24:vektor", "ok": True, "problems": [SHARED]}


class Answers:
    """An installation whose one tenant shares its portal."""

    def __init__(self, changes: list[dict[str, Any]]) -> None:
        self.changes = changes

    def apply(self, tenant: str, document: Any, *, dry_run: bool) -> dict[str, Any]:
        return {**APPLIED, "changes": self.changes}

    def check(self, tenant: str) -> list[dict[str, Any]]:
        return [CHECKED]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    found = Answers([])

    @contextmanager
    def connect(reach: Any) -> Iterator[Answers]:
        yield found

    monkeypatch.setattr("sverka.commands.tenant.connect", connect)
    file = SimpleNamespace(tenant="vektor", document=dict)
    monkeypatch.setattr("sverka.commands.tenant.read_tenant_file", lambda path, environment: file)
    return found


@pytest.mark.parametrize("changes", [[], [{"key": "name", "before": None, "after": "x"}]])
def test_warnings_are_shown_once_and_keep_nothing_back(
    called: Callable[..., Any], answers: Answers, changes: list[dict[str, Any]]
) -> None:
    answers.changes = changes
    code, out, _ = called("tenant", "apply", "vektor.yaml", "--yes")
    assert (code, out.count("! gamma has the same portal")) == (0, 1)
    code, out, _ = called("tenant", "apply", "vektor.yaml", "--yes", "--json")
    assert "gamma has the same portal" in json.loads(out)["warning_texts"][0]


def test_a_check_with_warnings_alone_is_as_wished(called: Callable[..., Any], answers: Answers) -> None:
    code, out, _ = called("tenant", "check", "vektor")
    assert (code, out.splitlines()[0]) == (0, "! portal bitrix24:vektor")
    assert "gamma has the same portal" in out
