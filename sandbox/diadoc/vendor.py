"""Kontur.Diadoc as the sandbox's vendor: boxes with two ways of access, their API, pages and seed.

Source: developer.kontur.ru/doc/diadoc-api.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from typing import Any, Final

from sandbox.core.faults import Fault
from sandbox.core.pages import environment
from sandbox.core.roster import Party
from sandbox.core.vendor import Change, EventPost, SeedSpec, Timer
from sandbox.core.wire import BadRequestError, Reply, Request, Route, html
from sandbox.core.world import World
from sandbox.diadoc.api import Api
from sandbox.diadoc.book import ACCESS, REFRESH, Book
from sandbox.diadoc.control import Control
from sandbox.diadoc.gate import ApiError, Gate
from sandbox.diadoc.records import Account, Organization, dials_from, organization_from
from sandbox.diadoc.sending import DELIVER, Sending

API = "/diadoc"
TOKEN = "/diadoc/connect/token"  # noqa: S105 - an address
PAGE = """{% extends "layout.html" %}{% block title %}{{ account.title }}{% endblock %}
{% block header %}<a href="{{ base }}/">Песочница</a><h1>Диадок: {{ account.title }}</h1>
<div class="muted">Ящик {{ account.organization.box_id }}</div>{% endblock %}
{% block main %}<h2>Исходящие</h2><table><tr><th>Документ</th><th>Получатель</th><th>Состояние</th><th>Метка</th></tr>
{% for one, colour, words in documents %}<tr><td>УПД ({{ one.function }}) № {{ one.number }} от {{ one.date }}
<div class="muted">{{ one.comment }}</div></td><td>{{ names[one.to_box] }}</td>
<td><span class="tag {{ colour }}">{{ words }}</span></td><td class="muted">{{ one.marker }}</td></tr>{% endfor %}
</table><h2>Контрагенты</h2><table><tr><th>Название</th><th>ИНН</th><th>КПП</th><th>Отношения</th><th>Оператор</th></tr>
{% for one in account.partners.values() %}<tr><td>{{ one.name }}</td><td>{{ one.inn }}</td><td>{{ one.kpp }}</td>
<td>{{ account.relation(one.box_id) }}</td><td>{{ 'другой (роуминг)' if one.roaming else 'Диадок' }}</td></tr>
{% endfor %}</table>{% endblock %}"""
PAGES: Final = environment({"box.html": PAGE})
RESPONSES = {
    "WaitingForRecipientSignature": ("", "Ожидается подпись получателя"),
    "WithRecipientSignature": ("good", "Подписан"),
    "WithRecipientPartiallySignature": ("warn", "Подписан частично"),
    "RecipientSignatureRequestRejected": ("bad", "Отказано в подписи"),
    "InvalidRecipientSignature": ("bad", "Подпись получателя недействительна"),
}


class Diadoc:
    """All boxes."""

    name = "diadoc"
    statuses = (200, 201, 204, 400, 401, 402, 403, 404, 405, 409, 415, 429)

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book(world, self)
        self._sending = Sending(world, self, self.book)
        self._api = Api(self.book, Gate(world, self, self.book), self._sending, API)
        self._control = Control(world, self.book, self._sending, self._opened, self._described)

    def routes(self) -> Sequence[Route]:
        return [
            *self._api.routes(),
            Route("POST", f"{API}/V3/Authenticate", self._authenticate),
            Route("POST", TOKEN, self._token),
        ]

    def control_routes(self) -> Sequence[Route]:
        return self._control.routes()

    def pages(self) -> Sequence[Route]:
        return [Route("GET", "/{account}", self._shown)]

    def apply(self, change: Change) -> None:
        self.book.apply(change)

    def run_timer(self, timer: Timer) -> None:
        if timer.op != DELIVER:
            raise ValueError(f"no timer {timer.op!r} is known here")
        self._sending.deliver(self.book.accounts[timer.account], timer.data["message_id"])

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        if operation == "token":
            return _oauth_error("invalid_grant" if fault.kind == "token_expired" else "server_error")
        statuses = {"limit_429": 429, "limit_503": 503, "operation_time_limit": 429, "token_expired": 401}
        status = statuses.get(fault.kind, int(fault.number("status", 500)))
        after = int(fault.params["retry_after"]) if "retry_after" in fault.params else None
        reply = ApiError(status, "Внутренняя ошибка сервера" if status >= 500 else "Отказано", "", after).reply()
        if fault.kind == "error_in_200":
            reply.status = 200
        return reply

    def forge(self, post: EventPost) -> EventPost:
        return post

    def accounts(self) -> list[dict[str, str]]:
        return [
            {"account": one.id, "title": one.title, "page": f"/pages/{self.name}/{one.id}"}
            for one in self.book.accounts.values()
        ]

    def snapshot(self, account: str | None) -> dict[str, Any]:
        return self.book.snapshot(account)

    def seed(self, spec: SeedSpec) -> dict[str, str]:
        """A box per tenant, and one in its directory for each buyer; the key `diadoc` holds dials."""
        dials = dials_from(spec.options.get(self.name) or {})
        env: dict[str, str] = {}
        for plan in spec.roster.tenants:
            account_id = f"{self.name}-{plan.slug}"
            if account_id not in self.book.accounts:
                own = _organization(plan.seller, account_id)
                account = self._made(account_id, plan.title, own, dials)
                self.book.put_partners(account, [_organization(one, f"{account_id}|buyer") for one in plan.buyers])
            shown = self._described(self.book.accounts[account_id], spec.base_url)
            for name in ("account", *_CONNECTION):
                env[f"DIADOC_{plan.index}_{name.upper()}"] = shown[name]
        return env

    def clear(self) -> None:
        self.book.clear()

    async def start(self) -> None:
        """Nothing runs by itself."""

    async def stop(self) -> None:
        """Nothing runs by itself."""

    # Access

    async def _authenticate(self, request: Request) -> Reply:
        """`type=password` with the developer's key in the header; the answer is the token as plain text."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        key = dict(part.strip().partition("=")[::2] for part in rest.split(",")).get("ddauth_api_client_id", "")
        account = self.book.by_credential("client_id", key)

        def execute(fault: Fault | None) -> Reply:
            body = request.json() if request.content_type == "application/json" else {}
            if request.query().get("type") != "password":
                return ApiError(400, "Песочница знает type=password").reply()
            if scheme.lower() != "diadocauth" or account is None:
                return ApiError(401, "Неизвестный ключ разработчика", "Auth.ClientIdInvalid").reply()
            given = (str(body.get("login")), str(body.get("password")))
            if given != (account.credentials["login"], account.credentials["password"]):
                return ApiError(401, "Неверный логин или пароль", "Auth.CredentialsInvalid").reply()
            return Reply(body=self.book.give_token(account, ACCESS).encode(), content_type="text/plain; charset=utf-8")

        return await self._world.exchange(self, request, account.id if account else "", "authenticate", execute)

    async def _token(self, request: Request) -> Reply:
        """A refresh token for an access token (RFC 6749 section 6); it stays good."""
        form = request.form()
        account = self.book.by_credential("client_id", form.get("client_id", ""))

        def execute(fault: Fault | None) -> Reply:
            if form.get("grant_type") != "refresh_token":
                return _oauth_error("unsupported_grant_type")
            secret = form.get("client_secret", "")
            if account is None or not hmac.compare_digest(account.credentials["client_secret"], secret):
                return _oauth_error("invalid_client")
            held = self.book.tokens.get(form.get("refresh_token", ""))
            if held is None or held["kind"] != REFRESH or held["account"] != account.id or not held["alive"]:
                return _oauth_error("invalid_grant")
            token = self.book.give_token(account, ACCESS)
            return Reply(
                payload={"access_token": token, "refresh_token": form["refresh_token"], "token_type": "Bearer",
                         "expires_in": account.dials.token_seconds}
            )  # fmt: skip

        return await self._world.exchange(self, request, account.id if account else "", "token", execute)

    # Boxes

    def _opened(self, body: dict[str, Any]) -> Account:
        unknown = sorted(body.keys() - {"title", "inn", "kpp", "account", "dials"})
        if unknown:
            raise BadRequestError(f"unknown field {unknown[0]!r}; known are title, inn, kpp, account, dials")
        account_id = str(body.get("account") or f"{self.name}-{len(self.book.accounts) + 1}")
        if account_id in self.book.accounts:
            raise BadRequestError(f"there is an account {account_id!r} already")
        title = str(body.get("title") or account_id)
        about = {"inn": body.get("inn"), "kpp": body.get("kpp", ""), "name": title}
        own = organization_from(about, _guid(account_id))
        return self._made(account_id, title, own, dials_from(body.get("dials") or {}))

    def _made(self, account_id: str, title: str, own: Organization, dials: dict[str, Any]) -> Account:
        digest = hashlib.sha512(f"{self.name}|{account_id}|{own.inn}".encode()).hexdigest()
        credentials = {
            "client_id": f"sverka-{digest[:12]}", "client_secret": digest[12:44], "refresh_token": digest[44:84],
            "login": f"robot-{digest[84:92]}@sandbox.example", "password": digest[92:112],
        }  # fmt: skip
        return self.book.open_account(account_id, title, own, credentials, dials)

    def _described(self, account: Account, base_url: str) -> dict[str, Any]:
        return {
            "account": account.id, "title": account.title, "inn": account.organization.inn,
            "api_url": f"{base_url}{API}", "token_url": f"{base_url}{TOKEN}",
            "box_id": account.organization.box_id, **account.credentials,
        }  # fmt: skip

    async def _shown(self, request: Request) -> Reply:
        account = self.book.accounts.get(request.params["account"])
        if account is None:
            return html("<p>Такого ящика нет.</p>", 404)
        documents = [(one, *_words(one)) for one in reversed(account.documents.values())]
        names = {box: one.name for box, one in account.partners.items()}
        return html(
            PAGES.get_template("box.html").render(
                base=request.base_url, account=account, documents=documents, names=names
            )
        )


