"""A tenant whose accounting has a nomenclature: products of a deal come with their codes in other systems."""

import pytest

from tests.sandbox.running import Sandbox
from tests.services.ingest.people import Portal, requested, said
from tests.services.ingest.running import Ingest, document

pytestmark = pytest.mark.parts


async def test_a_request_names_the_codes_of_its_products(
    sandbox: Sandbox, ingest: Ingest, people: Portal, portal: dict[str, object], account: dict[str, object]
) -> None:
    file = document(sandbox, portal, account)
    file["sellers"][0]["accounting"] = {
        "vendor": "kontur", "auth_mode": "api_key", "api_key": "key", "unknown_goods": "list",
        "api_url": str(account["api_url"]),
    }  # fmt: skip
    await ingest.apply(file)
    coded = (await people.act("/products", {"name": "Стол", "price": "1000.00", "xml_id": "TBL-1"}))["id"]
    rows = [{"name": "Стол", "price": "1000.00", "quantity": 2, "product": coded}]
    deal = await people.deal(company=await people.company(), rows=rows)
    await people.move(deal)
    (request,) = await requested(ingest)
    (line,) = request["deal"]["lines"]
    assert (line["product_id"], line["external_code"]) == (str(coded), "TBL-1")
    assert request["settings"]["connection"]["goods"] == "list"
    assert await said(ingest, "RequestImpossible") == []
