"""crm.documentgenerator.template.* and crm.documentgenerator.document.* over HTTP."""

from __future__ import annotations

import base64
import io
import zipfile

from tests.sandbox.bitrix24.client import PDF, PortalClient, Receiver

PATH = "crm.documentgenerator"


def _docx(text: str) -> str:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr("word/document.xml", f"<w:t>{text}</w:t>")
        made.writestr("word/media/seal.png", b"png")
    return base64.b64encode(held.getvalue()).decode()


def _text(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as held:
        assert held.read("word/media/seal.png") == b"png"
        return held.read("word/document.xml").decode()


async def _template(crm: PortalClient) -> int:
    numerator = {"fields": {"name": "Акт", "template": "A-{NUMBER}"}}
    number = (await crm.result(f"{PATH}.numerator.add", numerator))["numerator"]["id"]
    fields = {"name": "Акт", "region": "ru", "entityTypeId": ["2"], "numeratorId": number, "users": ["UA"],
              "file": ["act.docx", _docx("{DocumentNumber} {ClientName} {Place}")]}  # fmt: skip
    return int((await crm.result(f"{PATH}.template.add", {"fields": fields}))["template"]["id"])


async def test_a_document_is_made_by_a_template_numbered_and_filled(crm: PortalClient, receiver: Receiver) -> None:
    await crm.control("/subscriptions/1", {"events": ["ONCRMDOCUMENTGENERATORDOCUMENTADD"]}, "PATCH")
    template = await _template(crm)
    company = (await crm.company(title="ООО «Лотос & Ко»"))["company"]["id"]
    deal = await crm.deal(company=company)
    made = {"templateId": template, "entityTypeId": 2, "entityId": deal, "values": {"Place": "Тверь"}}
    first, second = [(await crm.result(f"{PATH}.document.add", made))["document"] for _ in range(2)]
    assert (first["number"], second["number"], first["title"]) == ("A-1", "A-2", "Акт A-1")
    assert (first["entityId"], first["templateId"], "pdfUrl" in first) == (str(deal), str(template), False)
    named = {"id": first["id"]}
    got = await crm.sandbox.client.get(first["downloadUrlMachine"])
    assert _text(got.content) == "<w:t>A-1 ООО «Лотос &amp; Ко» Тверь</w:t>"
    changes = {**named, "values": {"DocumentNumber": "7"}, "stampsEnabled": 1}
    changed = (await crm.result(f"{PATH}.document.update", changes))["document"]
    assert (changed["number"], changed["stampsEnabled"], changed["updatedBy"]) == ("7", True, 1)
    got = await crm.sandbox.client.get(changed["downloadUrlMachine"])
    assert _text(got.content).startswith("<w:t>7 ")
    fields = await crm.result(f"{PATH}.document.getfields", {**named, "values": {"DocumentNumber": "8"}})
    assert fields["documentFields"]["DocumentNumber"]["value"] == "8"
    held = (await crm.result(f"{PATH}.document.get", named))["document"]
    assert (held["id"], held["number"]) == (str(first["id"]), "7")
    found = await crm.call(f"{PATH}.document.list", {"filter": {"entityId": deal, "number": "A-2"}})
    assert ([one["id"] for one in found["result"]["documents"]], found["total"]) == ([str(second["id"])], 1)
    public = (await crm.result(f"{PATH}.document.enablepublicurl", named))["publicUrl"]
    assert (await crm.result(f"{PATH}.document.get", named))["document"]["publicUrl"] == public
    assert await crm.result(f"{PATH}.document.delete", named) is None
    await receiver.count(2)
    assert receiver.events[0]["data[FIELDS][ENTITY_ID]"] == str(deal)


async def test_an_uploaded_document_has_the_pdf_that_came_with_it(crm: PortalClient) -> None:
    deal = await crm.deal()
    fields = {"entityTypeId": 2, "entityId": deal, "region": "ru", "title": "Счёт", "number": "1",
              "fileContent": _docx("a"), "pdfContent": base64.b64encode(PDF).decode()}  # fmt: skip
    made = (await crm.result(f"{PATH}.document.upload", {"fields": fields}))["document"]
    got = await crm.sandbox.client.get(made["pdfUrlMachine"])
    assert (got.content, made["title"], "imageUrl" in made) == (PDF, "Счёт", False)
    empty = await crm.refused(f"{PATH}.document.upload", {"fields": {"entityTypeId": 2, "region": "ru"}})
    assert empty == (400, 0, "Empty required fields: fileContent, entityId")


async def test_a_template_is_listed_until_it_is_deleted(crm: PortalClient) -> None:
    template = await _template(crm)
    listed = await crm.result(f"{PATH}.template.list", {"select": ["id", "name", "entityTypeId"]})
    assert listed["templates"][str(template)]["entityTypeId"] == ["2"]
    held = (await crm.result(f"{PATH}.template.get", {"id": template}))["template"]
    assert (held["users"], held["numeratorId"].isdigit(), held["isDeleted"]) == ({"UA": "UA"}, True, "N")
    assert (await crm.sandbox.client.get(held["downloadMachine"])).status_code == 200
    changed = await crm.result(f"{PATH}.template.update", {"id": template, "fields": {"name": "Акт 2"}})
    assert changed["template"]["name"] == "Акт 2"
    deal = await crm.deal()
    asked = {"id": template, "entityTypeId": 2, "entityId": deal}
    assert "TotalSum" in (await crm.result(f"{PATH}.template.getfields", asked))["templateFields"]
    assert await crm.result(f"{PATH}.template.delete", {"id": template}) is None
    assert await crm.result(f"{PATH}.template.list") == {"templates": []}
    made = {"templateId": template, "entityTypeId": 2, "entityId": deal}
    for params, text in (
        (made, "Cannot create document on deleted template"),
        ({**made, "templateId": 5}, "Шаблон не найден"),
        ({**made, "entityTypeId": 999}, "No provider for entityTypeId"),
        ({**made, "entityId": 0}, 'Empty required parameter "value"'),
    ):
        assert await crm.refused(f"{PATH}.document.add", params) == (400, 0, text)
    assert await crm.refused(f"{PATH}.document.get", {"id": 5}) == (400, 0, "Документ не найден")
    empty = await crm.refused(f"{PATH}.template.add", {"fields": {"name": "a"}})
    assert empty == (400, 0, "Empty required fields: numeratorId, region, entityTypeId")
