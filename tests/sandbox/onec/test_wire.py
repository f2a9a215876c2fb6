"""What a base answers: shapes, options, writes, refusals, what survives a crash."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.sandbox.onec.base import BUYERS, INVOICES, JSON, ROW, Base, said, texts, xml
from tests.sandbox.running import Process, Sandbox

NOBODY = "99999999-0000-4000-8000-000000000009"


async def test_a_base_asks_for_user_and_password_in_utf8(base: Base) -> None:
    answer = await base.sandbox.client.get(f"{base.root}/?$format=json")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="1C:Enterprise"')
    latin = base.account["password"].encode()
    wrong = httpx.BasicAuth("Обмен".encode("cp1251"), latin)
    assert (await base.sandbox.client.get(f"{base.root}/", auth=wrong)).status_code == 401
    assert (await base.ask("", "$format=json")).status_code == 200


async def test_the_list_of_what_is_published(base: Base) -> None:
    answer = await base.ask("", "$format=json")
    names = [one["name"] for one in answer.json()["value"]]
    assert {BUYERS, INVOICES} <= set(names)
    await base.dial(unpublished=f"{BUYERS}, {INVOICES}")
    answer = await base.ask("", "$format=json")
    assert not {BUYERS, INVOICES} & {one["name"] for one in answer.json()["value"]}
    assert said(await base.ask(BUYERS)) == (404, "8")


async def test_the_description_is_xml_and_tells_the_release(base: Base) -> None:
    answer = await base.ask("$metadata")
    assert answer.headers["content-type"].startswith("application/xml")
    root = xml(answer)
    types = {one.get("Name"): one for one in root.iter() if one.tag.endswith("}EntityType")}
    keys = [one.get("Type") for one in types[INVOICES] if one.get("Name") == "КратностьВзаиморасчетов"]
    assert keys == ["Edm.Int64"]
    assert any(one.get("Name") == "НДС22" for one in root.iter() if one.tag.endswith("}Member"))
    await base.dial(new_rates=False, typed_items=False)
    text = (await base.ask("$metadata")).text
    assert "НДС22" not in text
    assert 'Name="Номенклатура_Type"' not in text


async def test_an_object_and_its_collection(base: Base) -> None:
    made = await base.invoice(Комментарий="[b24:1]")
    assert (made["Number"], made["Posted"], made["КратностьВзаиморасчетов"]) == ("0000-000001", False, "0")
    assert made["odata.metadata"].endswith(f"$metadata#{INVOICES}/@Element")
    assert made["Контрагент@navigationLinkUrl"] == f"{INVOICES}(guid'{made['Ref_Key']}')/Контрагент"
    one = (await base.ask(f"{INVOICES}(guid'{made['Ref_Key'].upper()}')")).json()
    assert one == made
    (row,) = one["Товары"]
    assert (row["LineNumber"], row["Сумма"], row["СтавкаНДС"], row["СуммаНДС"]) == ("1", 101, "НДС22", 18.21)
    bare = (await base.ask(INVOICES, "$format=application/json;odata=nometadata")).json()
    assert list(bare) == ["value"]
    assert not any("@" in name for name in bare["value"][0])
    place = f"{INVOICES}(guid'{made['Ref_Key']}')"
    assert (await base.ask(f"{place}/Контрагент")).json()["ИНН"] == "7709123453"
    assert (await base.ask(f"{place}/Товары")).json()["value"][0]["Цена"] == 50.5
    assert (await base.ask(f"{INVOICES}(guid'{made['Ref_Key']}')/Контрагент/Description")).json()[
        "value"
    ] == "ООО Лотос"
    rows = (await base.ask(f"{INVOICES}_Товары")).json()["value"]
    assert [(part["Ref_Key"], part["LineNumber"]) for part in rows] == [(made["Ref_Key"], "1")]


async def test_options_of_a_read(base: Base) -> None:
    for number in range(5):
        await base.buyer(f"Лотос {number}", "7709123453" if number else "7707083893")
    same = await base.found(BUYERS, "ИНН eq '7709123453'", select="Description", orderby="Description desc", top="2")
    assert [(list(row), row["Description"]) for row in same] == [
        (["Description"], "Лотос 4"),
        (["Description"], "Лотос 3"),
    ]
    rest = await base.found(BUYERS, "ИНН eq '7709123453'", select="Description", orderby="Description", skip="3")
    assert [row["Description"] for row in rest] == ["Лотос 4"]
    counted = await base.ask(f"{BUYERS}/$count", "$filter=" + quote("ИНН eq '7709123453'"))
    assert counted.content == "\ufeff4".encode()
    listed = (await base.ask(BUYERS, "$inlinecount=allpages&$top=1&$format=json")).json()
    assert (listed["odata.count"], len(listed["value"])) == ("5", 1)


async def test_a_bank_account_leads_to_its_bank_by_bic(base: Base) -> None:
    (own,) = await base.found("Catalog_БанковскиеСчета", "DeletionMark eq false", expand="Банк")
    assert (own["Банк"]["Code"], own["Банк"]["КоррСчет"]) == ("044525225", "30101810400000000225")
    place = f"Catalog_Банки(guid'{own['Банк_Key']}')"
    assert (await base.ask(f"{place}/Parent")).json()["IsFolder"] is True, "regions are folders"
    selected = await base.ask(f"Catalog_БанковскиеСчета(guid'{own['Ref_Key']}')", "$select=" + quote("Банк_Key"))
    assert selected.json()["Банк_Key"] == own["Банк_Key"]


async def test_expanding_and_presenting_references(base: Base) -> None:
    made = await base.invoice()
    (row,) = await base.found(
        INVOICES, "Posted eq false", expand="Контрагент", select="Number,Контрагент____Presentation"
    )
    assert row["Контрагент"]["ИНН"] == "7709123453"
    assert row["Контрагент____Presentation"] == "ООО Лотос"
    (part,) = await base.found(INVOICES, "Posted eq false", expand="Контрагент", select="Контрагент/ИНН,Товары/Цена")
    assert part["Контрагент"] == {"ИНН": "7709123453"}
    assert part["Товары"] == [{"Ref_Key": made["Ref_Key"], "Цена": 50.5}]
    assert said(await base.ask(INVOICES, "$expand=" + quote("Товары"))) == (501, "0")
    (alone,) = await base.found(INVOICES, "Posted eq false", select="*____Presentation")
    assert (alone["Контрагент____Presentation"], alone["Number____Presentation"]) == ("ООО Лотос", made["Number"])
    assert "Number" not in alone, "presentations alone were asked for"
    (beside,) = await base.found(INVOICES, "Posted eq false", select="Number, *____Presentation")
    assert beside == {**alone, "Number": made["Number"]}
    single = await base.ask(f"{INVOICES}(guid'{made['Ref_Key']}')", "$expand=" + quote("Контрагент"))
    assert said(single) == (501, "0")


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("$filter=" + quote("ИНН eq '1'").replace("%20", "+"), (400, "14")),
        ("$filter=" + quote("ИНН qq '1'"), (400, "14")),
        ("$filter=" + quote("Телефон eq '1'"), (400, "10")),
        ("$filter=" + quote("contains(ИНН, '1')"), (501, "21")),
        ("$select=" + quote("Телефон"), (400, "10")),
        ("$search=1", (400, "0")),
        ("$top=много", (400, "14")),
        ("$top=-1", (400, "14")),
    ],
)
async def test_queries_that_are_refused(base: Base, query: str, answer: tuple[int, str]) -> None:
    await base.buyer()
    assert said(await base.ask(BUYERS, query)) == answer


@pytest.mark.parametrize(
    ("method", "resource", "answer"),
    [
        ("GET", "Catalog_Телефоны", (404, "8")),
        ("GET", f"{BUYERS}(guid'{NOBODY}')", (404, "9")),
        ("GET", f"{BUYERS}(1)", (400, "7")),
        ("POST", f"{INVOICES}_Товары", (400, "13")),
        ("PATCH", f"{INVOICES}_Товары(1)", (405, "19")),
        ("POST", "Catalog_Организации", (405, "19")),
        ("PATCH", BUYERS, (405, "19")),
        ("POST", f"{INVOICES}(guid'{NOBODY}')/Post", (404, "9")),
        ("POST", f"{BUYERS}(guid'{NOBODY}')/Post", (404, "11")),
        ("POST", "SelectChanges", (404, "8")),
    ],
)
async def test_addresses_that_are_refused(base: Base, method: str, resource: str, answer: tuple[int, str]) -> None:
    assert said(await base.ask(resource, method=method, json={})) == answer


async def test_unknown_names_vanish_and_wrong_values_do_not(base: Base) -> None:
    made = await base.made(BUYERS, {"Description": "Лотос", "Телефон": "1"})
    assert "Телефон" not in made
    for body in (
        {"ИНН": 7709123453},
        {"DeletionMark": "нет"},
        {"Parent_Key": "x"},
        {"ЮридическоеФизическоеЛицо": "ООО"},
    ):
        assert said(await base.ask(BUYERS, method="POST", json=body)) == (400, "4")
    assert said(await base.ask(BUYERS, method="POST", content=b"{")) == (400, "1")
    assert said(await base.ask(BUYERS, method="POST", json=[])) == (400, "2")
    for date in ("2026-03-12T10:00:00Z", "2026-03-12T10:00:00+03:00", "вчера"):
        assert said(await base.ask(INVOICES, method="POST", json={"Date": date})) == (400, "4")


async def test_rows_need_their_numbers_and_take_the_place_of_all(base: Base) -> None:
    made = await base.invoice()
    place = f"{INVOICES}(guid'{made['Ref_Key']}')"
    unnumbered = {name: value for name, value in ROW.items() if name != "LineNumber"}
    assert said(await base.ask(place, method="PATCH", json={"Товары": [unnumbered]})) == (500, "-1")
    changed = await base.ask(place, method="PATCH", json={"Товары": [{"LineNumber": 1, "Содержание": "Другое"}]})
    assert [(row["Содержание"], row["Цена"]) for row in changed.json()["Товары"]] == [("Другое", 0)]


async def test_a_change_needs_the_version_that_stands(base: Base) -> None:
    made = await base.made(BUYERS, {"Description": "Лотос"})
    place = f"{BUYERS}(guid'{made['Ref_Key']}')"
    first = await base.ask(place, method="PATCH", json={"КПП": "770901001"}, headers={"if-match": made["DataVersion"]})
    assert first.json()["DataVersion"] != made["DataVersion"]
    assert (first.json()["Description"], first.json()["Code"]) == ("Лотос", made["Code"])
    stale = {"if-match": made["DataVersion"]}
    assert (await base.ask(place, method="PATCH", json={"КПП": "1"}, headers=stale)).status_code == 412
    await base.dial(version_checked=False)
    assert (await base.ask(place, method="PATCH", json={"КПП": "1"}, headers=stale)).status_code == 200
    whole = await base.ask(place, method="PUT", json={"Description": "Лилия"})
    assert (whole.json()["Description"], whole.json()["КПП"], whole.json()["Code"]) == ("Лилия", "", made["Code"])
    assert (await base.ask(place, method="DELETE")).status_code == 204
    assert said(await base.ask(place)) == (404, "9")


async def test_a_chosen_reference_is_taken_dropped_or_refused(base: Base) -> None:
    body = {"Ref_Key": NOBODY, "Description": "Лотос"}
    made = await base.ask(BUYERS, method="POST", json=body)
    assert (made.json()["Ref_Key"], NOBODY in made.headers["location"]) == (NOBODY, True)
    assert said(await base.ask(BUYERS, method="POST", json=body)) == (400, "15")
    await base.dial(client_keys=False)
    assert (await base.made(BUYERS, body))["Ref_Key"] != NOBODY
    await base.dial(client_keys_refused=True)
    assert said(await base.ask(BUYERS, method="POST", json=body)) == (400, "16")


@pytest.mark.parametrize("form", ["Post", "Post()"])
async def test_posting_asks_for_what_a_document_needs(base: Base, form: str) -> None:
    made = await base.invoice()
    place = f"{INVOICES}(guid'{made['Ref_Key']}')"
    assert (await base.ask(f"{place}/{form}", "PostingModeOperational=false", method="POST")).status_code == 200
    assert (await base.ask(place)).json()["Posted"] is True
    assert (await base.ask(f"{place}/Unpost", method="POST")).status_code == 200
    await base.ask(place, method="PATCH", json={"ДоговорКонтрагента_Key": "00000000-0000-0000-0000-000000000000"})
    refused = await base.ask(f"{place}/{form}", method="POST")
    assert said(refused) == (500, "-1")
    assert "ДоговорКонтрагента_Key" in refused.text


async def test_the_accountant_posts_in_time(base: Base) -> None:
    await base.dial(posts_after_seconds=60)
    made = await base.invoice()
    place = f"{INVOICES}(guid'{made['Ref_Key']}')"
    assert (await base.ask(place)).json()["Posted"] is False
    await base.sandbox.advance(61)
    for _ in range(200):
        if (await base.ask(place)).json()["Posted"]:
            return
    raise AssertionError("nobody posted it")


async def test_without_json_in_the_request_answers_are_atom(base: Base) -> None:
    await base.buyer()
    feed = await base.ask(BUYERS, headers={"accept": "*/*"})
    assert feed.headers["content-type"].startswith("application/atom+xml")
    assert (texts(feed)["ИНН"], texts(feed)["DeletionMark"]) == ("7709123453", "false")
    refused = await base.ask(f"{BUYERS}(guid'{NOBODY}')", headers={"accept": "*/*"})
    assert refused.headers["content-type"].startswith("application/xml")
    assert texts(refused)["code"] == "9"
    entry = (
        '<entry xmlns="http://www.w3.org/2005/Atom" xmlns:d="d" xmlns:m="m"><content><m:properties>'
        '<d:Description>Из Atom</d:Description><d:DeletionMark m:type="Edm.Boolean">false</d:DeletionMark>'
        "</m:properties></content></entry>"
    )
    made = await base.ask(
        BUYERS, method="POST", content=entry.encode(), headers={"content-type": "application/atom+xml"}
    )
    assert (made.status_code, made.json()["Description"]) == (201, "Из Atom")


async def test_rights_of_the_user(base: Base) -> None:
    await base.buyer()
    await base.dial(rows_hidden=True)
    assert said(await base.ask(BUYERS)) == (401, "20")
    assert (await base.ask(BUYERS, "allowedOnly=true")).status_code == 200
    await base.dial(inn_filter_forbidden=True)
    query = "allowedOnly=true&$filter=" + quote("ИНН eq '7709123453'")
    assert said(await base.ask(BUYERS, query)) == (401, "20")


async def test_money_stands_in_bank_documents(base: Base) -> None:
    made = await base.invoice()
    account = base.account["account"]
    for body in ({"amount_kopecks": 4_000}, {"amount_kopecks": 100, "refund": True}):
        await base.sandbox.control(f"/onec/{account}/payments", {"invoice": made["Ref_Key"], **body})
    paid = f"РасшифровкаПлатежа/any(d: d/СчетНаОплату_Key eq guid'{made['Ref_Key']}')"
    (receipt,) = await base.found("Document_ПоступлениеНаРасчетныйСчет", paid)
    (refund,) = await base.found("Document_СписаниеСРасчетногоСчета", paid)
    assert (receipt["СуммаДокумента"], receipt["ВидОперации"], receipt["Posted"]) == (40, "ОплатаПокупателя", True)
    assert (refund["СуммаДокумента"], refund["ВидОперации"]) == (1, "ВозвратПокупателю")
    await base.sandbox.control(f"/onec/{account}/payments", {"invoice": made["Ref_Key"]})
    (status,) = (await base.ask("InformationRegister_СтатусыДокументов")).json()["value"]
    assert (status["Документ"], status["Статус"]) == (made["Ref_Key"], "Оплачен")


async def test_a_term_has_its_own_register(base: Base) -> None:
    made = await base.invoice()
    term = {
        "Документ": made["Ref_Key"],
        "Документ_Type": f"StandardODATA.{INVOICES}",
        "СрокОплаты": "2026-03-15T00:00:00",
    }
    register = "InformationRegister_СрокиОплатыДокументов"
    assert (await base.ask(register, method="POST", json=term)).status_code == 201
    assert said(await base.ask(register, method="POST", json=term)) == (400, "15")
    (row,) = (await base.ask(register)).json()["value"]
    key = ",".join(
        f"{name}={'guid' if name.endswith('_Key') else ''}'{row[name]}'"
        for name in ("Организация_Key", "Документ", "Документ_Type")
    )
    assert (await base.ask(f"{register}({key})")).json()["СрокОплаты"] == "2026-03-15T00:00:00"
    assert said(await base.ask(f"{register}(Документ='{made['Ref_Key']}')")) == (400, "7")


async def test_what_was_answered_survives_a_crash(tmp_path: Path) -> None:
    process = Process(tmp_path)
    with process.client() as client:
        opened = client.post("/control/onec/accounts", json={"title": "ООО «Вектор»", "inn": "500123456750"}).json()
        auth = httpx.BasicAuth(opened["user"], opened["password"])
        place = opened["odata_url"].removeprefix(process.url) + f"/{quote(BUYERS)}"
        made = client.post(
            place, json={"Description": "Лотос"}, auth=auth, headers={"accept": "application/json"}
        ).json()
    process.kill()
    process = Process(tmp_path)
    with process.client() as client:
        kept = client.get(place, auth=auth, headers=JSON).json()["value"]
    assert process.terminate() == 0
    assert [(one["Ref_Key"], one["DataVersion"]) for one in kept] == [(made["Ref_Key"], made["DataVersion"])]


async def test_a_seed_may_ask_for_bases(sandbox: Sandbox) -> None:
    done = await sandbox.control("/seed", {"portals": 1, "accounting": "onec", "onec": {"posts_after_seconds": 5}})
    env = done["env"]
    assert env["ONEC_1_ODATA_URL"].endswith(f"/onec/{env['ONEC_1_ACCOUNT']}/odata/standard.odata")
    assert {"ONEC_1_USER", "ONEC_1_PASSWORD", "ONEC_1_ORGANIZATION", "ONEC_1_COUNTERPARTY_IDS"} <= set(env)
