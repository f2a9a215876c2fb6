"""/organizations and /webhooks."""

from __future__ import annotations

from sandbox.core.wire import Reply, Route
from sandbox.kontur import asked
from sandbox.kontur.gate import Call, Gate


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", "/organizations", "organization.list", organizations),
        gate.route("GET", "/webhooks", "webhook.list", webhooks),
        gate.route("POST", "/webhooks", "webhook.create", subscribe),
        gate.route("DELETE", "/webhooks/{id}", "webhook.delete", unsubscribe),
    ]


def organizations(call: Call) -> Reply:
    account = call.account
    one = {
        "id": call.book.organization(account),
        "inn": account.inn,
        "kpp": None,
        "name": account.title,
        "taxSystem": "usn_income",
    }
    return Reply(payload={"items": [one], "total": 1})


def webhooks(call: Call) -> Reply:
    rows = [
        {"id": one["id"], "url": one["url"], "events": one["events"], "active": True}
        for one in call.account.records["webhooks"].values()
    ]
    return Reply(payload={"items": rows, "nextCursor": None})


def subscribe(call: Call) -> Reply:
    url, events, secret = asked.webhook(call.body())
    record = call.book.put_webhook(call.account, url, events, secret)
    return Reply(status=201, payload={"id": record["id"], "active": True}, note={"webhook": record["id"]})


def unsubscribe(call: Call) -> Reply:
    record = call.find("webhooks", "Подписка")
    call.book.delete(call.account, "webhooks", record["id"])
    return Reply(status=204, note={"webhook": record["id"]})
