"""A shop that pushes its orders to an ingest: bodies, signatures, and what became of them."""

import copy
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson

from connectors.shop.signature import sign
from tests.services.ingest.running import Ingest

SECRET = "whsec_test_0123456789abcdef"
SHOP: dict[str, Any] = {"id": "main", "secret": SECRET, "invoice_pay_systems": [48], "issue_act": ["F"]}
MADE_AT = datetime(2026, 3, 12, 10, 0, tzinfo=UTC)
ITEM: dict[str, Any] = {
    "id": 255, "product_id": 348, "product_xml_id": "1000000386", "name": "Футболка", "quantity": "1", "okei": "796",
    "unit": "шт", "price": "980.00", "base_price": "980.00", "discount": "0.00", "vat_rate": None,
    "vat_included": True, "kind": "goods", "set_parent": None,
}  # fmt: skip
DELIVERY: dict[str, Any] = {
    "id": 338, "service_id": 1, "name": "Курьер", "price": "500.00", "vat_rate": None, "vat_included": True,
    "canceled": False,
}  # fmt: skip
PAYER: dict[str, Any] = {
    "inn": "7725010016", "kpp": "772501001", "ogrn": None, "name": "ООО Ромашка", "address": "г. Москва, ул. Лесная, 1",
    "contact": "Иван Петров", "email": "buh@romashka.example", "phone": "+7 495 1234567",
}  # fmt: skip
PERSON: dict[str, Any] = {
    "inn": None, "kpp": None, "ogrn": None, "name": "", "address": "г. Москва, ул. Садовая, 2",
    "contact": "Анна Соколова", "email": "Anna@people.example", "phone": "+7 900 7654321",
}  # fmt: skip


def order(**changes: Any) -> dict[str, Any]:
    """An order as the module sends it."""
    whole: dict[str, Any] = {
        "id": 236, "account_number": "392", "version": 1, "xml_id": "", "status": "N", "canceled": False,
        "cancel_reason": None, "currency": "RUB", "created_at": "2026-03-12T12:59:58+03:00",
        "updated_at": "2026-03-12T13:00:00+03:00", "person_type": {"id": 3, "kind": "legal"}, "total": "1480.00",
        "tax_total": "0.00", "delivery_total": "500.00", "paid_total": "0.00", "pay_before": None, "comment": None,
        "payer": PAYER, "properties": [{"code": "INN", "name": "ИНН", "value": "7725010016"}], "items": [ITEM],
        "deliveries": [DELIVERY],
        "payments": [{"id": 123, "pay_system_id": 48, "name": "Счёт", "sum": "1480.00", "paid": False, "paid_at": None,
                      "is_return": False, "voucher_num": None, "voucher_date": None}],
    }  # fmt: skip
    return copy.deepcopy({**whole, **changes})


def push(found: dict[str, Any] | None, event: str = "order.created", at: datetime = MADE_AT) -> dict[str, Any]:
    """The body of a push; ``found`` None is a ping."""
    whole = {
        "schema": "shop-order/v1",
        "event": event if found is not None else "ping",
        "occurred_at": at.isoformat(),
        "shop": {"site_id": "s1", "host": "shop.example.ru", "module_version": "1.0.0"},
    }
    return whole if found is None else {**whole, "order": found}


@dataclass
class Shop:
    """A shop's module at work. Each push is a second after the one before."""

    ingest: Ingest
    path: str
    secret: str = SECRET
    key_id: str = "1"
    at: datetime = MADE_AT
    sent: list[str] = field(default_factory=list)

    async def pushed(self, found: dict[str, Any] | None, event: str = "order.created") -> httpx.Response:
        """A push that is taken."""
        self.at += timedelta(seconds=1)
        answer = await self.send(orjson.dumps(push(found, event, self.at)))
        assert answer.status_code == 200, answer.text
        return answer

    async def send(self, body: bytes, *, delivery: str = "", skew: float = 0, **headers: str) -> httpx.Response:
        """A signed request; ``headers`` replace those of a right one, with ``_`` for ``-``; "" leaves one out."""
        delivery = delivery or str(uuid.uuid4())
        self.sent.append(delivery)
        timestamp = int(datetime.now(UTC).timestamp() + skew)
        whole = {
            "content-type": "application/json; charset=utf-8",
            "x-shop-delivery": delivery,
            "x-shop-timestamp": str(timestamp),
            "x-shop-key-id": self.key_id,
            "x-shop-signature": sign(self.secret, timestamp, delivery, body),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        given = {name: value for name, value in whole.items() if value}
        return await self.ingest.outside.post(self.path, content=body, headers=given)
