"""The next version of a service beside the present one, with a migration in the middle."""

import asyncio
import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg

from tests.chaos.campaign.faults.base import Fault, Hands, Injection
from tests.chaos.campaign.faults.infrastructure import LOOK_SECONDS

ROOT: Final = Path(__file__).parents[4]
PACKAGES: Final = ("contracts", "chassis", "connectors", "services")
SERVICE: Final = "invoicing"
MIGRATION: Final = "0900_add_note.sql"
SQL: Final = """\
-- What the next version notes about a document; the present one neither reads nor writes it.
ALTER TABLE documents ADD COLUMN note text NOT NULL DEFAULT '';
CREATE INDEX documents_note ON documents (tenant_id, note);
"""
MESSAGES: Final = "contracts/messages/invoicing.py"
FIELD: Final = '    marker: str = ""\n    rounding_delta_kopecks: int = 0\n'
NEXT_FIELD: Final = '    marker: str = ""\n    channel: str = "next"\n    rounding_delta_kopecks: int = 0\n'
EVENTS: Final = "services/invoicing/domain/events.py"
STORED: Final = "    issued: Issued\n    rounding_delta_kopecks: int = 0\n"
NEXT_STORED: Final = '    issued: Issued\n    channel: str = "next"\n    rounding_delta_kopecks: int = 0\n'


class MixedVersions(Fault):
    """F51: a migration is applied, and the next version of invoicing, whose messages and events have a field more,
    works beside the present one; then one of them goes: the roll-out is finished, or taken back."""

    code = "F51"
    latest = 0.5

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        code = hands.stage.folder / "next"
        await asyncio.to_thread(make_next, code)
        await _migrated(hands, code)
        name = f"{SERVICE}-next"
        spec = hands.stage.replica(SERVICE, name, PYTHONPATH=str(code))
        # -P: not the folder of the call, which holds the present version.
        spec = replace(spec, argv=[sys.executable, "-P", "-m", f"services.{SERVICE}"])
        hands.stage.spawn_beside(name, spec)
        await hands.stage.ready(name)
        note.count = 1
        await asyncio.sleep(min(chance.uniform(4.0, 10.0), hands.left()))
        note.detail = {"finished": chance.random() < 0.5}
        if note.detail["finished"]:
            present = hands.stage.specs[SERVICE]
            hands.stage.specs[SERVICE] = replace(
                spec,
                name=SERVICE,
                url=present.url,
                ready_url=present.ready_url,
                env={**spec.env, "SVERKA_PORT": present.env["SVERKA_PORT"]},
            )
            async with hands.keeper.lock(SERVICE):
                await hands.keeper.end(SERVICE)
            await hands.stage.ready(SERVICE)
        note.detail["exit_code"] = await hands.keeper.end_replica(name)


async def _migrated(hands: Hands, code: Path) -> None:
    # Another fault may have killed Postgres a moment ago. A migration is there as a whole or not at all.
    while True:
        try:
            return await hands.stage.migrate(SERVICE, code=code)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            if not hands.left():
                raise
            await asyncio.sleep(LOOK_SECONDS)


def make_next(folder: Path) -> None:
    """A copy of the product with one migration, and one optional field more in a message and in an event."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "services" / SERVICE / "migrations" / MIGRATION).write_text(SQL)
    for file, present, following in ((MESSAGES, FIELD, NEXT_FIELD), (EVENTS, STORED, NEXT_STORED)):
        text = (folder / file).read_text()
        assert text.count(present) == 1, f"what gets a field more in {file} has changed: change this fault with it"
        (folder / file).write_text(text.replace(present, following))
