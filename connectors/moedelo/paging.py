"""Pages by number that overlap: rows that change meanwhile leave their places in a list to those behind them.

Pages of one size would lose a row at their border, and the API takes no offset: so the size of each page is chosen such
that the page begins among the rows that are known.
"""

from dataclasses import dataclass
from typing import Final

from connectors.moedelo.schema import PAGE_ROWS

OVERLAP_ROWS: Final = 10
_SIZES: Final = range(PAGE_ROWS // 2, PAGE_ROWS + 1)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its number from 1 on, and how many rows it has."""

    number: int
    rows: int

    @property
    def query(self) -> dict[str, str]:
        """As the API takes it."""
        return {"pageNo": str(self.number), "pageSize": str(self.rows)}

    @property
    def end(self) -> int:
        """How many rows of the list are known with it."""
        return self.number * self.rows


def page_after(known: int) -> Page:
    """The page that goes farthest of those that begin at least ten rows before the end of what is ``known``."""
    if known == 0:
        return Page(1, PAGE_ROWS)
    pages = (Page((known - OVERLAP_ROWS) // rows + 1, rows) for rows in _SIZES)
    return max(pages, key=lambda page: page.end)
