"""Companies of the register as one provider has them, and accounts that ask about them: plain JSON records."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta, timezone
from typing import Any

from sandbox.core.vendor import Change, Vendor
from sandbox.core.wire import BadRequestError, UnknownError
from sandbox.core.world import World

MOSCOW = timezone(timedelta(hours=3))
STATUSES = ("ACTIVE", "REORGANIZING", "LIQUIDATING", "BANKRUPT", "LIQUIDATED")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a company: its own KPP and address."""

    kpp: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Company:
    """A company (INN of 10 digits) or an entrepreneur (12). Days are ISO; an entrepreneur may be registered several
    times, each with an OGRNIP of its own."""

    inn: str
    name: str
    full_name: str
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    status: str = "ACTIVE"
    registered_on: str = "2020-01-15"
    liquidated_on: str | None = None
    address_invalid: bool = False
    branches: tuple[Branch, ...] = ()

    @property
    def is_entrepreneur(self) -> bool:
        return len(self.inn) == 12


@dataclass(frozen=True, slots=True)
class Dials:
    """How one account behaves. `refuse_status` refuses every call by 401 or 403."""

    per_day: int = 10_000
    limit_burst: int = 30
    limit_per_second: float = 30.0
    refuse_status: int | None = None


@dataclass(slots=True)
class Account:
    """Whoever bought a key. `secret` opens the statistics where the vendor asks for one."""

    id: str
    title: str
    key: str
    secret: str
    dials: Dials = field(default_factory=Dials)


class Book:
    """State of one provider. Usage is not state: it is empty after a restart, as levels of limits are."""

    def __init__(self, world: World, vendor: Vendor, dials: Dials) -> None:
        self._world, self._vendor, self._default = world, vendor, dials
        self.accounts: dict[str, Account] = {}
        self.companies: dict[str, list[Company]] = {}
        self._used: dict[str, tuple[str, int, set[str]]] = {}

    @property
    def now(self) -> datetime:
        return self._world.clock.now().astimezone(MOSCOW)

    @property
    def today(self) -> str:
        """The day in Moscow, when quotas begin anew."""
        return self.now.strftime("%Y-%m-%d")

    def by_key(self, key: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.key == key), None)

    def account(self, account_id: str) -> Account:
        found = self.accounts.get(account_id)
        if found is None:
            raise UnknownError(f"no account {account_id!r}; known are {', '.join(self.accounts) or 'none'}")
        return found

    def used(self, account: Account) -> int:
        """Calls of the day so far."""
        day, count, _ = self._used.get(account.id, ("", 0, set()))
        return count if day == self.today else 0

    def use(self, account: Account, about: str = "") -> bool:
        """Counts a call of the day, or a company once where `about` names it; False when the quota is used up."""
        day, count, seen = self._used.get(account.id, (self.today, 0, set()))
        if day != self.today:
            count, seen = 0, set()
        if about and about in seen:
            return True
        if count >= account.dials.per_day:
            return False
        self._used[account.id] = (self.today, count + 1, seen | {about} if about else seen)
        return True

    def paid(self, account: Account, about: str) -> bool:
        """Whether a company was counted today already."""
        day, _, seen = self._used.get(account.id, ("", 0, set()))
        return day == self.today and about in seen

    # Changes

    def open_account(self, account_id: str, title: str, key: str, secret: str, dials: dict[str, Any]) -> Account:
        data = {"title": title, "key": key, "secret": secret, "dials": {**asdict(self._default), **dials}}
        self._world.change(self._vendor, account_id, "account.open", data)
        return self.accounts[account_id]

    def turn_dials(self, account: Account, dials: dict[str, Any]) -> None:
        self._world.change(self._vendor, account.id, "account.dials", {**asdict(account.dials), **dials})

    def put_company(self, company: Company) -> None:
        """The register's entry under its INN and OGRN; the same again replaces it."""
        self._world.change(self._vendor, "", "company.put", asdict(company))

    def apply(self, change: Change) -> None:
        match change.op:
            case "account.open":
                data = change.data
                self.accounts[change.account] = Account(
                    change.account, data["title"], data["key"], data["secret"], Dials(**data["dials"])
                )
            case "account.dials":
                self.accounts[change.account].dials = Dials(**change.data)
            case "company.put":
                company = company_from(change.data)
                same = [one for one in self.companies.get(company.inn, []) if one.ogrn != company.ogrn]
                self.companies[company.inn] = [*same, company]
            case _:
                raise ValueError(f"no change {change.op!r} is known here")

    def snapshot(self, account: str | None) -> dict[str, Any]:
        if account is not None:
            return {**asdict(self.accounts[account]), "used_today": self.used(self.accounts[account])}
        companies = [asdict(one) for found in self.companies.values() for one in found]
        return {"accounts": {name: asdict(one) for name, one in self.accounts.items()}, "companies": companies}

    def clear(self) -> None:
        self.accounts.clear()
        self.companies.clear()
        self._used.clear()


def company_from(data: dict[str, Any]) -> Company:
    """A company from JSON; BadRequestError names what is wrong."""
    known = {one.name for one in fields(Company)}
    if unknown := sorted(data.keys() - known):
        raise BadRequestError(f"unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    if not str(data.get("inn", "")).isdigit() or len(str(data["inn"])) not in (10, 12):
        raise BadRequestError("inn is a text of 10 or 12 digits")
    if data.get("status", "ACTIVE") not in STATUSES:
        raise BadRequestError(f"status is one of {', '.join(STATUSES)}")
    name = str(data.get("name") or data.get("full_name") or data["inn"])
    branches = tuple(Branch(**branch) for branch in data.get("branches", ()))
    return Company(**{"name": name, "full_name": name, **data, "branches": branches})


def dials_from(data: dict[str, Any]) -> dict[str, Any]:
    """Dials from JSON, checked by name and type."""
    known = {one.name for one in fields(Dials)}
    for name, value in data.items():
        if name not in known:
            raise BadRequestError(f"unknown dial {name!r}; known are {', '.join(sorted(known))}")
        if name == "refuse_status":
            if value not in (None, 401, 403):
                raise BadRequestError("refuse_status is null, 401 or 403")
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadRequestError(f"dial {name} is a number from 0")
    return data
