"""MoeDelo over real HTTP: both ways of access, and bills and buyers as it alone has them."""

from chassis.outcomes import Rejected, Retryable
from connectors.ports.accounting import TokenRequest
from connectors.registry import MOEDELO
from tests.connectors.accounting.desk import AccountingDesk, taken


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
