"""What documents name of our side in a base, read once an hour: the organisation, its accounts, the rouble."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Failure, Ok, Outcome, Retryable
from chassis.work.handlers import Permit
from connectors import wire
from connectors.onec import address
from connectors.onec.calls import Bases
from connectors.onec.kept import Kept
from connectors.onec.mapping import values
from connectors.onec.mapping.reading import Payer
from connectors.onec.mapping.writing import Seller
from connectors.onec.schema import (
    ACCOUNTS,
    ADDRESS,
    BANK_ACCOUNTS,
    CONTACT_KINDS,
    COUNTERPARTIES,
    CURRENCIES,
    EMAIL,
    ORGANIZATIONS,
    PHONE,
    ROUBLE_CODE,
    VENDOR,
)
from connectors.wire import ShapeError

KEPT_FOR: Final = timedelta(hours=1)
PAYERS_KEPT_MAX: Final = 2_000
_ACCOUNT_CODES: Final = ("62.01", "62.02", "90.01.1", "90.02.1", "90.03", "41.01")
_FOLDER: Final = "Контрагенты"


@dataclass(slots=True)
class Known:
    """What was read of a base; a part that nobody asked for yet is None."""

    seller: Seller | None = None
    accounts: Mapping[str, str] | None = None
    own_accounts: Mapping[str, str] | None = None
    contact_kinds: Mapping[str, str] | None = None
    payers: dict[str, Payer] = field(default_factory=dict)


class Sellers:
    """Reads our side of each base, and keeps it for an hour, which spares a small server four requests a document."""

    def __init__(self, bases: Bases, clock: Clock) -> None:
        self._bases = bases
        self._kept = Kept(clock, KEPT_FOR, Known)

    def forget(self, permit: Permit) -> None:
        """What was read is asked for anew: the base refused something that was made of it."""
        self._kept.forget(permit)

    async def seller(self, permit: Permit, *, accounts: bool = False) -> Outcome[Seller]:
        """Our organisation with its main bank account and the rouble; with ``accounts`` also the accounts that closing
        documents are booked to, as far as the base shows them."""
        known = self._kept.of(permit)
        if known.seller is None:
            read = await self._read_seller(permit)
            if not isinstance(read, Ok):
                return read
            known.seller = read.value
        if accounts and known.accounts is None:
            charted = await self._read_accounts(permit)
            if not isinstance(charted, Ok):
                return charted
            known.accounts = charted.value
        seller = known.seller
        return Ok(Seller(seller.organization, seller.bank_account, seller.currency, known.accounts or {}))

    async def _read_seller(self, permit: Permit) -> Outcome[Seller]:
        organizations = await self._organizations(permit)
        if not isinstance(organizations, Ok):
            return organizations
        named = permit.options.get("organization", "")
        if len(organizations.value) != 1:
            values_ = {"vendor": VENDOR, "organization": named, "count": len(organizations.value)}
            return Retryable(Problem("accounting_organization_unclear", values_), outage=True)
        currency = await self._bases.rows(
            permit, "seller", CURRENCIES, filter=f"Code eq {address.text(ROUBLE_CODE)}", select="Ref_Key,Code", top="2"
        )
        if not isinstance(currency, Ok):
            return currency
        try:
            (organization,) = organizations.value
            return Ok(
                Seller(
                    organization=values.required_key(organization, "Ref_Key"),
                    bank_account=values.key(organization, "ОсновнойБанковскийСчет_Key"),
                    currency=values.key(currency.value[0], "Ref_Key") if currency.value else "",
                    accounts={},
                )
            )
        except ShapeError as error:
            return _odd(error)

    async def _organizations(self, permit: Permit) -> Outcome[list[Mapping[str, Any]]]:
        condition = "DeletionMark eq false"
        if named := permit.options.get("organization", "").strip():
            condition += f" and {_named(named)}"
        columns = "Ref_Key,Description,ИНН,КПП,ОсновнойБанковскийСчет_Key"
        return await self._bases.rows(permit, "seller", ORGANIZATIONS, filter=condition, select=columns, top="2")

    async def _read_accounts(self, permit: Permit) -> Outcome[Mapping[str, str]]:
        codes = address.any_of(f"Code eq {address.text(code)}" for code in _ACCOUNT_CODES)
        found = await self._bases.rows(permit, "seller", ACCOUNTS, filter=codes, select="Ref_Key,Code")
        if not isinstance(found, Ok):
            return Ok({}) if _unpublished(found) else found
        return Ok({wire.text(row.get("Code")).strip(): values.key(row, "Ref_Key") for row in found.value})

    async def own_accounts(self, permit: Permit) -> Outcome[Mapping[str, str]]:
        """Numbers of the organisations' bank accounts, by reference."""
        known = self._kept.of(permit)
        if known.own_accounts is None:
            owned = f"isof(Owner, '{ORGANIZATIONS}')"
            found = await self._bases.rows(
                permit, "own_accounts", BANK_ACCOUNTS, filter=owned, select="Ref_Key,НомерСчета"
            )
            if not isinstance(found, Ok):
                return found
            known.own_accounts = {values.key(row, "Ref_Key"): wire.text(row.get("НомерСчета")) for row in found.value}
        return Ok(known.own_accounts)

    async def contact_kinds(self, permit: Permit) -> Outcome[Mapping[str, str]]:
        """The base's kinds of contact information of buyers, by type; empty where it does not show them."""
        known = self._kept.of(permit)
        if known.contact_kinds is None:
            found = await self._bases.rows(
                permit,
                "contact_kinds",
                CONTACT_KINDS,
                filter="DeletionMark eq false",
                select="Ref_Key,Parent_Key,IsFolder,Description,PredefinedDataName,Тип",
            )
            if not isinstance(found, Ok):
                return Ok({}) if _unpublished(found) else found
            known.contact_kinds = _contact_kinds(found.value)
        return Ok(known.contact_kinds)

    async def payers(self, permit: Permit, keys: set[str]) -> Outcome[Mapping[str, Payer]]:
        """Names and INNs of counterparties by reference."""
        known = self._kept.of(permit)
        if len(known.payers) > PAYERS_KEPT_MAX:
            known.payers.clear()
        missing = sorted(keys - known.payers.keys() - {""})
        conditions = [f"Ref_Key eq {address.guid(key)}" for key in missing]
        for start, end in address.in_chunks(conditions):
            found = await self._bases.rows(
                permit,
                "payers",
                COUNTERPARTIES,
                filter=address.any_of(conditions[start:end]),
                select="Ref_Key,Description,НаименованиеПолное,ИНН",
            )
            if not isinstance(found, Ok):
                return found
            for row in found.value:
                name = wire.text(row.get("НаименованиеПолное")) or wire.text(row.get("Description"))
                known.payers[values.key(row, "Ref_Key")] = Payer(name, wire.text(row.get("ИНН")).strip())
        return Ok({key: known.payers[key] for key in keys & known.payers.keys()})


