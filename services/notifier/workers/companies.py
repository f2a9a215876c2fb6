"""Fills the card of a company in the CRM: its requisites, their legal address, and the field of its state."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Retryable
from chassis.tenants import TenantDirectory
from chassis.values.inn import InnFound, clean_inn
from chassis.work.handlers import (
    Confirmed,
    EffectCall,
    EffectPolicy,
    Inconclusive,
    Probe,
    ProbeResult,
    RejectedFinally,
    Settled,
    Undecidable,
)
from connectors.ports import crm as ports
from services.notifier.domain import company
from services.notifier.domain.facts import Reason
from services.notifier.workers.texts import Texts

CALLS_PER_FILL: Final = 3
"""The card, in two requests, as it is now; and the batch."""

ABSOLUTE: Final = EffectPolicy(probe=Probe.REPEAT, sends_max=1_000, human_when_exhausted=False, calls=CALLS_PER_FILL)
TOLD_TO_PEOPLE: Final = ("liquidated", "liquidating", "bankrupt")


class CompanyCrm(ports.ReadCard, ports.WriteDeal, Protocol):
    """What filling a card needs of a CRM."""


class CrmCompany:
    """The values of one fact in one batch; repeating it changes nothing."""

    kind = company.CRM_COMPANY
    batch_max = 1

    def __init__(self, crm: CompanyCrm, directory: TenantDirectory, texts: Mapping[str, Texts]) -> None:
        self._crm = crm
        self._directory = directory
        self._texts = texts

    def policy_for(self, account: str) -> EffectPolicy:
        """The same for every portal."""
        return ABSOLUTE

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: the values are absolute."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """Reads the requisites again first: those that have gone, or have another INN by now, are left alone."""
        (call,) = calls
        view = await self._directory.view(call.tenant)
        if not view.version:
            return (Retryable(Problem("tenant_unknown", {}), outage=False),)
        request = call.request
        read = await self._crm.read_card(call.permit, "requisite", request["requisite_id"])
        if not isinstance(read, Ok):
            return (read,)
        commands = () if read.value is None else self._commands(call, read.value, view.settings)
        if not commands:
            return (Ok({"skipped": True}),)
        written = await self._crm.write(call.permit, commands)
        failed = next((one for one in written if not isinstance(one, Ok)), None)
        return (failed or Ok({}),)

    def _commands(
        self, call: EffectCall, card: ports.CrmCard, settings: Mapping[str, Any]
    ) -> Sequence[ports.CrmCommand]:
        request = call.request
        one = next((one for one in card.requisites if one.requisite_id == request["requisite_id"]), None)
        inn = clean_inn(one.inn) if one is not None else None
        if one is None or not isinstance(inn, InnFound) or inn.inn != request["inn"]:
            return ()
        values = dict(request["values"])
        address = values.pop("address", "")
        commands: list[ports.CrmCommand] = []
        if values:
            commands.append(ports.PutRequisite(one.requisite_id, values))
        if address:
            commands.append(ports.PutAddress(one.requisite_id, address, one.requisite_id in card.addresses))
        return (*commands, *self._state(call, card, settings))

    def _state(self, call: EffectCall, card: ports.CrmCard, settings: Mapping[str, Any]) -> Sequence[ports.CrmCommand]:
        status, responsible_id = call.request["status"], call.request["responsible_id"]
        if not status:
            return ()
        texts = self._texts[settings.get("language", "ru")]
        zone = ZoneInfo(settings.get("timezone", "Europe/Moscow"))
        word = texts.company_state(status)
        commands: list[ports.CrmCommand] = []
        field = settings.get("company_fields", {}).get("status")
        if field:
            commands.append(ports.SetFields("company", card.company.company_id, {field: word}))
        if status in TOLD_TO_PEOPLE and responsible_id:
            values = {"company": card.company.title, "state": word, "status": status}
            tag = f"sverka|company_state|{card.company.company_id}"
            text = texts.fact("company_state", values, zone)
            commands.append(ports.NotifyUser(responsible_id, text, tag, call.tenant))
        return commands

    async def probe(self, call: EffectCall) -> ProbeResult:
        """Not asked: these writes are repeated."""
        return Inconclusive(Problem("repeat_instead", {}))

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The company's stream is told that its card shows it, or why not."""
        match settled:
            case Confirmed():
                return company.SeeCompanyWritten(call.request["fact_id"])
            case RejectedFinally() | Undecidable():
                reason = Reason(code=settled.problem.code, values=settled.problem.values)
                return company.SeeCompanyWritten(call.request["fact_id"], reason)
