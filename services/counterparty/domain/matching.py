"""Which accounting record a company of the CRM is, pure: of one buyer (by INN and KPP), and of all companies of one
INN in a first sync; and what comes of records whose INN the CRM does not have."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from chassis.values.inn import InnFound, clean_inn, clean_kpp, is_person_inn

RECORDS_NAMED_MAX = 10

Verdict = Literal["link", "create", "conflict", "skip"]
"""What comes of a requisite: it has a record, gets one, is for a person to look at, or is left alone."""


class HasKpp(Protocol):
    """A record with a KPP as it is stored there."""

    @property
    def kpp(self) -> str: ...


R = TypeVar("R", bound=HasKpp)


def split(found: Sequence[R], kpp: str) -> tuple[tuple[R, ...], tuple[R, ...]]:
    """Records of one INN that are the party, and those that share its INN alone. A single record without KPP is the
    party."""
    if not kpp:
        return tuple(found), ()
    same = tuple(one for one in found if clean_kpp(one.kpp) == kpp)
    if same:
        return same, ()
    blank = tuple(one for one in found if not one.kpp.strip())
    if len(blank) == 1 and len(found) == 1:
        return blank, ()
    return (), tuple(found)


@dataclass(frozen=True, slots=True)
class Listed:
    """A requisite of a company whose INN and KPP are in order; ``party`` names its party."""

    requisite_id: str
    company_id: str
    name: str
    inn: str
    kpp: str
    party: str


@dataclass(frozen=True, slots=True)
class Remote:
    """A record of the accounting service."""

    remote_id: str
    inn: str
    kpp: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """What is known of a party in the account already."""

    phase: str
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """What comes of one requisite, and why; ``remote_id`` is its record where it has one."""

    listed: Listed
    verdict: Verdict
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Lone:
    """What comes of a record whose INN the CRM does not have, and why."""

    record: Remote
    verdict: Literal["enter", "conflict", "skip"]
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def lone(records: Sequence[Remote], own: Collection[str]) -> list[Lone]:
    """All records of one INN that no company of the CRM has: each becomes one, a branch by its KPP. Records that may be
    each other, by the same KPP or by none beside others, are a person's to choose from; ``own``: the sellers' INNs."""
    found = []
    places = Counter(_branch(one) for one in records)
    for one in records:
        inn = clean_inn(one.inn)
        if not isinstance(inn, InnFound):
            found.append(Lone(one, "skip", inn.fault))
        elif inn.inn in own:
            found.append(Lone(one, "skip", "own_company"))
        elif places[_branch(one)] > 1 or (len(records) > 1 and "" in places):
            found.append(Lone(one, "conflict", "records_double", _named(records)))
        else:
            found.append(Lone(one, "enter"))
    return found


def _branch(record: Remote) -> str:
    return "" if is_person_inn(record.inn) else clean_kpp(record.kpp) or ""


def compare(
    listed: Sequence[Listed], records: Sequence[Remote], links: Mapping[str, Link], *, whole: bool
) -> list[Compared]:
    """All requisites of one INN with all records of it. Two companies of one INN and KPP are one record, which the
    first of them leads (R13); two records are a person's to choose from. ``whole``: ``records`` are all that there are,
    so that a linked one that is not among them is gone."""
    by_party: dict[str, list[Listed]] = {}
    for one in sorted(listed, key=_age):
        by_party.setdefault(one.party, []).append(one)
    found = []
    for party, (lead, *others) in by_party.items():
        found.append(_compared(lead, records, links.get(party), whole=whole))
        for other in others:
            if other.company_id == lead.company_id:
                found.append(Compared(other, "skip", "requisite_repeated"))
            else:
                values = {"company": lead.company_id, "name": lead.name}
                found.append(Compared(other, "conflict", "companies_double", values))
    return found


def _compared(lead: Listed, records: Sequence[Remote], link: Link | None, *, whole: bool) -> Compared:
    if link is not None and link.phase == "linked":
        if whole and link.remote_id not in {one.remote_id for one in records}:
            return Compared(lead, "conflict", "linked_record_gone", {"record": link.remote_id}, link.remote_id)
        return Compared(lead, "link", remote_id=link.remote_id)
    if link is not None and link.phase == "doubtful":
        return Compared(lead, "conflict", "waits_for_person")
    same, near = split(records, lead.kpp)
    if len(same) == 1:
        return Compared(lead, "link", remote_id=same[0].remote_id)
    if same:
        return Compared(lead, "conflict", "records_double", _named(same))
    if near:
        return Compared(lead, "conflict", "branch_unknown", _named(near))
    return Compared(lead, "create")


def _named(records: Sequence[Remote]) -> Mapping[str, Any]:
    return {"records": ", ".join(sorted(one.remote_id for one in records)[:RECORDS_NAMED_MAX])}


def _age(listed: Listed) -> tuple[int, int, str]:
    """Ids of a portal grow: the first company leads, by its first requisite."""
    numbers = (int(text) if text.isdigit() else 0 for text in (listed.company_id, listed.requisite_id))
    company, requisite = numbers
    return company, requisite, listed.requisite_id
