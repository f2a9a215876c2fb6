"""The code that money depends on, in parts, and the tests that must notice every change of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Part:
    """Files by their patterns, and the tests. Those of inbox and outbox start Postgres, once for all, so that their
    changes are tried one by one; of others ``at_once``, by the tests that need no server."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    at_once: int = 4

    def paths(self) -> list[str]:
        """The files as they are now, from the root of the tree."""
        found = {path.relative_to(ROOT).as_posix() for pattern in self.files for path in ROOT.glob(pattern)}
        return sorted(found)


def _part(name: str, files: str, of: str, tests: str, at_once: int = 4) -> Part:
    return Part(name, tuple(files.split()), tuple(f"tests/{of}/test_{test}.py" for test in tests.split()), at_once)


def _domain(service: str, tests: str) -> Part:
    part = _part(service, f"services/{service}/domain/*.py", f"services/{service}", tests)
    return replace(part, tests=(*part.tests, "tests/services/test_transcripts.py", "tests/golden/test_golden.py"))


PARTS: Final = (
    _part("money", "chassis/values/money.py", "chassis/values", "money"),
    _part("lines", "chassis/values/lines.py chassis/values/vat.py", "chassis/values", "lines vat"),
    _part("identity", "chassis/values/payment_identity.py", "chassis/values", "payment_identity_rows payment_identity"),
    _part("machine", "chassis/work/machine.py", "chassis/work", "machine_steps machine"),
    _domain(
        "counterparty",
        "party_kept party_state rules matching fields cards records places companies requests sync_steps watching "
        "party_machine workers",
    ),
    _domain(
        "ingest",
        "domain portal orders_seen requisites_seen deals_seen limits cursor buckets snapshot shop_module goods edi "
        "registers shops sweeps workers",
    ),
    _domain(
        "invoicing",
        "rules order orders goods questions standing_questions review cancelling documents duplicates values edi "
        "edi_plans plans edi_workers pdf_and_act lost_topics workers handlers process_machine",
    ),
    _domain(
        "notifier",
        "spoken ordered_writes hourly_limit rules orders companies newcomers edi texts lost_topics deal_machine",
    ),
    _domain(
        "payments",
        "shown work bank_shown bank_questions statement_files rules enriching matching balances standing "
        "balance_machine bank_days",
    ),
    _part("inbox", "chassis/messaging/inbox.py", "chassis", "inbox housekeeping", at_once=1),
    _part(
        "outbox",
        "chassis/outbox.py chassis/messaging/outgoing.py chassis/messaging/windows.py",
        "chassis",
        "windows outgoing",
        at_once=1,
    ),
)
