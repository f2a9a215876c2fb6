"""What people and banks do that programs like least: told by the deeds of the plan, and counted with the faults."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.chaos.campaign.faults.base import Injection
from tests.chaos.campaign.people import StagedDeal
from tests.chaos.campaign.view import View

BY_SCENARIO: Final = {
    "flapping": ("F28", "StageFlapping"),
    "edited_by_hand": ("F44", "EditedByHand"),
    "deleted_by_hand": ("F44", "DeletedByHand"),
    "listed_twice": ("F46", "ListedTwice"),
    "two_equal_payments": ("F46", "TwoEqualPayments"),
    "late_in_feed": ("F46", "LateInFeed"),
    "renamed": ("F46", "Renamed"),
    "revised": ("F46", "Revised"),
    "removed": ("F46", "Reversed"),
    "vanished": ("F46", "Vanished"),
    "refunded": ("F46", "Refunded"),
    "overpaid": ("F46", "TooMuch"),
    "paid_in_part": ("F46", "InPart"),
    "two_records": ("F47", "TwoRecords"),
    "two_companies": ("F47", "TwoCompanies"),
    "other_branch": ("F47", "OtherBranch"),
    "inn_changed": ("F47", "InnChanged"),
}
"""F28 a stage entered and left again and again; F44 an invoice edited or deleted by hand; F46 payments listed twice,
revised, reversed, in part, too much; F47 several records of one buyer, an INN that changes."""
ECHO: Final = ("F27", "Echo")
"""F27: the portal's webhooks about our own writes."""


def deeds(deals: Sequence[StagedDeal], view: View, began: float, ended: float) -> list[Injection]:
    """What the plan itself brought about, as injections: one of each kind, with how often it was done."""
    done: Counter[tuple[str, str]] = Counter(
        BY_SCENARIO[deal.plan.scenario] for deal in deals if deal.done and deal.plan.scenario in BY_SCENARIO
    )
    done[ECHO] = min(view.requests["bitrix24", "crm.item.update"], len(view.sent))
    return [
        Injection(code, name, 0.0, began=began, ended=ended, count=count)
        for (code, name), count in sorted(done.items())
        if count
    ]
