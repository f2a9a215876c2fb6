"""sale.paysystem.*, sale.delivery.*, sale.cashbox.*: ways to pay and to deliver, cash registers, and what drives them.

These are older than their neighbours: names in capitals, parameters side by side, `FIELDS` at a change. Vendor
documentation, "Платежные системы", "Службы доставки", "Кассы".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.bitrix24.call import Call, as_number, classic_map, is_admin, upper_keys
from sandbox.bitrix24.envelope import RestError, classic
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import Method, add, method
from sandbox.bitrix24.methods.sale import PAYMENT_ABSENT
from sandbox.bitrix24.store import Record

NUMBERS = ("ID", "PERSON_TYPE_ID", "DELIVERY_ID", "PARENT_ID")


@dataclass(frozen=True, slots=True)
class Kind:
    """`columns` are those that it keeps and lists; `by` names the field that points to its handler's CODE."""

    path: str
    scope: str
    table: str
    required: tuple[str, ...]
    columns: tuple[str, ...]
    noun: str
    fresh: tuple[tuple[str, Any], ...] = ()
    by: str = ""
    handlers: str = ""
    unique: bool = False

    @property
    def absent(self) -> RestError:
        return RestError(400, f"ERROR_{self.noun.upper().replace(' ', '_')}_NOT_FOUND", f"{self.noun} not found")


def failed(text: str) -> RestError:
    return RestError(400, "ERROR_CHECK_FAILURE", text)


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def existing(kind: Kind, call: Call, name: str = "ID") -> Record:
    number = as_number(call.get(name))
    if not number:
        raise failed(f"Parameter {name} is not defined")
    record = call.portal.get(kind.table, number)
    if record is None:
        raise kind.absent
    return record


def _taken(kind: Kind, given: Record) -> Record:
    values = {name: given[name] for name in kind.columns if name in given and name != "ID"}
    return {name: as_number(value) if name in NUMBERS else value for name, value in values.items()}


def _add(kind: Kind, call: Call) -> Any:
    given = upper_keys(call.params.tree)
    for name in kind.required:
        if not given.get(name):
            raise failed(f"Parameter {name} is not defined")
    _admin(call)
    if kind.unique and any(record["CODE"] == given["CODE"] for record in call.portal.table(kind.table)):
        raise RestError(400, f"ERROR_{kind.noun.upper()}_ALREADY_EXIST", f"{kind.noun} already exists!")
    if kind.by and all(record["CODE"] != given[kind.by] for record in call.portal.table(kind.handlers)):
        raise RestError(400, "ERROR_HANDLER_NOT_FOUND", "Handler not found")
    return call.portal.put(kind.table, {**dict(kind.fresh), **_taken(kind, given)})


def _update(kind: Kind, call: Call) -> Any:
    record = existing(kind, call)
    _admin(call)
    given = upper_keys(call.params.tree) | upper_keys(classic_map(call, "FIELDS"))
    call.portal.patch(kind.table, record["ID"], _taken(kind, given))
    return True


def _delete(kind: Kind, call: Call) -> Any:
    record = existing(kind, call)
    _admin(call)
    call.portal.drop(kind.table, record["ID"])
    return True


def printed(kind: Kind, record: Record, names: tuple[str, ...] | None = None) -> Record:
    """Numbers as strings, as the older lists have them."""
    shown = {name: record.get(name) for name in names or kind.columns}
    return {name: str(value) if name in (*NUMBERS, "SORT") and value is not None else value
            for name, value in shown.items()}  # fmt: skip


def _list(kind: Kind, call: Call) -> Any:
    _admin(call)

    def resolve(name: str) -> Column | None:
        if name.upper() not in kind.columns:
            return None
        return Column(name.upper(), "integer" if name.upper() in (*NUMBERS, "SORT") else "string")

    select = call.get("SELECT")
    names = tuple(str(name).upper() for name in select) if isinstance(select, list) and select else None
    for name in names or ():
        if name not in kind.columns and name != "*":
            raise classic(f"{name} not allowed for select")
    if names is not None and "*" in names:
        names = None
    query = compile_filter(classic_map(call, "FILTER"), resolve, call.portal.zone, strict=False)
    order = compile_order(classic_map(call, "ORDER"), resolve, strict=False)
    table = call.portal.table(kind.table)
    found, _ = run(table, query, order, offset=0, limit=len(table))
    return [printed(kind, record, names) for record in found]


