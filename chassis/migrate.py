"""Creates a service's database and roles, and runs its numbered SQL files once each, in order, as the owner role."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from chassis.ids import lock_number
from chassis.postgres import Connection, Database

CHASSIS_MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_TIMEOUT_SECONDS = 10.0
FILE_TIMEOUT_SECONDS = 600.0
LOCK_TIMEOUT_MS = 10_000
SCRAM_ITERATIONS = 4096

_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,30}")
_FILE = re.compile(r"\d{4}_[a-z0-9_]+\.sql")


class MigrationRefused(Exception):  # noqa: N818 - named after what happened
    """A migration cannot be applied as it is; the sentence says which file and what to do."""


@dataclass(frozen=True, slots=True)
class Names:
    """The database and the three roles of one service, under a prefix (``sverka``; tests have one each run)."""

    database: str
    owner: str
    app: str
    delivery: str

    @classmethod
    def of(cls, service: str, prefix: str = "sverka") -> "Names":
        """Raises ValueError when the names would not be plain identifiers."""
        stem = f"{prefix}_{service}"
        if not _SERVICE.fullmatch(service) or not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", stem):
            raise ValueError(f"a service and its prefix are made of a-z, 0-9 and _, at most 50 together, not {stem!r}")
        return cls(stem, f"{stem}_owner", f"{stem}_app", f"{stem}_delivery")


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of the two login roles; printable ASCII. They are in no text, no log and no statement."""

    app: str = field(repr=False)
    delivery: str = field(repr=False)

    def __post_init__(self) -> None:
        if not all(word and word.isascii() and word.isprintable() for word in (self.app, self.delivery)):
            raise ValueError("the password of a database role is printable ASCII and not empty")


@dataclass(frozen=True, slots=True)
class Urls:
    """Where a service connects: under row-level security, and across tenants for delivery."""

    app: str = field(repr=False)
    delivery: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; ``origin`` is the folder above ``migrations`` (chassis, or the service's name)."""

    origin: str
    name: str
    sha256: str
    sql: str


def migrations(directories: Sequence[Path]) -> list[Migration]:
    """The chassis' files, then those of ``directories``, each folder by number.

    Raises MigrationRefused for a file name that is not ``NNNN_verb_noun.sql`` and for a number used twice.
    """
    found = []
    for directory in (CHASSIS_MIGRATIONS, *(d for d in directories if d.resolve() != CHASSIS_MIGRATIONS)):
        numbers: dict[str, str] = {}
        for file in sorted(directory.glob("*.sql")):
            if not _FILE.fullmatch(file.name):
                raise MigrationRefused(f"{file} is not named NNNN_verb_noun.sql; rename it")
            if (first := numbers.setdefault(file.name[:4], file.name)) != file.name:
                raise MigrationRefused(f"{file} has the number of {first}; give it the next free one")
            data = file.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            found.append(Migration(directory.parent.name, file.name, digest, data.decode()))
    return found


async def migrate(
    admin_url: str, service: str, directories: Sequence[Path], passwords: Passwords, *, prefix: str = "sverka"
) -> Urls:
    """Brings the service's database to the present schema and gives its two addresses.

    Safe to run at every start and from several processes at once. ``admin_url`` names a role that may create databases
    and roles. The chassis' own files always come first. SQL files run as the owner role, which row-level security hides
    all rows from: they change schemas, never rows. Raises MigrationRefused, and Postgres' own errors.
    """
    names = Names.of(service, prefix)
    wanted = migrations(directories)
    admin = await _connect(admin_url)
    try:
        # Roles are shared by the whole cluster, and Postgres refuses two concurrent changes of one of them.
        await admin.execute("SELECT pg_advisory_lock($1)", lock_number(f"{prefix}:roles"))
        await _ensure_roles(admin, names, passwords)
        await _ensure_database(admin, names)
    finally:
        await admin.close()
    target = await _connect(_address(admin_url, names.database))
    try:
        await target.execute("SELECT pg_advisory_lock($1)", lock_number("migrations"))
        await _apply(target, names, wanted)
    finally:
        await target.close()
    return urls(admin_url, names, passwords)


def urls(admin_url: str, names: Names, passwords: Passwords) -> Urls:
    """The addresses of a migrated database, without touching it."""
    return Urls(
        _address(admin_url, names.database, names.app, passwords.app),
        _address(admin_url, names.database, names.delivery, passwords.delivery),
    )


async def schema_fits(database: Database, directories: Sequence[Path]) -> bool:
    """Whether every migration of this build is applied, unchanged. A newer schema fits: upgrades roll."""
    async with database.delivery_connection() as connection:
        if not await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"):
            return False
        applied = await _applied(connection)
    return all(applied.get((m.origin, m.name)) == m.sha256 for m in migrations(directories))


async def _connect(url: str) -> Connection:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=FILE_TIMEOUT_SECONDS,
        server_settings={"application_name": "sverka-migrate", "client_min_messages": "warning"},
    )
    return connection


