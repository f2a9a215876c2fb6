"""Secrets at rest: AES-256-GCM under a data key per tenant, data keys wrapped by a key from a file.

The place of a secret (tenant, field with the row's identity, key version) is authenticated with it, so that a
ciphertext moved to another row, field or tenant does not open.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.ids import TenantId
from chassis.postgres import Connection

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
SECRET_BYTES_MAX: Final = 16 * 1024
_FORMAT: Final = b"\x01"
_HEADER_BYTES: Final = 1 + 4 + NONCE_BYTES


class SecretBroken(Exception):  # noqa: N818 - named after what is found
    """A sealed value does not open in this place: moved, changed, or its key is gone."""


class KeyMissing(Exception):  # noqa: N818 - named after what is missing
    """The key that wrapped a data key is not in the key file."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that wrap data keys; the first wraps, all unwrap. None of them is ever printed."""

    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``id:base64 of 32 bytes`` lines; empty lines and ``#`` comments are left out. Raises ValueError,
        without quoting the line."""
        keys: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not (stripped := line.strip()) or stripped.startswith("#"):
                continue
            name, _, encoded = stripped.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not name.strip() or name in keys or len(key) != KEY_BYTES:
                raise ValueError(f"line {number} of the key file is not a new `id:base64 of {KEY_BYTES} bytes`")
            keys[name] = key
        if not keys:
            raise ValueError("the key file holds no key; write `id:base64 of 32 bytes`, the newest first")
        return cls(keys)

    @staticmethod
    def generate(name: str) -> str:
        """A new line for a key file."""
        return f"{name}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}\n"

    @property
    def current(self) -> str:
        """The id of the key that wraps."""
        return next(iter(self.keys))

    def wrap(self, key: bytes, place: str) -> bytes:
        """Wraps a data key with the current key, bound to its place."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.keys[self.current]).encrypt(nonce, key, f"{place}|{self.current}".encode())

    def unwrap(self, kek_id: str, wrapped: bytes, place: str) -> bytes:
        """Raises KeyMissing for a key that is not in the ring, SecretBroken for a wrapped key of another place."""
        kek = self.keys.get(kek_id)
        if kek is None:
            raise KeyMissing(f"key {kek_id!r} is not in the key file; add it after the current one")
        try:
            return AESGCM(kek).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], f"{place}|{kek_id}".encode())
        except (InvalidTag, ValueError) as error:
            raise SecretBroken(f"the wrapped key of {place} does not open") from error


class Secrets:
    """Seals and opens tenants' secrets in the caller's transaction, which names the tenant.

    ``field`` names the place with the row's identity: ``account/<id>/client_secret``.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._opened: dict[tuple[TenantId, int], AESGCM] = {}

    async def seal(
        self, connection: Connection, tenant: TenantId, field: str, secret: str, *, bytes_max: int = SECRET_BYTES_MAX
    ) -> bytes:
        """Encrypts with the tenant's newest data key, made when there is none."""
        plain = secret.encode()
        if len(plain) > bytes_max:
            raise ValueError(f"a secret of {len(plain)} bytes, at most {bytes_max} are sealed")
        version, key = await self._newest(connection, tenant)
        nonce = os.urandom(NONCE_BYTES)
        sealed = key.encrypt(nonce, plain, _place(tenant, field, version))
        return _FORMAT + version.to_bytes(4, "big") + nonce + sealed

    async def open(self, connection: Connection, tenant: TenantId, field: str, sealed: bytes) -> str:
        """Decrypts. Raises SecretBroken for anything that was not sealed for exactly this place, KeyMissing."""
        if len(sealed) <= _HEADER_BYTES or sealed[:1] != _FORMAT:
            raise SecretBroken(f"{field} of {tenant} holds no sealed secret")
        version = int.from_bytes(sealed[1:5], "big")
        key = await self._key(connection, tenant, version)
        try:
            plain = key.decrypt(sealed[5:_HEADER_BYTES], sealed[_HEADER_BYTES:], _place(tenant, field, version))
        except InvalidTag as error:
            raise SecretBroken(f"{field} of {tenant} does not open: moved, or changed") from error
        return plain.decode()

    async def rotate(self, connection: Connection, tenant: TenantId) -> int:
        """Gives the tenant a new data key for what is sealed from now on; old ones still open. Returns its version."""
        row = await connection.fetchrow("SELECT max(version) AS version FROM data_keys WHERE tenant_id = $1", tenant)
        version = (row["version"] or 0) + 1 if row is not None else 1
        await self._insert(connection, tenant, version)
        return version

    async def replace_lost(self, connection: Connection, tenant: TenantId) -> bool:
        """Gives the tenant a new data key where the newest one does not open any more, so that secrets can be sealed
        again; what was sealed with the old one stays unreadable. Whether it was so."""
        try:
            await self._newest(connection, tenant)
        except (KeyMissing, SecretBroken):
            await self.rotate(connection, tenant)
            return True
        return False

    async def rewrap(self, connection: Connection, tenant: TenantId) -> int:
        """Wraps the tenant's data keys with the current key; secrets stay. Returns how many were changed."""
        rows = await connection.fetch(
            "SELECT version, kek_id, wrapped FROM data_keys WHERE tenant_id = $1 AND kek_id <> $2 FOR UPDATE",
            tenant,
            self._keyring.current,
        )
        for row in rows:
            place = _key_place(tenant, row["version"])
            key = self._keyring.unwrap(row["kek_id"], row["wrapped"], place)
            await connection.execute(
                "UPDATE data_keys SET kek_id = $3, wrapped = $4 WHERE tenant_id = $1 AND version = $2",
                tenant,
                row["version"],
                self._keyring.current,
                self._keyring.wrap(key, place),
            )
        return len(rows)

    async def _newest(self, connection: Connection, tenant: TenantId) -> tuple[int, AESGCM]:
        newest = "SELECT max(version) FROM data_keys WHERE tenant_id = $1"
        version = await connection.fetchval(newest, tenant)
        if version is None:
            await self._insert(connection, tenant, 1)
            version = await connection.fetchval(newest, tenant)
        return version, await self._key(connection, tenant, version)

    async def _insert(self, connection: Connection, tenant: TenantId, version: int) -> None:
        wrapped = self._keyring.wrap(AESGCM.generate_key(KEY_BYTES * 8), _key_place(tenant, version))
        await connection.execute(
            "INSERT INTO data_keys (tenant_id, version, kek_id, wrapped) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT DO NOTHING",
            tenant,
            version,
            self._keyring.current,
            wrapped,
        )

    async def _key(self, connection: Connection, tenant: TenantId, version: int) -> AESGCM:
        opened = self._opened.get((tenant, version))
        if opened is not None:
            return opened
        row = await connection.fetchrow(
            "SELECT kek_id, wrapped FROM data_keys WHERE tenant_id = $1 AND version = $2", tenant, version
        )
        if row is None:
            raise SecretBroken(f"data key {version} of {tenant} is gone")
        opened = AESGCM(self._keyring.unwrap(row["kek_id"], row["wrapped"], _key_place(tenant, version)))
        self._opened[(tenant, version)] = opened
        return opened


def _key_place(tenant: TenantId, version: int) -> str:
    return f"data key|{tenant}|{version}"


def _place(tenant: TenantId, field: str, version: int) -> bytes:
    if "|" in field:
        raise ValueError("a field's name has no |, which parts the places of secrets")
    return f"{tenant}|{field}|{version}".encode()
