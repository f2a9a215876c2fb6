"""What `tenant check` says of the folder of statement files, and of companies that come from accounting; the rest is
asked in test_tenants.py."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok
from chassis.work.handlers import Permit
from services.ingest.domain.values import Connection, Settings, Steps
from services.ingest.workers.check import TenantCheck, unfollowed
from tests.services.ingest.test_domain import SETTINGS

TENANT = TenantId("vektor")


def looked(folder: Path | None, *, payments_from: Any) -> list[tuple[str, list[str]]]:
    nobody: Any = None
    sellers = tuple(seller.model_copy(update={"payments_from": payments_from}) for seller in SETTINGS.sellers)
    settings: Settings = SETTINGS.model_copy(update={"sellers": sellers})
    check = TenantCheck(nobody, {}, {}, {}, nobody, nobody, folder, Clock())
    return [(account, [one.code for one in problems]) for _, account, problems in check._folder(TENANT, settings)]


def test_the_folder_is_looked_at_where_statements_say_what_was_paid(tmp_path: Path) -> None:
    own = str(tmp_path / TENANT)
    assert looked(tmp_path, payments_from="statement") == [(own, ["statements_folder_missing"])]
    (tmp_path / TENANT).mkdir()
    assert looked(tmp_path, payments_from="statement") == [(own, [])]
    assert looked(tmp_path, payments_from=None) == []
    assert looked(None, payments_from="statement") == []


def test_a_service_that_cannot_be_followed_is_named_where_the_file_asks_for_it() -> None:
    def problems(vendor: str, profile: str, wish: bool | None) -> list[str]:
        settings = SETTINGS.model_copy(update={"steps": Steps(reverse_sync=wish)})
        connection = Connection(account=f"{vendor}:vektor:main", vendor=vendor, profile=profile)
        seller = SETTINGS.sellers[0].model_copy(update={"connection": connection})
        return [one.code for one in unfollowed(seller, settings)]

    assert problems("onec", "standard", True) == ["reverse_sync_impossible"]
    assert problems("elba", "vendor", True) == ["reverse_sync_impossible"]
    assert problems("elba", "seed", True) == []
    assert problems("onec", "standard", None) == problems("onec", "standard", False) == []


class UsedUp:
    """An account whose calls are used up, for so long each time it is asked."""

    def __init__(self, *waits: timedelta) -> None:
        self._waits = list(waits)

    async def acquire(self, account: str, *_: Any) -> Permit | Deferred:
        if self._waits:
            return Deferred(Problem("limit_used_up"), datetime.now(UTC) + self._waits.pop(0))
        return Permit(account, "", "", 1, datetime.now(UTC))


class Sound:
    async def check_account(self, permit: Permit) -> Ok[tuple[Problem, ...]]:
        return Ok(())


async def seller_checked(*waits: timedelta) -> list[str]:
    nobody: Any = None
    used_up: Any = UsedUp(*waits)
    connection = Connection(account="elba:vektor:main", vendor="elba", profile="seed")
    check = TenantCheck(nobody, {("elba", "seed"): Sound()}, {}, {}, used_up, nobody, None, Clock())
    return [one.code for one in await check._seller(connection)]


async def test_a_limit_that_its_own_work_has_used_up_for_a_moment_is_waited_for() -> None:
    assert await seller_checked(timedelta(milliseconds=60), timedelta()) == []
    assert await seller_checked(timedelta(minutes=1)) == ["limit_used_up"]
