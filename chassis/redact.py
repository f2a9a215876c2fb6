"""Takes secrets and personal data out of texts and addresses before they reach a log, a span or an error."""

import re
from typing import Final
from urllib.parse import urlsplit

from chassis.values.inn import inn_ok

HIDDEN: Final = "***"
TEXT_LENGTH_MAX: Final = 2_000

_NAMES = (
    r"(?:access_?token|refresh_?token|application_?token|auth(?:_?id)?|refresh_?id|client_?secret|api_?key|"
    r"x-kontur-apikey|password|passwd|secret|token|authorization|cookie)"
)

# One pass over the text; what is left alone comes first, so that a uuid or a trace id is never taken for a number.
_NET = re.compile(
    r"(?P<keep>(?<![0-9A-Za-z])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)(?![0-9A-Za-z]))"
    r"|(?P<hook>/rest/\d+/|/hooks/[A-Za-z0-9_]+/|/shops/|/statements/)(?P<hook_secret>[^/\s?#\"'&]+)"
    r"|(?P<userinfo>://)[^/\s@\"']+@"
    r"|(?P<scheme>\b(?:Bearer|Basic|Token)\s+)[A-Za-z0-9._~+/=-]{4,}"
    rf"|(?P<name>(?<![A-Za-z])(?:[A-Za-z_]*[_\[])?{_NAMES}\]?[\"']?\s*[=:]\s*[\"']?)(?P<value>(?:(?:Bearer|Basic|Token)\s+)?[^\s\"'&,;}}]+)"
    r"|(?P<email>[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<phone>(?<![\w.])(?:\+\s?\d[\s(-]{0,2}\d{3}[\s)-]{0,2}\d{3}[\s-]?\d\d[\s-]?\d\d"
    r"|[78][\s(-]{1,2}\d{3}[\s)-]{0,2}\d{3}[\s-]?\d\d[\s-]?\d\d|[78]9\d{9})(?![\w]))"
    r"|(?P<digits>(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z]))"
    r"|(?P<opaque>(?-i:(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])(?=[A-Za-z0-9_-]*\d)"
    r"[A-Za-z0-9_-]{40,}(?![A-Za-z0-9_-])))",
    re.IGNORECASE,
)
# Texts without any of these cannot hold what the net looks for; most log values are such.
_SUSPECT = re.compile(r"\d{9}|[@=:/+]|\d[\s()-]+\d{2,3}[\s()-]|[A-Za-z0-9_-]{40}|earer |asic |oken ")


def redact(text: str) -> str:
    """The text with secrets and personal data hidden, cut to 2,000 characters.

    A person's INN (12 digits with right check digits) keeps its last 4; phones, e-mails, tokens, passwords in addresses
    and the secret part of webhook paths are replaced whole.
    """
    if len(text) > TEXT_LENGTH_MAX:
        text = text[:TEXT_LENGTH_MAX] + "…"
    if _SUSPECT.search(text) is None:
        return text
    return _NET.sub(_hide, text)


def redact_url(url: str) -> str:
    """An address fit for a log: no user, no query, no fragment, and the secret of a webhook path hidden."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = f":{parts.port}" if parts.port else ""
    query = "?…" if parts.query else ""
    return redact(f"{parts.scheme}://{host}{port}{parts.path}{query}")


def mask_inn(inn: str) -> str:
    """An INN fit for a log: 10 digits as they are, a person's 12 digits as their last 4."""
    return inn if len(inn) == 10 else f"{HIDDEN}{inn[-4:]}"


def _hide(match: re.Match[str]) -> str:
    found = match.group(0)
    if match["keep"]:
        return found
    if match["hook"]:
        return match["hook"] + HIDDEN
    if match["userinfo"]:
        return f"://{HIDDEN}@"
    if match["scheme"]:
        return match["scheme"] + HIDDEN
    if match["name"]:
        return match["name"] + HIDDEN
    if match["digits"]:
        return mask_inn(found) if inn_ok(found) else found
    return HIDDEN
