"""Calls to DaData: one company by INN, and how much of the day's quota is left when a call was refused."""

from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from chassis.clock import Clock
from chassis.http import Answer, Call
from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Permit
from connectors import registers
from connectors.dadata import mapping
from connectors.dadata.mapping import ROWS_MAX, VENDOR
from connectors.ports.companies import CompanyCard
from connectors.transport import Transport
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

SUGGESTIONS_HOST: Final = "suggestions.dadata.ru"
STATISTICS: Final = "https://dadata.ru/api/v2"
TABLE: Final = registers.table(VENDOR)


class Dadata:
    """A client of all DaData accounts. A permit's token is the API key, and behind a blank the secret where there is
    one: the secret alone opens the statistics."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def by_inn(
        self, permit: Permit, inn: str, kpp: str = "", *, answered_today: bool = False
    ) -> Outcome[CompanyCard | None]:
        """`findById/party`: the branch of a KPP, or the head office."""
        asked: dict[str, Any] = {"query": inn, "count": ROWS_MAX}
        asked |= {"kpp": kpp} if kpp else {"branch_type": "MAIN"}
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.find_party",
            method="POST",
            url=f"{permit.endpoint.rstrip('/')}/findById/party",
            changes=False,
            headers=_headers(permit) | {"content-type": "application/json"},
            content=orjson.dumps(asked),
            answer_bytes_max=registers.BODY_BYTES_MAX,
        )
        found = await registers.document(self._http, self._clock, call, TABLE)
        if isinstance(found, Answer):
            return await self._refused(permit, answered_today=answered_today)
        if not isinstance(found, Ok):
            return found
        try:
            return Ok(mapping.chosen(mapping.cards_of(found.value), inn, kpp))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def _refused(self, permit: Permit, *, answered_today: bool) -> Outcome[CompanyCard | None]:
        """403 means a wrong key or a used-up day alike; the statistics tell which."""
        left = await self._remaining(permit)
        used_up = answered_today if left is None else left <= 0  # a key that has answered today was right
        return registers.quota_used_up(VENDOR, self._clock) if used_up else registers.key_refused(VENDOR)

    async def _remaining(self, permit: Permit) -> int | None:
        _, _, secret = permit.access_token.partition(" ")
        if not secret:
            return None
        query = urlencode({"date": registers.day_of_moscow(self._clock.now())})
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.statistics",
            method="GET",
            url=f"{statistics_url(permit.endpoint)}/stat/daily?{query}",
            changes=False,
            headers=_headers(permit) | {"x-secret": secret},
        )
        found = await registers.document(self._http, self._clock, call, TABLE)
        return mapping.remaining_today(found.value) if isinstance(found, Ok) else None


def statistics_url(endpoint: str) -> str:
    """Where the statistics are: on a host of their own at the vendor, beside the suggestions anywhere else."""
    parts = urlsplit(endpoint)
    if parts.hostname == SUGGESTIONS_HOST:
        return STATISTICS
    before = parts.path.partition("/suggestions/")[0].rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{before}/api/v2"


def _headers(permit: Permit) -> dict[str, str]:
    key = permit.access_token.partition(" ")[0]
    return {"authorization": f"Token {key}", "accept": "application/json"}
