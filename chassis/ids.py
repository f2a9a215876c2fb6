"""Identifiers: tenants, streams, Kafka keys, deterministic uuids and advisory lock numbers."""

import hashlib
import re
import uuid
from typing import NewType

TenantId = NewType("TenantId", str)

_TENANT_PATTERN = re.compile(r"[a-z0-9-]{2,40}")
_NAMESPACE = uuid.UUID("6b1d1f0c-6c0e-5c60-9a55-5e3c2d2f7a10")


def tenant_id(text: str) -> TenantId:
    """Checks and types a tenant's id: 2 to 40 of ``a-z``, ``0-9`` and ``-``. Raises ValueError with what to write."""
    if not _TENANT_PATTERN.fullmatch(text):
        raise ValueError(f"a tenant's id is 2 to 40 characters of a-z, 0-9 and -, not {text!r}")
    return TenantId(text)


def deterministic_id(*parts: str) -> uuid.UUID:
    """The same parts give the same id, in every process and for ever; parts are joined so that no two lists collide."""
    return uuid.uuid5(_NAMESPACE, "\x1f".join(parts))


def kafka_key(tenant: TenantId, aggregate: str) -> str:
    """The key of a public message: ``tenant:aggregate``. Order is kept per key."""
    return f"{tenant}:{aggregate}"


def lock_number(key: str) -> int:
    """The advisory lock (signed 64 bit) that serialises all work on one Kafka key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
