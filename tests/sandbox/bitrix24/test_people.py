"""The control API of portals, the seeded world and the pages for people."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.core.roster import inn_check
from tests.sandbox.bitrix24.client import PDF, PortalClient
from tests.sandbox.running import Sandbox


async def test_opening_tells_what_an_integrator_needs(sandbox: Sandbox) -> None:
    opening = {
        "slug": "Romashka", "title": "ООО «Ромашка»", "domain": "romashka-demo.bitrix24.ru", "id_base": 1733,
        "users": [{"id": 3, "name": "Анна", "last_name": "Ершова", "admin": True}],
        "funnels": [{"name": "Продажи", "stages": [{"id": "NEW"}, {"id": "DONE", "semantics": "S"}]}],
        "application_token": "jv9exampleoutgoinghooktoken000001", "webhook_code": "k3v9example0code1",
        "chat_id": 42, "userfields": [["ACC_NO", "string", "Номер"]],
        "my_company": {"title": "ООО «Ромашка»", "inn": "7709123453", "kpp": "770901001"},
    }  # fmt: skip
    opened = await sandbox.control("/bitrix24/portals", opening)
    assert opened["webhook_url"] == f"{sandbox.url}/rest/3/k3v9example0code1/"
    assert (opened["chat"], opened["application_token"]) == ("chat42", "jv9exampleoutgoinghooktoken000001")
    assert opened["funnels"] == [{"id": 0, "name": "Продажи", "stages": ["NEW", "DONE"]}]
    crm = PortalClient(sandbox, opened)
    assert await crm.deal() == 1734
    mine = await crm.result("crm.company.list", {"filter": {"IS_MY_COMPANY": "Y"}, "select": ["TITLE"]})
    assert mine[0]["TITLE"] == "ООО «Ромашка»"


async def test_wrong_control_calls_get_a_sentence(crm: PortalClient) -> None:
    async def refusal(path: str, body: Any, method: str = "POST") -> tuple[int, str]:
        url = f"/control/bitrix24{path}"
        answer = await crm.sandbox.client.request(method, url, json=body)
        return answer.status_code, answer.json()["error"]

    assert await refusal("/portals", {"slug": "vektor"}) == (400, "there is already a portal 'vektor'")
    assert (await refusal("/portals", {"slug": "x", "colour": 1}))[0] == 400
    assert (await refusal("/portals/none/deals", {}))[0] == 404
    assert (await refusal("/portals/vektor/deals/99", None, "GET"))[0] == 404
    assert (await refusal("/portals/vektor/deals", {"stage": "NO_SUCH"}))[0] == 400
    assert (await refusal("/portals/vektor/deals", {"rows": [{"cost": 1}]}))[0] == 400
    assert (await refusal("/portals/vektor", {"limit": 1}, "PATCH"))[0] == 400
    assert (await refusal("/portals/vektor/users/7", {"access": "half"}, "PATCH"))[0] == 400


async def test_a_deal_as_a_verdict_sees_it(crm: PortalClient) -> None:
    made = await crm.company(inn="7709123453")
    number = await crm.deal(
        company=made["company"]["id"], stage="EXECUTING", requisite=made["requisites"][0]["ID"],
        rows=[{"name": "Стеллаж", "price": "100.00", "quantity": 2, "vat": 20, "vat_included": False,
               "discount_percent": 10}],
    )  # fmt: skip
    pdf = ["1.pdf", base64.b64encode(PDF).decode()]
    await crm.update(number, {"UF_CRM_INVOICE_PDF": pdf, "UF_CRM_INVOICE_NUMBER": "117"})
    fields = {"ENTITY_ID": number, "ENTITY_TYPE": "deal", "COMMENT": "Счёт", "FILES": [pdf]}
    await crm.result("crm.timeline.comment.add", {"fields": fields})
    view = await crm.control(f"/deals/{number}", method="GET")
    assert view["opportunity_kopecks"] == 21_600
    assert (view["rows"][0]["priceExclusive"], view["rows"][0]["price"]) == (90, 108)
    assert view["deal"]["UF_CRM_INVOICE_NUMBER"] == "117"
    assert view["deal"]["UF_CRM_INVOICE_PDF"]["size"] == len(PDF)
    assert view["comments"][0]["files"][0]["sha256"] == view["deal"]["UF_CRM_INVOICE_PDF"]["sha256"]
    assert (await crm.sandbox.client.get(view["comments"][0]["files"][0]["path"])).content == PDF
    assert [entry["stage"] for entry in view["history"]] == ["EXECUTING"]
    link = await crm.result("crm.requisite.link.get", {"entityTypeId": 2, "entityId": number})
    assert link["REQUISITE_ID"] == str(made["requisites"][0]["ID"])


async def test_people_act_under_their_own_names(crm: PortalClient) -> None:
    number = await crm.deal(by=9)
    await crm.control(f"/deals/{number}/move", {"stage": "EXECUTING", "by": 7})
    item = await crm.item(number)
    assert (item["createdBy"], item["assignedById"], item["movedBy"]) == (9, 9, 7)
    changed = await crm.control(f"/deals/{number}", {"fields": {"title": "Правка", "UF_CRM_PAID": "5|RUB"}}, "PATCH")
    assert changed["changed"] is True
    assert (await crm.item(number))["updatedBy"] == 9
    requisite = (await crm.company(inn="1"))["requisites"][0]["ID"]
    edited = await crm.control(f"/requisites/{requisite}", {"RQ_INN": "7709123453"}, "PATCH")
    assert edited["RQ_INN"] == "7709123453"


async def test_a_seeded_world_is_the_same_for_the_same_seed(sandbox: Sandbox) -> None:
    order = {"portals": 2, "seed": 7, "deals_per_portal": 3, "buyers_per_portal": 5}
    first = await sandbox.control("/seed", order)
    crm = PortalClient(
        sandbox, {"portal": first["env"]["B24_1_PORTAL"], "webhook_url": first["env"]["B24_1_WEBHOOK_URL"]}
    )
    deals = (await crm.control("/deals", method="GET"))["deals"]
    requisites = await crm.result("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": 4}})
    for requisite in requisites:
        inn = requisite["RQ_INN"]
        if len(inn) == 10:
            assert inn[-1] == inn_check(inn[:9], (2, 4, 10, 3, 5, 9, 4, 6, 8))
            assert len(requisite["RQ_KPP"]) == 9
    assert {len(requisite["RQ_INN"]) for requisite in requisites} == {10, 12}
    await sandbox.control("/reset")
    again = await sandbox.control("/seed", order)
    assert again["env"] == first["env"]
    assert (await crm.control("/deals", method="GET"))["deals"] == deals
    assert len(deals) == 3


async def test_pages_show_the_board_and_a_deal(crm: PortalClient) -> None:
    number = await crm.deal(title="Поставка <b>", rows=[{"name": "Стеллаж", "price": "1234.50", "vat": 20}])
    await crm.update(number, {"UF_CRM_INVOICE_NUMBER": "СЧ-117", "UF_CRM_INVOICE_DATE": "2026-09-10"})
    fields = {"ENTITY_ID": number, "ENTITY_TYPE": "deal", "COMMENT": "[b]Счёт[/b] <script>"}
    await crm.result("crm.timeline.comment.add", {"fields": fields})
    await crm.result("im.notify.system.add", {"USER_ID": 7, "MESSAGE": "Проверьте счёт"})
    await crm.result("im.message.add", {"DIALOG_ID": crm.opened["chat"], "MESSAGE": "Сбой прошёл"})
    board = await crm.sandbox.client.get("/pages/bitrix24/vektor")
    assert board.status_code == 200
    for text in (
        "Поставка &lt;b&gt;",
        "1\N{NO-BREAK SPACE}234,50",
        "Сделка успешна",
        "Опт",
        "счёт СЧ-117",
        "Сбой прошёл",
    ):
        assert text in board.text
    deal = await crm.sandbox.client.get(f"/pages/bitrix24/vektor/deal/{number}")
    for text in ("<b>Счёт</b> &lt;script&gt;", "10.09.2026", "Стеллаж", "Проверьте счёт", "Пётр Лапин"):
        assert text in deal.text
    assert (await crm.sandbox.client.get("/pages/bitrix24/vektor/deal/99")).status_code == 404
    assert (await crm.sandbox.client.get("/")).text.count("/pages/bitrix24/vektor") == 1
