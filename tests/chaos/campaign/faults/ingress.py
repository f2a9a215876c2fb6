"""Webhooks that are lost, doubled, late, forged, malformed, or too many."""

import asyncio
import hashlib
import random
import re
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import aiohttp

from tests.chaos.campaign.faults.base import Fault, Hands, Injection, NotStruck, RuleFault

FORM: Final = "application/x-www-form-urlencoded"
BURST: Final = 1_000
AT_ONCE: Final = 50
TOKEN: Final = re.compile(r"(auth%5Bapplication_token%5D=)[^&]*")
TRUE_SECONDS_MAX: Final = 5.0
TRIES_MAX: Final = 10
AGAIN_SECONDS: Final = 0.5
ANSWERED_IN: Final = aiohttp.ClientTimeout(total=10)


class _EventFault(RuleFault):
    """A rule for the events of portals."""

    weight = 2
    latest = 0.6
    kind = ""

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        share = {"vendor": "bitrix24", "operation": "event:ONCRMDEAL*", "kind": self.kind, "rate": self.rate}
        return [share | {"seed": chance.randrange(10**6), "limit": 15, "params": self.params(chance)}]

    rate = 0.2

    def params(self, chance: random.Random) -> dict[str, Any]:
        """The rule's own."""
        return {}


class DropWebhooks(_EventFault):
    """F20: every tenth webhook is never sent, and the portal does not say so."""

    code, kind, rate = "F20", "drop", 0.15


class DoubleWebhooks(_EventFault):
    """F21: webhooks come up to five times."""

    code, kind = "F21", "duplicate"

    def params(self, chance: random.Random) -> dict[str, Any]:
        return {"copies": chance.randint(2, 5)}


class ReorderWebhooks(_EventFault):
    """F22: a webhook overtakes the one before."""

    code, kind = "F22", "reorder"


class DelayWebhooks(_EventFault):
    """F23: webhooks come ten minutes late."""

    code, kind = "F23", "delay"
    latest = 0.5

    def params(self, chance: random.Random) -> dict[str, Any]:
        return {"delay_seconds": 600}


class ForgedEvents(_EventFault):
    """F25 by the portal's own line: a stranger's webhook comes before the true one."""

    code, kind = "F25", "forged"


class Burst(Fault):
    """F24: a thousand true webhooks at once."""

    code = "F24"
    latest = 0.8

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        true = await _true_posts(hands, 20)
        posts = [(post, _hook(hands, post), FORM, post["body"].encode()) for post in chance.choices(true, k=BURST)]
        note.detail["statuses"] = await _send(posts, note)


class ForgedPosts(Fault):
    """F25: webhooks with a wrong token, with another tenant's, and an old one once more."""

    code = "F25"
    weight = 2

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        true = await _true_posts(hands, 3)
        tokens = {post["account"]: parse_qs(post["body"])["auth[application_token]"][0] for post in _all_posts(hands)}
        wrong: list[tuple[dict[str, Any], str, str, bytes]] = []
        for post in true:
            others = [token for slug, token in tokens.items() if slug != post["account"]]
            for token in ("0" * 32, "", *others):
                body = TOKEN.sub(lambda found, token=token: found[1] + token, post["body"])  # type: ignore[misc]
                wrong.append((post, _hook(hands, post), FORM, body.encode()))
        refused = await _send(wrong, note, keep=False)
        note.detail["refused"] = refused
        if taken := {status for status in refused if 0 < status < 400}:
            note.trouble = f"forged webhooks were answered {sorted(taken)}"
        again = [(post, _hook(hands, post), FORM, post["body"].encode()) for post in true]
        note.detail["replayed"] = await _send(again, note)


class MalformedPosts(Fault):
    """F26: bodies that are malformed, oversized or of no known encoding."""

    code = "F26"
    weight = 2

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        post = (await _true_posts(hands, 1))[0]
        hook, true = _hook(hands, post), post["body"].encode()
        bodies: Sequence[tuple[str, bytes]] = (
            (FORM, b"event=%FF%FE&data%5BFIELDS%5D%5BID%5D=1"),
            (FORM, b"\xff\xfe\x00\x00"),
            (FORM, b""),
            (FORM, b"a=1&" * 300),
            (FORM, true + b"&filler=" + b"x" * 70_000),
            (FORM, true.replace(b"event=", b"not_event=", 1)),
            (FORM, b"event=ONCRMDEALUPDATE&data" + b"%5Ba%5D" * 9 + b"=1"),
            ("application/json", b'{"event": "ONCRMDEALUPDATE", "data": '),
            ("application/json", b"[" * 200),
            ("text/xml", b"<event/>"),
        )
        refused = await _send([(post, hook, kind, body) for kind, body in bodies], note, keep=False)
        note.detail["refused"] = refused
        if taken := {status for status in refused if 0 < status < 400}:
            note.trouble = f"malformed webhooks were answered {sorted(taken)}"


async def _true_posts(hands: Hands, count: int) -> list[dict[str, Any]]:
    """What portals have posted lately about deals; waits until there is something."""
    waited = 0.0
    while not (found := [post for post in _all_posts(hands) if post["name"].startswith("ONCRMDEAL")]):
        await asyncio.sleep(0.1)
        waited += 0.1
        if waited > TRUE_SECONDS_MAX:
            raise NotStruck("no portal has posted anything")
    return found[-count:]


def _all_posts(hands: Hands) -> list[dict[str, Any]]:
    return [line["post"] for line in hands.view.sent if not line["event"].endswith("forged")]


def _hook(hands: Hands, post: dict[str, Any]) -> str:
    return hands.hooks[post["account"]]


async def _send(
    posts: Sequence[tuple[dict[str, Any], str, str, bytes]], note: Injection, *, keep: bool = True
) -> dict[int, int]:
    """Posts all; how many got which status (0: none). What was acknowledged is kept for the checker."""
    statuses: Counter[int] = Counter()
    kept: Counter[tuple[str, str]] = Counter()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(post: dict[str, Any], url: str, kind: str, body: bytes) -> None:
        async with gate:
            for _ in range(TRIES_MAX):
                try:
                    async with client.post(url, data=body, headers={"content-type": kind}) as answer:
                        await answer.read()
                    break
                except aiohttp.ClientConnectorError:  # ingest is being killed: it comes back
                    await asyncio.sleep(AGAIN_SECONDS)
                except (aiohttp.ClientError, TimeoutError):
                    statuses[0] += 1
                    return
            else:
                statuses[0] += 1
                return
        statuses[answer.status] += 1
        if keep and answer.status == HTTPStatus.OK:
            kept[post["account"], hashlib.sha256(body).hexdigest()] += 1

    # Not httpx, whose pool looks at all connections at every call: thousands of posts took a core from the product.
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, timeout=ANSWERED_IN, trust_env=False) as client:
        await asyncio.gather(*(one(*post) for post in posts))
    note.count += sum(statuses.values())
    note.detail.setdefault("acknowledged", []).extend([slug, sha256, count] for (slug, sha256), count in kept.items())
    return dict(statuses)
