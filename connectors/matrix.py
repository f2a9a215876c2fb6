"""What each vendor can do, as tables of the README: ``python -m connectors.matrix`` writes them anew."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chassis.work.handlers import Probe
from connectors.ports.accounting import ClosingForm
from connectors.registry import ACCOUNTING, EDI, AccountingVendor, Capability, EdiVendor

README: Final = Path(__file__).parent / "README.md"
BEGIN: Final = "<!-- capabilities, written by python -m connectors.matrix -->"
END: Final = "<!-- end of capabilities -->"
EDI_BEGIN: Final = "<!-- operators, written by python -m connectors.matrix -->"
EDI_END: Final = "<!-- end of operators -->"
_PROVEN: Final = {
    Probe.EXACT: "exact",
    Probe.LIST: "list",
    Probe.FEED: "feed",
    Probe.NONE: "a person",
    Probe.REPEAT: "repeat",
}
_FORMS: Final[Mapping[ClosingForm, str]] = {"act": "act", "waybill": "waybill", "upd": "УПД", "sale": "act or waybill"}


def table() -> str:
    """The table: a row for each capability that any accounting service has, a column for each service."""
    vendors = tuple(ACCOUNTING.values())
    named = [one for one in Capability if any(vendor.can(one) for vendor in vendors)]
    rows = [
        ("Capability", *(f"`{vendor.api}`" for vendor in vendors)),
        ("---", *("---" for _ in vendors)),
        *((f"`{one}`", *(_cell(vendor, one) for vendor in vendors)) for one in named),
        ("closing documents", *(_closing(vendor) for vendor in vendors)),
        ("lines of documents", *(vendor.line_items for vendor in vendors)),
        ("companies into the CRM", *("yes" if vendor.follows_buyers else "–" for vendor in vendors)),
        ("numbers invoices", *("itself" if vendor.numbers_itself else "we do" for vendor in vendors)),
        ("calls a second, burst", *(f"{v.limit.per_second:g}, {v.limit.burst}" for v in vendors)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def edi_table() -> str:
    """The same of operators of electronic documents."""
    vendors = tuple(EDI.values())
    named = [one for one in Capability if any(one in vendor.capabilities for vendor in vendors)]
    rows = [
        ("Capability", *(f"`{vendor.vendor}`" for vendor in vendors)),
        ("---", *("---" for _ in vendors)),
        *((f"`{one}`", *(_cell(vendor, one) for vendor in vendors)) for one in named),
        ("calls a second, burst", *(f"{v.limit.per_second:g}, {v.limit.burst}" for v in vendors)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _closing(vendor: AccountingVendor) -> str:
    """The forms; a УПД with the rates that it has words for, where these are not all."""
    rates = sorted(vendor.upd_rates or (), key=lambda rate: (rate != "none", rate))
    of_upd = " or ".join("without VAT" if rate == "none" else f"at {rate} %" for rate in rates)
    named = [_FORMS[form] + (f" ({of_upd} alone)" if form == "upd" and rates else "") for form in vendor.closing_forms]
    return ", ".join(named)


def _cell(vendor: AccountingVendor | EdiVendor, capability: Capability) -> str:
    if capability not in vendor.capabilities:
        return "–"
    policy = vendor.policies.get(capability)
    return "yes" if policy is None else _PROVEN[policy.probe]


def written(readme: str) -> str:
    """The README with the tables as they are now. Raises ValueError where it has no place for one."""
    for begin, end, made in ((BEGIN, END, table()), (EDI_BEGIN, EDI_END, edi_table())):
        before, found, rest = readme.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"the README has no lines {begin!r} and {end!r}")
        readme = f"{before}{begin}\n{made}\n{end}{after}"
    return readme


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
    sys.stdout.write("written\n")
