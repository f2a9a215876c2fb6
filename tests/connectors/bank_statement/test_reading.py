"""Statement files: encodings, order of sections, what is refused by line, and that nothing is swallowed."""

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.domain import Problem
from connectors.bank_statement import Statement, looks_whole, open_statement
from connectors.ports.bank import BankOperation, LineProblem
from tests.kit.statements import HEAD, OUR_INN, OURS, THEIR_INN, THEIRS, Order, account_lines, head_lines, statement

DAY = date(2026, 3, 12)
SECOND = "40702810538050107202"


def opened(data: bytes) -> Statement:
    found = open_statement(data)
    assert isinstance(found, Statement), found
    return found


def read(data: bytes) -> tuple[list[BankOperation], list[LineProblem]]:
    items = list(opened(data).items())
    return [i for i in items if isinstance(i, BankOperation)], [i for i in items if isinstance(i, LineProblem)]


def only(data: bytes) -> BankOperation:
    (operation,), problems = read(data)
    assert problems == []
    return operation


def refused(order: Order) -> Problem:
    operations, (problem,) = read(statement([order, Order(number="319")]))
    assert [one.number for one in operations] == ["319"], "the rest is taken"
    assert problem.section
    return problem.problem


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "utf-8"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_payment_in_each_encoding_and_line_end(encoding: str, end: str) -> None:
    assert only(statement([Order()], encoding=encoding, end=end)) == BankOperation(
        line=15,
        direction="in",
        own_account=OURS,
        statement_day=DAY,
        number="318",
        order_date=DAY,
        amount_kopecks=8_500_000,
        payer_account=THEIRS,
        payer_inn=THEIR_INN,
        payer_name='ООО "Вектор"',
        payee_account=OURS,
        payee_inn=OUR_INN,
        payee_name='ООО "Ромашка"',
        purpose="Оплата по счету № 127 от 12.03.2026. Без НДС",
    )


def test_the_encoding_is_seen_and_not_believed() -> None:
    lying = statement([Order()], encoding="utf-8").replace("Кодировка=UTF-8".encode(), "Кодировка=Windows".encode())
    assert only(b"\xef\xbb\xbf" + lying).payer_name == 'ООО "Вектор"'
    assert opened(lying).encoding == "utf-8"


def test_sections_stand_in_any_order() -> None:
    lines = [
        HEAD, "ВерсияФормата=1.03", *Order().lines(), f"РасчСчет={OURS}", *Order(number="319").lines(),
        *account_lines(OURS, DAY, DAY, {"ВсегоПоступило": "170000.00"}), "ДатаСоздания=13.03.2026", "КонецФайла",
    ]  # fmt: skip
    data = "\n".join(lines).encode("cp1251")
    assert [one.number for one in read(data)[0]] == ["318", "319"]
    head = opened(data).head()
    assert head.made_at == datetime(2026, 3, 13)  # noqa: DTZ001 - the bank's local time
    (account,) = head.accounts
    assert account.received_kopecks == 17_000_000
    assert account.lists(DAY)


def test_several_accounts_in_one_file_and_money_between_them() -> None:
    orders = [Order(), Order(payee=SECOND, ours=SECOND), Order(payer=SECOND, payee=OURS, number="7")]
    operations, problems = read(statement(orders, accounts=(OURS, SECOND)))
    assert problems == []
    assert [(one.own_account, one.direction, one.internal) for one in operations] == [
        (OURS, "in", False),
        (SECOND, "in", False),
        (OURS, "in", True),
    ]


def test_an_outgoing_payment_is_of_the_day_on_which_it_left() -> None:
    sent = Order(payer=OURS, payee=THEIRS, extra={"ДатаСписано": "13.03.2026"})
    found = only(statement([sent], last=date(2026, 3, 13)))
    assert (found.direction, found.order_date, found.statement_day) == ("out", DAY, date(2026, 3, 13))


def test_without_a_booking_day_the_order_s_own_stands() -> None:
    assert only(statement([Order(extra={"ДатаПоступило": None})])).statement_day == DAY


@pytest.mark.parametrize(
    ("text", "kopecks"),
    [
        ("85000.00", 8_500_000), ("85000", 8_500_000), ("85000,5", 8_500_050), ("85000-07", 8_500_007),
        ("85 000.00", 8_500_000), ("85\u00a0000,00", 8_500_000), ("0.01", 1),
    ],
)  # fmt: skip
def test_amounts_as_banks_write_them(text: str, kopecks: int) -> None:
    assert only(statement([Order(amount=text)])).amount_kopecks == kopecks


