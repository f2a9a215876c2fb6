"""Closing documents over real HTTP: acts, waybills and universal transfer documents, as the account wants them."""

import json
from dataclasses import replace

import pytest

from connectors.elba_vendor.mapping import act_body
from connectors.ports.accounting import ClosingForm
from tests.connectors.accounting.desk import taken
from tests.connectors.accounting.samples import lines, row
from tests.connectors.elba_vendor.desk import Desk
from tests.connectors.elba_vendor.samples import act_draft, buyer_draft


@pytest.mark.parametrize(
    ("closing", "services", "form", "status"),
    [
        ("", (False, True), "act", None),
        ("waybill", (False,), "waybill", None),
        ("waybill", (True,), "act", None),
        ("waybill", (False, True), "upd", "status2"),
        ("upd", (True,), "upd", "status2"),
    ],
)
async def test_goods_and_services_go_by_the_document_that_the_account_wants(
    desk: Desk, closing: str, services: tuple[bool, ...], form: str, status: str | None
) -> None:
    draft = act_draft(await desk.buyer())
    wanted = replace(draft, lines=tuple(replace(draft.lines[0], is_service=one) for one in services))
    permit = desk.permitted(desk.account["api_key"], closing=closing)
    act = taken(await desk.accounting.create_act(permit, wanted, key="act"))
    held = (await desk.state())["acts"][act.act_id]
    assert (act.form, held["form"], held["upd_status"]) == (form, form, status)
    assert bool(act.url) is (form == "upd")


MEMBERS = {"number", "date", "bankAccountId", "contractorId", "sumsWithNDS", "withDiscount", "warehouseItems",
           "reasonName", "reasonNumber", "reasonDate"}  # fmt: skip
OWN_MEMBERS = {
    "act": {"withNDS", "comment", "templateId", "placeholderItems"},
    "waybill": {"withNDS", "consigneeId"},
    "upd": {"status", "consigneeId", "withProductTracing", "stateContractIdentifier"},
}
"""What the vendor's description of each request has."""


@pytest.mark.parametrize("form", ["act", "waybill", "upd"])
async def test_a_document_says_what_its_request_has_a_member_for(desk: Desk, form: ClosingForm) -> None:
    body = json.loads(act_body(act_draft(await desk.buyer()), None, form))
    assert set(body) <= MEMBERS | OWN_MEMBERS[form]
    assert ("comment" in body) is (form == "act")
    (line,) = body["warehouseItems"]
    assert ("productType" in line) is (form == "upd")


async def test_a_universal_document_with_vat_is_the_vat_invoice_too(desk: Desk) -> None:
    buyer = taken(await desk.accounting.create_counterparty(desk.permit, buyer_draft(), key="buyer"))
    taxed = lines(row("1000", "2", rate="22"), vat_mode="standard")
    draft = replace(act_draft(buyer.counterparty_id), lines=taxed)
    await desk.act("/switches", {"no_signatures": True})
    permit = desk.permitted(desk.account["api_key"], closing="upd")
    act = taken(await desk.accounting.create_act(permit, draft, key="act"))
    assert ((await desk.state())["acts"][act.act_id]["upd_status"], bool(act.url)) == ("status1", True)
