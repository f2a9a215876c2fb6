"""What only Kontur.Accounting's people and registers do: periods close, cards follow the state register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sandbox.accounting.family import FamilyControl
from sandbox.accounting.records import Account
from sandbox.core.wire import BadRequestError, Reply, Request, Route

REGISTER_KEYS = {"full_name", "kpp", "ogrn", "address", "director"}


class KonturControl(FamilyControl):
    """`closed_until` closes the period up to a day, YYYY-MM-DD."""

    switches: ClassVar[Mapping[str, type]] = {"closed_until": str}

    def routes(self) -> list[Route]:
        example = {"full_name": "ООО «Вектор»", "director": "Лапина Ирина Олеговна"}
        of_register = self._of(
            "POST", "/counterparties/{counterparty}/register", self._register, "the state register refreshes a card",
            example,
        )  # fmt: skip
        return [*super().routes(), of_register]

    def _register(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        if set(body) - REGISTER_KEYS or not all(isinstance(value, str) for value in body.values()):
            raise BadRequestError(f"give texts by {', '.join(sorted(REGISTER_KEYS))}")
        record = account.records["counterparties"][request.params["counterparty"]]
        fields = {name: value for name, value in body.items() if name != "director"}
        director = {"name": body["director"], "post": "Генеральный директор"} if "director" in body else None
        card: Any = {**record, **fields, "director": director or record.get("director"), "source": "egrul"}
        return Reply(payload=self._book.put_counterparty(account, card, record_id=record["id"]))
