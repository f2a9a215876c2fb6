"""A scripted base: the answers that come before a document, and a client over them."""

from typing import Any
from urllib.parse import unquote

from chassis.domain import Problem
from chassis.http import SentUnknown
from chassis.work.handlers import Permit
from connectors.onec.client import OneC
from tests.connectors.kit import NOW, Script, answer, clock
from tests.connectors.onec.samples import (
    BANK_ACCOUNT,
    CONTRACT,
    CURRENCY,
    ENDPOINT,
    INVOICE,
    ITEM,
    ORGANIZATION,
    ROOT,
    collection,
    error,
    invoice_draft,
)

PERMIT = Permit("onec:vektor:main", f"{ENDPOINT}/ru/", "Бухгалтер:пароль", 10, NOW, {"organization": "500123456750"})
LOST = SentUnknown(Problem("no_answer_in_time"))
PAGE = b"\xef\xbb\xbf<!DOCTYPE html><html><body><h1>Bad Gateway</h1></body></html>"

ORGANIZATIONS = answer(collection({"Ref_Key": ORGANIZATION, "ОсновнойБанковскийСчет_Key": BANK_ACCOUNT}))
CURRENCIES = answer(collection({"Ref_Key": CURRENCY, "Code": "643"}))
CONTRACTS = answer(collection({"Ref_Key": CONTRACT}))
ITEMS = answer(collection({"Ref_Key": ITEM, "Description": "Настройка CRM, час", "Услуга": True}))
NOTHING = answer(collection())
PREPARED = (ORGANIZATIONS, CURRENCIES, CONTRACTS, ITEMS)
UNPUBLISHED = answer(error("8", "Тип сущности не найден"), 404)
MADE = answer(INVOICE, 201)


def scripted(*answers: Any) -> tuple[OneC, Script]:
    script = Script(*answers)
    return OneC(script, clock()), script


async def create(*answers: Any) -> Any:
    return await scripted(*PREPARED, *answers)[0].create_invoice(PERMIT, invoice_draft(), key="key-1")


def asked(script: Script) -> list[str]:
    return [f"{call.method} {unquote(call.url).removeprefix(ROOT)}" for call in script.calls]