def _named(organization: str) -> str:
    """The condition for what the tenant's file says: a reference, an INN, perhaps with KPP, or a name."""
    try:
        return f"Ref_Key eq {address.guid(organization)}"
    except ValueError:
        inn, _, kpp = organization.partition("/")
    if inn.isdecimal():
        return f"ИНН eq {address.text(inn)}" + (f" and КПП eq {address.text(kpp)}" if kpp else "")
    quoted = address.text(organization)
    names = ("Description", "НаименованиеПолное", "НаименованиеСокращенное")
    return address.any_of(f"{name} eq {quoted}" for name in names)


def _contact_kinds(rows: list[Mapping[str, Any]]) -> Mapping[str, str]:
    folders = {
        values.key(row, "Ref_Key")
        for row in rows
        if values.flag(row, "IsFolder")
        and (
            wire.text(row.get("PredefinedDataName")).endswith(_FOLDER)
            or f'"{_FOLDER}"' in wire.text(row.get("Description"))
        )
    }
    kinds: dict[str, str] = {}
    for row in rows:
        if not values.flag(row, "IsFolder") and values.key(row, "Parent_Key") in folders:
            kinds.setdefault(wire.text(row.get("Тип")), values.key(row, "Ref_Key"))
    return {kind: key for kind, key in kinds.items() if kind in (ADDRESS, EMAIL, PHONE)}


def _unpublished(failure: Failure) -> bool:
    return failure.problem.code == "accounting_not_published"


def _odd(error: ShapeError) -> Retryable:
    return Retryable(Problem("vendor_answer_unexpected", {"vendor": VENDOR, "field": str(error)[:100]}), outage=False)
