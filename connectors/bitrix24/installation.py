"""Reads what an installation hands over: the event ONAPPINSTALL or ONAPPUPDATE, or the form of an application's page.

Source: the vendor's pages "Application installation", "Safe event handlers", "Widgets". Nothing of it is signed.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from chassis.domain import Problem
from connectors.bitrix24.webhook import read_tree
from connectors.ports.crm.access import AccessOffer

INSTALLED: Final = "ONAPPINSTALL"
UPDATED: Final = "ONAPPUPDATE"
UNINSTALLED: Final = "ONAPPUNINSTALL"
HANDLED: Final = (INSTALLED, UPDATED, UNINSTALLED)
"""Events that change the connection itself."""

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?(?::\d{1,5})?")
_TOKEN_LENGTH_MAX: Final = 1_000


def parse_offer(body: bytes, content_type: str) -> AccessOffer | None:
    """What an event or a page's form offers; None for what is neither, and for one without an access token."""
    tree = read_tree(body, content_type)
    if isinstance(tree, Problem):
        return None
    name = str(tree.get("event") or "").upper()
    if name in (INSTALLED, UPDATED):
        return _of_event(name, tree)
    return None if name else _of_page(tree)


def _of_event(name: str, tree: Mapping[str, Any]) -> AccessOffer | None:
    auth = tree.get("auth")
    if not isinstance(auth, dict) or not _text(auth, "access_token"):
        return None
    return AccessOffer(
        kind="installed" if name == INSTALLED else "updated",
        access_token=_text(auth, "access_token"),
        refresh_token=_text(auth, "refresh_token"),
        application_token=_text(auth, "application_token"),
        member_id=_text(auth, "member_id"),
        host=host_of(_text(auth, "domain")),
    )


def _of_page(tree: Mapping[str, Any]) -> AccessOffer | None:
    if not _text(tree, "AUTH_ID"):
        return None
    return AccessOffer(
        kind="opened",
        access_token=_text(tree, "AUTH_ID"),
        refresh_token=_text(tree, "REFRESH_ID"),
        application_token=_text(tree, "APPLICATION_TOKEN"),
        member_id=_text(tree, "member_id"),
    )


def host_of(text: str) -> str:
    """A host with its port, in lower case; "" for what is none."""
    lowered = text.strip().lower()
    return lowered if _HOST.fullmatch(lowered) else ""


def _text(tree: Mapping[str, Any], name: str) -> str:
    value = tree.get(name)
    return value.strip()[:_TOKEN_LENGTH_MAX] if isinstance(value, str) else ""
