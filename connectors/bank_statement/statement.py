"""A statement that can be read: its head at once, its operations and problems one after another."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from chassis.domain import Problem
from connectors.bank_statement import mapping, reading
from connectors.bank_statement.reading import Encoding
from connectors.ports.bank import BankOperation, LineProblem, StatementAccount, StatementHead

STATEMENT_BYTES_MAX: Final = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Statement:
    """An opened file. It holds the bytes alone, and reads them anew for each pass."""

    encoding: Encoding
    own: frozenset[str]
    _data: bytes

    def items(self) -> Iterator[BankOperation | LineProblem]:
        """Every document section, as an operation or as a problem; and what else could not be read."""
        for section in reading.sections(self._data, self.encoding):
            if section.kind == "document":
                found = mapping.read_operation(section, self.own)
                yield LineProblem(section.line, found) if isinstance(found, Problem) else found
            elif section.kind == "account":
                account = mapping.read_account(section)
                if isinstance(account, Problem):
                    yield LineProblem(section.line, account, section=False)
            elif section.problem is not None:
                line = section.problem.values.get("line", section.line)
                yield LineProblem(line, section.problem, section=False)

    def head(self) -> StatementHead:
        """When the file was made, and what it says of each of its accounts."""
        made_at, period = None, None
        accounts: dict[str, StatementAccount] = {}
        for section in reading.sections(self._data, self.encoding, documents=False):
            if section.kind == "head":
                made_at = made_at or mapping.read_made_at(section.fields)
                period = period or mapping.read_period(section.fields)
            elif section.kind == "account":
                found = mapping.read_account(section)
                if isinstance(found, StatementAccount):
                    accounts[found.account] = _joined(accounts.get(found.account), found)
        known = (accounts.get(name, StatementAccount(name)) for name in sorted(self.own))
        # The head's days hold for an account whose own section names none.
        dated = (one if one.periods or period is None else replace(one, periods=(period,)) for one in known)
        return StatementHead(self.encoding, made_at, tuple(dated))


def open_statement(data: bytes) -> Statement | Problem:
    """The statement in a file; or why it is none, is not whole, or says of no account that it is about it."""
    data = reading.plain_lines(data)
    encoding = reading.encoding_of(data)
    if isinstance(encoding, Problem):
        return encoding
    if (broken := reading.end_problem(data, encoding)) is not None:
        return broken
    own = reading.own_accounts(data, encoding)
    return Statement(encoding, own, data) if own else Problem("statement_account_missing")


def looks_whole(data: bytes) -> Problem | None:
    """Why a file is refused at the door, without reading what it lists; None for one that may be opened."""
    opened = open_statement(data)
    return opened if isinstance(opened, Problem) else None


def _joined(before: StatementAccount | None, after: StatementAccount) -> StatementAccount:
    """An account whose section comes once for each day."""
    if before is None:
        return after
    return StatementAccount(
        after.account,
        (*before.periods, *after.periods),
        _both(before.received_kopecks, after.received_kopecks),
        _both(before.spent_kopecks, after.spent_kopecks),
    )


def _both(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
