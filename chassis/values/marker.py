"""The key of an effect and the visible marker that lets its document be found again at the vendor (R3, R7)."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chassis.ids import deterministic_id

_ID: Final = r"[A-Za-z0-9_-]{1,40}"
_KIND: Final = r"[a-z][a-z0-9_]{0,19}"
_REVISION: Final = r"[1-9][0-9]{0,5}"
_MARKER: Final = re.compile(
    rf"\[b24:(?P<deal>{_ID}):(?P<kind>{_KIND}):(?P<revision>{_REVISION}):(?P<check>[0-9a-f]{{8}})\]"
)


@dataclass(frozen=True, slots=True)
class Marker:
    """``[b24:<deal>:<kind>:<revision>:<8 hex>]``; the hex digits begin the effect key and tell tenants apart.

    Raises ValueError when a part could not be read back from the text.
    """

    deal: str
    kind: str
    revision: int
    check: str

    def __post_init__(self) -> None:
        if not _MARKER.fullmatch(str(self)):
            raise ValueError(
                f"{self} is not a marker: a deal's id, a kind, a revision from 1 and 8 hex digits are needed"
            )

    def __str__(self) -> str:
        return f"[b24:{self.deal}:{self.kind}:{self.revision}:{self.check}]"


def effect_key(*, tenant: str, provider: str, organisation: str, deal: str, kind: str, revision: int) -> UUID:
    """The key of one outside effect: the same parts always give the same uuid5, in every process.

    Raises ValueError for an empty part, since an absent value must not make two effects one.
    """
    parts = (tenant, provider, organisation, deal, kind, str(revision))
    if not all(parts) or any("\x1f" in part for part in parts):
        raise ValueError(
            "every part of an effect's key is needed: tenant, provider, organisation, deal, kind, revision"
        )
    return deterministic_id("effect", *parts)


def make_marker(*, deal: str, kind: str, revision: int, key: UUID) -> Marker:
    """The marker of the effect with that key. Raises ValueError as :class:`Marker`."""
    return Marker(deal, kind, revision, key.hex[:8])


def find_markers(text: str) -> tuple[Marker, ...]:
    """All markers in a comment or an external-id field, in order; what people write around them does not matter."""
    return tuple(
        Marker(found["deal"], found["kind"], int(found["revision"]), found["check"]) for found in _MARKER.finditer(text)
    )
