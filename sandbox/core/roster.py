"""Made-up tenants and buyers, the same for the same seed, so that every vendor is seeded with the same world."""

from __future__ import annotations

import random
from dataclasses import dataclass

TENANT_NAMES = ("Вектор", "Ромашка", "Северянка", "Меридиан", "Лаванда", "Гранит", "Парус", "Заря", "Кедр", "Орбита")
TENANT_SLUGS = (
    "vektor", "romashka", "severyanka", "meridian", "lavanda", "granit", "parus", "zarya", "kedr", "orbita",
)  # fmt: skip
BUYER_FIRST = ("Альфа", "Бета", "Волна", "Горизонт", "Дельта", "Енисей", "Жемчуг", "Зенит", "Искра", "Каскад", "Лотос",
               "Магнит", "Нева", "Олимп", "Прогресс", "Радуга", "Сфера", "Тайга", "Уран", "Фаворит", "Хорда", "Центр",
               "Чайка", "Шторм", "Эталон", "Юпитер", "Янтарь")  # fmt: skip
BUYER_SECOND = ("Строй", "Торг", "Сервис", "Проект", "Логистика", "Мебель", "Софт", "Медиа", "Агро", "Финанс")
SURNAMES = ("Лапин", "Орлов", "Соколов", "Зайцев", "Ершов", "Громов", "Беляев", "Крылов", "Титов", "Фомин")
REGIONS = ("77", "78", "50", "52", "54", "66", "16", "23", "61", "74")
STREETS = ("Лесная", "Садовая", "Речная", "Полевая", "Школьная", "Озёрная", "Парковая", "Заводская")


@dataclass(frozen=True, slots=True)
class Party:
    """A legal entity (10-digit INN with KPP) or an entrepreneur (12-digit INN, empty KPP)."""

    name: str
    full_name: str
    inn: str
    kpp: str
    ogrn: str
    address: str
    email: str
    phone: str

    @property
    def is_entrepreneur(self) -> bool:
        return len(self.inn) == 12


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """One tenant: its seller and its buyers. `index` counts from 1; `slug` is unique in the roster."""

    index: int
    slug: str
    title: str
    seller: Party
    buyers: tuple[Party, ...]


@dataclass(frozen=True, slots=True)
class Roster:
    """All tenants of one seed."""

    seed: int
    tenants: tuple[TenantPlan, ...]


def make_roster(seed: int, tenants: int, buyers_per_tenant: int) -> Roster:
    """`tenants` plans with as many buyers each; one buyer in five is an entrepreneur."""
    plans = []
    for index in range(1, tenants + 1):
        chance = random.Random(f"roster|{seed}|{index}")  # noqa: S311 - reproducible, nothing secret
        turn, place = divmod(index - 1 + seed, len(TENANT_NAMES))
        suffix = "" if index <= len(TENANT_NAMES) else f"-{index}"
        name = f"ООО «{TENANT_NAMES[place]}{suffix}»"
        plans.append(
            TenantPlan(
                index=index,
                slug=f"{TENANT_SLUGS[place]}{suffix}",
                title=name,
                seller=_legal(chance, name, f"{TENANT_SLUGS[place]}{suffix}"),
                buyers=tuple(_buyer(chance, number, turn) for number in range(1, buyers_per_tenant + 1)),
            )
        )
    return Roster(seed=seed, tenants=tuple(plans))


def _buyer(chance: random.Random, number: int, turn: int) -> Party:
    if number % 5 == 0:
        surname = SURNAMES[(number + turn) % len(SURNAMES)]
        initials = f"{chance.choice('АБВГДЕИК')}. {chance.choice('АБВГДЕИК')}."
        return Party(
            name=f"ИП {surname} {initials}",
            full_name=f"Индивидуальный предприниматель {surname} {initials}",
            inn=person_inn(chance), kpp="", ogrn=ogrnip(chance), address=_address(chance),
            email=f"ip{number}@buyers.example", phone=f"+7 900 {chance.randrange(10**6, 10**7)}",
        )  # fmt: skip
    name = f"ООО «{chance.choice(BUYER_FIRST)} {chance.choice(BUYER_SECOND)} {number}»"
    return _legal(chance, name, f"buyer{number}")


def _legal(chance: random.Random, name: str, mailbox: str) -> Party:
    inn = legal_inn(chance)
    return Party(
        name=name, full_name=name.replace("ООО", "Общество с ограниченной ответственностью"),
        inn=inn, kpp=f"{inn[:4]}01001", ogrn=ogrn(chance), address=_address(chance),
        email=f"info@{mailbox}.example", phone=f"+7 495 {chance.randrange(10**6, 10**7)}",
    )  # fmt: skip


def _address(chance: random.Random) -> str:
    return f"{chance.randrange(101000, 690999)}, г. Москва, ул. {chance.choice(STREETS)}, д. {chance.randrange(1, 99)}"


def legal_inn(chance: random.Random) -> str:
    """A 10-digit INN with a true check digit."""
    digits = chance.choice(REGIONS) + f"{chance.randrange(10**7):07d}"
    return digits + inn_check(digits, (2, 4, 10, 3, 5, 9, 4, 6, 8))


def person_inn(chance: random.Random) -> str:
    """A 12-digit INN with true check digits."""
    digits = chance.choice(REGIONS) + f"{chance.randrange(10**8):08d}"
    digits += inn_check(digits, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
    return digits + inn_check(digits, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))


def inn_check(digits: str, weights: tuple[int, ...]) -> str:
    """The check digit of an INN (Federal Tax Service order on the INN's structure)."""
    return str(sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11 % 10)


def ogrn(chance: random.Random) -> str:
    body = f"123{chance.choice(REGIONS)}{chance.randrange(10**7):07d}"
    return body + str(int(body) % 11 % 10)


def ogrnip(chance: random.Random) -> str:
    body = f"323{chance.choice(REGIONS)}{chance.randrange(10**9):09d}"
    return body + str(int(body) % 13 % 10)