@pytest.mark.parametrize("text", ["0.00", "-5.00", "1,234.56", "12.345", "сто", "1e5", "9" * 17])
def test_an_amount_that_cannot_be_is_refused(text: str) -> None:
    assert refused(Order(amount=text)) == Problem("statement_amount_wrong", {"field": "Сумма", "found": text})


@pytest.mark.parametrize("text", ["31.02.2026", "12.03.26", "вчера", "12/03/2026", "12.03.1026"])
def test_a_day_that_cannot_be_is_refused(text: str) -> None:
    assert refused(Order(extra={"Дата": text})) == Problem("statement_date_wrong", {"field": "Дата", "found": text})
    assert refused(Order(extra={"ДатаПоступило": text})).code == "statement_date_wrong"


@pytest.mark.parametrize("name", ["Сумма", "Дата"])
def test_a_field_that_is_missing_is_named(name: str) -> None:
    assert refused(Order(extra={name: None})) == Problem("statement_field_missing", {"field": name})
    assert refused(Order(extra={name: ""})) == Problem("statement_field_missing", {"field": name})


def test_a_key_with_two_values_is_refused_and_one_that_is_repeated_is_not() -> None:
    section = Order().lines()
    other = [*section[:-1], "Сумма=1.00", section[-1]]
    same = [*section[:-1], "Сумма=85000.00", section[-1]]
    _, (problem,) = read(_file(other))
    assert problem.problem == Problem("statement_key_twice", {"field": "Сумма"})
    assert len(read(_file(same))[0]) == 1


def test_money_of_an_account_that_is_not_in_the_file_is_refused() -> None:
    assert refused(Order(payee=SECOND, ours=SECOND)).code == "statement_account_foreign"


def test_money_in_another_currency_is_refused() -> None:
    dollars = "40702840200000000001"
    operations, (problem,) = read(statement([Order(), Order(payee=dollars, ours=dollars)], accounts=(OURS, dollars)))
    assert len(operations) == 1
    assert problem.problem == Problem("statement_currency", {"field": "РасчСчет", "found": "840"})


def test_a_section_that_is_not_closed_is_reported_by_its_line_and_the_next_is_taken() -> None:
    lost, good = Order().lines()[:-1], Order(number="319").lines()
    data = _file([*lost, *good])
    operations, (problem,) = read(data)
    assert [one.number for one in operations] == ["319"]
    assert problem.problem.code == "statement_section_open"
    assert data.decode("cp1251").split("\n")[problem.line - 1].startswith("СекцияДокумент")


def test_a_line_that_says_nothing_is_reported_by_its_number() -> None:
    section = Order().lines()
    data = _file([*section[:3], "что-то", *section[3:], *Order(number="319").lines(), "ерунда"])
    operations, problems = read(data)
    assert [one.number for one in operations] == ["319"]
    text = data.decode("cp1251").split("\n")
    assert [text[one.problem.values["line"] - 1] for one in problems] == ["что-то", "ерунда"]
    assert [one.section for one in problems] == [True, False]


def test_an_end_without_a_beginning_is_reported() -> None:
    _, (problem,) = read(_file(["КонецДокумента", *Order().lines()]))
    assert (problem.problem.code, problem.section) == ("statement_end_alone", False)


def test_bytes_that_are_no_text_cost_their_section_alone() -> None:
    data = statement([Order(number="1"), Order(number="2")], encoding="utf-8")
    operations, (problem,) = read(data.replace("Номер=1".encode(), "Номер=".encode() + b"\xff"))
    assert [one.number for one in operations] == ["2"]
    assert problem.problem.code == "statement_text_unreadable"


