"""The register of accounting: its entries, and its virtual tables of balances and turnovers.

Source: the platform's documentation, 17.4.9 (functions of registers); the columns are those that public clients read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.accounting.records import Account
from sandbox.core.wire import Reply
from sandbox.onec import query
from sandbox.onec.fixed import key_of
from sandbox.onec.grammar import GrammarError, Node, parse_filter
from sandbox.onec.model import EMPTY_GUID, NAMESPACE, Property, Type, columns_of
from sandbox.onec.postings import Posting, Side, account_key
from sandbox.onec.query import Options
from sandbox.onec.refusals import Refusal
from sandbox.onec.shape import Shape
from sandbox.onec.view import BUYER_TYPE, NO_TYPE, Entity, View, roubles

NAME = "AccountingRegister_Хозрасчетный"
ENTRIES = f"{NAME}_RecordType"
_CALL = re.compile(rf"{NAME}/(?P<table>\w+)(?:\((?P<given>.*)\))?")
_GIVEN = re.compile(r"\s*(?P<name>\w+)=(?:datetime'(?P<moment>[^']*)'|'(?P<text>.*)')\s*", re.DOTALL)
_NEXT = re.compile(r",(?=\s*\w+=(?:datetime)?')")
"""Where another parameter begins: a condition has commas and quotes of its own, left as is in examples."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d)?")
_CONTRACT_TYPE = "StandardODATA.Catalog_ДоговорыКонтрагентов"
_DIMENSIONS = (
    Property("Account_Key", "g", "ChartOfAccounts_Хозрасчетный"),
    Property("Организация_Key", "g", "Catalog_Организации"),
    Property("Валюта_Key", "g", "Catalog_Валюты"),
    *(Property(f"ExtDimension{place}{part}", "s") for place in (1, 2, 3) for part in ("", "_Type")),
)
_SIDES = ("", "Dr", "Cr")
CONDITIONS = ("Condition", "AccountCondition")
IDLE = ("ExtraDimensions", "Dimensions")
"""Parameters that choose dimensions: here rows have all that there are."""


@dataclass(frozen=True, slots=True)
class Table:
    """A virtual table: the parameters that it takes besides conditions, and the figures that it has."""

    moments: tuple[str, ...]
    figures: tuple[str, ...]

    @property
    def type(self) -> Type:
        """Its rows as a set's."""
        resources = [Property(f"Сумма{one}{side}", "n") for one in self.figures for side in _SIDES]
        return Type(NAME, {one.name: one for one in (*_DIMENSIONS, *resources)}, {})


TABLES = {
    "Balance": Table(("Period",), ("Balance",)),
    "Turnovers": Table(("StartPeriod", "EndPeriod"), ("Turnover",)),
    "BalanceAndTurnovers": Table(("StartPeriod", "EndPeriod"), ("OpeningBalance", "Turnover", "ClosingBalance")),
}
ENTRY_TYPE = Type(
    ENTRIES,
    {
        one.name: one
        for one in (
            Property("Recorder", "s"), Property("Recorder_Type", "s"), Property("LineNumber", "i"),
            Property("Period", "d"), Property("Active", "b"),
            Property("AccountDr_Key", "g", "ChartOfAccounts_Хозрасчетный"),
            Property("AccountCr_Key", "g", "ChartOfAccounts_Хозрасчетный"),
            *(Property(f"ExtDimension{side}{place}{part}", "s")
              for side in ("Dr", "Cr") for place in (1, 2, 3) for part in ("", "_Type")),
            Property("Организация_Key", "g", "Catalog_Организации"),
            Property("Сумма", "n"), Property("Содержание", "s"),
        )
    },
    {},
)  # fmt: skip


SET_TYPE = Type(NAME, {name: Property(name, "s") for name in ("Recorder", "Recorder_Type")}, {})


