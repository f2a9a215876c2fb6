"""One call of a method: who calls, with what, and the checks that all methods share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.bitrix24 import envelope
from sandbox.bitrix24.families import Family
from sandbox.bitrix24.files import Links
from sandbox.bitrix24.filters import Column, Resolve, UnknownColumnError, compile_order
from sandbox.bitrix24.params import Params
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import NUMBER_MAX
from sandbox.core.faults import Fault


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose rights a call has: those of a user, within the scopes of a webhook or of an application's token. `app` is
    the application's client id, `app_id` its record's number; a webhook has neither."""

    user: Record
    scopes: frozenset[str]
    key: str
    links: Links
    app: str | None = None
    app_id: int = 0


@dataclass(slots=True)
class Call:
    """The arguments of one method call."""

    portal: Portal
    identity: Identity
    params: Params
    fault: Fault | None = None
    method: str = ""

    @property
    def app(self) -> Record:
        """The application that calls; its methods alone ask for it."""
        return self.portal.table("app").records[self.identity.app_id]

    @property
    def user_id(self) -> int:
        number: int = self.identity.user["ID"]
        return number

    def get(self, name: str, default: Any = None) -> Any:
        return self.params.get(name, default)

    def text(self, name: str) -> str:
        value = self.params.get(name)
        return "" if value is None or isinstance(value, dict | list) else str(value).strip()

    def number(self, name: str) -> int | None:
        """A positive or zero whole number, None when absent or something else."""
        return as_number(self.params.get(name))

    def fault_number(self, kind: str, name: str, default: float) -> float | None:
        """A parameter of the fault that befell this call, None when it is of another kind."""
        return self.fault.number(name, default) if self.fault is not None and self.fault.kind == kind else None


def as_number(value: Any) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = int(str(value).strip())
    except ValueError:
        return None
    return number if abs(number) < NUMBER_MAX else None


def offset_of(call: Call, *, paged: bool) -> int:
    """`start`: -1 switches counting off; classic lists fall back to the page that holds it (`paged`)."""
    start = as_number(call.get("start")) or 0
    if start < 0:
        return -1
    return start // envelope.PAGE_SIZE * envelope.PAGE_SIZE if paged else start


def may(identity: Identity, action: str, record: Record | None = None) -> bool:
    """Rights of the user on CRM objects: full, read, own (those assigned to them) or none."""
    access = identity.user.get("ACCESS", "full")
    if access == "full":
        return True
    if access == "none" or (access == "read" and action != "read"):
        return False
    if access == "own" and record is not None:
        return bool(record.get("ASSIGNED_BY_ID") == identity.user["ID"])
    return True


def visible(call: Call) -> Any:
    """A predicate for lists: what the user may read."""
    access = call.identity.user.get("ACCESS", "full")
    if access == "own":
        return lambda record: record.get("ASSIGNED_BY_ID") == call.user_id
    if access == "none":
        return lambda record: False
    return None


def is_admin(call: Call) -> bool:
    return bool(call.identity.user.get("ADMIN") == "Y")


def universal_family(call: Call) -> Family:
    """The family that `entityTypeId` names."""
    raw = call.get("entityTypeId")
    if raw is None:
        raise envelope.missing_parameter("entityTypeId")
    number = as_number(raw)
    if number is None:
        raise envelope.wrong_parameter("entityTypeId", raw, "int")
    if number == 5:
        raise envelope.RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", "Тип сущности не поддерживается")
    family = call.portal.family(number)
    if family is None:
        raise envelope.RestError(400, "NOT_FOUND", "Смарт-процесс не найден")
    return family


def universal_id(call: Call, name: str = "id") -> int:
    raw = call.get(name)
    if raw is None:
        raise envelope.missing_parameter(name)
    number = as_number(raw)
    if number is None:
        raise envelope.wrong_parameter(name, raw, "int")
    return number


def universal_map(call: Call, name: str) -> dict[str, Any]:
    """A parameter that must be a map (an empty list counts as one)."""
    value = call.get(name)
    if value is None:
        raise envelope.missing_parameter(name)
    if value == []:
        return {}
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    if not isinstance(value, dict):
        raise envelope.wrong_parameter(name, value, "array")
    return value


def universal_order(call: Call, resolve: Resolve) -> list[tuple[Column, bool]]:
    """`order` of a universal list: fields that are unknown and directions that are none are refused."""
    tree = call.get("order")
    for name, direction in tree.items() if isinstance(tree, dict) else ():
        if str(direction).upper() not in ("ASC", "DESC"):
            raise envelope.invalid_argument(
                f"Invalid order: allowed sort directions are `ASC, DESC`. But got '{direction}' for field '{name}'"
            )
    try:
        return compile_order(tree, resolve, strict=True)
    except UnknownColumnError as error:
        raise envelope.invalid_argument(f"Invalid order: field '{error}' is not allowed in order") from error


def classic_id(call: Call, name: str = "id") -> int:
    number = as_number(call.get(name))
    if number is None or number <= 0:
        raise envelope.classic_bad_id()
    return number


def classic_map(call: Call, name: str) -> dict[str, Any]:
    value = call.get(name)
    if value == [] or value is None:
        return {}
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    if not isinstance(value, dict):
        raise envelope.classic(f"Parameter '{name}' must be array.")
    return value


def upper_keys(values: dict[str, Any]) -> dict[str, Any]:
    return {key.upper(): value for key, value in values.items()}
