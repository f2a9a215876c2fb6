"""Closing documents over real HTTP: acts, waybills and universal transfer documents, as the account wants them."""

from dataclasses import replace

import pytest

from chassis.values.vat import VatMode
from chassis.work.handlers import Permit
from tests.connectors.accounting.calls import LONG_AGO
from tests.connectors.accounting.desk import AccountingDesk, taken
from tests.connectors.accounting.samples import lines, row
from tests.connectors.kontur.samples import ACT_MARKER, act_draft


def wanting(desk: AccountingDesk, closing: str) -> Permit:
    return desk.permitted(desk.account["api_key"], auth_mode="api_key", closing=closing)


@pytest.mark.parametrize(
    ("closing", "services", "form"),
    [
        ("", (False, True), "act"),
        ("waybill", (False,), "waybill"),
        ("waybill", (True,), "act"),
        ("waybill", (False, True), "upd"),
        ("upd", (True,), "upd"),
    ],
)
async def test_goods_and_services_go_by_the_document_that_the_account_wants(
    desk: AccountingDesk, closing: str, services: tuple[bool, ...], form: str
) -> None:
    draft = act_draft(await desk.buyer(), None)
    wanted = replace(draft, lines=tuple(replace(draft.lines[0], is_service=one) for one in services))
    made = taken(await desk.accounting.create_act(wanting(desk, closing), wanted, key="act"))
    assert made.form == form
    # Found by its marker, read and printed, whatever the account wants by then.
    found = taken(await desk.accounting.find_act(desk.permit, marker=ACT_MARKER, invoice_id=None, since=LONG_AGO))
    assert found == (made,)
    assert taken(await desk.accounting.read_act(desk.permit, made.act_id)) == made
    assert taken(await desk.accounting.act_pdf(desk.permit, made.act_id)).content.startswith(b"%PDF-")


async def test_a_universal_document_says_whether_it_is_the_vat_invoice_too(desk: AccountingDesk) -> None:
    draft = act_draft(await desk.buyer(), None)
    modes: tuple[tuple[str, VatMode], ...] = (("22", "standard"), ("none", "exempt"))
    for rate, mode in modes:
        taxed = lines(row("1000", "2", rate=rate), vat_mode=mode)
        await desk.accounting.create_act(wanting(desk, "upd"), replace(draft, lines=taxed), key=rate)
    held = (await desk.state())["acts"].values()
    assert [one["function"] for one in held] == ["invoiceAndTransfer", "transferOnly"]
