"""log.blogpost.*: messages of the news feed.

Vendor documentation, "Лента новостей": https://apidocs.bitrix24.ru/api-reference/log/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.registry import method

SCOPE, TABLE = "log", "blogpost"
ADD_FAULT = "SONET_CONTROLLER_LIVEFEED_BLOGPOST_ADD_ERROR"


@method("log.blogpost.add", SCOPE, writes=True)
def post_add(call: Call) -> Any:
    """To everyone unless DEST, or the older SPERM, names others; USER_ID is an administrator's to set."""
    if not call.text("POST_MESSAGE"):
        raise RestError(400, ADD_FAULT, "Blog post hasn't been added")
    given = call.get("DEST") if "DEST" in call.params else call.get("SPERM")
    if given is not None and (not isinstance(given, list) or not given):
        raise RestError(400, ADD_FAULT, "No destination specified")
    author = as_number(call.get("USER_ID")) if is_admin(call) else None
    return call.portal.put(TABLE, {
        "TITLE": call.text("POST_TITLE"), "TEXT": call.text("POST_MESSAGE"), "DEST": given or ["UA"],
        "AUTHOR_ID": author or call.user_id, "DATE": call.portal.now(),
        "IMPORTANT": "Y" if call.text("IMPORTANT") == "Y" else "N",
    })  # fmt: skip


@method("log.blogpost.delete", SCOPE, writes=True)
def post_delete(call: Call) -> Any:
    record = call.portal.get(TABLE, as_number(call.get("POST_ID")) or 0)
    if record is None:
        raise RestError(400, 100, "Wrong post ID")
    if record["AUTHOR_ID"] != call.user_id and not is_admin(call):
        raise RestError(400, 403, "У вас нет прав на удаление этого сообщения")
    call.portal.drop(TABLE, record["ID"])
    return True
