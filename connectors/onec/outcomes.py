"""What a 1C base's answers mean: by HTTP status and the platform's error code, and by the words of its exceptions.

Source: "1С:Предприятие 8.3. Руководство разработчика", chapter "Стандартный интерфейс OData", table of error codes.
Code -1 is an exception in the configuration's code: the write was undone as a whole, so it is a definite no, unless it
tells of a connection or a session that broke, which may have been after the write. Words of ours stand for what only
the text tells: ``lock``, ``period``, ``licence``, ``session``, ``broken_off``; ``page`` is an answer that is a web page
without such words.
"""

import re
from typing import Final

from connectors.onec.schema import VENDOR
from connectors.verdicts import Kind, OutcomeTable, Verdict

PAGE: Final = "page"
LOCK: Final = "lock"
PERIOD: Final = "period"
LICENCE: Final = "licence"
SESSION: Final = "session"
BROKEN_OFF: Final = "broken_off"
EXCEPTION: Final = "-1"
KNOWN_CODES: Final = frozenset(
    {PAGE, LOCK, PERIOD, LICENCE, SESSION, BROKEN_OFF, EXCEPTION, *(str(code) for code in range(22))}
)

_LOCKED: Final = re.compile(
    r"конфликт\w* блокиров|взаимоблокиров|ожидани\w* предоставления блокиров|транзакци\w*.{0,60}не может быть"
    r"|тайм-?аут|deadlock|lock conflict|timeout",
    re.IGNORECASE,
)
_PERIOD: Final = re.compile(r"дат\w* запрета (изменени|редактировани)|закрытом периоде|период закрыт", re.IGNORECASE)
_LICENCE: Final = re.compile(r"лиценз|ключ защиты|license", re.IGNORECASE)
_SESSION: Final = re.compile(
    r"(начало сеанса|установка соединения|соединени\w*) с информационной баз\w* (запрещен|невозможн)"
    r"|информационная база заблокирован",
    re.IGNORECASE,
)
_BROKEN_OFF: Final = re.compile(
    r"соединени\w*.{0,60}(потерян|разорван|прерван)|(потерян\w*|разорва\w*).{0,60}соединени"
    r"|сеанс\w*( работы)? (завершен|отсутствует|удал[её]н)",
    re.IGNORECASE,
)

_WRONG: Final = Verdict(Kind.REJECTED, "vendor_request_wrong")
_REFUSED: Final = Verdict(Kind.REJECTED, "accounting_refused")
_EXISTS: Final = Verdict(Kind.REJECTED, "already_exists")
_GONE: Final = Verdict(Kind.REJECTED, "document_not_found")
_UNPUBLISHED: Final = Verdict(Kind.BROKEN, "accounting_not_published")
_CREDENTIALS: Final = Verdict(Kind.BROKEN, "credentials_refused")
_FORBIDDEN: Final = Verdict(Kind.BROKEN, "accounting_forbidden")
_ADDRESS: Final = Verdict(Kind.BROKEN, "accounting_address_wrong")
_LICENCES: Final = Verdict(Kind.BROKEN, "accounting_licence_missing")
_CLOSED: Final = Verdict(Kind.BROKEN, "accounting_base_closed")
_LOCKED_NOW: Final = Verdict(Kind.RETRY, "accounting_locked")
_PERIOD_CLOSED: Final = Verdict(Kind.REJECTED, "accounting_period_closed")
_CHANGED: Final = Verdict(Kind.RETRY, "document_changed")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")
_UNREADABLE: Final = Verdict(Kind.PENDING, "vendor_answer_unreadable")
_LIMIT: Final = Verdict(Kind.DEFERRED, "vendor_limit")

_CODES: Final[dict[str, Verdict]] = {
    "0": _WRONG,  # a feature or a parameter that this platform does not support
    "1": _WRONG,  # the request cannot be parsed
    "2": _WRONG,  # the format is wrong
    "3": _WRONG,  # the representation is wrong
    "4": _REFUSED,  # a value is wrong
    "5": _REFUSED,  # a required value is missing
    "6": _WRONG,  # the address is wrong, or there is no such method
    "7": _WRONG,  # a part of the key is missing
    "8": _UNPUBLISHED,
    "9": _GONE,
    "10": _WRONG,  # no such property: another configuration
    "11": _WRONG,  # no such method
    "12": _WRONG,  # an argument is missing
    "13": _WRONG,  # rows cannot be created by themselves
    "14": _WRONG,  # a query option cannot be parsed
    "15": _EXISTS,
    "16": _REFUSED,  # a property cannot be assigned
    "17": _WRONG,  # load mode is not supported
    "18": _WRONG,  # two properties of one name
    "19": _WRONG,  # the method is forbidden for this resource
    "20": _FORBIDDEN,
    "21": _WRONG,  # a function that is not there, or wrong arguments
    EXCEPTION: _REFUSED,
    LOCK: _LOCKED_NOW,
    PERIOD: _PERIOD_CLOSED,
    LICENCE: _LICENCES,
    SESSION: _CLOSED,
    BROKEN_OFF: _FAULT,
}

TABLE: Final = OutcomeTable(
    VENDOR,
    {
        **{(None, code): verdict for code, verdict in _CODES.items()},
        # With the platform's own code even a 5xx is a definite answer: nothing was written.
        **{(status, code): verdict for status in (500, 501) for code, verdict in _CODES.items()},
        **{(503, code): _CODES[code] for code in (LICENCE, SESSION)},
        (400, None): _WRONG,
        (401, None): _CREDENTIALS,
        (403, None): _FORBIDDEN,
        (404, None): _ADDRESS,
        (405, None): _WRONG,
        (408, None): _FAULT,
        (411, None): _WRONG,
        (412, None): _CHANGED,
        (413, None): _WRONG,
        (414, None): _WRONG,
        (429, None): _LIMIT,
        (500, None): _FAULT,
        (501, None): _WRONG,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (200, None): _UNREADABLE,
        (201, None): _UNREADABLE,
        (204, None): _UNREADABLE,
        # A page tells of the web server before the base, not of the object that was asked for.
        (None, PAGE): _UNREADABLE,
        (401, PAGE): _CREDENTIALS,
        (403, PAGE): _FORBIDDEN,
        (404, PAGE): _ADDRESS,
        (429, PAGE): _LIMIT,
    },
)


def told(code: str, text: str) -> str:
    """The row that an exception's text asks for, else the code itself."""
    if _LICENCE.search(text):
        return LICENCE if code in ("", PAGE) else code
    if _SESSION.search(text):
        return SESSION
    if code not in ("", PAGE, EXCEPTION):
        return code
    if code == EXCEPTION and _BROKEN_OFF.search(text):
        return BROKEN_OFF
    if code == EXCEPTION and _LOCKED.search(text):
        return LOCK
    return PERIOD if code == EXCEPTION and _PERIOD.search(text) else code
