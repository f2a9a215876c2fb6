"""The documents of `statements`."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from sverka.models.base import Document


class StatementProblem(Document):
    """What was not taken of a bank statement."""

    line: int = Field(description="Where it begins in the file, from 1.")
    section: bool = Field(description="A whole operation of the bank; else a remark on the file.")
    code: str
    text: str = Field(description="Why, in words.")


class StatementFile(Document):
    """One bank statement file."""

    statement_id: str
    file_name: str
    size_bytes: int
    received_at: datetime
    status: Literal["waiting", "read", "refused"]
    sections: int = Field(description="Operations that the file lists.")
    taken: int
    problem_count: int
    problems: list[StatementProblem] = Field(description="The first 200.")
    accounts: list[str]
    first_day: date | None
    last_day: date | None
    again: bool | None = Field(default=None, description="These very bytes had been sent before; of `put` alone.")


class StatementsDocument(Document):
    """`sverka statements list --json`."""

    statements: list[StatementFile]
