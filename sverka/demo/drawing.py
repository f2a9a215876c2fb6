"""Draws a plan: which scenario each deal has, of which tenant, with which buyer. The same for the same seed."""

import random
from collections.abc import Callable, Sequence
from typing import Final

from sverka.demo.plan import Buyer, Draft, Plan, PlannedDeal, PlannedTenant, Portals
from sverka.demo.scenarios import BY_NAME, SCENARIOS

LEGAL_WEIGHTS: Final = (2, 4, 10, 3, 5, 9, 4, 6, 8)
PERSON_WEIGHTS: Final = ((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
NAMES: Final = (
    "Альфа", "Бета", "Волна", "Горизонт", "Дельта", "Енисей", "Жемчуг", "Зенит", "Искра", "Каскад", "Лотос", "Магнит",
    "Нева", "Олимп", "Прогресс", "Радуга", "Сфера", "Тайга", "Уран", "Фаворит", "Хорда", "Чайка", "Шторм", "Эталон",
)  # fmt: skip
TRADES: Final = ("Строй", "Торг", "Сервис", "Проект", "Мебель", "Софт", "Медиа", "Агро")
PEOPLE: Final = (("Анна", "Ершова"), ("Пётр", "Громов"), ("Ольга", "Титова"), ("Иван", "Фомин"), ("Вера", "Крылова"))


def make_plan(*, deals: int, tenants: int, seed: int, portals: Portals = "webhook") -> Plan:
    """Every scenario at least once where there are deals enough; the rest are drawn by their weights."""
    chance = random.Random(f"demo|{seed}|{deals}|{tenants}")  # noqa: S311 - reproducible, nothing secret
    # Every third seller pays VAT, so that both modes are seen from two tenants on.
    planned = tuple(
        PlannedTenant(
            number,
            "standard" if number % 3 == 2 else "exempt",
            by_app=portals == "app" or (portals == "mixed" and number % 3 == 1),
        )
        for number in range(1, tenants + 1)
    )
    names = [scenario.name for scenario in SCENARIOS][:deals]
    rest = [scenario for scenario in SCENARIOS for _ in range(scenario.weight)]
    names += [chance.choice(rest).name for _ in range(deals - len(names))]
    chance.shuffle(names)
    buyers = _Buyers(chance)
    made = []
    for number, name in enumerate(names, start=1):
        scenario = BY_NAME[name]
        fitting = [tenant for tenant in planned if scenario.vat in (None, tenant.vat)]
        if not fitting:  # a single tenant has one tax mode: another scenario takes the place
            scenario, fitting = SCENARIOS[0], list(planned)
        tenant = fitting[number % len(fitting)]
        draft = Draft(chance, tenant.vat)
        scenario.fill(draft)
        buyer = buyers.draw(draft)
        made.append(
            PlannedDeal(
                number=number,
                tenant=tenant.number,
                scenario=scenario.name,
                title=f"{scenario.title} {number}",
                buyer=buyer,
                crm_inn=buyer.inn if draft.crm_inn is None else draft.crm_inn,
                crm_kpp=buyer.kpp if draft.crm_kpp is None else draft.crm_kpp,
                twin=draft.twin,
                rows=tuple(draft.rows),
                steps=tuple(draft.steps),
                expected=draft.expected,
            )
        )
    return Plan(seed, planned, tuple(made))


class _Buyers:
    """Made-up buyers with valid tax ids, each of them once."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._taken: set[str] = set()

    def draw(self, draft: Draft) -> Buyer:
        known = draft.known if draft.known is not None else self._chance.random() < 1 / 3
        if draft.kind == "person":
            first, last = self._chance.choice(PEOPLE)
            mailbox = f"person{self._chance.randrange(10**8):08d}@buyers.example"
            return Buyer("person", f"{first} {last}", email=mailbox)
        if draft.kind == "entrepreneur":
            _, last = self._chance.choice(PEOPLE)
            return Buyer("entrepreneur", f"ИП {last} В. П.", self._fresh(person_inn), known=known)
        inn = self._fresh(legal_inn)
        name = f"ООО «{self._chance.choice(NAMES)} {self._chance.choice(TRADES)} {inn[-4:]}»"
        return Buyer("company", name, inn, f"{inn[:4]}01001", known=known)

    def _fresh(self, make: Callable[[random.Random], str]) -> str:
        while (inn := make(self._chance)) in self._taken:
            continue
        self._taken.add(inn)
        return inn


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
