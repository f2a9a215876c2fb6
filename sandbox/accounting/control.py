"""What the accountant and the bank do inside an account, and how the account behaves, as control calls."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any

from sandbox.accounting import checks
from sandbox.accounting.book import Book
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import ACT_STATUSES, REFRESH, Account, Dials, Payment, Record
from sandbox.core.wire import BadRequestError, Reply, Request, Route, UnknownError
from sandbox.core.world import World

PAYMENT_KEYS = {
    "invoice", "amount_kopecks", "date", "payment_order_number", "payer", "purpose", "own_account",
    "late_seconds", "listed_twice", "refund",
}  # fmt: skip
REVISE_KEYS = {"amount_kopecks", "date", "payment_order_number", "purpose"}
EDIT_KEYS = {"number", "date", "paymentDueDate", "comment", "items", "counterpartyId"}


def parse_dials(body: dict[str, Any], dials_type: type[Dials] = Dials) -> dict[str, Any]:
    """Dials from JSON, checked by name and type."""
    known = {item.name: item for item in fields(dials_type)}
    for name, value in body.items():
        if name not in known:
            raise BadRequestError(f"unknown dial {name!r}; known are {', '.join(known)}")
        default = getattr(dials_type(), name)
        if name == "refuse_status":
            if value not in (None, 401, 402, 403):
                raise BadRequestError("refuse_status is null, 401, 402 or 403")
        elif isinstance(default, str):
            if not isinstance(value, str):
                raise BadRequestError(f"dial {name} is a text")
        elif isinstance(default, bool) != isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequestError(f"dial {name} is a {type(default).__name__}")
        elif isinstance(default, int) and not isinstance(value, int):
            raise BadRequestError(f"dial {name} is a whole number")
        elif value < 0 or (name in ("limit_burst", "limit_per_second") and value <= 0):
            raise BadRequestError(f"dial {name} is too small: {value}")
    return body


Connection = Callable[[Account, str], dict[str, str]]
"""How an account is entered: addresses and credentials by their names, below a base address."""


class Control:
    """Routes under /control/{vendor}; `{invoice}` is an id or a number that one invoice alone has.

    Their words are the same for every vendor.
    """

    def __init__(self, world: World, book: Book, name: str, connection: Connection) -> None:
        self._world, self._book, self._name, self._connection = world, book, name, connection

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/accounts", self._list_accounts, "accounts with credentials"),
            Route("POST", "/accounts", self._create_account, "create an account", {"title": "ООО «Вектор»",
                  "inn": "500123456750"}),
            self._of("POST", "/dials", self._dials, "how the account behaves", {"pdf_render_seconds": 0}),
            self._of("POST", "/tokens", self._tokens, "tokens: valid, expired, revoked", {"state": "expired",
                     "existing": True}),
            self._of("POST", "/payments", self._pay, "a payment or a refund", {"invoice": "B24-1042",
                     "amount_kopecks": 100000}),
            self._of("POST", "/payments/{payment}/remove", self._remove, "reverse a payment", {"vanish": False}),
            self._of("PATCH", "/payments/{payment}", self._revise, "revise a payment", {"amount_kopecks": 90000}),
            self._of("POST", "/payments/{payment}/rename", self._rename, "the same payment under a new id"),
            self._of("POST", "/payments/{payment}/twice", self._twice, "listed twice in one answer", {"twice": True}),
            self._of("POST", "/invoices", self._add_invoice, "an invoice made by hand"),
            self._of("PATCH", "/invoices/{invoice}", self._edit, "edit an invoice by hand", {"comment": "исправлено"}),
            self._of("DELETE", "/invoices/{invoice}", self._delete, "delete an invoice by hand"),
            self._of("POST", "/invoices/{invoice}/cancel", self._cancel, "cancel an invoice by hand"),
            self._of("POST", "/counterparties", self._add_counterparty, "add a counterparty by hand; it may be a "
                     "second one of its INN", {"fullName": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001"}),
            self._of("PATCH", "/counterparties/{counterparty}", self._edit_counterparty, "edit a counterparty"),
            self._of("DELETE", "/counterparties/{counterparty}", self._delete_counterparty, "delete a counterparty"),
            self._of("POST", "/counterparties/{counterparty}/duplicate", self._duplicate, "a second record of it"),
            self._of("POST", "/acts/{act}/status", self._act_status, "Created, Sent, Signed", {"status": "Signed"}),
        ]  # fmt: skip

    def _of(
        self,
        method: str,
        pattern: str,
        handler: Callable[[Account, Request, dict[str, Any]], Reply],
        summary: str,
        example: Any = None,
    ) -> Route:
        def find_handler() -> Callable[[Request], Awaitable[Reply]]:
            async def handle(request: Request) -> Reply:
                body = request.json()
                if not isinstance(body, dict):
                    raise BadRequestError("the body is a JSON object")
                account = self._book.accounts[request.params["account"]]
                try:
                    with self._world.ledger.together():
                        self._world.ledger.append(
                            "control", self._name, account.id, {"op": "act", "method": method, "path": request.path}
                        )
                        return handler(account, request, body)
                except ApiError as error:
                    details = [f"{target}: {text}" for target, text in error.details] or [error.message]
                    return Reply(status=error.status, payload={"error": "; ".join(details)})

            return handle

        return Route(method, f"/{{account}}{pattern}", find_handler(), summary, example)

    # -- accounts

    def _shown(self, account: Account, base_url: str) -> dict[str, Any]:
        return {
            "account": account.id,
            "title": account.title,
            "inn": account.inn,
            **self._connection(account, base_url),
            "page": f"{base_url}/pages/{self._name}/{account.id}",
            "dials": asdict(account.dials),
        }

    async def _list_accounts(self, request: Request) -> Reply:
        return Reply(payload=[self._shown(account, request.base_url) for account in self._book.accounts.values()])

    async def _create_account(self, request: Request) -> Reply:
        body = request.json()
        if not isinstance(body, dict) or not isinstance(body.get("title"), str) or not isinstance(body.get("inn"), str):
            raise BadRequestError('give {"title": "…", "inn": "…"}, and "account", "dials" if you wish')
        if not checks.inn_valid(body["inn"]):
            raise BadRequestError(f"{body['inn']} is no INN: a check digit is wrong")
        account_id = str(body.get("account") or f"{self._name}-{len(self._book.accounts) + 1}")
        if account_id in self._book.accounts:
            return Reply(status=409, payload={"error": f"account {account_id} exists"})
        dials = parse_dials(body.get("dials") or {}, self._book.dials_type)
        digest = hashlib.sha256(f"{self._name}|{account_id}|{body['inn']}".encode()).hexdigest()
        with self._world.ledger.together():
            account = self._book.open_account(
                account_id=account_id,
                title=body["title"],
                inn=body["inn"],
                client_id=f"client-{digest[:12]}",
                client_secret=digest[12:52],
                dials=self._book.dials_type(**dials),
            )
        return Reply(status=201, payload=self._shown(account, request.base_url))

    def _dials(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        self._book.turn_dials(account, parse_dials(body, self._book.dials_type))
        return Reply(payload=asdict(account.dials))

    def _tokens(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        """Puts all existing tokens, or with `refresh` all refresh tokens, into a state, or gives a new one in it."""
        state = body.get("state", "valid")
        if state not in ("valid", "expired", "revoked"):
            raise BadRequestError("state is valid, expired or revoked")
        now = self._book.now_unix
        expires = now - 1 if state == "expired" else now + account.dials.token_seconds
        kept = "revoked" if state == "revoked" else "valid"
        if body.get("existing"):
            tokens = [token for token in account.tokens if token.startswith(REFRESH) == bool(body.get("refresh"))]
            for token in tokens:
                self._book.set_token(account, token, state=kept, expires_unix=expires)
            return Reply(payload={"tokens": len(tokens), "state": state})
        if body.get("refresh"):
            return Reply(status=201, payload={"refresh_token": self._book.give_refresh_token(account), "state": state})
        token = self._book.give_token(account, state=kept, expires_unix=expires)
        return Reply(status=201, payload={"access_token": token, "state": state})

    # -- money

    def _pay(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        """`amount_kopecks` is by default what is still to be paid, for a refund what was paid."""
        if unknown := set(body) - PAYMENT_KEYS:
            raise BadRequestError(f"unknown keys {sorted(unknown)}; known are {sorted(PAYMENT_KEYS)}")
        invoice = self._invoice(account, str(body.get("invoice", "")))
        paid = self._book.paid_kopecks(account, invoice["id"])
        refund = bool(body.get("refund"))
        amount = body.get("amount_kopecks", paid if refund else invoice["sum_kopecks"] - paid)
        if not isinstance(amount, int) or amount <= 0:
            raise BadRequestError(f"amount_kopecks must be a positive whole number, not {amount!r}")
        buyer = account.records["counterparties"].get(invoice["counterparty_id"]) or {"full_name": None, "inn": None}
        payer = body.get("payer") or {}
        order = account.made.get("payments", 0) + 1
        problems = Problems()
        day = checks.day(body, "date", problems) or self._book.today
        problems.raise_any()
        payment = Payment(
            invoice_id=invoice["id"],
            own_account=str(body.get("own_account") or account.own_account),
            amount_kopecks=-amount if refund else amount,
            date=day,
            payment_order_number=str(body.get("payment_order_number") or 400 + order),
            payer={"name": payer.get("name") or buyer["full_name"], "inn": payer.get("inn") or buyer["inn"]},
            purpose=body.get("purpose")
            or f"{'Возврат по счету' if refund else 'Оплата по счету'} {invoice['number']} от {invoice['date']}",
            removed=False,
            listed_twice=bool(body.get("listed_twice")),
        )
        record = self._book.add_payment(account, payment, late_seconds=float(body.get("late_seconds") or 0))
        return Reply(status=201, payload=record)

    def _remove(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = account.records["payments"][request.params["payment"]]
        if body.get("vanish"):
            self._book.vanish_payment(account, record)
            return Reply(payload={"vanished": record["id"]})
        return Reply(payload=self._book.change_payment(account, record, removed=True))

    def _revise(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        if not body or set(body) - REVISE_KEYS:
            raise BadRequestError(f"give one or more of {', '.join(sorted(REVISE_KEYS))}")
        amount = body.get("amount_kopecks", 1)
        if not isinstance(amount, int) or amount == 0:
            raise BadRequestError(f"amount_kopecks must be a whole number, not {amount!r}")
        problems = Problems()
        checks.day(body, "date", problems)
        problems.raise_any()
        record = account.records["payments"][request.params["payment"]]
        return Reply(payload=self._book.change_payment(account, record, **body))

    def _rename(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = account.records["payments"][request.params["payment"]]
        return Reply(payload=self._book.rename_payment(account, record))

    def _twice(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = account.records["payments"][request.params["payment"]]
        return Reply(payload=self._book.change_payment(account, record, listed_twice=bool(body.get("twice", True))))

    # -- invoices and acts

    def _invoice(self, account: Account, key: str) -> Record:
        if key in account.records["invoices"]:
            return account.records["invoices"][key]
        ids = account.invoices_by_number.get(key, [])
        if len(ids) > 1:
            raise BadRequestError(f"{len(ids)} invoices have the number {key}; name one by its id: {', '.join(ids)}")
        if not ids:
            raise UnknownError(key)
        return account.records["invoices"][ids[0]]

    def _add_invoice(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        problems = Problems()
        lines = checks.items(body, problems)
        number = checks.text(body, "number", problems, longest=checks.NUMBER_CHARS_MAX, required=True)
        counterparty_id = checks.text(body, "counterpartyId", problems, longest=100, required=True)
        if counterparty_id is not None and counterparty_id not in account.records["counterparties"]:
            problems.add("counterpartyId", "Указанный контрагент не найден")
        day = checks.day(body, "date", problems) or self._book.today
        due_day = checks.day(body, "paymentDueDate", problems)
        comment = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
        problems.raise_any()
        record = self._book.add_invoice(
            account, number=number or "", day=day, due_day=due_day, counterparty_id=counterparty_id or "",
            comment=comment, lines=lines,
        )  # fmt: skip
        return Reply(status=201, payload=record)

    def _edit(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        if not body or set(body) - EDIT_KEYS:
            raise BadRequestError(f"give one or more of {', '.join(sorted(EDIT_KEYS))}")
        record = self._invoice(account, request.params["invoice"])
        problems = Problems()
        values: dict[str, Any] = {}
        if "number" in body:
            longest = checks.NUMBER_CHARS_MAX
            values["number"] = checks.text(body, "number", problems, longest=longest, required=True)
        if "date" in body:
            values["date"] = checks.day(body, "date", problems, required=True)
        if "paymentDueDate" in body:
            values["due_date"] = checks.day(body, "paymentDueDate", problems)
        if "comment" in body:
            values["comment"] = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
        if "items" in body:
            values["items"] = checks.items(body, problems)
        if "counterpartyId" in body:
            values["counterparty_id"] = str(body["counterpartyId"])
            if values["counterparty_id"] not in account.records["counterparties"]:
                raise UnknownError(values["counterparty_id"])
        problems.raise_any()
        return Reply(payload=self._book.edit_invoice(account, record, values))

    def _delete(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = self._invoice(account, request.params["invoice"])
        self._book.delete(account, "invoices", record["id"])
        return Reply(payload={"deleted": record["id"]})

    def _cancel(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        return Reply(payload=self._book.cancel_invoice(account, self._invoice(account, request.params["invoice"])))

    def _act_status(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        if body.get("status") not in ACT_STATUSES:
            raise BadRequestError(f"status is one of {', '.join(ACT_STATUSES)}")
        record = account.records["acts"][request.params["act"]]
        return Reply(payload=self._book.rewrite(account, "acts", record, status=body["status"]))

    # -- counterparties

    def _add_counterparty(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        return Reply(status=201, payload=self._book.put_counterparty(account, checks.counterparty(body)))

    def _edit_counterparty(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = account.records["counterparties"][request.params["counterparty"]]
        card = checks.counterparty({**_card(record), **body})
        return Reply(payload=self._book.put_counterparty(account, card, record_id=record["id"]))

    def _delete_counterparty(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = account.records["counterparties"][request.params["counterparty"]]
        self._book.delete(account, "counterparties", record["id"])
        return Reply(payload={"deleted": record["id"]})

    def _duplicate(self, account: Account, request: Request, body: dict[str, Any]) -> Reply:
        record = account.records["counterparties"][request.params["counterparty"]]
        card = checks.counterparty({**_card(record), **body})
        return Reply(status=201, payload=self._book.put_counterparty(account, card))


def _card(record: Record) -> dict[str, Any]:
    """A counterparty in the words of the control calls."""
    return {
        "fullName": record["full_name"],
        "shortName": record["short_name"],
        **{name: record[name] for name in ("inn", "kpp", "ogrn", "address", "email", "phone", "type")},
    }