def test_a_long_purpose_in_parts_or_broken_into_lines() -> None:
    parts = {"НазначениеПлатежа": None, "НазначениеПлатежа1": "Оплата по", "НазначениеПлатежа2": "счету № 5"}
    assert only(statement([Order(extra=parts)])).purpose == "Оплата по счету № 5"
    broken = Order(purpose="Оплата по\r\nсчету № 5, сумма=100")
    assert only(statement([broken])).purpose == "Оплата по счету № 5, сумма=100"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"Плательщик1": None}, 'ООО "Вектор"'),
        ({"Плательщик1": None, "Плательщик": 'ИНН 7810000019 КПП 781001001 ООО "Вектор"'}, 'ООО "Вектор"'),
        ({"Плательщик1": None, "Плательщик": '7810000019, ООО "Вектор"'}, 'ООО "Вектор"'),
        ({"Плательщик1": None, "Плательщик": '7810000019/781001001 ООО "Вектор"'}, 'ООО "Вектор"'),
        ({"Плательщик1": "ИНН7810000019 ООО Вектор"}, "ООО Вектор"),
        ({"Плательщик1": "500100732259 ИП Лапин Пётр"}, "ИП Лапин Пётр"),
        ({"Плательщик1": "1234567890"}, "1234567890"),
        ({"Плательщик1": None, "Плательщик": None}, ""),
    ],
)
def test_the_payer_s_name_stands_without_its_numbers(fields: dict[str, str | None], name: str) -> None:
    assert only(statement([Order(extra=fields)])).payer_name == name


def test_an_inn_of_another_length_is_none() -> None:
    assert only(statement([Order(extra={"ПлательщикИНН": "0"})])).payer_inn == ""


def test_indirect_settlement_names_our_account_in_the_second_place() -> None:
    through_bank = {"ПолучательСчет": "30101810400000000225", "ПолучательРасчСчет": OURS}
    assert only(statement([Order(extra=through_bank)])).own_account == OURS


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "statement_not_this_format"),
        (b"%PDF-1.4", "statement_not_this_format"),
        (b"1CClientBankExchange\r\nhello\r\n", "statement_encoding_unknown"),
        (statement([Order()])[:-20], "statement_cut_off"),
        (statement([Order()]) + statement([Order()]) + b"x", "statement_after_end"),
        (statement([Order()], accounts=()), "statement_account_missing"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_whole(data: bytes, code: str) -> None:
    problem = looks_whole(data)
    assert problem is not None
    assert problem.code == code


def test_text_behind_the_end_is_named_by_its_line() -> None:
    first = statement([Order()])
    problem = looks_whole(first + b"more\r\n")
    assert problem is not None
    assert (first + b"more").split(b"\r\n")[problem.values["line"] - 1] == b"more"


def test_an_account_with_a_section_for_each_day_lists_those_days_alone() -> None:
    sums = {"ВсегоПоступило": "1.00", "ВсегоСписано": "2,00"}
    lines = [
        HEAD, "ВерсияФормата=1.03", f"РасчСчет={OURS}",
        *account_lines(OURS, DAY, DAY, sums), *account_lines(OURS, date(2026, 3, 14), date(2026, 3, 14), sums),
        "КонецФайла",
    ]  # fmt: skip
    (account,) = opened("\n".join(lines).encode("cp866")).head().accounts
    assert (account.received_kopecks, account.spent_kopecks) == (200, 400)
    assert [account.lists(date(2026, 3, day)) for day in (11, 12, 13, 14)] == [False, True, False, True]


def _file(sections: list[str]) -> bytes:
    lines = [*head_lines((OURS,), DAY, DAY, DAY, "cp1251"), *sections, "КонецФайла", ""]
    return "\n".join(lines).encode("cp1251")


_FRAGMENTS = st.sampled_from(
    [
        *Order().lines(),
        *Order(number="9", amount="-1").lines(),
        *account_lines(OURS, DAY, DAY),
        "",
        "ерунда",
        "=",
        "а=б",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.just(Order().lines()) | st.just(Order(amount="x").lines()) | st.lists(_FRAGMENTS, max_size=8), max_size=12
    )
)
def test_every_section_is_taken_or_reported(pieces: list[list[str]]) -> None:
    data = _file([line for piece in pieces for line in piece])
    operations, problems = read(data)
    in_the_file = sum(line.startswith("СекцияДокумент") for line in data.decode("cp1251").split("\n"))
    assert len(operations) + sum(problem.section for problem in problems) == in_the_file
    lines = data.decode("cp1251").split("\n")
    assert all(lines[one.line - 1].startswith("СекцияДокумент") for one in operations)
    assert all(lines[one.line - 1].startswith("СекцияДокумент") for one in problems if one.section)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["cp1251", "cp866", "utf-8"]))
def test_bytes_of_any_kind_are_read_to_the_end(noise: bytes, encoding: str) -> None:
    whole = statement([Order()], encoding=encoding)
    place = whole.find("СекцияДокумент".encode(encoding))
    found = open_statement(whole[:place] + noise + b"\n" + whole[place:])
    if isinstance(found, Statement):
        assert sum(isinstance(one, BankOperation) for one in found.items()) <= 1
