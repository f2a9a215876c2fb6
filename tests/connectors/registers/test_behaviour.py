"""What every provider of the register must do, over real HTTP against its simulator."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.outcomes import Deferred, Ok, Retryable
from chassis.work.handlers import Permit
from connectors import registers
from connectors.ports.companies import CompanyByInn, CompanyCard, CompanyStatus
from connectors.registry import REGISTERS
from tests.connectors.kit import NOW, clock
from tests.connectors.kit_sandbox import Impatient, add_fault, sandboxed
from tests.sandbox.running import Sandbox

INN, KPP, BRANCH_KPP = "7709123453", "770901001", "781343001"
PERSON_INN = "500100732259"
COMPANY = {
    "inn": INN,
    "kpp": KPP,
    "ogrn": "1237700012340",
    "name": "ООО «Лотос»",
    "full_name": "Общество с ограниченной ответственностью «Лотос»",
    "address": "105062, г. Москва, ул. Лесная, д. 7",
    "registered_on": "2023-04-01",
}
PERSON = {"inn": PERSON_INN, "ogrn": "304500116000157", "name": "ИП Орлов П. И.",
          "full_name": "Индивидуальный предприниматель Орлов Пётр Ильич"}  # fmt: skip


@dataclass
class Register:
    """A provider's client and its simulator."""

    vendor: str
    client: CompanyByInn
    sandbox: Sandbox
    http: Impatient
    account: dict[str, Any]
    secret: bool = True

    @property
    def permit(self) -> Permit:
        token = self.account["api_key"]
        if self.secret and "secret" in self.account:
            token += f" {self.account['secret']}"
        return Permit("account-1", self.account["api_url"], token, 10, NOW)

    async def put(self, **fields: Any) -> None:
        await self.sandbox.control(f"/{self.vendor}/companies", {**COMPANY, **fields})

    async def turn(self, **dials: Any) -> None:
        await self.sandbox.control(f"/{self.vendor}/{self.account['account']}/dials", dials)

    async def card(self, inn: str = INN, kpp: str = "") -> CompanyCard:
        found = await self.client.by_inn(self.permit, inn, kpp)
        assert isinstance(found, Ok), found
        assert found.value is not None
        return found.value


@pytest.fixture(params=sorted(REGISTERS))
async def register(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Register]:
    """Each provider in turn."""
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control(f"/{request.param}/accounts", {"title": "Вектор"})
        client = REGISTERS[request.param].connect(http, clock())
        yield Register(request.param, client, sandbox, http, account)


async def test_the_card_of_a_company(register: Register) -> None:
    await register.put()
    card = await register.card()
    assert (card.inn, card.kpp, card.ogrn, card.kind) == (INN, KPP, "1237700012340", "company")
    assert (card.status, card.provider, card.branch) == (CompanyStatus.ACTIVE, register.vendor, False)
    assert card.full_name.casefold() == COMPANY["full_name"].casefold()
    assert card.short_name == "ООО «Лотос»"
    assert card.registered_on == date(2023, 4, 1)
    assert "105062" in card.address
    assert "Лесная" in card.address


async def test_an_inn_that_nobody_has_is_no_company(register: Register) -> None:
    assert await register.client.by_inn(register.permit, "7736207543") == Ok(None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("ACTIVE", CompanyStatus.ACTIVE),
        ("REORGANIZING", CompanyStatus.REORGANIZING),
        ("LIQUIDATING", CompanyStatus.LIQUIDATING),
        ("BANKRUPT", CompanyStatus.BANKRUPT),
        ("LIQUIDATED", CompanyStatus.LIQUIDATED),
    ],
)
async def test_every_status(register: Register, word: str, status: CompanyStatus) -> None:
    await register.put(status=word, liquidated_on="2025-07-01" if word == "LIQUIDATED" else None)
    card = await register.card()
    assert card.status is status
    assert card.liquidated_on == (date(2025, 7, 1) if word == "LIQUIDATED" else None)


