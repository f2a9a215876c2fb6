"""crm.item.payment.*: payments attached to deals and smart invoices."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, may, universal_family, universal_id, universal_map
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text, number


def _owner(call: Call, action: str) -> tuple[int, Record]:
    family = universal_family(call)
    record = call.portal.get(family.name, universal_id(call, "entityId"))
    if record is None or not may(call.identity, action, record):
        raise RestError(400, 0, "Элемент не найден или нет доступа")
    return family.entity_type_id, record


def _shown(call: Call, record: Record) -> Record:
    paid_at = record.get("DATE_PAID")
    return {
        "id": record["ID"], "accountNumber": record["ACCOUNT_NUMBER"], "paid": record["PAID"],
        "datePaid": None if paid_at is None else moment_text(paid_at, call.portal.zone),
        "empPaidId": record.get("EMP_PAID_ID"), "sum": number(record["SUM"]), "currency": record["CURRENCY"],
        "paySystemId": record.get("PAY_SYSTEM_ID", 9), "paySystemName": "Счёт",
    }  # fmt: skip


@method("crm.item.payment.add", writes=True)
def payment_add(call: Call) -> Any:
    entity_type, owner = _owner(call, "update")
    place = len(_of(call, entity_type, owner["ID"])) + 1
    values: Record = {
        "ENTITY_TYPE_ID": entity_type, "ENTITY_ID": owner["ID"], "ACCOUNT_NUMBER": f"{owner['ID']}/{place}",
        "PAID": "N", "SUM": owner.get("OPPORTUNITY", "0.00"), "CURRENCY": owner.get("CURRENCY_ID", "RUB"),
    }  # fmt: skip
    return call.portal.put("payment", values)


def _of(call: Call, entity_type: int, entity: int) -> list[Record]:
    return [
        record
        for record in call.portal.table("payment")
        if (record["ENTITY_TYPE_ID"], record["ENTITY_ID"]) == (entity_type, entity)
    ]


@method("crm.item.payment.list")
def payment_list(call: Call) -> Any:
    entity_type, owner = _owner(call, "read")
    return [_shown(call, record) for record in _of(call, entity_type, owner["ID"])]


def _payment(call: Call) -> Record:
    record = call.portal.get("payment", universal_id(call))
    if record is None:
        raise RestError(400, 0, "Оплата не найдена")
    return record


@method("crm.item.payment.get")
def payment_get(call: Call) -> Any:
    return _shown(call, _payment(call))


@method("crm.item.payment.pay", writes=True)
def payment_pay(call: Call) -> Any:
    record = _payment(call)
    values = {"PAID": "Y", "DATE_PAID": call.portal.now(), "EMP_PAID_ID": call.user_id}
    call.portal.patch("payment", record["ID"], values)
    return True


@method("crm.item.payment.unpay", writes=True)
def payment_unpay(call: Call) -> Any:
    record = _payment(call)
    call.portal.patch("payment", record["ID"], {"PAID": "N", "DATE_PAID": None, "EMP_PAID_ID": None})
    return True


@method("crm.item.payment.update", writes=True)
def payment_update(call: Call) -> Any:
    """Two fields may be changed: `paid` and `paySystemId`."""
    record = _payment(call)
    fields = universal_map(call, "fields")
    system = as_number(fields.get("paySystemId"))
    if system:
        call.portal.patch("payment", record["ID"], {"PAY_SYSTEM_ID": system})
    if fields.get("paid") in ("Y", "N") and fields["paid"] != record["PAID"]:
        return payment_pay(call) if fields["paid"] == "Y" else payment_unpay(call)
    return True


@method("crm.item.payment.delete", writes=True)
def payment_delete(call: Call) -> Any:
    call.portal.drop("payment", _payment(call)["ID"])
    return True
