"""What is said of a tenant's file that cannot be taken."""

from dataclasses import dataclass
from typing import Any, Final

FOUND_LENGTH_MAX: Final = 80

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``line`` counts from 1, 0 where the document came without lines."""

    line: int
    key: str
    found: str
    write: str

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        found = f" found {self.found};" if self.found else ""
        return f"{where}{self.key or 'the file'}:{found} {self.write}"


class TenantFileRefused(ValueError):  # noqa: N818 - an answer about a file, not a fault of ours
    """The file is refused whole; ``faults`` has everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def key_text(path: KeyPath) -> str:
    """A path as people write it: ``sellers[0].tax``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shown(value: Any) -> str:
    """A value as the refusal names it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "keys and values"
    text = f"{value!r}" if isinstance(value, str) else str(value)
    return text if len(text) <= FOUND_LENGTH_MAX else text[:FOUND_LENGTH_MAX] + "…"
