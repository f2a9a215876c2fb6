"""The calls of `/api/v1`, which answers what ingest owns and forwards the rest to the owners."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sverka.endings import NotAsWished
from sverka.http import Json
from sverka.language import tr
from sverka.reach import Reach
from sverka.screen import say

ROOT = "/api/v1"
SYNC_PAGE_ITEMS = 500


class Api:
    """One installation's `/api/v1`. Every failure is NotAsWished with the other side's sentence."""

    def __init__(self, json: Json) -> None:
        self._json = json

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._json.__exit__()

    def status(self) -> dict[str, dict[str, Any]]:
        """Every service as it says of itself, asked by ingest."""
        found: dict[str, dict[str, Any]] = self._json.get(f"{ROOT}/status")["services"]
        return found

    # tenants

    def tenants(self) -> list[dict[str, Any]]:
        """All tenants in short."""
        found: list[dict[str, Any]] = self._json.get(f"{ROOT}/tenants")["tenants"]
        return found

    def tenant(self, tenant: str) -> dict[str, Any]:
        """One tenant: status, version, settings without secrets, webhook addresses."""
        found: dict[str, Any] = self._json.get(f"{ROOT}/tenants/{tenant}")
        return found

    def apply(self, tenant: str, document: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
        """Applies a whole tenant's file, or says what that would change."""
        found: dict[str, Any] = self._json.call(
            "PUT", f"{ROOT}/tenants/{tenant}", body=document, query={"dry_run": "1" if dry_run else None}
        )
        return found

    def tenant_action(self, tenant: str, action: str) -> dict[str, Any]:
        """suspend, resume or remove."""
        found: dict[str, Any] = self._json.post(f"{ROOT}/tenants/{tenant}/{action}", {})
        return found

    def check(self, tenant: str) -> list[dict[str, Any]]:
        """Whether all that the tenant's file names is there at its vendors."""
        found: list[dict[str, Any]] = self._json.post(f"{ROOT}/tenants/{tenant}/check", {})["checks"]
        return found

    # a deal

    def stories(self, tenant: str, deal: str) -> list[dict[str, Any]]:
        """What each service recorded about a deal."""
        return self._listed(self._json.get(f"{ROOT}/deals/{tenant}/{deal}"), "services")

    # bank statements

    def put_statement(self, tenant: str, data: bytes, file_name: str) -> dict[str, Any]:
        """Sends a file to the tenant's own address; its id, and whether these bytes had come before."""
        url = self.tenant(tenant)["webhook_urls"].get("statements")
        if url is None:
            raise NotAsWished(
                tr(f"{tenant} has no address for statements.", f"У {tenant} нет адреса для банковских выписок.")
            )
        path = f"/statements/{url.rpartition('/')[2]}"  # the address that others use may not be reached from here
        found: dict[str, Any] = self._json.send(path, data, query={"name": file_name})
        return found

    def statements(self, tenant: str, limit: int = 500) -> list[dict[str, Any]]:
        """Files that were sent, newest first."""
        found: list[dict[str, Any]] = self._json.get(f"{ROOT}/statements", tenant=tenant, limit=limit)["statements"]
        return found

    # goods that accounting lacked

    def goods(self, tenant: str, *, state: str = "", limit: int = 500) -> list[dict[str, Any]]:
        """The mapping list, what waits for a person first."""
        found: list[dict[str, Any]] = self._json.get(f"{ROOT}/goods", tenant=tenant, state=state, limit=limit)["goods"]
        return found

    def map_goods(self, tenant: str, product: str, item: str, *, seller: str, by: str) -> bool:
        """Names the accounting's item of a product; whether that was new."""
        body = {"tenant": tenant, "product_id": product, "item_id": item, "seller": seller, "by": by}
        changed: bool = self._json.post(f"{ROOT}/goods/map", body)["changed"]
        return changed

    # first sync

    def begin_sync(self, tenant: str, *, apply: bool, seller: str, by: str) -> list[dict[str, Any]]:
        """Begins or goes on; how far each seller's sync is."""
        body = {"apply": apply, "seller": seller, "by": by}
        found: list[dict[str, Any]] = self._json.post(f"{ROOT}/sync/{tenant}", body)["syncs"]
        return found

    def syncs(self, tenant: str, *, seller: str) -> list[dict[str, Any]]:
        """How far each seller's sync is."""
        found: list[dict[str, Any]] = self._json.get(f"{ROOT}/sync/{tenant}", seller=seller)["syncs"]
        return found

    def sync_items(self, tenant: str, *, seller: str) -> Iterator[dict[str, Any]]:
        """The companies of one seller's sync, page by page."""
        after: str | None = ""
        while after is not None:
            page = self._json.get(f"{ROOT}/sync/{tenant}/items", seller=seller, after=after, limit=SYNC_PAGE_ITEMS)
            yield from page["items"]
            after = page["next"]

    # work

    def work(self, tenant: str | None = None) -> list[dict[str, Any]]:
        """Due and delayed work of all services."""
        return self._listed(self._json.get(f"{ROOT}/work", tenant=tenant), "work")

    def work_item(self, work_id: str) -> dict[str, Any]:
        """One piece of work."""
        found: dict[str, Any] = self._json.get(f"{ROOT}/work/{work_id}")
        return found

    def retry(self, work_id: str) -> dict[str, Any]:
        """Has it tried now."""
        found: dict[str, Any] = self._json.post(f"{ROOT}/work/{work_id}/retry", {})
        return found

    # dead letters

    def dead(self, tenant: str | None = None) -> list[dict[str, Any]]:
        """Open dead letters of all services."""
        return self._listed(self._json.get(f"{ROOT}/dead", tenant=tenant), "dead")

    def dead_letter(self, event_id: str) -> dict[str, Any]:
        """One letter with headers and body."""
        found: dict[str, Any] = self._json.get(f"{ROOT}/dead/{event_id}")
        return found

    def replay(self, event_ids: Sequence[str], *, dry_run: bool) -> dict[str, Any]:
        """Handles letters again, each key in its order."""
        found: dict[str, Any] = self._json.post(f"{ROOT}/dead/replay", {"ids": list(event_ids), "dry_run": dry_run})
        return found

    def discard(self, event_id: str, *, by: str) -> dict[str, Any]:
        """Gives a letter up, so that its key goes on."""
        found: dict[str, Any] = self._json.post(f"{ROOT}/dead/{event_id}/discard", {"by": by})
        return found

    def republish(self, topic: str, since: str) -> dict[str, Any]:
        """Writes a topic anew from its writer's events."""
        found: dict[str, Any] = self._json.post(f"{ROOT}/republish", {"topic": topic, "since": since})
        return found

    # decisions

    def decisions(self, tenant: str | None = None, *, every: bool = False) -> list[dict[str, Any]]:
        """Open decision cards, or all."""
        query = {"tenant": tenant, "all": "1" if every else None}
        return self._listed(self._json.call("GET", f"{ROOT}/decisions", query=query), "decisions")

    def decision(self, card_id: str) -> dict[str, Any]:
        """One card."""
        found: dict[str, Any] = self._json.get(f"{ROOT}/decisions/{card_id}")
        return found

    def decide(self, card_id: str, choice: str, *, number: str, by: str) -> dict[str, Any]:
        """Takes a card."""
        body = {"choice": choice, "number": number, "by": by}
        found: dict[str, Any] = self._json.post(f"{ROOT}/decisions/{card_id}", body)
        return found

    def invoice(self, tenant: str, deal: str, what: str, body: dict[str, Any]) -> bool:
        """Cancels or repeats a deal's invoice; whether that changed anything."""
        return bool(self._json.post(f"{ROOT}/deals/{tenant}/{deal}/invoice/{what}", body)["changed"])

    def _listed(self, answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        """The list, and a remark about services that could not be asked."""
        if away := answer.get("away"):
            names = ", ".join(away)
            say(tr(f"Not asked, since they do not answer: {names}.", f"Не отвечают и не спрошены: {names}."))
        found: list[dict[str, Any]] = answer[key]
        return found


def connect(reach: Reach) -> Api:
    """The API of an installation. NotAsWished if none runs or its token is not known."""
    return Api(Json(reach.ingest_url(), what="ingest", token=reach.token()))
