"""1C bases as the sandbox's vendor: their routes, refusals, and the accountant who posts in time."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.accounting.control import Control
from sandbox.accounting.records import Account
from sandbox.accounting.vendor import AccountingService
from sandbox.core.faults import Fault
from sandbox.core.vendor import Timer
from sandbox.core.wire import Reply, Route
from sandbox.core.world import World
from sandbox.onec import api, changes, printing
from sandbox.onec.book import DOCUMENTS, OnecBook
from sandbox.onec.control import OnecControl
from sandbox.onec.gate import USER, Gate
from sandbox.onec.refusals import PAGES, TEXTS, Refusal, page, refusal, sign_in

PREFIX = "/onec"


class Onec(AccountingService[OnecBook]):
    """All 1C bases of the sandbox."""

    name = "onec"
    statuses = (200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 409, 412, 429, 500, 501)
    title = "1С:Бухгалтерия"

    def __init__(self, world: World) -> None:
        super().__init__(world, OnecBook(world, self))
        self._gate = Gate(world, self, self.book, PREFIX)

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        return {
            "odata_url": f"{base_url}{PREFIX}/{account.id}/odata/standard.odata",
            "user": USER,
            "password": account.client_secret,
            "organization": account.inn,
        }

    def control(self) -> Control:
        return OnecControl(self._world, self.book, self.name, self.connection)

    def routes(self) -> Sequence[Route]:
        return [*printing.routes(self._gate), *changes.routes(self._gate), *api.routes(self._gate)]

    def run_timer(self, timer: Timer) -> None:
        """The accountant posts what is still there and not posted; what cannot be posted stays a draft."""
        account = self.book.accounts[timer.account]
        kind = timer.data["kind"]
        record = account.records[DOCUMENTS[kind]].get(timer.data["id"])
        if record is None or record.get("onec", {}).get("Posted"):
            return
        try:
            self.book.post(account, kind, record)
        except Refusal:
            return

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        """`as` of `error_before` and `error_after` names a refusal of the base's own: lock, period, posting, licence,
        session."""
        named, status = str(fault.params.get("as", "")), int(fault.number("status", 500))
        if fault.kind == "token_expired":
            reply = sign_in("Идентификация пользователя не выполнена")
        elif named in TEXTS:
            reply = refusal(Refusal(500, *TEXTS[named]), json=True)
        elif named in PAGES:
            reply = page(status, PAGES[named])
        elif fault.kind == "error_in_200":
            code = "4" if status < 500 else ""
            reply = refusal(Refusal(200, code, "Произошла внутренняя ошибка OData сервиса"), json=True)
        elif fault.kind.startswith("error_") and status < 500:
            reply = refusal(Refusal(status, "4", "Неверное значение свойства"), json=True)
        else:
            limits = {"limit_429": 429, "operation_time_limit": 429, "limit_503": 503}
            reply = page(limits.get(fault.kind, status), "Internal Server Error")
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply

    def clear(self) -> None:
        super().clear()
        self._gate.clear()
