"""What an application's address takes beside events of deals: the events of its own life, its page inside the portal,
and the redirect of an authorisation."""

import hashlib
import hmac
import re
import secrets
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from chassis.serving import Scope, Send, answer
from connectors.bitrix24.installation import UNINSTALLED, host_of, parse_offer
from connectors.ports.crm import CrmEvent
from connectors.ports.crm.access import AccessOffer
from services.ingest.api.directory import Owner
from services.ingest.api.installing import Installer, state_of
from services.ingest.domain import portal
from services.ingest.store.connections import Account
from services.ingest.store.webhooks import Webhook

PAGE_WAITS_SECONDS: Final = 8.0
_SCRIPT: Final = "https://api.bitrix24.tech/api/v1/"
_TEXTS: Final = {
    "ru": {
        "connected": "Сверка подключена к порталу.",
        "waiting": "Подключаем портал. Обновите страницу через минуту.",
        "refused": "Портал не подключён: откройте страницу как администратор портала или переустановите приложение.",
    },
    "en": {
        "connected": "Sverka is connected to the portal.",
        "waiting": "The portal is being connected. Reload this page in a minute.",
        "refused": "The portal is not connected: open this page as its administrator, or install the app again.",
    },
}
# A page that finishes an installation which is finished already would be reloaded for ever.
_FINISH: Final = (
    "BX24.init(function(){BX24.callMethod('app.info',{},function(r){"
    "if(!r.error()&&!r.data().INSTALLED){BX24.installFinish();}});});"
)
_TAGS: Final = re.compile(r"[<>&\"']")


class AppPages:
    """Serves the address of a tenant in mode app."""

    def __init__(self, installer: Installer) -> None:
        self._installer = installer

    async def lifecycle(
        self, owner: Owner, event: CrmEvent, body: bytes, content_type: str, webhook: Webhook
    ) -> int | None:
        """Takes an event of the application's own life; its delivery id, None for one that brings no access. Raises the
        infrastructure errors of Postgres."""
        if event.name == UNINSTALLED:
            return await self._installer.uninstalled(owner, webhook)
        offer = parse_offer(body, content_type)
        if offer is None:
            return None
        delivery_id, _ = await self._installer.keep(owner, webhook, offer)
        return delivery_id

    async def page(self, owner: Owner, scope: Scope, body: bytes, content_type: str, send: Send) -> bool:
        """The page that the portal shows in its frame; False for a body that is none of its forms."""
        offer = parse_offer(body, content_type)
        if offer is None:
            return False
        query = _query(scope)
        account = await self._installer.account(owner)
        if account is not None and account.state != "connected":
            account = await self._offered(owner, offer, body)
        await self._shown(account, query.get("LANG", ""), host_of(query.get("DOMAIN", "")), send)
        return True

    async def authorised(self, owner: Owner, scope: Scope, send: Send) -> None:
        """The redirect of an authorisation: ``?code=&state=``. The code lives half a minute, so it is exchanged at
        once."""
        query = _query(scope)
        account = await self._installer.account(owner) if owner.profile == portal.APP else None
        if account is None or not query.get("code"):
            await answer(send, 404, {"error": "nobody has this address"})
            return
        if not hmac.compare_digest(query.get("state", "").encode(), state_of(account).encode()):
            await answer(send, 403, {"error": "this authorisation was begun by somebody else"})
            return
        offer = await self._installer.exchanged(account, query["code"])
        if isinstance(offer, AccessOffer):
            account = await self._offered(owner, offer, b"")
        await self._shown(account, query.get("LANG", "ru"), host_of(query.get("domain", "")), send)

    async def _offered(self, owner: Owner, offer: AccessOffer, body: bytes) -> Account | None:
        webhook = Webhook(
            tenant=owner.tenant,
            event=f"APP{offer.kind.upper()}",
            entity="other",
            object_id="",
            content_type="",
            body=b"",
            sha256=hashlib.sha256(body).digest(),
        )
        _, offer_id = await self._installer.keep(owner, webhook, offer)
        decided = await self._installer.answered(owner, offer_id, PAGE_WAITS_SECONDS)
        account = await self._installer.account(owner)
        return account if decided else None

    async def _shown(self, account: Account | None, lang: str, host: str, send: Send) -> None:
        state = "waiting" if account is None else "connected" if account.state == "connected" else "refused"
        if account is not None and account.endpoint:
            host = urlsplit(account.endpoint).netloc
        await _page(send, _TEXTS.get(lang, _TEXTS["en"])[state], host, finishes=state == "connected")


def _query(scope: Scope) -> dict[str, str]:
    raw: bytes = scope.get("query_string", b"")
    return dict(parse_qsl(raw.decode("latin-1"), max_num_fields=50)) if len(raw) <= 8_192 else {}


async def _page(send: Send, text: str, host: str, *, finishes: bool) -> None:
    nonce = secrets.token_urlsafe(16)
    script = f'<script src="{_SCRIPT}"></script><script nonce="{nonce}">{_FINISH}</script>' if finishes else ""
    document = (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Sverka</title>'
        f'<style nonce="{nonce}">body{{font:15px/1.5 system-ui,sans-serif;margin:32px}}</style></head>'
        f"<body><p>{_TAGS.sub('', text)}</p>{script}</body></html>"
    ).encode()
    frame = f"https://{host} http://{host}" if host else "'none'"
    policy = (
        f"default-src 'none'; script-src {_SCRIPT} 'nonce-{nonce}'; style-src 'nonce-{nonce}'; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors {frame}"
    )
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(document)),
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": document})
