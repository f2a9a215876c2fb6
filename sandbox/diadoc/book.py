"""State of all boxes and every change of it; what is decided is in the changes, so that a replay gives the same."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import asdict
from typing import Any

from sandbox.core.vendor import Change, Vendor
from sandbox.core.wire import UnknownError
from sandbox.core.world import World
from sandbox.diadoc.records import Account, Dials, Document, Organization

REFRESH, ACCESS = "refresh", "access"


class Book:
    """All boxes; tokens by their value."""

    def __init__(self, world: World, vendor: Vendor) -> None:
        self._world, self._vendor = world, vendor
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, dict[str, Any]] = {}

    @property
    def now_unix(self) -> float:
        return self._world.clock.unix()

    def account(self, account_id: str) -> Account:
        found = self.accounts.get(account_id)
        if found is None:
            raise UnknownError(f"no account {account_id!r}; known are {', '.join(self.accounts) or 'none'}")
        return found

    def by_credential(self, name: str, value: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.credentials[name] == value), None)

    def document(self, account: Account, named: str) -> Document:
        """A document by its entity id, message id or number."""
        for one in account.documents.values():
            if named in (one.entity_id, one.message_id) or one.number == named:
                return one
        raise UnknownError(f"no document {named!r}")

    def new_id(self, account: Account, about: str) -> str:
        """A GUID that is the same for the same place in the ledger."""
        digest = hashlib.sha256(f"{account.id}|{about}|{self._world.ledger.seq}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    # Changes

    def open_account(
        self,
        account_id: str,
        title: str,
        organization: Organization,
        credentials: dict[str, str],
        dials: dict[str, Any],
    ) -> Account:
        data = {
            "title": title,
            "organization": asdict(organization),
            "credentials": credentials,
            "dials": {**asdict(Dials()), **dials},
        }
        self._change(account_id, "account.open", data)
        return self.accounts[account_id]

    def turn_dials(self, account: Account, dials: dict[str, Any]) -> None:
        self._change(account.id, "account.dials", {**asdict(account.dials), **dials})

    def put_partners(self, account: Account, partners: list[Organization]) -> None:
        self._change(account.id, "partners.put", {"partners": [asdict(one) for one in partners]})

    def relate(self, account: Account, box_id: str, relation: str) -> None:
        self._change(account.id, "partner.relate", {"box_id": box_id, "relation": relation})

    def begin_task(self, account: Account, task_id: str, box_id: str) -> None:
        due = self.now_unix + account.dials.invitation_seconds
        self._change(account.id, "task.begin", {"task_id": task_id, "box_id": box_id, "due_unix": due})

    def give_token(self, account: Account, kind: str) -> str:
        value = hashlib.sha256(f"{account.id}|{kind}|{self._world.ledger.seq}".encode()).hexdigest()
        ends = self.now_unix + account.dials.token_seconds
        data = {"token": value, "kind": kind, "ends_unix": ends, "alive": True}
        self._change(account.id, "token.give", data)
        return value

    def end_token(self, account: Account, token: str) -> None:
        self._change(account.id, "token.end", {"token": token})

    def post(self, account: Account, document: Document, operation_id: str, body_hash: str) -> None:
        until = self.now_unix + account.dials.operation_seconds
        operation = {"message_id": document.message_id, "at_unix": self.now_unix, "until_unix": until,
                     "body": body_hash}  # fmt: skip
        data = {"document": asdict(document), "operation_id": operation_id.lower(), "operation": operation}
        self._change(account.id, "document.post", data)

    def alter(
        self, account: Account, document: Document, fields: dict[str, Any], entities: list[dict[str, Any]] | None = None
    ) -> None:
        """Changes states of a document and adds to it; the feed tells it as a patch."""
        data = {"message_id": document.message_id, "fields": fields, "entities": entities or []}
        self._change(account.id, "document.alter", data)

    def shelve(self, account: Account, name: str, content: bytes) -> None:
        self._change(account.id, "shelf.put", {"name": name, "content": base64.b64encode(content).decode()})

    def ask_print(self, account: Account, key: str) -> None:
        self._change(account.id, "print.ask", {"key": key, "due_unix": self.now_unix + account.dials.print_seconds})

    def _change(self, account_id: str, op: str, data: dict[str, Any]) -> None:
        self._world.change(self._vendor, account_id, op, data)

    def apply(self, change: Change) -> None:
        data = change.data
        if change.op == "account.open":
            self.accounts[change.account] = Account(
                change.account, data["title"], Organization(**data["organization"]), data["credentials"],
                Dials(**data["dials"]),
            )  # fmt: skip
            self._remember(change.account, data["credentials"]["refresh_token"], REFRESH)
            return
        account = self.accounts[change.account]
        match change.op:
            case "account.dials":
                account.dials = Dials(**data)
            case "partners.put":
                for one in data["partners"]:
                    account.partners[one["box_id"]] = Organization(**one)
            case "partner.relate":
                account.relations[data["box_id"]] = data["relation"]
            case "task.begin":
                account.tasks[data["task_id"]] = data
            case "token.give":
                self.tokens[data["token"]] = {**data, "account": account.id}
            case "token.end":
                self.tokens[data["token"]]["alive"] = False
            case "document.post":
                document = Document(**data["document"])
                account.documents[document.message_id] = document
                account.operations[data["operation_id"]] = data["operation"]
                self._tell(account, document, "message", [], change)
            case "document.alter":
                document = account.documents[data["message_id"]]
                for name, value in data["fields"].items():
                    setattr(document, name, value)
                document.entities.extend(data["entities"])
                self._tell(account, document, "patch", data["entities"], change)
            case "shelf.put":
                account.shelf[data["name"]] = data["content"]
            case "print.ask":
                account.prints[data["key"]] = data["due_unix"]
            case _:
                raise ValueError(f"no change {change.op!r} is known here")

    def _remember(self, account_id: str, token: str, kind: str) -> None:
        self.tokens[token] = {"token": token, "kind": kind, "ends_unix": 0.0, "alive": True, "account": account_id}

    def _tell(
        self, account: Account, document: Document, kind: str, entities: list[dict[str, Any]], change: Change
    ) -> None:
        account.events.append(
            {"place": len(account.events) + 1, "kind": kind, "message_id": document.message_id, "entities": entities,
             "delivered": document.delivered_unix > 0, "deleted": document.deleted, "at_unix": change.at_unix}
        )  # fmt: skip

    def snapshot(self, account: str | None) -> dict[str, Any]:
        if account is not None:
            return self.accounts[account].as_json()
        return {name: one.as_json() for name, one in self.accounts.items()}

    def clear(self) -> None:
        self.accounts.clear()
        self.tokens.clear()
