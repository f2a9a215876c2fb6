"""An account of Elba that its published API opens."""

from typing import Any

from connectors.registry import ELBA_VENDOR
from tests.connectors.accounting.desk import AccountingDesk
from tests.connectors.kit_sandbox import Impatient
from tests.sandbox.running import Sandbox


class Desk(AccountingDesk):
    """One organisation with its bank account."""

    def __init__(self, sandbox: Sandbox, http: Impatient, account: dict[str, Any]) -> None:
        options = {name: account[name] for name in ("organization_id", "bank_account_id")}
        super().__init__(sandbox, http, account, ELBA_VENDOR, name="elba-vendor", token="api_key", options=options)
