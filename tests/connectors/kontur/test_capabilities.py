"""What every accounting service must do, done by Kontur.Accounting."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.outcomes import Ok, Uncertain
from connectors.registry import KONTUR
from tests.connectors.accounting_capabilities import AccountingCapabilities
from tests.connectors.accounting_desk import SELLER, AccountingDesk
from tests.connectors.kit_sandbox import sandboxed


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AccountingDesk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        account = await sandbox.control("/kontur/accounts", {**SELLER, "dials": {"pdf_render_seconds": 0}})
        options = {"auth_mode": "oauth", "organization_id": account["organization_id"]}
        found = AccountingDesk(sandbox, http, account, KONTUR, name="kontur", options=options)
        await found.sign_in()
        yield found


FIELD_FAULTS: list[tuple[str, dict[str, Any], type[Uncertain] | type[Ok[Any]]]] = [
    ("field_missing", {"field": "id"}, Uncertain),
    ("field_missing", {"field": "sum"}, Uncertain),
    ("field_missing", {"field": "externalId"}, Uncertain),
    ("field_missing", {"field": "viewUrl"}, Ok),
    ("field_retyped", {"field": "sum"}, Ok),
    ("field_retyped", {"field": "sum", "value": {"amount": 1}}, Uncertain),
    ("field_retyped", {"field": "status", "value": "frozen"}, Ok),
    ("field_retyped", {"field": "counterpartyId", "value": "another"}, Uncertain),
]


class TestBehaviour(AccountingCapabilities):
    """By its contract, under every fault."""

    vendor = KONTUR

    @pytest.mark.parametrize(("kind", "params", "expected"), FIELD_FAULTS)
    async def test_a_creation_whose_answer_changed_its_shape(
        self, desk: AccountingDesk, kind: str, params: dict[str, Any], expected: type[Uncertain] | type[Ok[Any]]
    ) -> None:
        buyer = await desk.buyer()
        await desk.fault("invoice.create", kind, **params)
        assert isinstance(await desk.create_invoice(buyer), expected)
        assert await desk.documents() == 1
