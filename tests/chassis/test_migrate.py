"""Migrations: once each, in order, never changed, by a role that owns tables and cannot log in."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from chassis.migrate import CHASSIS_MIGRATIONS, MigrationRefused, Names, Passwords, migrate, migrations, schema_fits
from chassis.postgres import Database
from tests.kit.database import PASSWORDS


@pytest.fixture
async def prefix(postgres_url: str) -> AsyncIterator[str]:
    name = f"m{secrets.token_hex(3)}"
    yield name
    admin = await asyncpg.connect(postgres_url)
    names = Names.of("orders", name)
    await admin.execute(f"DROP DATABASE IF EXISTS {names.database} WITH (FORCE)")
    await admin.execute(f"DROP ROLE IF EXISTS {names.app}, {names.delivery}, {names.owner}")
    await admin.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "orders" / "migrations"
    made.mkdir(parents=True)
    (made / "0001_create_order.sql").write_text(
        "CREATE TABLE order_row (tenant_id text, id text, PRIMARY KEY (tenant_id, id));"
        "SELECT chassis.protect('order_row')"
    )
    return made


async def test_files_run_once_and_the_schema_then_fits(postgres_url: str, prefix: str, folder: Path) -> None:
    first = await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix)
    assert await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix) == first

    database = await Database.open(first.app, first.delivery)
    assert await schema_fits(database, [folder])
    (folder / "0002_add_note.sql").write_text("ALTER TABLE order_row ADD note text")
    assert not await schema_fits(database, [folder])
    await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix)
    assert await schema_fits(database, [folder])
    (folder / "0002_add_note.sql").unlink()
    assert await schema_fits(database, [folder]), "an older build still runs on the newer schema"
    await database.close()


async def test_a_changed_file_is_refused(postgres_url: str, prefix: str, folder: Path) -> None:
    await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix)
    (folder / "0001_create_order.sql").write_text("SELECT 1")
    with pytest.raises(MigrationRefused, match=r"0001_create_order\.sql was changed"):
        await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix)


async def test_a_failing_file_leaves_nothing_and_names_itself(postgres_url: str, prefix: str, folder: Path) -> None:
    broken = folder / "0002_break_order.sql"
    broken.write_text("CREATE TABLE half (id int); SELECT 1 / 0")
    with pytest.raises(MigrationRefused, match=r"orders/0002_break_order\.sql failed"):
        await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix)
    broken.write_text("CREATE TABLE half (id int)")
    await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix)


async def test_six_processes_may_migrate_at_once(postgres_url: str, prefix: str, folder: Path) -> None:
    runs = [migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix) for _ in range(6)]
    assert len(set(await asyncio.gather(*runs))) == 1


async def test_login_roles_own_nothing_and_a_new_password_replaces_the_old(
    postgres_url: str, prefix: str, folder: Path
) -> None:
    old = await migrate(postgres_url, "orders", [folder], PASSWORDS, prefix=prefix)
    new = await migrate(postgres_url, "orders", [folder], Passwords("other", "an@ther/"), prefix=prefix)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(old.app)
    for url in (new.app, new.delivery):
        connection = await asyncpg.connect(url)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("ALTER TABLE order_row DISABLE ROW LEVEL SECURITY")
        await connection.close()


def test_file_names_and_numbers_are_checked(folder: Path) -> None:
    assert {m.origin for m in migrations([CHASSIS_MIGRATIONS])} == {"chassis"}
    (folder / "0001_other.sql").write_text("")
    with pytest.raises(MigrationRefused, match="has the number of 0001_create_order"):
        migrations([folder])
    (folder / "0001_other.sql").rename(folder / "later.sql")
    with pytest.raises(MigrationRefused, match="not named"):
        migrations([folder])
