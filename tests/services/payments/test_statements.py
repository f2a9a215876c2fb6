"""Statement files all the way on a real database: read, matched, counted, and shown where they cannot be."""

import datetime as dt

import httpx
import pytest
from starlette.applications import Starlette

from chassis.tenants import STREAM as TENANT_STREAM
from chassis.tenants import SeeTenant
from services.payments.api import BankApi
from services.payments.domain import listing
from services.payments.workers import statements as reading
from tests.kit.statements import OUR_INN, OURS, THEIR_INN, Order, statement
from tests.services.payments.conftest import Bank, until
from tests.services.streams import TENANT

pytestmark = pytest.mark.parts

SECOND = "40702810538050107202"
DAY = dt.date(2026, 3, 12)


async def _states(bank: Bank) -> list[str]:
    return sorted(one["state"] for one in await bank.store.operations(TENANT, (), 100))


async def test_a_payment_of_a_statement_pays_its_invoice(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    read = await bank.send(statement([Order()]), "s1")
    assert (read["status"], read["sections"], read["taken"], read["problem_count"]) == ("read", 1, 1, 0)
    invoice = await bank.invoice("127")
    assert (invoice["status"], invoice["paid_kopecks"]) == ("paid", 85_000_00)
    (told,) = await bank.messages("PaymentReceived")
    assert (told["order_number"], told["date"], told["source"]) == ("318", "2026-03-12", "statement")
    assert told["payer_name"] == 'ООО "Вектор"'


async def test_a_file_that_overtakes_its_tenants_settings_waits_for_them(bank: Bank) -> None:
    """Without them no seller is known, and nothing looks again at what was matched then."""
    await bank.issue("127", 85_000_00)
    await bank.hand_in(await bank.blobs.put(TENANT, statement([Order()])), "s1")
    await until(bank.quiet, "what can be done without settings is done")
    await bank.configure()
    bank.clock.advance(60)
    await until(bank.quiet, "all is done")
    assert (await bank.invoice("127"))["status"] == "paid"


async def test_a_file_that_comes_while_payments_are_switched_off_is_read_once_they_are_on(bank: Bank) -> None:
    await bank.do(TENANT_STREAM, SeeTenant("active", 1, {"steps": {"payments": False}, "sellers": [{}]}), "tenant:1")
    await bank.issue("127", 85_000_00)
    await bank.hand_in(await bank.blobs.put(TENANT, statement([Order()])), "s1")
    await until(bank.quiet, "nothing is to be done")
    (waiting,) = await bank.store.statements(TENANT, 100)
    assert waiting["status"] == "waiting"
    await bank.configure(version=2)
    bank.clock.advance(3_600)
    await until(bank.quiet, "all is done")
    assert (await bank.invoice("127"))["status"] == "paid"


async def test_repeated_and_overlapping_files_count_each_payment_once(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 300_000_00)
    first = Order(amount="100000.00")
    second = Order(amount="100000.00", number="319", day=DAY + dt.timedelta(days=1))
    third = Order(amount="100000.00", number="320", day=DAY + dt.timedelta(days=2))
    await bank.send(statement([first, second], last=second.day, made=third.day), "s1")
    await bank.send(statement([second, third], first=second.day, last=third.day, made=dt.date(2026, 3, 16)), "s2")
    await bank.send(statement([first, second], last=second.day, made=third.day, encoding="cp866"), "s3")
    assert (await bank.invoice("127"))["paid_kopecks"] == 300_000_00
    assert len(await bank.messages("PaymentReceived")) == 3
    assert await _states(bank) == ["allotted"] * 3


async def test_one_order_that_two_files_have_on_different_days_is_asked_about(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 170_000_00)
    await bank.send(statement([Order()]), "s1")
    later = dt.date(2026, 3, 13)
    again = Order(extra={"ДатаПоступило": "13.03.2026"})
    await bank.send(statement([again], first=later, last=later, made=dt.date(2026, 3, 14)), "s2")
    assert await _states(bank) == ["allotted", "asked"]
    assert (await bank.invoice("127"))["paid_kopecks"] == 85_000_00
    (asked,) = await bank.messages("DecisionNeeded")
    assert (asked["kind"], asked["values"]["same_order"]) == ("payment_unclear", 1)


async def test_bad_sections_are_reported_by_line_and_the_rest_is_taken(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    orders = [Order(amount="x"), Order(), Order(extra={"Дата": "31.02.2026"})]
    data = statement(orders)
    read = await bank.send(data, "s1")
    assert (read["sections"], read["taken"], read["problem_count"]) == (3, 1, 2)
    lines = data.decode("cp1251").split("\r\n")
    assert [lines[one["line"] - 1] for one in read["problems"]] == ["СекцияДокумент=Платежное поручение"] * 2
    assert [one["code"] for one in read["problems"]] == ["statement_amount_wrong", "statement_date_wrong"]
    assert (await bank.invoice("127"))["status"] == "paid"
    (asked,) = await bank.messages("DecisionNeeded")
    assert (asked["kind"], asked["values"]["count"], asked["values"]["file"]) == ("statement_incomplete", 2, "s1.txt")


async def test_a_corrected_file_adds_what_was_bad_before(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order(amount="x"), Order(number="7", amount="1.00", purpose="Проценты")]), "s1")
    await bank.send(statement([Order(), Order(number="7", amount="1.00", purpose="Проценты")]), "s2")
    assert (await bank.invoice("127"))["status"] == "paid"
    assert await _states(bank) == ["allotted", "unmatched"]


