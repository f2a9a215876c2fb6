"""MoeDelo's books: ids are whole numbers, and every account begins with a refresh token."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.accounting.book import Book
from sandbox.accounting.records import REFRESH, Account, Dials, Record

FIRST_IDS = {"counterparties": 905_000, "invoices": 5_123_000, "payments": 88_000, "acts": 6_010_000,
             "products": 77_000}  # fmt: skip
REFRESH_SECONDS = 30 * 86_400


class MoedeloBook(Book):
    """All MoeDelo accounts."""

    def new_id(self, account: Account, kind: str, number: int) -> str:
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

    def give_refresh_token(self, account: Account) -> str:
        """A new one; those that were given before are revoked: each can be used once."""
        for token in refresh_tokens(account):
            self.set_token(account, token, state="revoked", expires_unix=self.now_unix)
        turn = len(account.tokens)
        token = REFRESH + hashlib.sha256(f"{account.id_key}|refresh|{turn}".encode()).hexdigest()
        self.set_token(account, token, state="valid", expires_unix=self.now_unix + REFRESH_SECONDS)
        return token


def refresh_tokens(account: Account) -> list[str]:
    """Those that can be used."""
    return [token for token, held in account.tokens.items() if token.startswith(REFRESH) and held.state == "valid"]
