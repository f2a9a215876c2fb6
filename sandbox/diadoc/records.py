"""What a box holds: organisations, documents with what was added to them, events of the feed; plain JSON records."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sandbox.core.wire import BadRequestError

RELATIONS = (
    "NotInCounteragentList", "IsMyCounteragent", "InvitesMe", "IsInvitedByMe", "RejectsMe", "IsRejectedByMe",
)  # fmt: skip
SOCIABILITIES = ("AllOrganizations", "CounteragentsOnly")
PARTNER, INVITED = "IsMyCounteragent", "IsInvitedByMe"


@dataclass(frozen=True, slots=True)
class Dials:
    """How one box behaves, in business seconds. `operation_seconds`: how long a post stays at work, so that a repeat
    gets 204; `delivery_seconds`: how long a signed document is under way. `refuse_status` refuses every call."""

    token_seconds: int = 86400
    limit_burst: int = 20
    limit_per_second: float = 10.0
    operation_seconds: float = 0.0
    delivery_seconds: float = 0.0
    invitation_seconds: float = 0.0
    print_seconds: float = 0.0
    refuse_status: int | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """An organisation with its only box, as the directory shows it. ``joined``: whether the operator of one that is
    reached by roaming exchanges with Diadoc at all."""

    box_id: str
    inn: str
    kpp: str
    name: str
    full_name: str
    ogrn: str = ""
    active: bool = True
    roaming: bool = False
    joined: bool = True
    sociability: str = "AllOrganizations"


@dataclass(slots=True)
class Document:
    """A document of our box; states are Diadoc's own words."""

    message_id: str
    entity_id: str
    to_box: str
    function: str
    version: str
    file_name: str
    number: str
    date: str
    content: str
    marker: str
    comment: str
    custom_data: list[dict[str, str]]
    created_unix: float
    sender: str = "WaitingForSenderSignature"
    response: str = "WaitingForRecipientSignature"
    revocation: str = "RevocationStatusNone"
    roaming: str = "RoamingNotificationStatusNone"
    sent_unix: float = 0.0
    delivered_unix: float = 0.0
    deleted: bool = False
    entities: list[dict[str, Any]] = field(default_factory=list)
    """What was added to it: signatures and refusals, as they stand in a message."""


@dataclass(slots=True)
class Account:
    """A box that somebody has access to, with all that is in it."""

    id: str
    title: str
    organization: Organization
    credentials: dict[str, str]
    dials: Dials = field(default_factory=Dials)
    partners: dict[str, Organization] = field(default_factory=dict)
    relations: dict[str, str] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    prints: dict[str, float] = field(default_factory=dict)
    shelf: dict[str, str] = field(default_factory=dict)

    def relation(self, box_id: str) -> str:
        return self.relations.get(box_id, "NotInCounteragentList")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def dials_from(data: dict[str, Any]) -> dict[str, Any]:
    """Dials from JSON, checked by name and type."""
    known = {one.name for one in fields(Dials)}
    for name, value in data.items():
        if name not in known:
            raise BadRequestError(f"unknown dial {name!r}; known are {', '.join(sorted(known))}")
        if name == "refuse_status":
            if value not in (None, 401, 402, 403):
                raise BadRequestError("refuse_status is null, 401, 402 or 403")
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadRequestError(f"dial {name} is a number from 0")
    return data


def organization_from(data: dict[str, Any], box_id: str) -> Organization:
    """An organisation from JSON; BadRequestError names what is wrong."""
    known = {one.name for one in fields(Organization)} - {"box_id"} | {"relation"}
    if unknown := sorted(data.keys() - known):
        raise BadRequestError(f"unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    inn, kpp = str(data.get("inn", "")), str(data.get("kpp", ""))
    if not inn.isdigit() or len(inn) not in (10, 12) or (kpp and len(kpp) != 9):
        raise BadRequestError("inn is a text of 10 or 12 digits, kpp of 9")
    if data.get("sociability", SOCIABILITIES[0]) not in SOCIABILITIES:
        raise BadRequestError(f"sociability is one of {', '.join(SOCIABILITIES)}")
    name = str(data.get("name") or data.get("full_name") or inn)
    own = {key: value for key, value in data.items() if key != "relation"}
    return Organization(**{"name": name, "full_name": name, **own, "inn": inn, "kpp": kpp, "box_id": box_id})
