"""A base of 1C, and its accountant, who posts what we write."""

from typing import Any

from chassis.work.handlers import Permit
from connectors.registry import ONEC
from tests.connectors.accounting.desk import AccountingDesk
from tests.connectors.kit_sandbox import Impatient
from tests.sandbox.running import Sandbox


class Desk(AccountingDesk):
    """One base; a document of ours counts once it is posted."""

    def __init__(self, sandbox: Sandbox, http: Impatient, account: dict[str, Any]) -> None:
        options = {"organization": account["organization"]}
        super().__init__(sandbox, http, account, ONEC, name="onec", options=options)
        self.permit = self.opened()

    @property
    def address(self) -> str:
        return str(self.account["odata_url"])

    def opened(self, **options: str) -> Permit:
        """A permit of the base's own user."""
        return self.permitted(f"{self.account['user']}:{self.account['password']}", **options)

    async def dial(self, **dials: Any) -> None:
        await self.act("/dials", dials)

    async def settled(self, kind: str, document_id: str) -> None:
        await self.act(f"/{kind}/{document_id}/post")
