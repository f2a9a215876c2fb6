"""Asks every service for its state, each by itself, so that the answer does not depend on any one of them."""

from datetime import datetime
from typing import Any, Final

import httpx
from pydantic import ValidationError

from contracts.topics import SERVICES
from sverka.api import connect
from sverka.http import tls_for
from sverka.language import tr
from sverka.models.status import ServiceStatus, StatusDocument
from sverka.reach import Reach, read_secret

ASK_SECONDS_MAX: Final = 10.0
CONNECT_SECONDS_MAX: Final = 2.0


class StatusQuestion:
    """Asks an installation again and again over the same connections."""

    def __init__(self, urls: dict[str, str], token: str) -> None:
        self._urls = urls
        self._client = httpx.Client(
            follow_redirects=False,
            headers={"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(ASK_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
            verify=tls_for(next(iter(urls.values()), "")),
            trust_env=False,
        )

    def __enter__(self) -> "StatusQuestion":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self) -> StatusDocument:
        """Idle means idle twice in a row: a message on its way back up is in no service for a moment."""
        document = self._ask_once()
        return self._ask_once() if document.idle else document

    def _ask_once(self) -> StatusDocument:
        # In the order in which facts travel, so that none slips past between two questions.
        return together({name: self._ask_service(url) for name, url in self._urls.items()})

    def _ask_service(self, url: str) -> ServiceStatus:
        try:
            answer = self._client.get(f"{url}/internal/status")
            body: dict[str, Any] = answer.json()
            if answer.is_success:
                return ServiceStatus.model_validate(body)
            return ServiceStatus(ready=False, missing={"service": str(body.get("error", answer.status_code))})
        except httpx.HTTPError as error:
            reason = tr(f"cannot be reached ({type(error).__name__})", f"недоступен ({type(error).__name__})")
        except (ValueError, ValidationError, AttributeError):
            reason = tr("answered something that is no status", "ответил не состоянием")
        return ServiceStatus(ready=False, missing={"service": reason})


def together(services: dict[str, ServiceStatus]) -> StatusDocument:
    """The state of an installation from those of its services."""
    return StatusDocument(
        idle=bool(services) and all(one.ready and one.idle for one in services.values()),
        quiet_since=quiet_since(list(services.values())),
        ready=bool(services) and all(one.ready for one in services.values()),
        services=services,
    )


def quiet_since(services: list[ServiceStatus]) -> datetime | None:
    """Of all services together; None while one is not ready, has news, or has not finished a first pass."""
    moments: list[datetime] = []
    for one in services:
        moment = one.quiet_since if one.polls else one.now
        if not one.ready or moment is None:
            return None
        moments.append(moment)
    return min(moments, default=None)


def question(reach: Reach) -> StatusQuestion:
    """A question to the installation that runs in the data folder. NotAsWished if none does."""
    run = reach.run()
    urls = {name: run.services[name].url if name in run.services else "" for name in SERVICES}
    return StatusQuestion(
        {name: url or "http://127.0.0.1:9" for name, url in urls.items()},
        read_secret(reach.data / "secrets" / "service-token"),
    )


def ask_all(reach: Reach) -> StatusDocument:
    """One answer. Of another installation only ingest is known, so it passes the question on."""
    if reach.url:
        with connect(reach) as api:
            return together({name: ServiceStatus.model_validate(one) for name, one in api.status().items()})
    with question(reach) as asked:
        return asked.ask()
