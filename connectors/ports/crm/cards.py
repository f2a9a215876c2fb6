"""Cards of companies in a CRM: a company with its requisites and their legal addresses, and writes to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit
from connectors.ports.crm.records import CrmAddress, CrmCompany, CrmRequisite

CardEntity = Literal["company", "requisite"]


@dataclass(frozen=True, slots=True)
class CrmCard:
    """A company with all its requisites in the portal's order; ``addresses`` are the legal ones, by requisite."""

    company: CrmCompany
    requisites: tuple[CrmRequisite, ...] = ()
    addresses: Mapping[str, CrmAddress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PutRequisite:
    """Values of requisites by our names (``name``, ``full_name``, ``kpp``, ``ogrn``): repeating it changes nothing."""

    requisite_id: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PutAddress:
    """The legal address of requisites in one line; ``known``: they have one, which is replaced."""

    requisite_id: str
    text: str
    known: bool


class ReadCard(Protocol):
    """The card of a company, or of the company whose requisites these are; None when it is not there, or when the
    requisites are a person's."""

    async def read_card(self, permit: Permit, entity: CardEntity, object_id: str) -> Outcome[CrmCard | None]: ...
