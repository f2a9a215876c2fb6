"""Bank statements in our own words: the operations of a file, what is known of its accounts, and what could not be
read."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from chassis.domain import Problem
from chassis.values.payment_identity import Direction


@dataclass(frozen=True, slots=True)
class BankOperation:
    """One document section of a statement. ``line`` is where it begins in the file, counted from 1.

    ``statement_day`` is when the bank booked it, ``order_date`` the date of the order itself. ``internal``: both
    accounts are in the file, money that only changed its place.
    """

    line: int
    direction: Direction
    own_account: str
    statement_day: date
    number: str
    order_date: date
    amount_kopecks: int
    payer_account: str = ""
    payer_inn: str = ""
    payer_name: str = ""
    payee_account: str = ""
    payee_inn: str = ""
    payee_name: str = ""
    purpose: str = ""
    internal: bool = False


@dataclass(frozen=True, slots=True)
class StatementAccount:
    """An account of the file with the periods (first and last day) that are listed from beginning to end, and the
    bank's own sums over them; None where the file has none."""

    account: str
    periods: tuple[tuple[date, date], ...] = ()
    received_kopecks: int | None = None
    spent_kopecks: int | None = None

    def lists(self, day: date) -> bool:
        """Whether the file lists a day of this account."""
        return any(first <= day <= last for first, last in self.periods)


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What was not taken, by the line where it begins. ``section``: it stands for a whole document section."""

    line: int
    problem: Problem
    section: bool = True


@dataclass(frozen=True, slots=True)
class StatementHead:
    """What a file says of itself. ``made_at`` is the bank's own local time, without a zone."""

    encoding: Literal["cp1251", "cp866", "utf-8"]
    made_at: datetime | None
    accounts: tuple[StatementAccount, ...]