_CONNECTION = ("api_url", "token_url", "box_id", "client_id", "client_secret", "refresh_token", "login", "password")


def _words(one: Any) -> tuple[str, str]:
    """What a person sees of a document: a colour and words."""
    if one.deleted:
        return "bad", "Удалён"
    if one.revocation != "RevocationStatusNone":
        return "warn", {"RequestsMyRevocation": "Запрошено аннулирование", "RevocationAccepted": "Аннулирован",
                        "RevocationRejected": "В аннулировании отказано"}[one.revocation]  # fmt: skip
    if one.sender == "WaitingForSenderSignature":
        return "warn", "Требуется подпись"
    if one.sender == "SenderSignatureCheckedAndInvalid":
        return "bad", "Подпись отправителя недействительна"
    if one.roaming == "RoamingNotificationStatusError":
        return "bad", "Ошибка доставки в роуминге"
    if not one.delivered_unix:
        return "", "Отправляется"
    return RESPONSES[one.response]


def _organization(party: Party, about: str) -> Organization:
    box_id = _guid(f"{about}|{party.inn}|{party.kpp}")
    return Organization(box_id, party.inn, party.kpp, party.name, party.full_name, party.ogrn)


def _guid(about: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(f"box|{about}".encode()).digest()[:16], version=4))


def _oauth_error(code: str) -> Reply:
    status = 500 if code == "server_error" else 400
    return Reply(status=status, payload={"error": code}, error=code)
