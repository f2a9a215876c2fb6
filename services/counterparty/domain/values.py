"""Buyers as requests bring them, and the key under which one buyer is one party."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.domain import Problem
from chassis.values.inn import InnFound, InnRefused, clean_inn, clean_kpp, is_person_inn, ogrn_ok

BuyerKind = Literal["company", "entrepreneur", "person"]


class Value(BaseModel):
    """The base of stored values: frozen; unknown fields of later builds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Reason(Value):
    """A problem as it is stored: a code and the values of its sentence."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> "Reason":
        """The stored form of a problem."""
        return cls(code=problem.code, values=problem.values)


class Buyer(Value):
    """The buyer as the CRM has it, raw. A person's name and addresses are behind ``subject_ref``."""

    crm_kind: Literal["company", "contact"]
    crm_id: str
    kind: BuyerKind
    name: str = ""
    full_name: str = ""
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    email: str = ""
    subject_ref: str = ""
    same_inn_crm_ids: tuple[str, ...] = ()


class Party(Value):
    """A checked buyer. ``party`` names its stream: one (INN, KPP) of a company, one INN of an entrepreneur, one contact
    of a person without INN."""

    party: str
    kind: BuyerKind
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    name: str = ""
    full_name: str = ""
    address: str = ""
    email: str = ""
    subject_ref: str = ""
    crm_kind: Literal["company", "contact"] = "company"
    crm_id: str = ""
    same_inn_crm_ids: tuple[str, ...] = ()


class Register(Value):
    """An account at a provider of the state register; ``per_day`` calls may be made in a day of Moscow."""

    account: str
    vendor: str
    per_day: int


class Rules(Value):
    """What the tenant decided about buyers: which kinds, and who is asked about companies, in this order."""

    people_without_inn: bool = True
    registers: tuple[Register, ...] = ()


def check(buyer: Buyer | None, rules: Rules) -> tuple[Party | None, tuple[Reason, ...], tuple[Reason, ...]]:
    """The party, or all reasons why there is none; and warnings. Rules: R10 (KPP), R11 (no INN), INN check digits."""
    if buyer is None:
        return None, (Reason(code="buyer_missing"),), ()
    reasons: list[Reason] = []
    if not (buyer.name or buyer.full_name or buyer.subject_ref):
        reasons.append(Reason(code="buyer_name_missing"))
    if not buyer.inn.strip():
        return _without_inn(buyer, rules, reasons)
    found = clean_inn(buyer.inn)
    if isinstance(found, InnRefused):
        shown = {"inn": found.cleaned} if len(found.cleaned) != 12 else {}
        reasons.append(Reason(code=found.fault, values=shown))
        return None, tuple(reasons), ()
    return _with_inn(buyer, found, reasons)


def _without_inn(
    buyer: Buyer, rules: Rules, reasons: list[Reason]
) -> tuple[Party | None, tuple[Reason, ...], tuple[Reason, ...]]:
    if buyer.kind != "person" or buyer.crm_kind != "contact":
        reasons.append(Reason(code="inn_missing"))
    elif not rules.people_without_inn:
        reasons.append(Reason(code="buyers_without_inn_off"))
    if reasons:
        return None, tuple(reasons), ()
    return _party(buyer, f"c{buyer.crm_id}", buyer.kind, "", ""), (), ()


def _with_inn(
    buyer: Buyer, found: InnFound, reasons: list[Reason]
) -> tuple[Party | None, tuple[Reason, ...], tuple[Reason, ...]]:
    warnings: list[Reason] = []
    if buyer.ogrn and not ogrn_ok(buyer.ogrn.strip()):
        warnings.append(Reason(code="ogrn_invalid"))
    if is_person_inn(found.inn):
        if found.kpp_dropped or buyer.kpp.strip():
            warnings.append(Reason(code="kpp_dropped"))
        kind: BuyerKind = "person" if buyer.kind == "person" else "entrepreneur"
        party = None if reasons else _party(buyer, found.inn, kind, found.inn, "")
        return party, tuple(reasons), tuple(warnings)
    kpp = found.kpp or (clean_kpp(buyer.kpp) if buyer.kpp.strip() else None)
    if kpp is None:
        reasons.append(Reason(code="kpp_malformed" if buyer.kpp.strip() else "kpp_missing", values={"inn": found.inn}))
        return None, tuple(reasons), tuple(warnings)
    party = None if reasons else _party(buyer, f"{found.inn}-{kpp}", "company", found.inn, kpp)
    return party, tuple(reasons), tuple(warnings)


def _party(buyer: Buyer, party: str, kind: BuyerKind, inn: str, kpp: str) -> Party:
    return Party(
        party=party,
        kind=kind,
        inn=inn,
        kpp=kpp,
        ogrn=buyer.ogrn.strip() if ogrn_ok(buyer.ogrn.strip()) else "",
        name=buyer.name,
        full_name=buyer.full_name,
        address=buyer.address,
        email=buyer.email,
        subject_ref=buyer.subject_ref,
        crm_kind=buyer.crm_kind,
        crm_id=buyer.crm_id,
        same_inn_crm_ids=buyer.same_inn_crm_ids,
    )
