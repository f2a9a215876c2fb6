"""What each accounting service can do, as a table of the README: ``python -m connectors.matrix`` writes it anew."""

import sys
from pathlib import Path
from typing import Final

from chassis.work.handlers import Probe
from connectors.registry import ACCOUNTING, AccountingVendor, Capability

README: Final = Path(__file__).parent / "README.md"
BEGIN: Final = "<!-- capabilities, written by python -m connectors.matrix -->"
END: Final = "<!-- end of capabilities -->"
_PROVEN: Final = {
    Probe.EXACT: "exact",
    Probe.LIST: "list",
    Probe.FEED: "feed",
    Probe.NONE: "a person",
    Probe.REPEAT: "repeat",
}


def table() -> str:
    """The table: a row for each capability that any accounting service has, a column for each service."""
    vendors = tuple(ACCOUNTING.values())
    named = [one for one in Capability if any(vendor.can(one) for vendor in vendors)]
    rows = [
        ("Capability", *(f"`{vendor.api}`" for vendor in vendors)),
        ("---", *("---" for _ in vendors)),
        *((f"`{one}`", *(_cell(vendor, one) for vendor in vendors)) for one in named),
        ("numbers invoices", *("itself" if vendor.numbers_itself else "we do" for vendor in vendors)),
        ("calls a second, burst", *(f"{v.limit.per_second:g}, {v.limit.burst}" for v in vendors)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(vendor: AccountingVendor, capability: Capability) -> str:
    if not vendor.can(capability):
        return "–"
    policy = vendor.policies.get(capability)
    return "yes" if policy is None else _PROVEN[policy.probe]


def written(readme: str) -> str:
    """The README with the table as it is now. Raises ValueError where it has no place for it."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README has no lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
    sys.stdout.write("written\n")
