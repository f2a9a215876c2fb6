"""The register of accounting and the extension's journal, as a stranger's client reads them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.onec.base import BUYERS, INVOICES, ROW, Base, said

REGISTER = "AccountingRegister_Хозрасчетный"
SALES = "Document_РеализацияТоваровУслуг"
CHART = "ChartOfAccounts_Хозрасчетный"


async def sold(base: Base, invoice: dict[str, Any] | None = None) -> dict[str, Any]:
    """A posted act of an invoice, for 101 roubles, on 20 March at noon; gives the invoice."""
    invoice = invoice or await base.invoice()
    account = base.account["account"]
    same = ("Организация_Key", "Контрагент_Key", "ДоговорКонтрагента_Key", "ВалютаДокумента_Key")
    item = {"Номенклатура_Key": invoice["Товары"][0]["Номенклатура"]}
    act = await base.made(
        SALES,
        {
            "Date": "2026-03-20T12:00:00",
            "ВидОперации": "Услуги",
            "СчетНаОплатуПокупателю_Key": invoice["Ref_Key"],
            "Услуги": [{**ROW, **item}],
            **{name: invoice[name] for name in same},
        },
    )
    await base.sandbox.control(f"/onec/{account}/acts/{act['Ref_Key']}/post", {})
    return invoice


async def paid(base: Base, invoice: dict[str, Any], kopecks: int, day: str) -> None:
    body = {"invoice": invoice["Ref_Key"], "amount_kopecks": kopecks, "date": day}
    await base.sandbox.control(f"/onec/{base.account['account']}/payments", body)


async def chart(base: Base) -> dict[str, str]:
    """References of accounts by their codes."""
    return {row["Code"]: row["Ref_Key"] for row in await base.found(CHART, "DeletionMark eq false")}


async def table(base: Base, call: str, condition: str = "") -> list[dict[str, Any]]:
    answer = await base.ask(f"{REGISTER}/{call}", f"$filter={quote(condition, safe='')}" if condition else "")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["value"]
    return rows


async def test_a_debt_of_a_buyer_is_a_balance_of_its_account(base: Base) -> None:
    invoice, codes = await sold(base), await chart(base)
    of_debt = f"Account_Key eq guid'{codes['62.01']}'"
    (row,) = await table(base, "Balance", of_debt)
    buyer, contract = invoice["Контрагент_Key"], invoice["ДоговорКонтрагента_Key"]
    assert (row["ExtDimension1"], row["ExtDimension1_Type"]) == (buyer, "StandardODATA.Catalog_Контрагенты")
    assert (row["ExtDimension2"], row["ExtDimension3_Type"]) == (contract, "StandardODATA.Undefined")
    assert (row["СуммаBalance"], row["СуммаBalanceDr"], row["СуммаBalanceCr"]) == (101, 101, 0)
    await paid(base, invoice, 5_050, "2026-03-25")
    of_buyer = f"ExtDimension1 eq cast(guid'{buyer}', 'Catalog_Контрагенты')"
    assert [one["СуммаBalanceDr"] for one in await table(base, "Balance()", f"{of_debt} and {of_buyer}")] == [50.5]


async def test_a_balance_is_that_before_its_moment(base: Base) -> None:
    invoice, codes = await sold(base), await chart(base)
    await paid(base, invoice, 10_100, "2026-03-31")
    of_debt = f"Account_Key eq guid'{codes['62.01']}'"

    async def owed(moment: str) -> list[float]:
        rows = await table(base, f"Balance(Period=datetime'{moment}')", of_debt)
        return [row["СуммаBalance"] for row in rows]

    assert await owed("2026-03-20T12:00:00") == []
    assert await owed("2026-03-20T12:00:01") == [101]
    assert await owed("2026-03-31T00:00:00") == [101], "what is of that very moment does not count"
    assert await owed("2026-04-01T00:00:00") == []


async def test_money_before_the_act_is_an_advance_that_the_act_settles(base: Base) -> None:
    invoice, codes = await base.invoice(), await chart(base)
    await paid(base, invoice, 10_100, "2026-03-13")
    (advance,) = await table(base, "Balance", f"Account_Key eq guid'{codes['62.02']}'")
    assert (advance["СуммаBalance"], advance["СуммаBalanceDr"], advance["СуммаBalanceCr"]) == (-101, 0, 101)
    await sold(base, invoice)
    left = {row["Account_Key"]: row["СуммаBalance"] for row in await table(base, "Balance")}
    assert left == {codes["51"]: 101, codes["90.01.1"]: -101}


async def test_money_paid_back_leaves_the_advance_first(base: Base) -> None:
    invoice, codes = await sold(base), await chart(base)
    await paid(base, invoice, 15_100, "2026-03-25")
    back = {"invoice": invoice["Ref_Key"], "amount_kopecks": 6_000, "refund": True, "date": "2026-03-26"}
    await base.sandbox.control(f"/onec/{base.account['account']}/payments", back)
    left = {row["Account_Key"]: row["СуммаBalance"] for row in await table(base, "Balance")}
    assert left == {codes["51"]: 91, codes["62.01"]: 10, codes["90.01.1"]: -101}


async def test_turnovers_have_both_ends_and_both_sides(base: Base) -> None:
    invoice, codes = await sold(base), await chart(base)
    await paid(base, invoice, 5_050, "2026-03-31")
    of_debt = f"Account_Key eq guid'{codes['62.01']}'"
    period = "StartPeriod=datetime'2026-03-01T00:00:00',EndPeriod=datetime'2026-03-31T23:59:59'"
    (row,) = await table(base, f"Turnovers({period})", of_debt)
    assert (row["СуммаTurnover"], row["СуммаTurnoverDr"], row["СуммаTurnoverCr"]) == (50.5, 101, 50.5)
    later = period.replace("03-01T", "03-31T")
    (both,) = await table(base, f"BalanceAndTurnovers({later})", of_debt)
    assert [both[f"Сумма{name}"] for name in ("OpeningBalance", "Turnover", "ClosingBalance")] == [101, -50.5, 50.5]


async def test_conditions_are_parameters_too_and_references_are_expanded(base: Base) -> None:
    invoice = await sold(base)
    of_account = "AccountCondition='Account/Code eq ''62.01'''"
    of_buyer = f"Condition='ExtDimension1 eq cast(guid''{invoice['Контрагент_Key']}'', ''Catalog_Контрагенты'')'"
    assert len(await table(base, f"Balance({of_account},{of_buyer})")) == 1
    assert await table(base, f"Balance({of_account.replace('62.01', '62.02')})") == []
    as_documented = f"AccountCondition='Account/Code eq '62.01'',{of_buyer.replace(chr(39) * 2, chr(39))}"
    assert len(await table(base, f"Balance({as_documented},ExtraDimensions='x')")) == 1, "quotes as they are"
    assert len(await table(base, "Balance(Period=datetime'2026-03-21')")) == 2, "a day without a time"
    query = f"$expand=Account&$select={quote('Account/Code,СуммаBalance', safe='')}&$orderby={quote('Account/Code')}"
    rows = (await base.ask(f"{REGISTER}/Balance", query)).json()["value"]
    told = [(row["Account"], row["СуммаBalance"]) for row in rows]
    assert told == [({"Code": "62.01"}, 101), ({"Code": "90.01.1"}, -101)]
    assert (await base.ask(f"{REGISTER}/Balance", headers={"accept": "application/xml"})).text.count("<entry>") == 2


async def test_entries_are_listed_and_never_written(base: Base) -> None:
    invoice, codes = await sold(base), await chart(base)
    await paid(base, invoice, 10_100, "2026-03-25")
    rows = (await base.ask(f"{REGISTER}_RecordType")).json()["value"]
    assert [(row["AccountDr_Key"], row["AccountCr_Key"], row["Сумма"]) for row in rows] == [
        (codes["62.01"], codes["90.01.1"], 101),
        (codes["51"], codes["62.01"], 101),
    ]
    assert rows[1]["Recorder_Type"] == "StandardODATA.Document_ПоступлениеНаРасчетныйСчет"
    (one, two) = (await base.ask(REGISTER)).json()["value"]
    assert (one["RecordSet"], two["RecordSet"]) == (rows[:1], rows[1:])
    kind = rows[1]["Recorder_Type"].removeprefix("StandardODATA.")
    (same,) = await base.found(REGISTER, f"Recorder eq cast(guid'{rows[1]['Recorder']}', '{kind}')")
    assert same == two
    assert said(await base.ask(f"{REGISTER}_RecordType", method="POST", json={})) == (405, "19")


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("Balances", (404, "11")),
        ("Balance(Moment=datetime'2026-03-01T00:00:00')", (400, "12")),
        ("Balance(Period=datetime'01.03.2026')", (400, "12")),
        ("Balance(Period)", (400, "6")),
        ("Balance(Condition='Счёт eq')", (400, "14")),
    ],
)
async def test_calls_that_the_register_does_not_know(base: Base, call: str, refused: tuple[int, str]) -> None:
    await sold(base)
    assert said(await base.ask(f"{REGISTER}/{call}")) == refused


async def test_a_register_that_is_not_ticked_is_not_there(base: Base) -> None:
    told = (await base.ask("$metadata")).text
    assert f'<EntitySet Name="{REGISTER}"' in told
    assert f'<ComplexType Name="{REGISTER}_Balance"' in told
    assert REGISTER in [one["name"] for one in (await base.ask("", "$format=json")).json()["value"]]
    await base.dial(unpublished=REGISTER)
    assert said(await base.ask(f"{REGISTER}/Balance")) == (404, "8")
    assert REGISTER not in (await base.ask("$metadata")).text
    assert REGISTER not in [one["name"] for one in (await base.ask("", "$format=json")).json()["value"]]


# The extension's journal


async def journal(base: Base, since: str = "0", limit: int = 500) -> tuple[str, list[tuple[str, str, str]]]:
    root = base.root.partition("/odata/")[0]
    url = f"{root}/hs/crmgate/v1/changes?since={since}&limit={limit}"
    answer = await base.sandbox.client.get(url, auth=base.auth)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["cursor"], [(one["entity"], one["ref"], one["kind"]) for one in body["items"]]


async def test_the_journal_tells_each_change_once_in_order(base: Base) -> None:
    assert await journal(base) == ("0", [])
    buyer = await base.buyer()
    invoice = (await base.invoice(buyer=buyer))["Ref_Key"]
    first, told = await journal(base)
    assert [one for one in told if one[0] in (BUYERS, INVOICES)] == [
        (BUYERS, buyer, "upsert"),
        (INVOICES, invoice, "upsert"),
    ]
    assert await journal(base, first) == (first, [])
    place = f"{BUYERS}(guid'{buyer}')"
    assert (await base.ask(place, method="PATCH", json={"КПП": "770901001"})).status_code == 200
    second, told = await journal(base, first)
    assert told == [(BUYERS, buyer, "upsert")]
    assert (await base.ask(place, method="DELETE")).status_code == 204
    third, told = await journal(base, second)
    assert told == [(BUYERS, buyer, "delete")]
    assert int(third) > int(second)


async def test_a_journal_is_read_page_by_page(base: Base) -> None:
    await base.invoice()
    whole = (await journal(base))[1]
    cursor, pages = "0", []
    while True:
        cursor, page = await journal(base, cursor, 1)
        if not page:
            break
        pages += page
    assert pages == whole
    assert len(whole) == 4, "buyer, contract, item, invoice"


async def test_what_is_seen_late_holds_the_cursor_back(base: Base) -> None:
    lag = {"kind": "read_lag", "calls": [1], "params": {"lag_seconds": 60}}
    await base.sandbox.control("/faults", {"vendor": "onec", "operation": "counterparty.create", **lag})
    late = await base.buyer("ООО Поздний", "7707083893")
    await base.buyer()
    assert await journal(base) == ("0", []), "the second one would hide the first"
    await base.sandbox.advance(61)
    assert (await journal(base))[1][0] == (BUYERS, late, "upsert")


async def test_a_base_without_the_extension_has_no_journal(base: Base) -> None:
    await base.dial(extension=False)
    root = base.root.partition("/odata/")[0]
    answer = await base.sandbox.client.get(f"{root}/hs/crmgate/v1/changes", auth=base.auth)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
