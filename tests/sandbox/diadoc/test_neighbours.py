"""Methods of Diadoc that another client would call: partners, contents, signatures, the shelf."""

import base64
from typing import Any

import pytest

from tests.sandbox.diadoc.test_diadoc import Client, diadoc
from tests.sandbox.running import Sandbox

__all__ = ["diadoc"]


async def posted(diadoc: Client) -> tuple[dict[str, str], bytes]:
    """The ids of a document that waits for our signature, as a query, and its bytes."""
    content = (await diadoc.title()).content
    message = (await diadoc.post(diadoc.message(content))).json()
    ids = {"boxId": diadoc.account["box_id"], "messageId": message["MessageId"]}
    return ids | {"entityId": message["Entities"][0]["EntityId"]}, content


def patch(ids: dict[str, str], **lists: Any) -> dict[str, Any]:
    return {"BoxId": ids["boxId"], "MessageId": ids["messageId"], **lists}


async def test_a_signature_by_a_call_sends_a_delayed_document(diadoc: Client) -> None:
    ids, _ = await posted(diadoc)
    row = {"ParentEntityId": ids["entityId"], "Signature": base64.b64encode(b"cms").decode()}
    for status, body in (
        (400, patch(ids)),
        (400, patch(ids, Resolutions=[{}])),
        (400, patch(ids, Signatures=[{**row, "Signature": "%%%"}])),
        (404, patch(ids, Signatures=[{**row, "ParentEntityId": "another"}])),
        (404, patch({**ids, "messageId": "another"}, Signatures=[row])),
        (403, patch({**ids, "boxId": diadoc.partner}, Signatures=[row])),
    ):
        assert (await diadoc.call("POST", "V4/PostMessagePatch", json=body)).status_code == status, body
    signed = await diadoc.call("POST", "V4/PostMessagePatch", json=patch(ids, Signatures=[row]))
    assert (signed.status_code, signed.json()["MessageIsDelivered"]) == (200, True)
    [added] = signed.json()["Entities"]
    assert (added["EntityType"], added["ParentEntityId"]) == ("Signature", ids["entityId"])
    kept = await diadoc.call("GET", "V4/GetEntityContent", {**ids, "entityId": added["EntityId"]})
    assert kept.content == b"cms"
    document = (await diadoc.call("GET", "V3/GetDocument", ids)).json()
    assert document["SenderSignatureStatus"] == "SenderSignatureCheckedAndValid"
    assert document["SendTimestampTicks"] > 0
    again = await diadoc.call("POST", "V4/PostMessagePatch", json=patch(ids, Signatures=[row]))
    assert again.status_code == 409
    asked = {"ParentEntityId": ids["entityId"], "SignedContent": {"Content": base64.b64encode(b"<x/>").decode()}}
    assert (await diadoc.call("POST", "V4/PostMessagePatch", json=patch(ids, RevocationRequests=[asked]))).is_success
    document = (await diadoc.call("GET", "V3/GetDocument", ids)).json()
    assert document["RevocationStatus"] == "RevocationIsRequestedByMe"


async def test_a_document_is_read_printed_and_deleted_from_our_side(diadoc: Client) -> None:
    ids, content = await posted(diadoc)
    assert (await diadoc.call("GET", "V4/GetEntityContent", ids)).content == content
    assert (await diadoc.call("GET", "V4/GetEntityContent", {**ids, "entityId": "another"})).status_code == 404
    document = {"boxId": ids["boxId"], "messageId": ids["messageId"], "documentId": ids["entityId"]}
    protocol = (await diadoc.call("GET", "GenerateDocumentProtocol", document)).json()
    assert base64.b64decode(protocol["PrintForm"]).startswith(b"%PDF-")
    assert (await diadoc.call("POST", "Delete", document)).status_code == 200
    assert (await diadoc.call("GET", "V3/GetDocument", ids)).json()["IsDeleted"] is True


async def test_lists_are_narrowed_as_clients_ask(diadoc: Client) -> None:
    ids, _ = await posted(diadoc)
    box = {"boxId": ids["boxId"]}

    async def documents(category: str, **query: str) -> Any:
        answer = await diadoc.call("GET", "V3/GetDocuments", {**box, "filterCategory": category, **query})
        return answer.json()["TotalCount"] if answer.is_success else answer.status_code

    assert await documents("Any.Outbound") == 1
    assert await documents("UniversalTransferDocument.OutboundWaitingForSenderSignature", documentNumber="88") == 1
    assert await documents("Any.OutboundWithRecipientSignature") == 0
    assert await documents("Any.Inbound") == 0
    assert await documents("Any.Outbound", documentNumber="89") == 0
    assert await documents("Any.Outbound", toDocumentDate="01.01.2020") == 0
    assert await documents("Any.Sideways") == 400
    assert await documents("Any.Outbound", count="many") == 400
    for path in ("V7/GetNewEvents", "V8/GetNewEvents"):
        for query, found in (({}, 1), ({"counteragentBoxId": "another"}, 0), ({"documentDirection": "Inbound"}, 0)):
            events = (await diadoc.call("GET", path, {**box, **query})).json()
            assert len(events["Events"]) == events["TotalCount"] == found
        assert (await diadoc.call("GET", path, {**box, "limit": "0"})).status_code == 400


