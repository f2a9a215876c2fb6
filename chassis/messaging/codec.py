"""Messages from Kafka as typed models: by name and version, or as what is wrong with them."""

import hashlib
import uuid
from collections.abc import Iterable
from typing import Final

import orjson
from pydantic import ValidationError

from chassis.ids import TenantId, deterministic_id, tenant_id
from chassis.messaging.kafka import Record
from contracts.envelope import BODY_BYTES_MAX, Envelope, EnvelopeError, Message

GENERATION_DIGITS_MAX: Final = 18


class ContentError(Exception):
    """A message that no repetition will make good; the sentence says why, and holds nothing of its body."""


class ForeignTenantError(ContentError):
    """A message whose Kafka key is not one of its envelope's tenant."""


class MessageCodec:
    """The message types that a service understands. Raises TypeError when two share a name and version."""

    def __init__(self, types: Iterable[type[Message]]) -> None:
        self._types: dict[tuple[str, int], type[Message]] = {}
        for kind in types:
            if not kind.NAME or self._types.setdefault((kind.NAME, kind.VERSION), kind) is not kind:
                raise TypeError(
                    f"{kind.__name__} needs a name and version of its own: class {kind.__name__}(Message, name=…)"
                )

    def decode(self, envelope: Envelope, body: bytes) -> Message | None:
        """The message; None for a type or version that this build does not know. Raises ContentError."""
        kind = self._types.get((envelope.type, envelope.type_version))
        if kind is None:
            return None
        if len(body) > BODY_BYTES_MAX:
            raise ContentError(f"the body has {len(body)} bytes, at most {BODY_BYTES_MAX} are taken")
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            raise ContentError(explain(error)) from error


def explain(error: BaseException) -> str:
    """What is wrong, without the values: a message may hold what no letter or log should."""
    if isinstance(error, ValidationError):
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return orjson.dumps([{"at": d["loc"], "is": d["msg"]} for d in details[:10]], default=str).decode()
    return str(error)


def envelope_of(record: Record, key: str) -> tuple[Envelope, TenantId]:
    """The envelope, with its tenant, which the Kafka key must name too. Raises ContentError."""
    try:
        envelope = Envelope.from_headers(record.headers)
        tenant = tenant_id(envelope.tenant_id)
    except (EnvelopeError, ValueError) as error:
        raise ContentError(explain(error)) from error
    if not key.startswith(f"{tenant}:"):
        raise ForeignTenantError("the Kafka key is not one of the envelope's tenant")
    return envelope, tenant


def tenant_of_key(key: str) -> TenantId | None:
    """The tenant that a Kafka key names, if it names one."""
    tenant, colon, _ = key.partition(":")
    try:
        return tenant_id(tenant) if colon else None
    except ValueError:
        return None


def key_of(record: Record) -> str:
    """The Kafka key as text; bytes that are not UTF-8 are escaped, so that different keys stay different."""
    return (record.key or b"").decode(errors="backslashreplace").replace("\0", "\\x00")


def event_id_of(record: Record) -> uuid.UUID:
    """The identity of a message: its ``ce_id``, or for one without, its place and content."""
    for name, value in record.headers:
        if name == "ce_id" and value:
            return event_uuid(value.decode(errors="backslashreplace"))
    return place_id_of(record)


SENDING: Final = "sverka_sending"
"""The header that names the sending that brought a message into its log: the log's generation, a dot, a random part."""


def sending_of(record: Record) -> str:
    """The sending that brought a message; "" for one without."""
    for name, value in record.headers:
        if name == SENDING and value:
            return str(value.decode(errors="replace"))
    return ""


def generation_of(sending: str) -> int:
    """The generation of the log that a sending went into; 0 where it names none."""
    number = sending.partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= GENERATION_DIGITS_MAX else 0


def place_id_of(record: Record) -> uuid.UUID:
    """The identity of a message that cannot be trusted to name itself; the content, since a lost log begins anew."""
    digest = hashlib.sha256(record.value or b"").hexdigest()
    return deterministic_id("undecodable", record.topic, str(record.partition), str(record.offset), digest)


def event_uuid(text: str) -> uuid.UUID:
    """An event's id as a uuid: itself when it is one, else the uuid that stands for it."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return deterministic_id("event", text)
