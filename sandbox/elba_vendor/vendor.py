"""Elba behind its published API as the sandbox's vendor: its routes, refusals, switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sandbox.accounting.family import REFUSED, FamilyControl, FamilyService, unserved
from sandbox.accounting.pages import Pages
from sandbox.accounting.records import Account
from sandbox.core.wire import Reply, Request, Route, Router, html
from sandbox.core.world import World
from sandbox.elba_vendor import account, calls, products
from sandbox.elba_vendor.book import ElbaVendorBook
from sandbox.elba_vendor.gate import Gate


class ElbaVendorControl(FamilyControl):
    """`search_looks`: a search is a task that ends after so many looks, by a failure with `search_fails`;
    `product_looks`: so is whatever is asked of products; `news_by_place`: an offset of the news is a place;
    `no_signatures`: no images of stamp and signature."""

    switches: ClassVar[Mapping[str, type]] = {
        "search_looks": int,
        "search_fails": bool,
        "product_looks": int,
        "news_by_place": bool,
        "no_signatures": bool,
    }


class PublicPages(Pages):
    """A document is shown to whoever has its link, as long as the link is there and published."""

    async def _document(self, request: Request) -> Reply:
        account, invoice_id = self._book.by_document.get(request.params["token"], (None, ""))
        links = [] if account is None else account.records["links"].values()
        if not any(one["document_id"] == invoice_id and one["published"] for one in links):
            return html("<p>Документ не опубликован или ссылка неверна.</p>", 404)
        return await super()._document(request)


class ElbaVendor(FamilyService[ElbaVendorBook]):
    """All accounts of the profile."""

    name = "elba-vendor"
    statuses = (200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 409, 429)
    title = "Эльба, опубликованный API"
    hands = ElbaVendorControl
    refused: ClassVar[Mapping[str, tuple[int, str, str]]] = {
        **REFUSED,
        "token_expired": (401, "Unauthorized", "Ключ API отозван"),
    }

    def __init__(self, world: World) -> None:
        super().__init__(world, ElbaVendorBook(world, self))
        self._gate = Gate(world, self, self.book, "/v1")

    def pages(self) -> Sequence[Route]:
        return PublicPages(self.book, self.name, self.title).routes()

    def connection(self, account: Account, base_url: str) -> dict[str, str]:
        return {
            "api_key": account.api_key,
            "organization_id": self.book.organization(account),
            "bank_account_id": self.book.bank_account(account),
            "api_url": f"{base_url}/v1",
        }

    def routes(self) -> Sequence[Route]:
        gate = self._gate
        served = [*calls.routes(gate), *account.routes(gate), *products.routes(gate)]
        nothing = unserved(Router(served))
        return [
            *served,
            gate.route("*", "", "unknown", nothing),
            gate.route("*", "/{rest:path}", "unknown", nothing),
        ]

    def clear(self) -> None:
        super().clear()
        self._gate.clear()