HANDLER = ("ID", "NAME", "CODE", "SORT", "SETTINGS")
PAY_SYSTEM_HANDLER = Kind("sale.paysystem.handler", "pay_system", "payhandler", ("NAME", "CODE", "SETTINGS"), HANDLER,
                          "Handler", (("SORT", 100),), unique=True)  # fmt: skip
PAY_SYSTEM = Kind(
    "sale.paysystem", "pay_system", "paysystem", ("NAME", "PERSON_TYPE_ID", "BX_REST_HANDLER"),
    ("ID", "PAY_SYSTEM_ID", "PERSON_TYPE_ID", "NAME", "PSA_NAME", "CODE", "SORT", "DESCRIPTION", "ACTION_FILE",
     "NEW_WINDOW", "HAVE_PAYMENT", "HAVE_ACTION", "HAVE_RESULT", "HAVE_PREPAY", "HAVE_PRICE", "HAVE_RESULT_RECEIVE",
     "ENCODING", "ACTIVE", "ALLOW_EDIT_PAYMENT", "IS_CASH", "AUTO_CHANGE_1C", "CAN_PRINT_CHECK",
     "ENTITY_REGISTRY_TYPE", "XML_ID", "BX_REST_HANDLER", "SETTINGS"),
    "Pay system",
    (("SORT", 100), ("ACTIVE", "Y"), ("NEW_WINDOW", "N"), ("IS_CASH", "N"), ("ALLOW_EDIT_PAYMENT", "Y"),
     ("HAVE_PAYMENT", "N"), ("HAVE_ACTION", "N"), ("HAVE_RESULT", "N"), ("HAVE_PREPAY", "N"), ("HAVE_PRICE", "N"),
     ("HAVE_RESULT_RECEIVE", "Y"), ("ENTITY_REGISTRY_TYPE", "ORDER")),
    by="BX_REST_HANDLER", handlers="payhandler",
)  # fmt: skip
DELIVERY_HANDLER = Kind(
    "sale.delivery.handler", "delivery", "deliveryhandler", ("CODE", "NAME", "SETTINGS", "PROFILES"),
    (*HANDLER, "DESCRIPTION", "PROFILES"), "Handler", (("SORT", 100), ("DESCRIPTION", "")), unique=True,
)  # fmt: skip
DELIVERY = Kind("sale.delivery", "delivery", "delivery", ("REST_CODE", "NAME", "CURRENCY"),
                ("ID", "PARENT_ID", "NAME", "ACTIVE", "DESCRIPTION", "CURRENCY", "SORT", "LOGOTYPE", "REST_CODE"),
                "Delivery")  # fmt: skip
EXTRA = Kind("sale.delivery.extra.service", "delivery", "extraservice", ("DELIVERY_ID", "TYPE", "NAME"),
             ("ID", "CODE", "NAME", "DESCRIPTION", "ACTIVE", "SORT", "TYPE", "PRICE", "ITEMS", "DELIVERY_ID"),
             "Extra service", (("ACTIVE", "Y"), ("SORT", 100), ("DESCRIPTION", "")))  # fmt: skip
CASHBOX_HANDLER = Kind("sale.cashbox.handler", "cashbox", "cashboxhandler", ("CODE", "NAME", "SETTINGS"),
                       (*HANDLER, "SUPPORTS_FFD105"), "Handler", (("SORT", 100),), unique=True)  # fmt: skip
