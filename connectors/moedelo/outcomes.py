"""What MoeDelo's answers mean: by HTTP status, and by whether the body names what is wrong with the request.

Source: the answers that public clients of the API handle, and RFC 6749 §5.2 for tokens. Which of 400 and 422 a wrong
request gets is not stated; both are final. ``PAGE`` stands for an answer that is a web page.
"""

from typing import Final

from connectors.moedelo.schema import VENDOR
from connectors.verdicts import Kind, OutcomeTable, Verdict

PAGE: Final = "page"
WRONG_REQUEST: Final = "validation"
"""Stands for ``ValidationErrors`` under a status of success."""
BUYER_GONE: Final = "buyer_gone"
"""Stands for ``ValidationErrors`` that say of a document's buyer that there is none such."""
ERROR: Final = "error"
"""Stands for any other error under a status of success."""

_REFUSED: Final = Verdict(Kind.REJECTED, "accounting_refused")
_TOKEN: Final = Verdict(Kind.BROKEN, "token_refused")
_TARIFF: Final = Verdict(Kind.BROKEN, "accounting_tariff")
_FORBIDDEN: Final = Verdict(Kind.BROKEN, "accounting_forbidden")
_LIMIT: Final = Verdict(Kind.DEFERRED, "vendor_limit")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")
_UNREADABLE: Final = Verdict(Kind.PENDING, "vendor_answer_unreadable")
_CREDENTIALS: Final = Verdict(Kind.REJECTED, "credentials_refused")

_ROWS: Final[dict[tuple[int | None, str | None], Verdict]] = {
    (400, None): _REFUSED,
    (401, None): _TOKEN,
    (402, None): _TARIFF,
    (403, None): _FORBIDDEN,
    (404, None): Verdict(Kind.REJECTED, "document_not_found"),
    (408, None): _FAULT,
    (409, None): _REFUSED,
    (422, None): _REFUSED,
    (429, None): _LIMIT,
    (500, None): _FAULT,
    (502, None): _FAULT,
    (503, None): _FAULT,
    (504, None): _FAULT,
    (200, None): _UNREADABLE,
    (201, None): _UNREADABLE,
    (None, WRONG_REQUEST): _REFUSED,
    (None, BUYER_GONE): Verdict(Kind.REJECTED, "counterparty_gone"),
    (None, ERROR): _FAULT,
    # A page in place of an answer tells nothing of the object, only of the way to the API.
    (None, PAGE): _UNREADABLE,
    (401, PAGE): _TOKEN,
    (403, PAGE): _FORBIDDEN,
    (404, PAGE): Verdict(Kind.BROKEN, "accounting_address_wrong"),
    (429, PAGE): _LIMIT,
}

TABLE: Final = OutcomeTable(VENDOR, _ROWS)
BUYER_TABLE: Final = OutcomeTable(VENDOR, _ROWS | {(409, None): Verdict(Kind.REJECTED, "already_exists")})
DELETE_TABLE: Final = OutcomeTable(VENDOR, _ROWS | {(409, None): Verdict(Kind.REJECTED, "invoice_already_paid")})
TOKEN_TABLE: Final = OutcomeTable(
    VENDOR,
    {
        (None, "invalid_grant"): Verdict(Kind.REJECTED, "reconnection_needed"),
        (None, "invalid_client"): _CREDENTIALS,
        (None, "invalid_scope"): _CREDENTIALS,
        (None, "unauthorized_client"): _CREDENTIALS,
        (None, "unsupported_grant_type"): _CREDENTIALS,
        (None, "invalid_request"): _CREDENTIALS,
        (401, None): _CREDENTIALS,
        (403, None): _CREDENTIALS,
        (429, None): _LIMIT,
        (408, None): _FAULT,
        (500, None): _FAULT,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (200, None): _UNREADABLE,
        (None, PAGE): _UNREADABLE,
    },
)