def described() -> tuple[str, str]:
    """Types and functions of the register in the base's description."""
    recorder = '<Key><PropertyRef Name="Recorder"/><PropertyRef Name="Recorder_Type"/></Key>'
    types = [f'<EntityType Name="{NAME}">{recorder}{columns_of(SET_TYPE.properties, tuple(SET_TYPE.properties))}'
             f'<Property Name="RecordSet" Type="Collection({NAMESPACE}.{NAME}_RowType)" Nullable="true"/></EntityType>',
             f'<ComplexType Name="{NAME}_RowType">{columns_of(ENTRY_TYPE.properties, ())}</ComplexType>',
             f'<EntityType Name="{ENTRIES}"><Key><PropertyRef Name="Recorder"/><PropertyRef Name="LineNumber"/></Key>'
             f"{columns_of(ENTRY_TYPE.properties, ('Recorder', 'LineNumber'))}</EntityType>"]  # fmt: skip
    functions = [f'<EntitySet Name="{one}" EntityType="{NAMESPACE}.{one}"/>' for one in (NAME, ENTRIES)]
    for name, table in TABLES.items():
        row = f"{NAME}_{name}"
        types.append(f'<ComplexType Name="{row}">{columns_of(table.type.properties, ())}</ComplexType>')
        taken = [
            *((one, "Edm.DateTime") for one in table.moments),
            *((one, "Edm.String") for one in (*CONDITIONS, *IDLE)),
        ]
        parameters = "".join(f'<Parameter Name="{one}" Type="{kind}" Mode="In"/>' for one, kind in taken)
        functions.append(
            f'<FunctionImport Name="{name}" ReturnType="Collection({NAMESPACE}.{row})" IsSideEffecting="false"'
            f' IsBindable="true"><Parameter Name="bindingParameter" Type="Collection({NAMESPACE}.{NAME})" Mode="In"/>'
            f"{parameters}</FunctionImport>"
        )
    return "".join(types), "".join(functions)


def _record_sets(account: Account, entries: Sequence[Posting]) -> list[Entity]:
    """The entries of each document that made some."""
    sets: dict[tuple[str, str], list[Entity]] = {}
    for one in entries:
        row = _entry(account, one)
        sets.setdefault((row["Recorder"], row["Recorder_Type"]), []).append(row)
    return [{"Recorder": key, "Recorder_Type": kind, "RecordSet": rows} for (key, kind), rows in sets.items()]


def asked_for(path: str) -> bool:
    """Whether a path below the root is the register's."""
    return path.partition("(")[0].partition("/")[0] in (NAME, ENTRIES)


def answer(
    account: Account, entries: Sequence[Posting], path: str, options: Options, shape: Shape, view: View
) -> Reply:
    """What a GET of the register gives. Raises Refusal."""
    if path == NAME:
        sets = query.selected(_record_sets(account, entries), options, SET_TYPE, view)
        return shape.rows(NAME, [dict(one) for one in query.page(sets, options)])
    if path == ENTRIES:
        rows = [_entry(account, one) for one in entries]
        return shape.collection(ENTRY_TYPE, query.selected(rows, options, ENTRY_TYPE, view))
    called = _CALL.fullmatch(path)
    if called is None or called["table"] not in TABLES:
        raise Refusal(404, "11", "Метод не найден")
    table = TABLES[called["table"]]
    given = _parameters(called["given"] or "", table)
    kind = table.type
    rows = _rows(account, entries, given, table)
    for name in CONDITIONS:
        if name in given:
            condition = Options(condition=_condition(given[name]))
            rows = [dict(row) for row in query.selected(rows, condition, kind, view)]
    return shape.collection(kind, query.selected(rows, options, kind, view))


def _parameters(text: str, table: Table) -> dict[str, str]:
    """Named parameters by their names. Raises Refusal."""
    found: dict[str, str] = {}
    for part in _NEXT.split(text) if text.strip() else ():
        given = _GIVEN.fullmatch(part)
        if given is None:
            raise Refusal(400, "6", "Ошибка разбора параметров метода")
        name, moment = given["name"], given["moment"]
        known = name in table.moments if moment is not None else name in (*CONDITIONS, *IDLE)
        if not known or (moment is not None and not _MOMENT.fullmatch(moment)):
            raise Refusal(400, "12", f"Параметр {name} не найден или имеет неверное значение")
        found[name] = given["text"] if moment is None else moment if "T" in moment else f"{moment}T00:00:00"
    return found