CASHBOX = Kind(
    "sale.cashbox", "cashbox", "cashbox", ("NAME", "REST_CODE", "EMAIL"),
    ("ID", "NAME", "OFD", "EMAIL", "DATE_CREATE", "DATE_LAST_CHECK", "NUMBER_KKM", "KKM_ID", "ACTIVE", "SORT",
     "USE_OFFLINE", "ENABLED", "REST_CODE", "SETTINGS"),
    "Cashbox",
    (("OFD", ""), ("NUMBER_KKM", ""), ("ACTIVE", "Y"), ("SORT", 100), ("USE_OFFLINE", "N"), ("ENABLED", "Y")),
    by="REST_CODE", handlers="cashboxhandler",
)  # fmt: skip
ACTIONS = {"add": _add, "update": _update, "delete": _delete, "list": _list}
for _kind, _actions in (
    (PAY_SYSTEM_HANDLER, tuple(ACTIONS)), (PAY_SYSTEM, tuple(ACTIONS)), (DELIVERY_HANDLER, tuple(ACTIONS)),
    (CASHBOX_HANDLER, tuple(ACTIONS)), (CASHBOX, tuple(ACTIONS)), (EXTRA, ("update", "delete")),
):  # fmt: skip
    for _action in _actions:
        add(Method(f"{_kind.path}.{_action}", _kind.scope, partial(ACTIONS[_action], _kind), writes=_action != "list"))


# -- paying


def _settings(call: Call) -> Record:
    return existing(PAY_SYSTEM, call, "PAY_SYSTEM_ID" if "PAY_SYSTEM_ID" in call.params else "ID")


def _values(call: Call, record: Record) -> Any:
    """A value for each code of the handler, and what else was set."""
    handlers = call.portal.table("payhandler")
    handler = next((one for one in handlers if one["CODE"] == record.get("BX_REST_HANDLER")), {})
    codes = handler.get("SETTINGS", {}).get("CODES") if isinstance(handler.get("SETTINGS"), dict) else None
    given = record.get("SETTINGS")
    found = dict.fromkeys(codes, "") if isinstance(codes, dict) else {}
    for name, one in (given if isinstance(given, dict) else {}).items():
        found[name] = one.get("VALUE", "") if isinstance(one, dict) else one
    return found or []


@method("sale.paysystem.settings.get", "pay_system")
def settings_get(call: Call) -> Any:
    return _values(call, _settings(call))


@method("sale.paysystem.settings.payment.get", "pay_system")
def settings_of_payment(call: Call) -> Any:
    if call.portal.get("payment", as_number(call.get("PAYMENT_ID")) or 0) is None:
        raise failed("Payment not found")
    return _values(call, _settings(call))


@method("sale.paysystem.settings.update", "pay_system", writes=True)
def settings_update(call: Call) -> Any:
    record = _settings(call)
    _admin(call)
    present = record.get("SETTINGS")
    merged = {**(present if isinstance(present, dict) else {}), **classic_map(call, "SETTINGS")}
    call.portal.patch("paysystem", record["ID"], {"SETTINGS": merged})
    return True


@method("sale.paysystem.pay.payment", "pay_system", writes=True)
def pay_payment(call: Call) -> Any:
    """The payment is marked as paid, as a pay system does when money came."""
    payment = call.portal.get("payment", as_number(call.get("PAYMENT_ID")) or 0)
    if payment is None:
        raise RestError(400, *PAYMENT_ABSENT)
    if call.portal.get("paysystem", as_number(call.get("PAY_SYSTEM_ID")) or 0) is None:
        raise failed("Pay system not found")
    call.portal.patch("payment", payment["ID"], {"paid": "Y", "datePaid": call.portal.now()})
    call.portal.raise_event("ONPAYMENTENTITYSAVED", {"FIELDS": {"ID": str(payment["ID"])}})
    return True


@method("sale.cashbox.check.apply", "cashbox", writes=True)
def check_apply(call: Call) -> Any:
    """A receipt is printed by nobody here, so none can be confirmed."""
    if not call.get("UUID"):
        raise failed("Parameter UUID is not defined")
    raise RestError(400, "ERROR_CHECK_NOT_FOUND", "Check not found")


# -- delivering


SHOWN = ("NAME", "ACTIVE", "DESCRIPTION", "CURRENCY", "ID", "PARENT_ID", "SORT", "LOGOTYPE")