async def test_a_file_on_the_shelf_is_sent_by_its_name(diadoc: Client) -> None:
    content = (await diadoc.title()).content
    shelved = await diadoc.call("POST", "V2/ShelfUpload", {"fileExtension": "xml"}, content=content)
    name = shelved.text
    assert name.endswith(".xml")
    assert (await diadoc.call("GET", "V2/ShelfDownload", {"fileName": name})).content == content
    body = diadoc.message(content)
    body["DocumentAttachments"][0]["SignedContent"] = {"NameOnShelf": name}
    sent = (await diadoc.post(body)).json()
    ids = {"messageId": sent["MessageId"], "entityId": sent["Entities"][0]["EntityId"]}
    read = await diadoc.call("GET", "V4/GetEntityContent", {"boxId": diadoc.account["box_id"], **ids})
    assert read.content == content
    body["DocumentAttachments"][0]["SignedContent"] = {"NameOnShelf": "another"}
    assert (await diadoc.post(body, "op-2")).status_code == 400


async def test_partners_are_listed_invited_and_left(diadoc: Client) -> None:
    mine, box = {"myBoxId": diadoc.account["box_id"]}, diadoc.partner
    rows = (
        await diadoc.call("POST", "V2/GetOrganizationsByInnList", mine, json={"InnList": ["7801456782", "1"]})
    ).json()
    assert [one["CounteragentStatus"] for one in rows["Organizations"]] == ["NotInCounteragentList"]
    assert (await diadoc.call("GET", "V3/GetCounteragents", mine)).json()["TotalCount"] == 0
    assert (await diadoc.call("POST", "V3/AcquireCounteragent", mine, json={"Inn": "7801456782"})).is_success
    assert (await diadoc.call("POST", "V3/AcquireCounteragent", mine, json={"Inn": "1"})).status_code == 404
    assert (await diadoc.call("POST", "V3/AcquireCounteragent", mine, json=["7801456782"])).status_code == 400
    status = {"counteragentStatus": "IsInvitedByMe", "query": "7801"}
    [found] = (await diadoc.call("GET", "V3/GetCounteragents", {**mine, **status})).json()["Counteragents"]
    after = (await diadoc.call("GET", "V3/GetCounteragents", {**mine, "afterIndexKey": found["IndexKey"]})).json()
    assert (after["TotalCount"], after["Counteragents"]) == (1, [])
    left = {**mine, "counteragentBoxId": box, "comment": "Больше не работаем"}
    assert (await diadoc.call("POST", "V2/BreakWithCounteragent", left)).is_success
    assert (await diadoc.call("GET", "V3/GetCounteragent", left)).json()["CurrentStatus"] == "IsRejectedByMe"
    whole = (await diadoc.call("GET", "GetBox", {"boxId": box})).json()
    assert whole["Organization"] == (await diadoc.call("GET", "GetOrganization", {"inn": "7801456782"})).json()
    assert (await diadoc.call("GET", "GetOrganization", {"inn": "1"})).status_code == 404


async def test_the_directory_needs_the_developers_key_alone(diadoc: Client) -> None:
    diadoc.token = f"DiadocAuth ddauth_api_client_id={diadoc.account['client_id']}"
    found = await diadoc.call("GET", "GetOrganizationsByInnKpp", {"inn": "7801456782"})
    assert (found.status_code, len(found.json()["Organizations"])) == (200, 1)
    assert (await diadoc.call("GET", "GetMyOrganizations")).status_code == 401


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "V1/Nothing", 404), ("GET", "V3/PostMessage", 405)])
async def test_what_nothing_serves_is_said_in_plain_text(diadoc: Client, method: str, path: str, status: int) -> None:
    answer = await diadoc.call(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")


async def test_the_shelf_survives_a_replay(diadoc: Client, sandbox: Sandbox) -> None:
    name = (await diadoc.call("POST", "V2/ShelfUpload", {"fileExtension": "bin"}, content=b"\x00\x01")).text
    [line] = [one for one in await sandbox.lines(vendor="diadoc", kind="change") if one["op"] == "shelf.put"]
    assert line["data"] == {"name": name, "content": "AAE="}
    assert (await diadoc.call("POST", "V2/ShelfUpload", {"fileExtension": "../x"}, content=b"1")).status_code == 400