async def _ensure_roles(admin: Connection, names: Names, passwords: Passwords) -> None:
    plain = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    for role, password in ((names.owner, None), (names.app, passwords.app), (names.delivery, passwords.delivery)):
        if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role):
            # Before Postgres 16 an owner that inherits nothing is none in the schema public of its own database.
            kind = "NOLOGIN INHERIT" if password is None else "LOGIN NOINHERIT"
            await admin.execute(f"CREATE ROLE {role} {kind} {plain}")
        if password is not None:
            await admin.execute(f"ALTER ROLE {role} PASSWORD '{_scram_verifier(password)}'")
    if not await admin.fetchval("SELECT pg_has_role(current_user, $1, 'MEMBER')", names.owner):
        await admin.execute(f"GRANT {names.owner} TO CURRENT_USER")


async def _ensure_database(admin: Connection, names: Names) -> None:
    if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", names.database):
        await admin.execute(f"CREATE DATABASE {names.database} OWNER {names.owner} ENCODING 'UTF8' TEMPLATE template0")
    await admin.execute(f"REVOKE ALL ON DATABASE {names.database} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT ON DATABASE {names.database} TO {names.app}, {names.delivery}")


async def _apply(target: Connection, names: Names, wanted: Sequence[Migration]) -> None:
    await target.execute(f"SET ROLE {names.owner}; SET lock_timeout = {LOCK_TIMEOUT_MS}")
    await target.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (origin text NOT NULL, name text NOT NULL, sha256 text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (origin, name));"
        f"GRANT SELECT ON schema_migrations TO {names.app}, {names.delivery}"
    )
    applied = await _applied(target)
    for migration in wanted:
        before = applied.get((migration.origin, migration.name))
        if before is None:
            await _run(target, names, migration)
        elif before != migration.sha256:
            raise MigrationRefused(
                f"{migration.origin}/{migration.name} was changed after it had been applied to {names.database}; "
                "restore the file and put the change into a new one"
            )


async def _applied(connection: Connection) -> dict[tuple[str, str], str]:
    rows = await connection.fetch("SELECT origin, name, sha256 FROM schema_migrations")
    return {(row["origin"], row["name"]): row["sha256"] for row in rows}


async def _run(target: Connection, names: Names, migration: Migration) -> None:
    sql = migration.sql
    for placeholder, role in (("app", names.app), ("delivery", names.delivery), ("owner", names.owner)):
        sql = sql.replace("{{" + placeholder + "}}", role)
    try:
        async with target.transaction():
            await target.execute(sql)
            await target.execute(
                "INSERT INTO schema_migrations (origin, name, sha256) VALUES ($1, $2, $3)",
                migration.origin,
                migration.name,
                migration.sha256,
            )
    except asyncpg.PostgresError as error:
        raise MigrationRefused(f"{migration.origin}/{migration.name} failed on {names.database}: {error}") from error


def _address(admin_url: str, database: str, user: str = "", password: str = "") -> str:
    parts = urlsplit(admin_url)
    where = parts.netloc.rpartition("@")[2]
    who = f"{quote(user, safe='')}:{quote(password, safe='')}" if user else parts.netloc.rpartition("@")[0]
    return urlunsplit((parts.scheme, f"{who}@{where}" if who else where, f"/{database}", parts.query, ""))


def _scram_verifier(password: str) -> str:
    # The form that Postgres stores (RFC 5802), so that the password itself never stands in a statement or its log.
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{text[0]}${text[1]}:{text[2]}"
