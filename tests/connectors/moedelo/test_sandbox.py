"""MoeDelo over real HTTP: what every accounting service must do, both ways of access, and payments in bills."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.outcomes import Ok, Rejected, Retryable, Uncertain
from connectors.ports.accounting import TokenRequest
from connectors.registry import MOEDELO
from tests.connectors.accounting_capabilities import AccountingCapabilities
from tests.connectors.accounting_desk import AccountingDesk, taken
from tests.connectors.kit_sandbox import sandboxed

DIALS = {"pdf_render_seconds": 0}


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AccountingDesk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        wanted = {"title": "ООО «Вектор»", "inn": "500123456750", "dials": DIALS}
        account = await sandbox.control("/moedelo/accounts", wanted)
        yield AccountingDesk(sandbox, http, account, MOEDELO, name="moedelo", token="api_key")


FIELD_FAULTS: list[tuple[str, dict[str, Any], type[Uncertain] | type[Ok[Any]]]] = [
    ("field_missing", {"field": "Id"}, Uncertain),
    ("field_missing", {"field": "Sum"}, Uncertain),
    ("field_missing", {"field": "AdditionalInfo"}, Uncertain),
    ("field_missing", {"field": "Online"}, Ok),
    ("field_retyped", {"field": "Sum"}, Ok),
    ("field_retyped", {"field": "KontragentId", "value": 7}, Uncertain),
]


class TestBehaviour(AccountingCapabilities):
    """What every accounting service must do, done by MoeDelo."""

    vendor = MOEDELO
    rows = "ResourceList"
    renders_at_once = True

    @pytest.mark.parametrize(("kind", "params", "expected"), FIELD_FAULTS)
    async def test_a_creation_whose_answer_changed_its_shape(
        self, desk: AccountingDesk, kind: str, params: dict[str, Any], expected: type[Uncertain] | type[Ok[Any]]
    ) -> None:
        buyer = await desk.buyer()
        await desk.fault("invoice.create", kind, **params)
        assert isinstance(await desk.create_invoice(buyer), expected)
        assert await desk.documents() == 1


async def oauth(desk: AccountingDesk) -> AccountingDesk:
    return AccountingDesk(
        desk.sandbox, desk.http, desk.account, MOEDELO, name="moedelo", options={"auth_mode": "oauth"}
    )


def refresh(desk: AccountingDesk, token: str) -> TokenRequest:
    account = desk.account
    return TokenRequest(account["token_url"], account["client_id"], account["client_secret"], refresh_token=token)


async def test_a_refresh_token_is_good_for_one_use(desk: AccountingDesk) -> None:
    desk = await oauth(desk)
    first = taken(await desk.accounting.obtain_token(refresh(desk, desk.account["refresh_token"])))
    assert first.refresh_token not in ("", desk.account["refresh_token"])
    desk.permit = desk.permitted(first.access_token)
    assert taken(await desk.accounting.ping(desk.permit)) is None
    again = await desk.accounting.obtain_token(refresh(desk, desk.account["refresh_token"]))
    assert isinstance(again, Rejected)
    assert again.problem.code == "reconnection_needed"
    taken(await desk.accounting.obtain_token(refresh(desk, first.refresh_token)))


async def test_a_revoked_refresh_token_needs_the_owner(desk: AccountingDesk) -> None:
    await desk.act("/tokens", {"state": "revoked", "existing": True, "refresh": True})
    outcome = await desk.accounting.obtain_token(refresh(desk, desk.account["refresh_token"]))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "reconnection_needed"


async def test_wrong_credentials_are_refused(desk: AccountingDesk) -> None:
    account = desk.account
    wrong = TokenRequest(account["token_url"], account["client_id"], "wrong", refresh_token=account["refresh_token"])
    outcome = await desk.accounting.obtain_token(wrong)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "credentials_refused"


async def test_an_expired_token_asks_for_a_fresh_one(desk: AccountingDesk) -> None:
    desk = await oauth(desk)
    await desk.sign_in(desk.account["refresh_token"])
    await desk.act("/tokens", {"state": "expired", "existing": True})
    outcome = await desk.accounting.ping(desk.permit)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "token_refused"


async def test_a_foreign_key_opens_nothing(desk: AccountingDesk) -> None:
    outcome = await desk.accounting.ping(desk.permitted("1f6d2a90-0d8f-4f1a-9a7d-0c5a6f7a2b10"))
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "token_refused"


async def test_a_second_post_makes_a_second_bill_and_both_are_found(desk: AccountingDesk) -> None:
    buyer = await desk.buyer()
    first, second = taken(await desk.create_invoice(buyer)), taken(await desk.create_invoice(buyer))
    assert first.number != second.number
    found = taken(await desk.find_invoice(buyer=buyer))
    assert {one.invoice_id for one in found.matches} == {first.invoice_id, second.invoice_id}


async def test_a_bill_of_another_buyer_is_no_match(desk: AccountingDesk) -> None:
    taken(await desk.create_invoice(await desk.buyer()))
    other = await desk.act("/counterparties", {"fullName": "ООО «Лотос»", "inn": "7707083893", "kpp": "770701001"})
    assert taken(await desk.find_invoice(buyer=other["id"])).matches == ()


async def test_a_buyer_that_was_put_away_is_not_found(desk: AccountingDesk) -> None:
    wanted = {"fullName": "ООО «Лотос»", "inn": "7707083893", "kpp": "770701001"}
    made = await desk.act("/counterparties", wanted)
    await desk.act(f"/counterparties/{made['id']}", method="DELETE")
    assert taken(await desk.accounting.find_counterparty(desk.permit, "7707083893")) == ()


async def test_what_is_wrong_is_said_in_a_persons_words(desk: AccountingDesk) -> None:
    outcome = await desk.create_invoice("1")
    assert isinstance(outcome, Rejected)
    assert outcome.problem.values["text"] == "контрагент: Контрагент не найден"
