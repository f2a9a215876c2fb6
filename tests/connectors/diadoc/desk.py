"""A box in the sandbox with the connector to it, and what people do in Diadoc."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from chassis.clock import ManualClock
from chassis.outcomes import Ok, Outcome
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors.diadoc.client import Diadoc
from connectors.ports.edi import ClosingDraft, DocumentRef, EdiToken, Posting, Title
from tests.connectors.accounting.samples import lines
from tests.connectors.kit import NOW, permit
from tests.connectors.kit_sandbox import Impatient, add_fault
from tests.sandbox.running import Sandbox

T = TypeVar("T")
DAY = date(2026, 3, 20)
PARTNER = {"inn": "7801456782", "kpp": "780101001", "name": "ООО «Север»"}


def taken(outcome: Outcome[T]) -> T:
    assert isinstance(outcome, Ok), outcome
    return outcome.value


class Desk:
    """One box and one partner; ``permit`` is of a signed-in owner."""

    def __init__(self, sandbox: Sandbox, http: Impatient, account: Mapping[str, Any]) -> None:
        self.sandbox, self.http, self.account = sandbox, http, account
        self.clock = ManualClock(NOW)
        self.diadoc = Diadoc(http, self.clock)
        self.permit = permit(account["api_url"])
        self.partner_box = ""

    def token(self, *, by_password: bool = False) -> EdiToken:
        given = self.account
        if by_password:
            return EdiToken(given["api_url"], given["client_id"], login=given["login"], password=given["password"])
        return EdiToken(
            given["api_url"],
            given["client_id"],
            client_secret=given["client_secret"],
            token_url=given["token_url"],
            refresh_token=given["refresh_token"],
        )

    async def enter(self, *, by_password: bool = False) -> None:
        token = taken(await self.diadoc.obtain_token(self.token(by_password=by_password)))
        self.permit = self.permitted(token.access_token)

    def permitted(self, token: str) -> Permit:
        options = {"vendor": "diadoc", "box_id": self.account["box_id"]}
        return replace(permit(self.account["api_url"], token), options=options)

    async def meet(self, **about: Any) -> str:
        made = await self.act("/partners", {**PARTNER, **about})
        self.partner_box = str(made["box_id"])
        return self.partner_box

    async def act(self, path: str, body: Any = None) -> Any:
        return await self.sandbox.control(f"/diadoc/{self.account['account']}{path}", body)

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        await add_fault(self.sandbox, self.http, "diadoc", operation, kind, **params)

    async def documents(self) -> int:
        return len((await self.sandbox.state("diadoc", self.account["account"]))["documents"])

    def draft(self, *of: DocumentLine, number: str = "88") -> ClosingDraft:
        return ClosingDraft(number, DAY, of or lines(), self.partner_box, "Сделка №1042")

    async def posting(self, marker: str = "sverka:act-1", number: str = "88") -> Posting:
        title: Title = taken(await self.diadoc.write_title(self.permit, self.draft(number=number)))
        return Posting(self.partner_box, title, marker, "Сделка №1042", "1042", DAY)

    async def posted(self, marker: str = "sverka:act-1", key: str = "k1", number: str = "88") -> DocumentRef:
        return taken(await self.diadoc.post(self.permit, await self.posting(marker, number), key=key))
