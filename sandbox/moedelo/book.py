"""MoeDelo's books: ids are whole numbers, and every account begins with a refresh token."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.accounting.book import Book
from sandbox.accounting.records import REFRESH, Account, Dials, Record
from sandbox.core.vendor import Change

FIRST_IDS = {"counterparties": 905_000, "invoices": 5_123_000, "payments": 88_000, "acts": 6_010_000,
             "products": 77_000}  # fmt: skip
REFRESH_SECONDS = 30 * 86_400
CODE_SECONDS = 60
CODES = "codes"
"""Records of codes that were given for a consent."""


class MoedeloBook(Book):
    """All MoeDelo accounts."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        if change.op == "account":
            self.accounts[change.data["id"]].records.setdefault(CODES, {})

    def new_id(self, account: Account, kind: str, number: int) -> str:
        if kind == CODES:
            return hashlib.sha256(f"{account.id_key}|code|{number}".encode()).hexdigest()[:40]
        return str(FIRST_IDS.get(kind, 0) + number)

    def open_account(
        self, *, account_id: str, title: str, inn: str, client_id: str, client_secret: str, dials: Dials | None = None
    ) -> Account:
        account = super().open_account(
            account_id=account_id, title=title, inn=inn, client_id=client_id, client_secret=client_secret, dials=dials
        )
        self.give_refresh_token(account)
        return account

    def put_details(self, account: Account, kontragent: str, kind: str, fields: dict[str, Any]) -> Record:
        """A settlement account or a contact of a buyer, kept in its card."""
        record = account.records["counterparties"][kontragent]
        number = 1 + len(record.get(kind, ()))
        row = {"Id": number, **fields}
        held: dict[str, Any] = {kind: [*record.get(kind, ()), row]}
        self.rewrite(account, "counterparties", record, **held)
        return row

    def give_code(self, account: Account, redirect_uri: str, *, offline: bool) -> str:
        """A code for a token, which only whoever knows where it was sent to may use."""
        code = {"redirect_uri": redirect_uri, "offline": offline, "ends_unix": self.now_unix + CODE_SECONDS}
        return str(self._write(account, CODES, code, record_id=None)["id"])

    def take_code(self, account: Account, code: str, redirect_uri: str) -> Record | None:
        """The code, which is used from now on; None for one that cannot be."""
        held = account.records[CODES].get(code)
        if held is None or held.get("used") or held["redirect_uri"] != redirect_uri:
            return None
        if self.now_unix >= held["ends_unix"]:
            return None
        return self.rewrite(account, CODES, held, used=True)

    def give_refresh_token(self, account: Account) -> str:
        """A new one; those that were given before are revoked: each can be used once."""
        for token in refresh_tokens(account):
            self.set_token(account, token, state="revoked", expires_unix=self.now_unix)
        turn = len(account.tokens)
        token = REFRESH + hashlib.sha256(f"{account.id_key}|refresh|{turn}".encode()).hexdigest()
        self.set_token(account, token, state="valid", expires_unix=self.now_unix + REFRESH_SECONDS)
        return token


def refresh_tokens(account: Account, now_unix: float = 0.0) -> list[str]:
    """Those that can be used at a moment."""
    held = ((token, one) for token, one in account.tokens.items() if token.startswith(REFRESH))
    return [token for token, one in held if one.state == "valid" and one.expires_unix > now_unix]