async def test_sums_of_the_bank_that_differ_are_reported_and_nothing_is_taken_away(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order(), Order(number="319", amount="5.00")]), "s1")
    read = await bank.send(statement([Order()], sums={"ВсегоПоступило": "85005.00"}), "s2")
    assert [one["code"] for one in read["problems"]] == ["statement_sums_differ"]
    assert "vanished" not in await _states(bank)


async def test_a_payment_that_the_bank_took_back_is_taken_back(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order()], made=DAY), "s1")
    assert (await bank.invoice("127"))["status"] == "paid"
    await bank.send(statement([], sums={"ВсегоПоступило": "0.00"}), "s2")
    assert (await bank.invoice("127"))["status"] == "issued"
    assert await _states(bank) == ["vanished"]


async def test_several_accounts_and_an_outgoing_payment(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    orders = [
        Order(payee=SECOND, ours=SECOND),
        Order(payer=OURS, payee=SECOND, number="1", payer_inn=OUR_INN),
        Order(payer=OURS, payee="40702810600000000777", payee_inn=THEIR_INN, payer_inn=OUR_INN, purpose="Аренда"),
    ]
    await bank.send(statement(orders, accounts=(OURS, SECOND)), "s1")
    assert await _states(bank) == ["allotted", "aside", "internal"]


async def test_a_refund_is_taken_off_after_a_person_says_so(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    back = Order(
        payer=OURS, payee="40702810600000000777", payer_inn=OUR_INN, payee_inn=THEIR_INN, number="9",
        amount="20000.00", purpose="Возврат по счету № 127 от 12.03.2026",
    )  # fmt: skip
    await bank.send(statement([Order(), back]), "s1")
    await until(lambda: _asked_for_refund(bank), "a person is asked")
    (operation,) = await bank.store.operations(TENANT, ("asked",), 10)
    answer = await _post(bank, operation["payment_id"], "match", number="127")
    assert answer.json() == {"changed": True}
    await until(bank.quiet, "it is counted")
    invoice = await bank.invoice("127")
    assert (invoice["paid_kopecks"], invoice["status"]) == (65_000_00, "partially_paid")


async def _asked_for_refund(bank: Bank) -> bool:
    # The refund is looked at beside the payment; only a paid invoice can be refunded, so it may be looked at twice.
    return any(one["kind"] == listing.REFUND for one in await bank.messages("DecisionNeeded"))


async def test_a_person_ties_an_unmatched_payment_and_unties_it_again(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order(purpose="Проценты", payer_inn="7709123453", amount="85000.01")]), "s1")
    (operation,) = await bank.store.operations(TENANT, ("unmatched",), 10)
    unknown = await _post(bank, operation["payment_id"], "match", number="900")
    assert (unknown.status_code, unknown.json()["error"]) == (409, "invoice_of_number_unknown")
    assert (await _post(bank, operation["payment_id"], "match", number="127")).json() == {"changed": True}
    await until(bank.quiet, "it is counted")
    assert (await bank.invoice("127"))["status"] == "overpaid"
    assert (await _post(bank, operation["payment_id"], "release")).json() == {"changed": True}
    await until(bank.quiet, "it is untied")
    assert (await bank.invoice("127"))["status"] == "issued"
    assert (await _post(bank, "00000000-0000-4000-8000-000000000000", "release")).status_code == 404


