"""The batch method: names, references, encodings, halts and limits."""

from __future__ import annotations

from urllib.parse import quote

from tests.sandbox.bitrix24.client import PortalClient


async def test_named_commands_with_references_and_maps_as_php_prints_them(crm: PortalClient) -> None:
    company = await crm.company(inn="7709123453", kpp="770901001")
    number = await crm.deal(company=company["company"]["id"])
    commands = {
        "deal": f"crm.item.get?entityTypeId=2&id={number}",
        "rows": f"crm.item.productrow.list?filter[%3DownerType]=D&filter[%3DownerId]={number}",
        "link": f"crm.requisite.link.get?entityTypeId=2&entityId={number}",
        "req": "crm.requisite.get?id=$result[link][REQUISITE_ID]",
        "own": "crm.requisite.list?filter[ENTITY_ID]=$result[deal][item][companyId]&filter[ENTITY_TYPE_ID]=4",
        "one": "crm.requisite.get?id=$result[own][0][ID]",
    }
    envelope = await crm.call("batch", {"halt": 0, "cmd": commands})
    assert "total" not in envelope
    batch = envelope["result"]
    assert batch["result"]["deal"]["item"]["id"] == number
    assert batch["result"]["one"]["RQ_INN"] == "7709123453"
    assert batch["result_error"]["link"] == {"error": "", "error_description": "Not found"}
    assert batch["result_error"]["req"] == {"error": "", "error_description": "ID is not defined or invalid."}
    assert batch["result_total"] == {"rows": 0, "own": 1}
    assert batch["result_next"] == []
    assert set(batch["result_time"]) == {"deal", "rows", "own", "one"}
    assert "operating_reset_at" in batch["result_time"]["deal"]
    assert "operating" not in envelope["time"]


async def test_array_commands_give_arrays(crm: PortalClient) -> None:
    batch = await crm.result("batch", {"cmd": ["server.time", "crm.deal.list"]})
    assert isinstance(batch["result"], list)
    assert len(batch["result"]) == 2
    assert batch["result_error"] == []
    mixed = await crm.result("batch", {"cmd": ["no.such", "crm.deal.list"]})
    assert list(mixed["result"]) == ["1"]
    assert mixed["result_error"][0]["error"] == "ERROR_METHOD_NOT_FOUND"


async def test_form_body_is_encoded_twice(crm: PortalClient) -> None:
    command = "crm.deal.add?fields[TITLE]=" + quote("Счёт & акт + 1")
    answer = await crm.sandbox.client.post(f"{crm.url}/batch", data={"cmd[new]": command, "halt": "0"})
    number = answer.json()["result"]["result"]["new"]
    assert (await crm.item(number))["title"] == "Счёт & акт + 1"
    url = f"{crm.url}/batch?cmd[t]={quote('crm.deal.get?id=' + str(number), safe='')}"
    assert (await crm.sandbox.client.get(url)).json()["result"]["result"]["t"]["ID"] == str(number)


async def test_halt_stops_at_the_first_error_without_rollback(crm: PortalClient) -> None:
    commands = {"a": "crm.deal.add?fields[TITLE]=A", "b": "crm.deal.get?id=999999", "c": "crm.deal.add?fields[TITLE]=C"}
    batch = await crm.result("batch", {"halt": 1, "cmd": commands})
    assert list(batch["result"]) == ["a"]
    assert list(batch["result_error"]) == ["b"]
    assert (await crm.call("crm.deal.list"))["total"] == 1


async def test_only_fifty_commands_run(crm: PortalClient) -> None:
    batch = await crm.result("batch", {"cmd": {f"c{index}": "server.time" for index in range(53)}})
    assert len(batch["result"]) == 50
    assert {error["error"] for error in batch["result_error"].values()} == {"ERROR_BATCH_LENGTH_EXCEEDED"}
    assert list(batch["result_error"]) == ["c50", "c51", "c52"]


async def test_nested_batch_is_refused(crm: PortalClient) -> None:
    batch = await crm.result("batch", {"cmd": {"inner": "batch?cmd[a]=server.time"}})
    assert batch["result_error"]["inner"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


async def test_a_batch_of_nothing(crm: PortalClient) -> None:
    batch = await crm.result("batch", {"cmd": {}})
    assert batch == {
        "result": [], "result_error": [], "result_total": [], "result_next": [], "result_time": [],
    }  # fmt: skip


async def test_pages_within_a_batch(crm: PortalClient) -> None:
    for _ in range(51):
        await crm.result("crm.lead.add", {"fields": {"TITLE": "Лид"}})
    batch = await crm.result("batch", {"cmd": {"leads": "crm.lead.list", "rest": "crm.lead.list?start=50"}})
    assert batch["result_total"] == {"leads": 51, "rest": 51}
    assert batch["result_next"] == {"leads": 50}
    assert len(batch["result"]["rest"]) == 1
