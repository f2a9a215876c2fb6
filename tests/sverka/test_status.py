"""The state of an installation from the states of its services."""

from datetime import UTC, datetime, timedelta

from sverka.demo.settling import rested
from sverka.models import ServiceStatus, StatusDocument
from sverka.status import StatusQuestion, quiet_since

NOON = datetime(2026, 9, 15, 12, tzinfo=UTC)


def _service(minutes: int | None = 0, *, polls: int = 1, ready: bool = True) -> ServiceStatus:
    since = None if minutes is None else NOON + timedelta(minutes=minutes)
    return ServiceStatus(ready=ready, idle=True, now=NOON + timedelta(hours=1), polls=polls, quiet_since=since)


def test_quiet_since_is_the_earliest_of_all() -> None:
    assert quiet_since([_service(5), _service(2), _service(9)]) == NOON + timedelta(minutes=2)


def test_a_service_without_polls_has_nothing_to_wait_for() -> None:
    assert quiet_since([_service(5), _service(None, polls=0)]) == NOON + timedelta(minutes=5)


def test_news_or_a_service_away_is_not_quiet() -> None:
    assert quiet_since([_service(5), _service(None)]) is None
    assert quiet_since([_service(5), _service(5, ready=False)]) is None


def test_a_service_that_is_away_is_shown_and_the_rest_with_it() -> None:
    with StatusQuestion({"ingest": "http://127.0.0.1:9"}, "token") as question:
        document = question.ask()
    assert not document.ready
    assert not document.idle
    assert "cannot be reached" in document.services["ingest"].missing["service"]


def test_rest_needs_a_look_after_the_act() -> None:
    def status(*, idle: bool, minutes: int | None) -> StatusDocument:
        since = None if minutes is None else NOON + timedelta(minutes=minutes)
        return StatusDocument(idle=idle, ready=True, quiet_since=since, services={})

    assert rested(status(idle=True, minutes=1), NOON)
    assert not rested(status(idle=True, minutes=0), NOON)
    assert not rested(status(idle=False, minutes=1), NOON)
    assert not rested(status(idle=True, minutes=None), NOON)
