"""Draws the work of a campaign: scenarios, buyers, sums and moments. The same for the same seed."""

import random
from collections.abc import Callable, Sequence
from typing import Final

from tests.chaos.campaign.chance import chance_of
from tests.chaos.campaign.plan import Buyer, Draft, Plan, PlannedDeal, PlannedTenant
from tests.chaos.campaign.scenarios import SCENARIOS, Scenario

LEGAL_WEIGHTS: Final = (2, 4, 10, 3, 5, 9, 4, 6, 8)
PERSON_WEIGHTS: Final = ((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
PEOPLE: Final = (("Анна", "Ершова"), ("Пётр", "Громов"), ("Ольга", "Титова"), ("Иван", "Фомин"), ("Вера", "Крылова"))
ENTRY_SHARE: Final = 0.6
"""Deals enter during this part of the time of faults."""


def make_plan(*, deals: int, tenants: int, seed: int, seconds: float, only: Sequence[str] = ()) -> Plan:
    """Slot by slot, each slot once in every tenant, so that ids are the same everywhere. `only`: these scenarios."""
    chance = chance_of("campaign", seed, deals, tenants)
    planned = tuple(
        PlannedTenant(number, "standard" if number % 3 == 2 else "exempt", f"К{number}-{chance.getrandbits(32):08x}")
        for number in range(1, tenants + 1)
    )
    known = [one for one in SCENARIOS if (one.name in only if only else one.weight)]
    slots = -(-deals // tenants)
    drawn = chance.sample(known, len(known))[:slots]
    drawn += chance.choices(known, [max(1, scenario.weight) for scenario in known], k=slots - len(drawn))
    chance.shuffle(drawn)
    fresh = _Fresh(chance)
    made: list[PlannedDeal] = []
    for slot, scenario in enumerate(drawn, start=1):
        inn, person = fresh.draw(legal_inn), fresh.draw(person_inn)
        mailbox = f"person{chance.randrange(10**8):08d}@buyers.example"
        records = "own" if chance.random() < 1 / 3 else "none"
        name = chance.choice(PEOPLE)
        for tenant in planned[: deals - len(made)]:
            fitting = scenario if scenario.vat in (None, tenant.vat) else _plain(known)
            draft = Draft(chance_of(seed, slot, tenant.number), tenant.vat, tenant.canary)
            fitting.fill(draft)
            buyer = _buyer(draft, inn, person, mailbox, name, records)
            made.append(
                PlannedDeal(
                    number=len(made) + 1,
                    tenant=tenant.number,
                    slot=slot,
                    scenario=fitting.name,
                    title=f"Поставка {slot} {tenant.canary}",
                    buyer=buyer,
                    crm_inn=buyer.inn if draft.crm_inn is None else draft.crm_inn,
                    crm_kpp=buyer.kpp if draft.crm_kpp is None else draft.crm_kpp,
                    twin=draft.twin,
                    card=draft.card,
                    rows=tuple(draft.rows),
                    steps=tuple(draft.steps),
                    expected=draft.expected,
                    starts_at=round(chance.uniform(0, ENTRY_SHARE * seconds), 2),
                )
            )
    return Plan(seed, planned, tuple(made))


def _plain(known: Sequence[Scenario]) -> Scenario:
    return next((scenario for scenario in known if scenario.vat is None), SCENARIOS[0])


def _buyer(draft: Draft, inn: str, person: str, mailbox: str, name: tuple[str, str], records: str) -> Buyer:
    chosen = draft.records or records
    match draft.kind:
        case "person":
            return Buyer("person", " ".join(name), email=mailbox)
        case "entrepreneur":
            return Buyer("entrepreneur", f"ИП {name[1]} {draft.canary}", person, records=chosen)  # type: ignore[arg-type]
        case _:
            title = f"ООО «Покупатель {inn[-4:]} {draft.canary}»"
            return Buyer("company", title, inn, f"{inn[:4]}01001", records=chosen)  # type: ignore[arg-type]


class _Fresh:
    """Each value once."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._taken: set[str] = set()

    def draw(self, make: Callable[[random.Random], str]) -> str:
        while (value := make(self._chance)) in self._taken:
            continue
        self._taken.add(value)
        return value


def legal_inn(chance: random.Random) -> str:
    """A made-up INN of ten digits with its check digit."""
    digits = f"77{chance.randrange(10**7):07d}"
    return digits + _check(digits, LEGAL_WEIGHTS)


def person_inn(chance: random.Random) -> str:
    """A made-up INN of twelve digits with its check digits."""
    digits = f"77{chance.randrange(10**8):08d}"
    for weights in PERSON_WEIGHTS:
        digits += _check(digits, weights)
    return digits


def _check(digits: str, weights: Sequence[int]) -> str:
    return str(sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11 % 10)
