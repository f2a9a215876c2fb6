"""Makes a company in the CRM that accounting has: looked for by INN and marker before each send, and filled where it is
there already."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected
from chassis.values.inn import clean_kpp
from chassis.work.handlers import (
    Confirmed,
    EffectCall,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    ProbeResult,
    RejectedFinally,
    Settled,
    Undecidable,
)
from connectors.ports import crm as ports
from connectors.registry import BITRIX24, Capability
from services.notifier.domain import newcomer
from services.notifier.domain.facts import Reason

POLICY: Final = BITRIX24.policies[Capability.MAKE_COMPANY]
"""What is filled in place of being made is absolute, so a repeat of that changes nothing."""


class NewcomerCrm(ports.CompaniesByInn, ports.MakeCompany, ports.WriteDeal, Protocol):
    """What making a company needs of a CRM."""


class CrmNewcomer:
    """One company with its requisites."""

    kind = newcomer.CRM_NEWCOMER
    batch_max = 1

    def __init__(self, crm: NewcomerCrm) -> None:
        self._crm = crm

    def policy_for(self, account: str) -> EffectPolicy:
        """As the CRM has it."""
        return POLICY

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: the INN and the marker prove it."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """Looks first: what somebody entered meanwhile, or an earlier call of ours made, is filled in its place."""
        (call,) = calls
        request = call.request
        found = await self._crm.companies_by_inn(call.permit, request["inn"], request["marker"])
        if not isinstance(found, Ok):
            return (found,)
        known = _same(found.value, request)
        if known:
            return (await self._filled(call, known),)
        preset = found.value.presets.get(request["kind"])
        if preset is None:
            return (Rejected(Problem("crm_preset_missing", {})),)
        company = ports.NewCompany(
            marker=request["marker"],
            kind=request["kind"],
            inn=request["inn"],
            values=request["values"],
            preset=preset,
            company_id=found.value.marked,
        )
        made = await self._crm.make_company(call.permit, company)
        if isinstance(made, Ok):
            return (Ok({"company_id": made.value.company_id}),)
        return (made,)

    async def _filled(self, call: EffectCall, known: Sequence[ports.CompanyDetails]) -> Outcome[Mapping[str, Any]]:
        """Of several of one INN and KPP none is chosen: the next change of the record asks a person."""
        one = known[0]
        if len(known) > 1:
            return Ok({"company_id": ""})
        result = {"company_id": one.company.company_id}
        commands = _corrections(one, call.request["values"])
        if not commands:
            return Ok(result)
        written = await self._crm.write(call.permit, commands)
        failed = next((outcome for outcome in written if not isinstance(outcome, Ok)), None)
        return failed or Ok(result)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By INN and KPP. A company that has our marker and no requisites is not whole: the next send goes on with
        it."""
        found = await self._crm.companies_by_inn(call.permit, call.request["inn"], call.request["marker"])
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        known = _same(found.value, call.request)
        return Found({"company_id": known[0].company.company_id}) if known else NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The newcomer's stream is told that the CRM has it, or why not."""
        fact_id = call.request["fact_id"]
        match settled:
            case Confirmed():
                return newcomer.SeeNewcomer(fact_id, str(settled.result["company_id"]))
            case RejectedFinally() | Undecidable():
                reason = Reason(code=settled.problem.code, values=settled.problem.values)
                return newcomer.SeeNewcomer(fact_id, refused=reason)


def _same(found: ports.SameInn, request: Mapping[str, Any]) -> Sequence[ports.CompanyDetails]:
    """Those of the very INN and KPP."""
    return [one for one in found.companies if (clean_kpp(one.requisite.kpp) or "") == request["kpp"]]


def _corrections(details: ports.CompanyDetails, values: Mapping[str, str]) -> Sequence[ports.CrmCommand]:
    requisite, address = details.requisite, details.address
    shown = {name: str(getattr(requisite, name)).strip() for name in ("name", "full_name", "ogrn", "phone", "email")}
    wanted = {name: value for name, value in values.items() if name in shown and shown[name] != value.strip()}
    commands: list[ports.CrmCommand] = []
    if wanted:
        commands.append(ports.PutRequisite(requisite.requisite_id, wanted))
    text = values.get("address", "")
    if text and (address is None or address.text.strip() != text.strip()):
        commands.append(ports.PutAddress(requisite.requisite_id, text, address is not None))
    return commands
