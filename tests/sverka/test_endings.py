"""Exit codes: 0 done, 1 not as wished with a sentence on stderr, 2 wrong use."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from sverka.cli import app
from tests.sverka.conftest import Called

Call = Callable[..., Called]


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"], ["status", "--json"], ["tenant", "list"], ["deal", "show", "vektor", "1"], ["work", "list"],
        ["dead", "list"], ["decide", "list"], ["sandbox", "clock", "show"],
    ],
)  # fmt: skip
def test_without_an_installation_the_sentence_says_how_to_start_one(called: Call, arguments: list[str]) -> None:
    code, out, err = called(*arguments)
    assert (code, out) == (1, "")
    assert "sverka up" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"], ["status", "--wrong"], ["sandbox", "limits", "perhaps"], ["dead", "replay"],
        ["dead", "replay", "a", "--all"], ["decide", "take", "card", "found"], ["migrate", "nobody"],
        ["help", "schema", "nothing"], ["demo", "--accounting", "abacus"], ["demo", "--deals", "0"],
        ["up", "--port-base", "80"], ["tenant", "apply", "absent.yaml"], ["sandbox", "clock", "advance", "soon"],
        ["sandbox", "edit", "vektor", "invoice", "1", "A=1"], ["sandbox", "pay", "elba", "B24-1", "--amount", "much"],
    ],
)  # fmt: skip
def test_wrong_use_ends_with_2_and_says_why(called: Call, arguments: list[str]) -> None:
    code, out, err = called(*arguments)
    assert (code, out) == (2, "")
    assert len(err.strip()) > 10


def test_down_without_an_installation_is_done(called: Call) -> None:
    code, out, _ = called("down", "--data", "nowhere")
    assert code == 0
    assert "Nothing runs" in out


def test_another_installation_needs_its_token(called: Call) -> None:
    code, _, err = called("tenant", "list", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert "--token-file" in err


def test_an_installation_that_is_away_is_a_sentence(called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVERKA_TOKEN", "a-token")
    code, _, err = called("tenant", "list", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert "cannot be reached" in err
    assert "Traceback" not in err


def test_migrate_asks_for_an_address(called: Call, tmp_path: Path) -> None:
    code, _, err = called("migrate", "--data", str(tmp_path))
    assert code == 1
    assert "DATABASE_URL" in err


def test_a_sandbox_is_refused_in_production(called: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SVERKA_ENV", "production")
    code, _, err = called("up", "--sandbox", "--data", str(tmp_path / "data"))
    assert code == 2
    assert "Production" in err


def test_a_wrong_tenant_file_is_refused_whole_with_lines(called: Call, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("tenant: Vektor\nlangauge: ru\n")
    code, out, err = called("tenant", "apply", str(file))
    assert (code, out) == (1, "")
    assert "line 1, tenant" in err
    assert "write language instead" in err


def test_version_answers_without_an_installation(called: Call) -> None:
    code, out, _ = called("version", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["packages"]["aiokafka"]
    assert document["postgres"] is None


def test_every_command_has_an_example_and_takes_its_installation() -> None:
    for path, command in _commands(typer.main.get_command(app), "sverka"):
        assert "Example:" in (command.help or ""), path
        options = {option for parameter in command.params for option in parameter.opts}
        if not path.startswith("sverka help"):
            assert "--data" in options, path


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from _commands(child, f"{path} {name}")
