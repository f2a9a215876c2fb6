"""The module of shops, run by php-cli: it signs, sends and repeats as ingest expects it to."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from chassis.domain import Problem
from connectors.ports.shop import SignedPush
from connectors.shop.signature import sign, verify
from tests.sandbox.running import Sandbox
from tests.services.ingest.people import said
from tests.services.ingest.running import Ingest, document, until
from tests.services.ingest.shopping import SECRET, SHOP

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]

DRIVER: Final = Path(__file__).resolve().parent / "php" / "drive.php"
INSTALL_SECONDS_MAX: Final = 240
VECTOR: Final = "v1=e352d11dd0ea22ec74c24ac00eff0fce7a237ce5e08d88e46c558dc41cb3abed"
ORDER: dict[str, Any] = {
    "order": {
        "getId": 236, "ACCOUNT_NUMBER": "392", "VERSION": "1", "STATUS_ID": "N", "isCanceled": False,
        "getCurrency": "RUB", "getPersonTypeId": "3", "getPrice": 1480.0, "getDeliveryPrice": 500.0, "getSumPaid": 0,
        "getSiteId": "s1",
    },
    "properties": {"INN": " 7725010016 ", "UR_INN": "", "KPP": "772501001", "COMPANY": "ООО Ромашка",
                   "EMAIL": ["a@b.example"]},
    "basket": [{
        "getId": 255, "getProductId": 348, "PRODUCT_XML_ID": "1000000386", "NAME": "Футболка «Лето»",
        "getQuantity": 1.0, "MEASURE_CODE": 796, "MEASURE_NAME": "шт", "getPrice": 980.0, "VAT_RATE": None,
        "VAT_INCLUDED": "Y",
    }],
    "shipments": [
        {"getId": 1, "isSystem": True, "getPrice": 0},
        {"getId": 338, "DELIVERY_NAME": "Курьер", "getPrice": 500.0, "isCanceled": False, "getVatRate": None},
    ],
    "payments": [{"getId": 123, "getPaymentSystemId": 48, "PAY_SYSTEM_NAME": "Счёт", "getSum": 1480.0,
                  "isPaid": False}],
}  # fmt: skip


@pytest.fixture(scope="module")
def php() -> str:
    """php-cli, installed where that is possible."""
    found = shutil.which("php")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "php-cli"]
        subprocess.run(install, capture_output=True, timeout=INSTALL_SECONDS_MAX, check=False)
        found = shutil.which("php")
    if found is None:
        pytest.skip("NOT RUN: there is no php-cli, and it could not be installed from the system's packages")
    return found


async def driven(php: str, url: str, pushes: list[dict[str, Any]], *runs: int) -> dict[str, Any]:
    """What the module did: its rows after the runs, each so many seconds from now."""
    task = {"url": url, "secret": SECRET, "pushes": pushes, "runs": runs}
    process = await asyncio.create_subprocess_exec(
        php, "-d", "display_errors=stderr", str(DRIVER), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(json.dumps(task).encode()), 60)
    assert (process.returncode, err.decode()) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


async def test_an_order_of_the_module_asks_for_an_invoice(
    php: str, bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    applied = await bare.apply(document(sandbox, portal, account, shops=[SHOP]))
    url = applied["webhook_urls"]["shop:main"]
    assert urlsplit(url).hostname
    saved = {"event": "order.created", "at": "2026-03-12T13:00:00.5+03:00", "order": ORDER}
    edited = {**ORDER, "order": {**ORDER["order"], "VERSION": "2", "getPrice": 1480.0, "STATUS_ID": "P"}}
    pushes = [saved, {"event": "order.updated", "at": "2026-03-12T13:00:01+03:00", "order": edited}]
    done = await driven(php, url, pushes, 0)
    assert [row["state"] for row in done["rows"]] == ["done", "done"]

    async def asked() -> list[dict[str, Any]]:
        return await said(bare, "InvoiceRequested")

    (message,) = await until(asked, "the invoice is asked for")
    deal = message["deal"]
    assert (deal["deal_id"], deal["order"]["number"], deal["opportunity_kopecks"]) == ("shop-main-236", "392", 148_000)
    assert [(line["name"], line["price"]) for line in deal["lines"]] == [
        ("Футболка «Лето»", "980.00"), ("Доставка: Курьер", "500.00"),
    ]  # fmt: skip
    assert (deal["buyer"]["inn"], deal["buyer"]["email"]) == ("7725010016", "a@b.example")

    gone = await driven(php, url, [{"deleted": 236, "at": "2026-03-12T14:00:00+03:00"}], 0)
    assert [row["state"] for row in gone["rows"]] == ["done"]
    refused = await driven(php, url, [{"raw": {"schema": "shop-order/v1"}, "at": "2026-03-12T13:00:00+03:00"}], 0)
    assert [(row["state"], row["error"]) for row in refused["rows"]] == [("dead", "HTTP 422")]
    assert len(refused["given_up"]) == 1


async def test_what_is_not_taken_is_tried_again_for_a_week_under_one_delivery(php: str) -> None:
    nowhere = "http://127.0.0.1:9/shops/x/orders"
    push = [{"deleted": 236, "at": "2026-03-12T14:00:00+03:00"}]
    (row,) = (await driven(php, nowhere, push, 0, 59, 61, 400, 1400))["rows"]
    assert (row["state"], row["attempts"], row["error"]) == ("waiting", 4, "HTTP 0")
    done = await driven(php, nowhere, push, 0, 8 * 86_400)
    assert [one["state"] for one in done["rows"]] == ["dead"]
    assert done["given_up"] == [f"{done['rows'][0]['delivery']}: HTTP 0"]


async def test_the_module_signs_and_counts_as_the_contract_has_it(php: str) -> None:
    found = await driven(php, "http://127.0.0.1:9/", [])
    assert found["signature"] == VECTOR
    assert found["percents"] == [None, 0, 5, 20, 22]
    assert found["numbers"] == ["33.3333", "980.00", "0.50"]


def test_ingest_verifies_as_the_contract_has_it() -> None:
    body = b'{"event":"order.paid","order":{"account_number":"392","total":"1480.00"}}'
    delivery = "0b8f2c34-7a55-4a3a-9a39-2f1c5f7c1d10"
    assert sign(SECRET, 1_773_309_600, delivery, body) == VECTOR
    headers = {
        "x-shop-delivery": delivery, "x-shop-timestamp": "1773309600", "x-shop-key-id": "1", "x-shop-signature": VECTOR,
    }  # fmt: skip
    assert isinstance(verify(headers, body, {"1": SECRET}, 1_773_309_900.0), SignedPush)
    assert verify(headers, body, {"1": SECRET}, 1_773_309_901.0) == Problem("push_timestamp")
    assert verify(headers, body + b" ", {"1": SECRET}, 1_773_309_600.0) == Problem("push_signature")