async def test_a_branch_is_found_by_its_kpp_and_the_head_office_without_one(register: Register) -> None:
    await register.put(branches=[{"kpp": BRANCH_KPP, "name": "Филиал", "address": "190000, г. Тверь, ул. Новая, д. 1"}])
    head, branch = await register.card(), await register.card(kpp=BRANCH_KPP)
    assert (head.kpp, head.branch) == (KPP, False)
    assert (branch.kpp, branch.branch, "Тверь" in branch.address) == (BRANCH_KPP, True, True)
    assert await register.client.by_inn(register.permit, INN, "999999999") == Ok(None)


async def test_an_entrepreneur_has_no_kpp(register: Register) -> None:
    await register.sandbox.control(f"/{register.vendor}/companies", PERSON)
    card = await register.card(PERSON_INN)
    assert (card.kind, card.kpp, card.full_name) == ("entrepreneur", "", PERSON["full_name"])


async def test_an_address_that_the_register_doubts(register: Register) -> None:
    await register.put(address_invalid=True)
    assert (await register.card()).address_doubted


async def test_a_used_up_quota_ends_at_midnight_in_moscow(register: Register) -> None:
    await register.put()
    await register.turn(per_day=1)
    await register.card()
    await register.put(inn="7736207543", ogrn="1")
    found = await register.client.by_inn(register.permit, "7736207543")
    assert isinstance(found, Deferred), found
    assert found.problem.code == registers.QUOTA
    assert found.until == datetime(2026, 11, 20, 21, 0, tzinfo=UTC)


async def test_a_wrong_key_is_no_quota(register: Register) -> None:
    register.account["api_key"] = "0" * 40
    found = await register.client.by_inn(register.permit, INN)
    assert isinstance(found, Retryable)
    assert (found.problem.code, found.outage) == (registers.REFUSED, True)


async def test_without_statistics_a_key_that_has_answered_today_means_the_quota(register: Register) -> None:
    register.secret = False
    await register.turn(refuse_status=403)
    refused = await register.client.by_inn(register.permit, INN)
    assert isinstance(refused, Retryable)
    used_up = await register.client.by_inn(register.permit, INN, answered_today=True)
    assert isinstance(used_up, Deferred)


FAULTS: list[tuple[str, dict[str, Any], type[Deferred] | type[Retryable] | type[Ok[Any]]]] = [
    ("timeout_before", {}, Retryable),
    ("timeout_after", {}, Retryable),
    ("slow_bytes", {}, Retryable),
    ("error_before", {"status": 500}, Retryable),
    ("error_after", {"status": 504}, Retryable),
    ("error_in_200", {"status": 500}, Retryable),
    ("limit_503", {}, Retryable),
    ("limit_429", {"retry_after": 7}, Deferred),
    ("operation_time_limit", {}, Deferred),
    ("token_expired", {}, Retryable),
    ("html_200", {}, Retryable),
    ("empty", {}, Retryable),
    ("truncated", {}, Retryable),
    ("reset", {}, Retryable),
    ("field_added", {}, Ok),
]


@pytest.mark.parametrize(("kind", "params", "expected"), FAULTS)
async def test_a_fault_of_the_wire_is_no_unknown_company(
    register: Register, kind: str, params: dict[str, Any], expected: type
) -> None:
    await register.put()
    operation = "find_party" if register.vendor == "dadata" else "req"
    await add_fault(register.sandbox, register.http, register.vendor, operation, kind, **params)
    assert isinstance(await register.client.by_inn(register.permit, INN), expected)
    assert (await register.card()).inn == INN


async def test_names_of_all_kinds_of_letters_come_back_as_they_are(register: Register) -> None:
    name = ('ООО «Ёлка "Люкс"» 🎄 О\'Нил & Ко <b> 日本 ' * 12)[:399] + "."
    await register.put(name=name, full_name=name)
    assert (await register.card()).full_name.casefold() == name.casefold()


async def test_nothing_changes_at_the_provider(register: Register) -> None:
    await register.put()
    await register.card()
    assert not any(call.changes for call in register.http.calls)