async def test_a_payment_before_its_invoice_is_found_when_the_invoice_is_known(bank: Bank) -> None:
    await bank.configure()
    await bank.send(statement([Order()]), "s1")
    (told,) = await bank.messages("PaymentUnmatched")
    assert (told["account"], told["amount_kopecks"]) == (OURS, 85_000_00)
    await bank.issue("127", 85_000_00)
    bank.clock.advance(700)
    await until(lambda: _is_paid(bank), "the invoice is paid")
    assert len(await bank.messages("PaymentUnmatched")) == 1


async def _is_paid(bank: Bank) -> bool:
    return bool((await bank.invoice("127"))["status"] == "paid")


async def test_where_accounting_tells_payments_a_statement_only_enriches_them(bank: Bank) -> None:
    await bank.configure(payments_from=None)
    await bank.issue("127", 85_000_00)
    await bank.send(statement([Order()]), "s1")
    invoice = await bank.invoice("127")
    assert (invoice["status"], invoice["paid_kopecks"]) == ("issued", 0)
    assert await _states(bank) == ["allotted"]
    assert await bank.messages("PaymentReceived") == []


async def test_a_file_of_many_days_is_taken_in_several_runs(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS_PER_RUN_MAX", 7)
    await bank.configure()
    days = [DAY + dt.timedelta(days=n) for n in range(10)]
    orders = [Order(number=str(n), day=days[n % 10], purpose="Проценты", amount="5") for n in range(50)]
    read = await bank.send(statement(orders, last=days[-1], made=dt.date(2026, 4, 1)), "s1")
    assert (read["sections"], read["taken"]) == (50, 50)
    assert len(await bank.store.operations(TENANT, (), 100)) == 50


async def test_a_file_that_cannot_be_read_is_listed_with_the_reason(bank: Bank) -> None:
    await bank.configure()
    read = await bank.send(statement([Order()])[:-20], "s1")
    assert (read["status"], [one["code"] for one in read["problems"]]) == ("refused", ["statement_cut_off"])
    (asked,) = await bank.messages("DecisionNeeded")
    assert asked["kind"] == "statement_refused"


async def test_a_file_whose_bytes_were_lost_is_read_once_it_is_loaded_again(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 85_000_00)
    data = statement([Order()])
    blob = await bank.blobs.put(TENANT, data)
    await bank.blobs.delete(blob)
    assert (await bank.told(blob, "s1"))["problems"][0]["code"] == "statement_bytes_lost"
    await bank.blobs.put(TENANT, data)  # as whoever loads it again does; ingest has taken it already
    bank.clock.advance(601)
    await until(bank.quiet, "the bytes are looked for again")
    (read,) = await bank.store.statements(TENANT, 100)
    assert (read["status"], read["taken"], read["problems"]) == ("read", 1, [])
    assert (await bank.invoice("127"))["status"] == "paid"
    (asked,), (taken,) = await bank.messages("DecisionNeeded"), await bank.messages("DecisionTaken")
    assert (asked["card_id"], taken["choice"]) == (taken["card_id"], "withdrawn")


async def test_lists_need_a_tenant(bank: Bank) -> None:
    async with _client(bank) as client:
        assert (await client.get("/internal/statements")).status_code == 400
        listed = await client.get("/internal/operations", params={"tenant": TENANT, "state": "asked,unmatched"})
        assert listed.json() == {"operations": []}


def _client(bank: Bank) -> httpx.AsyncClient:
    api = BankApi(bank.database, bank.engine, bank.store, bank.clock)
    transport = httpx.ASGITransport(app=Starlette(routes=api.routes()))
    return httpx.AsyncClient(transport=transport, base_url="http://payments")


async def _post(bank: Bank, payment_id: str, action: str, **body: str) -> httpx.Response:
    async with _client(bank) as client:
        sent = {"tenant": TENANT, "by": "Анна", **body}
        return await client.post(f"/internal/operations/{payment_id}/{action}", json=sent)
