"""Files outside REST: the relative links of classic file fields, and those that need a browser session."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.bitrix24.call import as_number
from sandbox.bitrix24.portal import Portal
from sandbox.core.wire import Reply, Request, html

if TYPE_CHECKING:
    from sandbox.bitrix24.vendor import Bitrix24

LOGIN = "<!DOCTYPE html><html><head><title>Авторизация</title></head><body><form>Логин и пароль</form></body></html>"


class Downloads:
    """A link with a true signature gives the file; any other one the page where people log in."""

    def __init__(self, vendor: Bitrix24) -> None:
        self._vendor = vendor

    async def handle(self, request: Request) -> Reply:
        query = request.query()
        number = as_number(query.get("fileId"))
        auth = query.get("auth")
        if number is not None and auth is not None:
            for portal in self._portals(request):
                if auth == portal.sign(f"show_file|{number}"):
                    return file_reply(portal, number)
        return html(LOGIN, 401)

    def _portals(self, request: Request) -> list[Portal]:
        name = request.params.get("portal")
        if name is None:
            return list(self._vendor.portals.values())
        portal = self._vendor.portals.get(name.lower())
        return [] if portal is None else [portal]


def file_reply(portal: Portal, number: int) -> Reply:
    """The file itself, 404 when it is gone."""
    record = portal.get("file", number)
    if record is None:
        return html("<html><body>404 Not Found</body></html>", 404)
    content = portal.ground.bytes_of(record["SHA256"])
    headers = {"Content-Disposition": f"inline; filename*=utf-8''{quote(record['NAME'])}"}
    return Reply(body=content, content_type=record["TYPE"], headers=headers)
