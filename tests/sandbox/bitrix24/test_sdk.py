"""Other people's clients drive the sandbox as they are: the vendor's own Python SDK over https at the vendor's names,
and a community client that fetches everything in batches."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook, Client
from b24pysdk.errors import BitrixAPIBadRequest, BitrixAPINotFound, BitrixAPIWrongAuthType
from b24pysdk.errors.oauth import BitrixOAuthInvalidGrant
from fast_bitrix24 import Bitrix
from fast_bitrix24.server_response import ErrorInServerResponseException

from tests.sandbox.running import Process

DOMAIN = "vektor.bitrix24.ru"
CLIENT_ID, CLIENT_SECRET = "local.66f1a0example.12345678", "secret0example"
COMPANIES = 130


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    sandbox = Process(tmp_path_factory.mktemp("sdk") / "data")
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="module")
def portal(process: Process) -> dict[str, Any]:
    """A portal with more companies than two pages hold."""
    body = {"slug": "vektor", "domain": DOMAIN, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with process.client() as control:
        opened: dict[str, Any] = control.post("/control/bitrix24/portals", json=body).json()
        for number in range(COMPANIES):
            made = {"title": f"Компания {number}", "inn": f"77{number:08d}"}
            assert control.post("/control/bitrix24/portals/vektor/companies", json=made).status_code == 201
    return opened


@pytest.fixture
def vendor_names(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor's host names lead to the sandbox, whose authority is trusted."""
    port, known = urlsplit(process.https_url).port, socket.getaddrinfo

    def resolve(host: Any, asked: Any, *args: Any, **kwargs: Any) -> Any:
        if str(host).endswith((".bitrix24.ru", ".bitrix24.tech")):
            host, asked = "127.0.0.1", port
        return known(host, asked, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", process.ca_file)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def by_webhook(portal: dict[str, Any], vendor_names: None) -> Client:
    code = urlsplit(portal["webhook_url"]).path.removeprefix("/rest/").strip("/")
    return Client(BitrixWebhook(domain=DOMAIN, webhook_token=code))


@pytest.fixture
def by_application(process: Process, portal: dict[str, Any], vendor_names: None) -> Client:
    with process.client() as control:
        pair = control.post("/control/bitrix24/portals/vektor/tokens", json={"state": "valid"}).json()
    app = BitrixApp(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    token = BitrixToken(domain=DOMAIN, auth_token=pair["access_token"], refresh_token=pair["refresh_token"],
                        expires_in=3600, bitrix_app=app)  # fmt: skip
    return Client(token)


@pytest.fixture
def fast(portal: dict[str, Any]) -> Bitrix:
    return Bitrix(portal["webhook_url"], verbose=False)


# -- the vendor's SDK


def test_the_vendors_sdk_reads_lists_of_many_pages_both_ways(by_webhook: Client) -> None:
    listed = by_webhook.crm.company.list(select=["ID", "TITLE"]).as_list().response.result
    fast_way = list(by_webhook.crm.company.list(select=["ID"]).as_list_fast().response.result)
    assert len(listed) == len(fast_way) == COMPANIES
    assert len({company["ID"] for company in listed}) == COMPANIES


def test_the_vendors_sdk_takes_a_deal_from_its_goods_to_its_comment(by_webhook: Client) -> None:
    deal = by_webhook.crm.deal.add(fields={"TITLE": "Поставка", "CURRENCY_ID": "RUB"}).response.result
    rows = [{"PRODUCT_NAME": "Стол", "PRICE": 50.5, "QUANTITY": 2}]
    assert by_webhook.crm.deal.productrows.set(bitrix_id=deal, rows=rows).response.result is True
    assert by_webhook.crm.deal.get(bitrix_id=deal).response.result["OPPORTUNITY"] == "101.00"
    assert by_webhook.crm.deal.update(bitrix_id=deal, fields={"STAGE_ID": "WON"}).response.result is True
    stages = by_webhook.crm.stagehistory.list(entity_type_id=2, filter={"OWNER_ID": deal}).as_list().response.result
    assert [stage["STAGE_ID"] for stage in stages] == ["NEW", "WON"]


def test_the_vendors_sdk_sends_a_batch_with_a_reference(by_webhook: Client) -> None:
    requests = {
        "first": by_webhook.crm.company.list(select=["ID"], order={"ID": "ASC"}),
        "second": by_webhook.crm.company.list(filter={"ID": "$result[first][0][ID]"}),
    }
    results = by_webhook.call_batch(requests).response.result.result
    assert [company["TITLE"] for company in results["second"]] == ["Компания 0"]


def test_the_vendors_sdk_knows_the_portals_refusals(by_webhook: Client) -> None:
    with pytest.raises(BitrixAPIBadRequest, match="Not found"):
        _ = by_webhook.crm.deal.get(bitrix_id=999_999).response
    with pytest.raises(BitrixAPINotFound):
        by_webhook._bitrix_token.call_method("no.such.method")
    with pytest.raises(BitrixAPIWrongAuthType):
        _ = by_webhook.event.get().response


def test_the_vendors_sdk_renews_its_token_by_itself(process: Process, by_application: Client) -> None:
    token = by_application._bitrix_token
    first = token.auth_token
    body = {"state": "expired", "existing": True, "kind": "access"}
    with process.client() as control:
        assert control.post("/control/bitrix24/portals/vektor/tokens", json=body).status_code == 200
    assert by_application.profile().response.result["ID"] == "1"
    assert token.auth_token != first
    with pytest.raises(BitrixOAuthInvalidGrant):
        token.get_oauth_token("spent")


def test_the_vendors_sdk_binds_an_event_and_a_page_as_an_application(by_application: Client) -> None:
    handler = "https://app.example.ru/hook"
    assert by_application.event.bind(event="ONCRMDEALADD", handler=handler).response.result is True
    assert [one["handler"] for one in by_application.event.get().response.result] == [handler]
    assert by_application.placement.bind(placement="CRM_DEAL_DETAIL_TAB", handler=handler).response.result is True


# -- a community client


def test_a_community_client_gets_all_pages_and_many_ids_by_batches(fast: Bitrix) -> None:
    companies = fast.get_all("crm.company.list", params={"select": ["ID", "TITLE"]})
    assert len(companies) == COMPANIES
    numbers = [int(company["ID"]) for company in companies]
    by_id = fast.get_by_ID("crm.company.get", numbers)
    assert {str(number) for number in numbers} == set(by_id)
    requisites = fast.get_all("crm.requisite.list", params={"filter": {"ENTITY_TYPE_ID": 4}})
    assert {row["RQ_INN"] for row in requisites} >= {"7700000000", "7700000129"}


def test_a_community_client_writes_many_at_once_and_tells_what_was_refused(fast: Bitrix) -> None:
    fields = [{"fields": {"TITLE": f"Сделка {number}"}} for number in range(60)]
    made = fast.call("crm.deal.add", fields)
    assert len(set(made)) == 60
    changed = fast.call("crm.deal.update", [{"ID": number, "fields": {"OPPORTUNITY": 5}} for number in made])
    assert set(changed) == {True}
    deal = fast.call("crm.item.get", {"entityTypeId": 2, "id": made[0]})
    assert deal["opportunity"] == 5
    with pytest.raises(ErrorInServerResponseException, match="Not found"):
        fast.get_by_ID("crm.deal.get", [made[0], 999_999])


def test_a_community_client_learns_that_a_method_is_not_there(fast: Bitrix) -> None:
    with pytest.raises(Exception, match=r"ERROR_METHOD_NOT_FOUND|404"):
        fast.call("no.such.method", {"id": 1})


def test_both_clients_see_what_the_other_wrote(fast: Bitrix, by_webhook: Client) -> None:
    made = fast.call(
        "crm.contact.add", {"fields": {"NAME": "Анна", "PHONE": [{"VALUE": "+7900", "VALUE_TYPE": "WORK"}]}}
    )
    contact = by_webhook.crm.contact.get(bitrix_id=made).response.result
    assert (contact["NAME"], contact["PHONE"][0]["VALUE"]) == ("Анна", "+7900")
