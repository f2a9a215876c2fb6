"""Calls to Kontur.Focus: base requisites of one company, and the statistics when a call was refused."""

from typing import Any, Final
from urllib.parse import urlencode

from chassis.clock import Clock
from chassis.http import Answer, Call
from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Permit
from connectors import registers
from connectors.focus import mapping
from connectors.focus.mapping import VENDOR
from connectors.ports.companies import CompanyCard
from connectors.transport import Transport
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

METHOD: Final = "req"
TABLE: Final = registers.table(VENDOR)


class Focus:
    """A client of all Focus accounts. The key travels in the address, as the vendor has it; nothing logs addresses."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def by_inn(
        self, permit: Permit, inn: str, kpp: str = "", *, answered_today: bool = False
    ) -> Outcome[CompanyCard | None]:
        """`req`: a company with its branches, or an entrepreneur without an address."""
        found = await self._asked(permit, METHOD, {"inn": inn})
        if isinstance(found, Answer):
            return await self._refused(permit, answered_today=answered_today)
        if not isinstance(found, Ok):
            return found
        try:
            return Ok(mapping.card_of(found.value, inn, kpp))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def _refused(self, permit: Permit, *, answered_today: bool) -> Outcome[CompanyCard | None]:
        """A blocked key, a method that is not in the contract, or a used-up limit: the statistics tell which."""
        statistics = await self._asked(permit, "stat", {})
        spent = mapping.used_up(statistics.value, METHOD) if isinstance(statistics, Ok) else None
        if spent or (spent is None and answered_today):
            return registers.quota_used_up(VENDOR, self._clock)
        return registers.key_refused(VENDOR)

    async def _asked(self, permit: Permit, method: str, query: dict[str, str]) -> Outcome[Any] | Answer:
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{method}",
            method="GET",
            url=f"{permit.endpoint.rstrip('/')}/{method}?{urlencode({'key': permit.access_token, **query})}",
            changes=False,
            headers={"accept": "application/json"},
            answer_bytes_max=registers.BODY_BYTES_MAX,
        )
        return await registers.document(self._http, self._clock, call, TABLE)
