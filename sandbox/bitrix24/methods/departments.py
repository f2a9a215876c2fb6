"""department.*: the structure of the company, one department at its top.

Vendor documentation, "Подразделения": https://apidocs.bitrix24.ru/api-reference/departments/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

SCOPE = "department"
FIELDS = {"ID": "ID", "NAME": "Название подразделения", "SORT": "Порядок сортировки",
          "PARENT": "Вышестоящее подразделение", "UF_HEAD": "Руководитель"}  # fmt: skip


def _shown(record: Record) -> Record:
    shown: Record = {"ID": str(record["ID"]), "NAME": record["NAME"], "SORT": record["SORT"]}
    if record.get("PARENT"):
        shown["PARENT"] = str(record["PARENT"])
    if record.get("UF_HEAD"):
        shown["UF_HEAD"] = str(record["UF_HEAD"])
    return shown


def _column(name: str) -> Column | None:
    upper = name.upper()
    return Column(upper, "string" if upper == "NAME" else "integer") if upper in FIELDS else None


@method("department.get", SCOPE)
def department_get(call: Call) -> Any:
    """SORT names the field of the order, ORDER its direction; the other fields filter."""
    tree = {
        name: value for name, value in call.params.tree.items() if name.upper() in FIELDS and name.upper() != "SORT"
    }
    query = compile_filter(tree, _column, call.portal.zone, strict=False)
    sort = call.text("SORT")
    order = compile_order({sort: call.text("ORDER") or "ASC"} if sort else None, _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("department"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([_shown(record) for record in found], total=total, offset=offset, shown=len(found))


@method("department.fields", SCOPE)
def department_fields(call: Call) -> Any:
    return dict(FIELDS)


def _core(text: str) -> RestError:
    return RestError(400, "ERROR_CORE", text)


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise _core("Access denied")


def _values(call: Call) -> Record:
    values: Record = {}
    if "NAME" in call.params:
        values["NAME"] = call.text("NAME")
    for name in ("SORT", "PARENT", "UF_HEAD"):
        if as_number(call.get(name)) is not None:
            values[name] = as_number(call.get(name))
    if values.get("PARENT") and call.portal.get("department", values["PARENT"]) is None:
        raise _core("Department not found")
    return values


def _existing(call: Call) -> Record:
    record = call.portal.get("department", as_number(call.get("ID")) or 0)
    if record is None:
        raise _core("Department not found")
    return record


@method("department.add", SCOPE, writes=True)
def department_add(call: Call) -> Any:
    _admin(call)
    values = _values(call)
    if not values.get("NAME"):
        raise _core("Не введено название раздела.<br>")
    if not values.get("PARENT"):
        raise _core("В структуре компании должен быть только один раздел верхнего уровня")
    return call.portal.put("department", {"SORT": 500, **values})


@method("department.update", SCOPE, writes=True)
def department_update(call: Call) -> Any:
    record = _existing(call)
    _admin(call)
    call.portal.patch("department", record["ID"], _values(call))
    return True


@method("department.delete", SCOPE, writes=True)
def department_delete(call: Call) -> Any:
    """What is below goes with it."""
    record = _existing(call)
    _admin(call)
    gone = [record["ID"]]
    while gone:
        number = gone.pop()
        gone += [one["ID"] for one in call.portal.table("department") if one.get("PARENT") == number]
        call.portal.drop("department", number)
    return True
