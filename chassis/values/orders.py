"""The id under which an order of a shop goes the way of a deal; no portal has such a one."""

import re
from dataclasses import dataclass
from typing import Final, Self

_ID: Final = re.compile(r"shop-(?P<shop>[a-z0-9-]{1,20})-(?P<order>[1-9][0-9]{0,13})")


@dataclass(frozen=True, slots=True)
class OrderId:
    """``shop-<shop>-<order>``: our name of the shop and the shop's own id of the order, not the number buyers see.

    Raises ValueError when it could not be read back from its text.
    """

    shop: str
    order: int

    def __post_init__(self) -> None:
        if not _ID.fullmatch(str(self)):
            raise ValueError(f"{self} names no order: a shop of up to 20 characters and a positive number are needed")

    def __str__(self) -> str:
        return f"shop-{self.shop}-{self.order}"

    @classmethod
    def parse(cls, deal_id: str) -> Self | None:
        """The order behind a deal's id; None for a deal of a portal."""
        match = _ID.fullmatch(deal_id)
        return None if match is None else cls(match["shop"], int(match["order"]))