def _delivery(record: Record) -> Record:
    return {name: record.get(name) for name in SHOWN}


@method("sale.delivery.add", "delivery", writes=True)
def delivery_add(call: Call) -> Any:
    """The service, and one below it for each profile of its handler."""
    given = upper_keys(call.params.tree)
    for name in DELIVERY.required:
        if not given.get(name):
            raise failed(f"Parameter {name} is not defined")
    _admin(call)
    handler = next((one for one in call.portal.table("deliveryhandler") if one["CODE"] == given["REST_CODE"]), None)
    if handler is None:
        raise RestError(400, "ERROR_HANDLER_NOT_FOUND", "Handler not found")
    config = given.get("CONFIG")
    values: Record = {"ACTIVE": "Y", "DESCRIPTION": "", "SORT": 100, **_taken(DELIVERY, given),
                      "CONFIG": config if isinstance(config, list) else []}  # fmt: skip
    parent = call.portal.put("delivery", values)
    below = []
    for profile in handler.get("PROFILES") or []:
        name, text = str(profile.get("NAME", "")), str(profile.get("DESCRIPTION", ""))
        below.append(call.portal.put("delivery", {**values, "NAME": name, "DESCRIPTION": text, "PARENT_ID": parent}))
    records = call.portal.table("delivery").records
    return {"parent": _delivery(records[parent]), "profiles": [_delivery(records[number]) for number in below]}


@method("sale.delivery.getlist", "delivery")
def delivery_list(call: Call) -> Any:
    listed: list[Record] = _list(DELIVERY, call)
    return [{name: as_number(value) if name in ("ID", "PARENT_ID", "SORT") else value for name, value in one.items()
             if name != "REST_CODE"} for one in listed]  # fmt: skip


@method("sale.delivery.update", "delivery", writes=True)
def delivery_update(call: Call) -> Any:
    return _update(DELIVERY, call)


@method("sale.delivery.delete", "delivery", writes=True)
def delivery_delete(call: Call) -> Any:
    record = existing(DELIVERY, call)
    _admin(call)
    for one in list(call.portal.table("delivery")):
        if record["ID"] in (one["ID"], one.get("PARENT_ID")):
            call.portal.drop("delivery", one["ID"])
    return True


def _coded(one: Any) -> bool:
    return isinstance(one, dict) and bool(one.get("CODE"))


@method("sale.delivery.config.get", "delivery")
def delivery_config(call: Call) -> Any:
    return existing(DELIVERY, call).get("CONFIG", [])


@method("sale.delivery.config.update", "delivery", writes=True)
def delivery_config_update(call: Call) -> Any:
    record = existing(DELIVERY, call)
    _admin(call)
    given, held = call.get("CONFIG"), record.get("CONFIG")
    if isinstance(given, list) and not all(_coded(one) for one in given):
        raise failed("Parameter CODE is not defined")
    rows = [one for part in (held, given) if isinstance(part, list) for one in part if _coded(one)]
    merged = {str(one["CODE"]): one for one in rows}
    call.portal.patch("delivery", record["ID"], {"CONFIG": list(merged.values())})
    return True


@method("sale.delivery.extra.service.add", "delivery", writes=True)
def extra_add(call: Call) -> Any:
    if call.get("DELIVERY_ID"):
        existing(DELIVERY, call, "DELIVERY_ID")
    return _add(EXTRA, call)


@method("sale.delivery.extra.service.get", "delivery")
def extra_get(call: Call) -> Any:
    delivery = existing(DELIVERY, call, "DELIVERY_ID")
    found = [one for one in call.portal.table("extraservice") if one["DELIVERY_ID"] == delivery["ID"]]
    names = ("ID", "CODE", "NAME", "DESCRIPTION", "ACTIVE", "SORT", "TYPE")
    return [
        printed(EXTRA, one, names) | ({"ITEMS": one.get("ITEMS", [])} if one["TYPE"] == "enum"
                                      else {"PRICE": one.get("PRICE")})
        for one in found
    ]  # fmt: skip
