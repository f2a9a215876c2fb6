"""`batch`: up to 50 commands one after another, with references to earlier results.

Vendor documentation, "Batch": https://apidocs.bitrix24.ru/settings/how-to-call-rest-api/batch.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.bitrix24.envelope import Page, RestError
from sandbox.bitrix24.params import Params, parse_query, php_map

COMMANDS_MAX = 50
REFERENCE = re.compile(r"\$result((?:\[[^\[\]]*\])+)")


class CutShortError(Exception):
    """A fault says that the whole exchange ends before this command."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one command gave: its value or page, and its time block."""

    value: Any
    time: dict[str, Any]


Run = Callable[[str, Params], Answered]


def run_batch(params: Params, run: Run) -> dict[str, Any]:
    """The inner `result` of a batch; `run` executes one command and raises RestError."""
    commands = params.get("cmd")
    if isinstance(commands, list):
        named = {str(index): item for index, item in enumerate(commands)}
    else:
        named = commands if isinstance(commands, dict) else {}
    halt = params.get("halt") not in (None, 0, "0", "", False, "false", [], "N")
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    totals: dict[str, Any] = {}
    nexts: dict[str, Any] = {}
    times: dict[str, Any] = {}
    for place, (key, command) in enumerate(named.items()):
        try:
            name, arguments = _admitted(place, command, results)
            answered = run(name, arguments)
        except RestError as error:
            errors[key] = error.body()
            if halt:
                break
            continue
        value = answered.value
        if isinstance(value, Page):
            totals[key] = value.total
            if value.next is not None:
                nexts[key] = value.next
            value = value.result
        results[key] = value
        times[key] = answered.time
    return {
        "result": php_map(results),
        "result_error": php_map(errors),
        "result_total": php_map(totals),
        "result_next": php_map(nexts),
        "result_time": php_map(times),
    }


def _admitted(place: int, command: Any, results: dict[str, Any]) -> tuple[str, Params]:
    if place >= COMMANDS_MAX:
        raise RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    return split_command(command, results)


def split_command(command: Any, results: dict[str, Any]) -> tuple[str, Params]:
    """`method?query` to a name and parameters, references filled in; also the map `{"method", "params"}`."""
    if isinstance(command, dict):
        params = command.get("params")
        return str(command.get("method", "")), Params(_filled(params if isinstance(params, dict) else {}, results))
    method, _, query = str(command).partition("?")
    tree = parse_query(query)
    if "$result" in query or "%24result" in query:
        tree = _filled(tree, results)
    return method.strip().strip("/"), Params(tree)


def _filled(value: Any, results: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, results) for item in value]
    if not isinstance(value, str) or "$result" not in value:
        return value
    whole = REFERENCE.fullmatch(value)
    if whole is not None:
        found = _lookup(whole[1], results)
        return "" if found is None else found
    return REFERENCE.sub(lambda match: _spelt(_lookup(match[1], results)), value)


def _lookup(path: str, results: dict[str, Any]) -> Any:
    node: Any = results
    for step in re.findall(r"\[([^\[\]]*)\]", path):
        if isinstance(node, Page):
            node = node.result
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        else:
            return None
    return node


def _spelt(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value)
