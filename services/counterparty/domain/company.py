"""What the state register says of a company, and what of it goes into a buyer (EGRUL before the CRM)."""

import datetime as dt
from typing import Final, Literal

from chassis.values.inn import clean_kpp, ogrn_ok
from services.counterparty.domain.values import Buyer, Party, Value

LOOK_UP = "look-up-company"
STATUS_BLOCKED: Final = "liquidated"
STATUSES_ENDING: Final = ("liquidating", "bankrupt")
LIQUIDATED: Final = "buyer_liquidated"

Status = Literal["active", "reorganizing", "liquidating", "bankrupt", "liquidated", "unknown"]


class Facts(Value):
    """A company as the register has it. ``provider`` told it at ``fetched_at``."""

    inn: str
    kpp: str = ""
    ogrn: str = ""
    full_name: str = ""
    short_name: str = ""
    address: str = ""
    status: Status
    provider: str
    fetched_at: dt.datetime


def filled_buyer(buyer: Buyer, facts: Facts) -> Buyer:
    """The buyer with what it lacks. A person's name and address come from nowhere but the CRM."""
    changes = {"ogrn": buyer.ogrn or facts.ogrn}
    if len(facts.inn) == 10:
        changes |= {
            "name": buyer.name or facts.short_name,
            "full_name": buyer.full_name or facts.full_name,
            "kpp": buyer.kpp if buyer.kpp.strip() else clean_kpp(facts.kpp) or "",
            "address": buyer.address or facts.address,
        }
    return buyer.model_copy(update=changes)


def filled_party(party: Party, facts: Facts) -> Party:
    """The party as it is created: of a company the register's name, OGRN and address stand before the CRM's."""
    changes = {"ogrn": facts.ogrn if ogrn_ok(facts.ogrn) else party.ogrn}
    if len(facts.inn) == 10:
        changes |= {
            "name": party.name or facts.short_name,
            "full_name": facts.full_name or party.full_name,
            "address": facts.address or party.address,
        }
    return party.model_copy(update=changes)


def ending(status: str) -> bool:
    """Whether a person is asked before such a company is sold to (R12)."""
    return status in STATUSES_ENDING
