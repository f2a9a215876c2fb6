"""Bank statement files by command: sent, read, left out by line, sent again; the sandbox's authority beside them."""

import json
import ssl
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import Installation, Portal
from tests.kit.statements import Order, statement

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]


def test_a_file_is_sent_and_read_and_what_was_left_out_is_named_by_line(
    installation: Installation, shared_portal: Portal, tmp_path: Path
) -> None:
    slug, file = shared_portal.slug, tmp_path / "kl_to_1c.txt"
    file.write_bytes(statement([Order(number="1"), Order(number="2", amount="много"), Order(number="3")]))
    answer = installation.call("statements", "put", slug, str(file), "--json")
    assert answer.code == 1, "not all was taken"
    assert "2 of 3" in answer.err
    put = json.loads(answer.out)
    assert (put["status"], put["sections"], put["taken"], put["again"]) == ("read", 3, 2, False)
    (problem,) = put["problems"]
    lines = file.read_bytes().decode("cp1251").splitlines()
    begins = [number for number, line in enumerate(lines, 1) if line.startswith("СекцияДокумент")]
    assert (problem["line"], problem["code"]) == (begins[1], "statement_amount_wrong")
    assert problem["text"]

    shown = installation.call("statements", "show", slug, put["statement_id"])
    assert f"line {begins[1]}: {problem['text']}" in shown.out
    (listed,) = installation.json("statements", "list", slug)["statements"]
    assert (listed["file_name"], listed["problem_count"]) == ("kl_to_1c.txt", 1)
    again = installation.call("statements", "put", slug, str(file), "--json")
    assert json.loads(again.out)["again"] is True
    assert len(installation.json("statements", "list", slug)["statements"]) == 1

    file.write_bytes(b"<html>")
    refused = installation.call("statements", "put", slug, str(file))
    assert (refused.code, "1CClientBankExchange" in refused.err) == (1, True)
    assert installation.call("statements", "show", slug, "none").code == 1


def test_the_sandbox_of_an_installation_is_reached_over_https(installation: Installation) -> None:
    told = installation.json("sandbox", "ca")
    assert installation.call("sandbox", "ca").out.strip() == told["ca_file"]
    trusting = ssl.create_default_context(cafile=told["ca_file"])
    answer = httpx.get(f"{told['https_url']}/healthz", verify=trusting, trust_env=False)
    assert answer.json()["status"] == "ok"