def _condition(text: str) -> Node:
    """A condition with quotes as they are, or doubled. Raises Refusal."""
    try:
        return parse_filter(text)
    except GrammarError as error:
        if "''" not in text:
            raise query.refused(error) from error
    try:
        return parse_filter(text.replace("''", "'"))
    except GrammarError as error:
        raise query.refused(error) from error


def _rows(account: Account, entries: Sequence[Posting], given: dict[str, str], table: Table) -> list[Entity]:
    """A row for each account and its dimensions. A balance is that before its moment; turnovers have both ends."""
    if "Balance" in table.figures:
        until = given.get("Period")
        return _sums(account, {"Balance": [one for one in entries if until is None or one.at < until]})
    start, end = given.get("StartPeriod", ""), given.get("EndPeriod", "9999")
    parts = {
        "OpeningBalance": [one for one in entries if one.at < start],
        "Turnover": [one for one in entries if start <= one.at <= end],
        "ClosingBalance": [one for one in entries if one.at <= end],
    }
    return _sums(account, {name: parts[name] for name in table.figures})


def _sums(account: Account, parts: dict[str, list[Posting]]) -> list[Entity]:
    sums: dict[Side, dict[str, list[int]]] = {}
    for figure, entries in parts.items():
        for one in entries:
            for place, side in enumerate((one.debit, one.credit)):
                of_side = sums.setdefault(side, {name: [0, 0] for name in parts})
                of_side[figure][place] += one.kopecks
    rows = []
    for side, figures in sorted(sums.items(), key=lambda one: (one[0].code, one[0].buyer, one[0].contract)):
        row = _dimensions(account, side)
        for figure, (debit, credit) in figures.items():
            row.update(_figure(figure, debit, credit))
        if any(row[f"Сумма{figure}{side_}"] for figure in figures for side_ in ("Dr", "Cr")):
            rows.append(row)
    return rows


def _figure(name: str, debit: int, credit: int) -> Entity:
    """A turnover has both sides; a balance stands on one of them."""
    if name == "Turnover":
        values = (debit - credit, debit, credit)
    else:
        values = (debit - credit, max(0, debit - credit), max(0, credit - debit))
    return {f"Сумма{name}{side}": roubles(value) for side, value in zip(_SIDES, values, strict=True)}


def _dimensions(account: Account, side: Side) -> Entity:
    return {
        "Account_Key": account_key(account, side.code),
        "Организация_Key": key_of(account, "Catalog_Организации", "main"),
        "Валюта_Key": EMPTY_GUID,
        **_ext(side, "ExtDimension"),
    }


def _ext(side: Side, name: str) -> Entity:
    by_buyer = bool(side.buyer)
    return {
        f"{name}1": side.buyer,
        f"{name}1_Type": BUYER_TYPE if by_buyer else NO_TYPE,
        f"{name}2": side.contract if by_buyer else "",
        f"{name}2_Type": _CONTRACT_TYPE if by_buyer else NO_TYPE,
        f"{name}3": "",
        f"{name}3_Type": NO_TYPE,
    }


def _entry(account: Account, one: Posting) -> Entity:
    return {
        "Recorder": one.recorder,
        "Recorder_Type": f"StandardODATA.{one.recorder_kind}",
        "LineNumber": str(one.line),
        "Period": one.at,
        "Active": True,
        "AccountDr_Key": account_key(account, one.debit.code),
        "AccountCr_Key": account_key(account, one.credit.code),
        **_ext(one.debit, "ExtDimensionDr"),
        **_ext(one.credit, "ExtDimensionCr"),
        "Организация_Key": key_of(account, "Catalog_Организации", "main"),
        "Сумма": roubles(one.kopecks),
        "Содержание": one.words,
    }
