"""The envelope of every message: CloudEvents 1.0 attributes in Kafka headers, JSON in the body."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

HEADER_BYTES_MAX = 1024
BODY_BYTES_MAX = 512 * 1024
_SPEC_VERSION = "1.0"


class EnvelopeError(ValueError):
    """Headers that do not make an envelope; the sentence names the attribute."""


class Message(BaseModel):
    """The base of every public message: frozen, named and versioned explicitly, unknown fields ignored.

    ``class InvoiceIssued(Message, name="InvoiceIssued")``. A change that is not additive needs a new version or name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: Any) -> None:
        cls.NAME = name
        cls.VERSION = version
        super().__init_subclass__(**kwargs)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who says what about whom, and when.

    ``id`` is deterministic (the same fact has the same id on every delivery); ``time`` is business time with zone;
    ``tenant_id`` is the tenant of the message and of every row that its handling writes. ``sequence`` grows with what
    ``source`` says of one ``subject`` (CloudEvents' extension of that name), so that a reader sees when a topic that
    was lost and sent again brings an older message after a newer one; 0 where it is not known.
    """

    id: str
    type: str
    type_version: int
    source: str
    subject: str
    time: datetime
    tenant_id: str
    traceparent: str = ""
    tracestate: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    sequence: int = 0

    def headers(self) -> list[tuple[str, bytes]]:
        """Kafka headers in a stable order."""
        pairs = [
            ("ce_specversion", _SPEC_VERSION),
            ("ce_id", self.id),
            ("ce_type", self.type),
            ("ce_typeversion", str(self.type_version)),
            ("ce_source", self.source),
            ("ce_subject", self.subject),
            ("ce_time", self.time.isoformat()),
            ("ce_tenantid", self.tenant_id),
            ("content-type", "application/json"),
        ]
        if self.sequence:
            pairs.append(("ce_sequence", str(self.sequence)))
        if self.traceparent:
            pairs.append(("traceparent", self.traceparent))
        if self.tracestate:
            pairs.append(("tracestate", self.tracestate))
        return [(name, value.encode()) for name, value in pairs]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes]]) -> "Envelope":
        """Reads an envelope back. Raises EnvelopeError for a missing, oversized or malformed attribute."""
        found: dict[str, str] = {}
        for name, value in headers:
            if len(value) > HEADER_BYTES_MAX:
                raise EnvelopeError(f"header {name} has {len(value)} bytes, at most {HEADER_BYTES_MAX} are taken")
            try:
                found[name.lower()] = value.decode()
            except UnicodeDecodeError as error:
                raise EnvelopeError(f"header {name} is not UTF-8") from error

        def need(name: str) -> str:
            value = found.get(name, "")
            if not value:
                raise EnvelopeError(f"header {name} is missing")
            return value

        try:
            version = int(need("ce_typeversion"))
        except ValueError as error:
            raise EnvelopeError(f"ce_typeversion is not a number: {found.get('ce_typeversion')!r}") from error
        try:
            sequence = int(found.get("ce_sequence") or 0)
        except ValueError as error:
            raise EnvelopeError(f"ce_sequence is not a number: {found.get('ce_sequence')!r}") from error
        try:
            time = datetime.fromisoformat(need("ce_time"))
        except ValueError as error:
            raise EnvelopeError(f"ce_time is not an RFC 3339 time: {found.get('ce_time')!r}") from error
        if time.tzinfo is None:
            raise EnvelopeError("ce_time has no zone")
        return cls(
            id=need("ce_id"),
            type=need("ce_type"),
            type_version=version,
            source=need("ce_source"),
            subject=found.get("ce_subject", ""),
            time=time,
            tenant_id=need("ce_tenantid"),
            traceparent=found.get("traceparent", ""),
            tracestate=found.get("tracestate", ""),
            sequence=sequence,
        )
