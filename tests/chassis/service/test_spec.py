"""What the chassis adds to a service's declaration, and what it gives to its code."""

from pathlib import Path

import pytest

from chassis.clock import Clock
from chassis.engine import Engine
from chassis.health import Health
from chassis.migrate import CHASSIS_MIGRATIONS
from chassis.postgres import Database
from chassis.secrets import Keyring
from chassis.service import Parts, ServiceSpec
from chassis.settings import ServiceSettings, SettingsRefused
from chassis.work.operations import OperationMessages
from tests.chassis.service.desk import TICKET, TICKETS, Opened

MESSAGES = OperationMessages(Opened, Opened, Opened, Opened, Opened, Opened)


def prefixes(spec: ServiceSpec[ServiceSettings]) -> set[str]:
    return {kind.prefix for kind in spec.stream_kinds()}


def test_tenants_outages_delays_and_blocked_keys_are_added() -> None:
    assert prefixes(ServiceSpec("desk", ServiceSettings, [TICKET])) == {"deal", "tenant"}
    assert prefixes(ServiceSpec("desk", ServiceSettings, [TICKET], follows_tenants=False)) == {"deal"}
    spec = ServiceSpec("desk", ServiceSettings, [TICKET], operations=MESSAGES, operations_topic=TICKETS.name)
    assert prefixes(spec) == {"deal", "tenant", "outage", "delay", "letters"}


def test_the_chassis_migrations_come_first() -> None:
    own = Path("migrations")
    assert ServiceSpec("desk", ServiceSettings, [TICKET], migrations=own).migration_folders() == [
        CHASSIS_MIGRATIONS,
        own,
    ]


async def test_parts_are_made_once_and_only_when_wanted(database: Database, tmp_path: Path) -> None:
    engine = Engine("desk", ServiceSpec("desk", ServiceSettings, [TICKET]).stream_kinds())
    settings = ServiceSettings.model_validate({"blobs_url": f"file:{tmp_path}/blobs"})
    parts = Parts(settings, database, engine, Clock(), Health())
    made: list[Parts[ServiceSettings]] = []

    def whole(given: Parts[ServiceSettings]) -> object:
        made.append(given)
        return object()

    assert parts.once(whole) is parts.once(whole)
    assert made == [parts]
    assert parts.blobs is parts.blobs
    with pytest.raises(SettingsRefused, match="SVERKA_KEK_FILE"):
        _ = parts.subjects
    await parts.http.close()

    keyed = ServiceSettings.model_validate({"kek": Keyring.generate("k"), "blobs_url": f"file:{tmp_path}/blobs"})
    parts = Parts(keyed, database, engine, Clock(), Health())
    assert parts.secrets is parts.secrets
    assert parts.subjects is parts.subjects
    await parts.http.close()
