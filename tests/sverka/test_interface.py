"""Names that tools outside rely on: commands, their options, and a schema for each answer in JSON."""

from collections.abc import Iterator
from typing import Any

import typer

from sverka.cli import app
from sverka.models import DOCUMENTS

STABLE = {
    "up": "--data --port-base --sandbox --detach",
    "down": "--data",
    "status": "--json --data --url",
    "demo": "--deals --tenants --accounting --seed --faults --keep --json",
    "tenant apply": "--yes --data --url",
    "tenant list": "--json",
    "tenant show": "--json",
    "tenant check": "--json",
    "tenant suspend": "--json",
    "tenant resume": "--json",
    "tenant remove": "--json",
    "deal show": "--json --data --url",
    "work list": "--json --data --url",
    "work show": "--json",
    "work retry": "--json",
    "dead list": "--json --data --url",
    "dead show": "--json",
    "dead replay": "--all --since --dry-run",
    "decide list": "--json --data --url",
    "decide show": "--json",
    "decide take": "--number --by",
    "sync": "--preview --apply --json",
    "republish": "--since --data --url",
    "version": "--json",
    "migrate": "--data",
    "help settings": "",
}
OF_THE_SANDBOX = (
    "portal account company deal pay edit act clock limits faults token placement robot uninstall seed reset ledger"
)


def commands() -> dict[str, Any]:
    """Every command by its words."""
    return dict(_below(typer.main.get_command(app), ""))


def _below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from _below(child, f"{path} {name}".strip())


def options(command: Any) -> set[str]:
    """The names of its options."""
    return {name for parameter in command.params for name in parameter.opts}


def test_commands_and_options_keep_their_names() -> None:
    known = commands()
    missing = {name: set(wanted.split()) - options(known[name]) for name, wanted in STABLE.items()}
    assert {name: found for name, found in missing.items() if found} == {}


def test_what_people_do_in_the_sandbox_keeps_its_names() -> None:
    first_words = {name.split()[1] for name in commands() if name.startswith("sandbox ")}
    assert set(OF_THE_SANDBOX.split()) - first_words == set()


def test_every_answer_in_json_has_its_schema() -> None:
    """What the sandbox answers is described by itself, at ``/control/openapi.json``."""
    own = {name: command for name, command in commands().items() if not name.startswith("sandbox ")}
    answering = {name.replace(" ", "-") for name, command in own.items() if "--json" in options(command)}
    assert answering == set(DOCUMENTS)
    for document in DOCUMENTS.values():
        schema = document.model_json_schema()
        assert schema["description"], document
        assert schema["properties"], document
