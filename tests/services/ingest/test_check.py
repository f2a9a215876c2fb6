"""What `tenant check` says of the folder of statement files, and of companies that come from accounting; the rest is
asked in test_tenants.py."""

from pathlib import Path
from typing import Any

from chassis.ids import TenantId
from services.ingest.domain.values import Connection, Settings, Steps
from services.ingest.workers.check import TenantCheck, unfollowed
from tests.services.ingest.test_domain import SETTINGS

TENANT = TenantId("vektor")


def looked(folder: Path | None, *, payments_from: Any) -> list[tuple[str, list[str]]]:
    nobody: Any = None
    sellers = tuple(seller.model_copy(update={"payments_from": payments_from}) for seller in SETTINGS.sellers)
    settings: Settings = SETTINGS.model_copy(update={"sellers": sellers})
    check = TenantCheck(nobody, {}, {}, {}, nobody, nobody, folder)
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
