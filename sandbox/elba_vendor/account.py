"""What an account has beside its documents: the organisation, its bank accounts, templates, public links."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.family import refusal
from sandbox.core.wire import Reply, Route
from sandbox.elba_vendor import asked
from sandbox.elba_vendor.calls import OF
from sandbox.elba_vendor.gate import Call, Gate

ROWS_MAX = 100
BANK = {"name": "АО Примербанк", "bik": "044525999", "corrAccount": "30101810845250000999", "city": "Москва",
        "cityType": "г."}  # fmt: skip


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", "/organizations", "organization.list", organizations),
        gate.route("GET", f"{OF}/bank-accounts", "bank.list", bank_accounts),
        gate.route("POST", f"{OF}/bank-accounts", "bank.create", create_bank_account),
        gate.route("GET", f"{OF}/document-templates", "template.list", templates),
        gate.route("GET", f"{OF}/document-templates/{{id}}", "template.get", template),
        gate.route("POST", f"{OF}/document-links", "link.create", create_link),
        gate.route("GET", f"{OF}/document-links/{{id}}", "link.get", link),
        gate.route("PUT", f"{OF}/document-links/{{id}}", "link.update", update_link),
        gate.route("DELETE", f"{OF}/document-links/{{id}}", "link.delete", delete_link),
    ]


def _page(call: Call, name: str, rows: list[dict[str, Any]]) -> Reply:
    offset, limit = asked.offset_and_limit({"offset": "0", **call.request.query()}, ROWS_MAX)
    return Reply(payload={name: rows[offset : offset + limit]})


def organizations(call: Call) -> Reply:
    return _page(
        call, "organizations", [{"id": call.book.organization(call.account), "inn": call.account.inn, "kpp": None}]
    )


# -- bank accounts


def bank_accounts(call: Call) -> Reply:
    """The one that the account began with, then those that were added."""
    own = (call.book.bank_account(call.account), call.account.own_account, BANK["bik"])
    added = [(one["id"], one["number"], one["bik"]) for one in call.account.records["banks"].values()]
    rows = [
        {"id": bank_id, "accountNumber": number, "closed": False, "bank": {**BANK, "bik": bik}}
        for bank_id, number, bik in (own, *added)
    ]
    return _page(call, "bankAccounts", rows)


def create_bank_account(call: Call) -> Reply:
    """A rouble account whose number fits its BIC; the same one twice is refused."""
    body, problems = call.body(), Problems()
    number = checks.text(body, "accountNumber", problems, longest=20, required=True) or ""
    bik = checks.text(body, "bik", problems, longest=9, required=True) or ""
    if len(number) != 20 or not number.isdecimal():
        problems.add("accountNumber", "Номер счёта состоит из 20 цифр")
    elif number[5:8] not in ("810", "643"):
        problems.add("accountNumber", "Счёт не рублёвый")
    if len(bik) != 9 or not bik.isdecimal() or not bik.startswith("04"):
        problems.add("bik", "Банк с таким БИК не найден")
    problems.raise_any()
    if not _fits(number, bik):
        raise ApiError(400, "ValidationError", "Номер счёта не соответствует БИК", "accountNumber")
    known = {(one["number"], one["bik"]) for one in call.account.records["banks"].values()}
    if (number, bik) in {*known, (call.account.own_account, BANK["bik"])}:
        raise ApiError(409, "EntityAlreadyExists", "Такой расчётный счёт уже есть", "accountNumber")
    record = call.book.put_bank_account(call.account, number, bik)
    return Reply(status=201, payload={"id": record["id"]}, note={"bank": record["id"]})


def _fits(number: str, bik: str) -> bool:
    """The check digit of an account by its bank's BIC (Bank of Russia, order 515 of 1997)."""
    digits = [int(one) for one in bik[-3:] + number]
    return sum(digit * weight for digit, weight in zip(digits, (7, 1, 3) * 8, strict=False)) % 10 == 0


# -- templates


def _template(call: Call) -> dict[str, Any]:
    return {
        "id": call.book.template(call.account),
        "name": "Счёт",
        "documentType": "bill",
        "withFacture": False,
        "placeholders": [],
    }


def templates(call: Call) -> Reply:
    return _page(call, "documentTemplates", [_template(call)])


def template(call: Call) -> Reply:
    if call.request.params["id"].lower() != call.book.template(call.account):
        raise ApiError(404, "NotFound", "Шаблон не найден", "id")
    return Reply(payload=_template(call))


# -- links


def create_link(call: Call) -> Reply:
    """One link for a document; without images of stamp and signature it cannot show them."""
    body = call.body()
    _flags(body, "published", "withSignatures", "isQrCodeEnabled")
    document_id = str(body.get("documentId") or "").lower()
    known = {**call.account.records["invoices"], **call.account.records["acts"]}
    if document_id not in known:
        raise ApiError(400, "ValidationError", "Документ не найден", "documentId")
    _allowed(call, document_id, body)
    links = call.account.records["links"].values()
    held = next((one for one in links if one["document_id"] == document_id), None)
    if held is not None:
        error = ApiError(409, "EntityAlreadyExists", "Ссылка уже существует", "documentId")
        return refusal(error, f"link|{held['id']}", {"id": held["id"]})
    record = call.book.put_link(call.account, document_id, published=body["published"])
    return Reply(status=201, payload={"id": record["id"], "url": _url(call, document_id)})


def link(call: Call) -> Reply:
    return Reply(payload={"url": _url(call, call.find("links", "Ссылка")["document_id"])})


def update_link(call: Call) -> Reply:
    """Published or not; the member is `isPublished` here."""
    record, body = call.find("links", "Ссылка"), call.body()
    _flags(body, "isPublished", "withSignatures", "isQrCodeEnabled")
    _allowed(call, record["document_id"], body)
    call.book.rewrite(call.account, "links", record, published=body["isPublished"])
    return Reply(status=204, note={"link": record["id"], "published": body["isPublished"]})


def delete_link(call: Call) -> Reply:
    record = call.find("links", "Ссылка")
    call.book.delete(call.account, "links", record["id"])
    return Reply(status=204, note={"link": record["id"]})


def _flags(body: dict[str, Any], *names: str) -> None:
    """Each of them must be there."""
    for name in names:
        if not isinstance(body.get(name), bool):
            raise ApiError(400, "ValidationError", f"Поле {name} должно быть true или false", name)


def _allowed(call: Call, document_id: str, body: dict[str, Any]) -> None:
    if body.get("isQrCodeEnabled") and document_id in call.account.records["acts"]:
        raise ApiError(400, "ValidationError", "QR-код есть только у счёта", "isQrCodeEnabled")
    if body.get("withSignatures") and call.book.switched(call.account, "no_signatures"):
        raise ApiError(400, "ValidationError", "Изображения подписи и печати не загружены", "withSignatures")


def _url(call: Call, document_id: str) -> str:
    invoice = call.account.records["invoices"].get(document_id)
    token = invoice["document_token"] if invoice is not None else document_id
    return f"{call.request.base_url}/pages/elba-vendor/documents/{token}"
