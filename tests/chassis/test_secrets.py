"""A secret opens in its place and nowhere else, and keys can be changed under a running service."""

import asyncpg
import pytest

from chassis.ids import TenantId
from chassis.postgres import Database
from chassis.secrets import KeyMissing, Keyring, SecretBroken, Secrets

TENANT, OTHER = TenantId("vektor"), TenantId("romashka")
FIELD = "account/7/client_secret"
OLD, NEW = Keyring.generate("2026-01"), Keyring.generate("2026-11")


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(Keyring.parse(OLD))


async def test_a_secret_opens_where_it_was_sealed(database: Database, secrets: Secrets) -> None:
    async with database.transaction([TENANT]) as connection:
        sealed = await secrets.seal(connection, TENANT, FIELD, "canary-secret ключ")
        again = await secrets.seal(connection, TENANT, FIELD, "canary-secret ключ")
        assert await secrets.open(connection, TENANT, FIELD, sealed) == "canary-secret ключ"
        assert b"canary" not in sealed
        assert sealed != again, "a nonce is never used twice"


async def test_a_moved_or_changed_ciphertext_does_not_open(database: Database, secrets: Secrets) -> None:
    async with database.transaction([TENANT, OTHER]) as connection:
        sealed = await secrets.seal(connection, TENANT, FIELD, "s")
        await secrets.seal(connection, OTHER, FIELD, "s")
        for tenant, field in ((OTHER, FIELD), (TENANT, "account/8/client_secret"), (TENANT, "account/7/api_key")):
            with pytest.raises(SecretBroken):
                await secrets.open(connection, tenant, field, sealed)
        for position in (0, 3, 8, len(sealed) - 1):
            changed = bytes(b ^ 1 if i == position else b for i, b in enumerate(sealed))
            with pytest.raises(SecretBroken):
                await secrets.open(connection, TENANT, FIELD, changed)
        for wrong in (b"", b"\x01", sealed[:10]):
            with pytest.raises(SecretBroken):
                await secrets.open(connection, TENANT, FIELD, wrong)


async def test_a_data_key_moved_to_another_tenant_does_not_open(database: Database, secrets: Secrets) -> None:
    async with database.transaction([TENANT, OTHER]) as connection:
        sealed = await secrets.seal(connection, TENANT, FIELD, "s")
        await secrets.seal(connection, OTHER, FIELD, "s")
        await connection.execute(
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE tenant_id = $1) WHERE tenant_id = $2",
            OTHER,
            TENANT,
        )
        with pytest.raises(SecretBroken):
            await Secrets(Keyring.parse(OLD)).open(connection, TENANT, FIELD, sealed)


async def test_wrapping_keys_rotate_without_touching_secrets(database: Database, secrets: Secrets) -> None:
    async with database.transaction([TENANT]) as connection:
        sealed = await secrets.seal(connection, TENANT, FIELD, "s")
    rotated = Secrets(Keyring.parse(NEW + OLD))
    async with database.transaction([TENANT]) as connection:
        assert await rotated.open(connection, TENANT, FIELD, sealed) == "s", "before the rewrap"
        assert await rotated.rewrap(connection, TENANT) == 1
        assert await rotated.rewrap(connection, TENANT) == 0
    only_new = Secrets(Keyring.parse(NEW))
    async with database.transaction([TENANT]) as connection:
        assert await only_new.open(connection, TENANT, FIELD, sealed) == "s", "the old key may go"
        with pytest.raises(KeyMissing, match="2026-11"):
            await Secrets(Keyring.parse(OLD)).open(connection, TENANT, FIELD, sealed)


async def test_data_keys_rotate_and_the_old_ones_still_open(database: Database, secrets: Secrets) -> None:
    async with database.transaction([TENANT]) as connection:
        before = await secrets.seal(connection, TENANT, FIELD, "s")
        assert await secrets.rotate(connection, TENANT) == 2
        after = await secrets.seal(connection, TENANT, FIELD, "s")
        assert after[1:5] == (2).to_bytes(4, "big")
        assert await secrets.open(connection, TENANT, FIELD, before) == "s"
        assert await secrets.open(connection, TENANT, FIELD, after) == "s"


async def test_a_tenant_reaches_only_its_own_data_keys(database: Database, secrets: Secrets) -> None:
    async with database.transaction([TENANT]) as connection:
        await secrets.seal(connection, TENANT, FIELD, "s")
    async with database.transaction([OTHER]) as connection:
        assert await connection.fetchval("SELECT count(*) FROM data_keys") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.delivery() as connection:
            await connection.fetch("SELECT * FROM data_keys")


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", "no colon", "a:short", "a:!!!", f"{OLD}{OLD}", ":" + OLD.partition(":")[2]],
    ids=["empty", "comment", "no colon", "short", "no base64", "twice the same", "no name"],
)
def test_key_files_are_read_strictly_and_never_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="key file") as refused:
        Keyring.parse(text)
    assert OLD.partition(":")[2].strip() not in str(refused.value)
    assert OLD.partition(":")[2].strip() not in repr(Keyring.parse(f"# comment\n\n{OLD}"))


async def test_a_field_has_no_separator_in_it(database: Database, secrets: Secrets) -> None:
    async with database.transaction([TENANT]) as connection:
        with pytest.raises(ValueError, match="parts the places"):
            await secrets.seal(connection, TENANT, "a|b", "s")
