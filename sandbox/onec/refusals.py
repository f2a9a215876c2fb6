"""Refusals of a base: the platform's error codes, in JSON or in XML as the request asked, and pages of what stands
before it."""

from __future__ import annotations

from xml.sax.saxutils import escape

from sandbox.core.wire import Reply

XML = "application/xml; charset=utf-8"
TEXTS = {
    "lock": ("-1", "Конфликт блокировок при выполнении транзакции: Превышено максимальное время ожидания"),
    "period": ("-1", "Дата запрета изменения данных: 31.12.2025. Документ относится к закрытому периоду"),
    "posting": ("-1", "Не удалось провести документ: не заполнен счёт учёта"),
}
PAGES = {
    "licence": "Не обнаружено свободной лицензии!",
    "session": "Начало сеанса с информационной базой запрещено. Выполняется обновление",
}


class Refusal(Exception):  # noqa: N818 - an answer of the base, not a fault
    """A refusal in the platform's own shape: HTTP status, error code, text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def refusal(error: Refusal, *, json: bool) -> Reply:
    """The answer to a request that asked for JSON, or for nothing."""
    reply = Reply(status=error.status, error=error.code)
    if json:
        message = {"lang": "ru", "value": error.text}
        reply.payload = {"odata.error": {"code": error.code, "message": message}}
    else:
        reply.content_type = XML
        reply.body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/'
            f'dataservices/metadata">\n\t<m:code>{escape(error.code)}</m:code>\n\t<m:message xml:lang="ru">'
            f"{escape(error.text)}</m:message>\n</m:error>"
        ).encode()
    return reply


def page(status: int, text: str) -> Reply:
    """A page of the web server or of the licence system."""
    body = f"<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{escape(text)}</h1></body></html>"
    return Reply(status=status, body=body.encode(), content_type="text/html; charset=utf-8", error=f"page {status}")


def sign_in(text: str) -> Reply:
    """What nobody gets past without user and password."""
    reply = page(401, text)
    reply.headers["WWW-Authenticate"] = 'Basic realm="1C:Enterprise"'
    return reply
