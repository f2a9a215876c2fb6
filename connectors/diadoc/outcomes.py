"""What Diadoc's answers mean, by HTTP status. Bodies of refusals are plain text for people.

Source: https://developer.kontur.ru/doc/diadoc-api, page "HTTP-коды"; RFC 6749 §5.2 for tokens. The machine codes of
`X-Diadoc-ErrorCode` are not listed there, so that no row is keyed by one. ``PAGE`` stands for a web page.
"""

from typing import Final

from connectors.diadoc.schema import VENDOR
from connectors.verdicts import Kind, OutcomeTable, Verdict

PAGE: Final = "page"

_REFUSED: Final = Verdict(Kind.REJECTED, "edi_refused")
_TOKEN: Final = Verdict(Kind.BROKEN, "token_refused")
_WRONG: Final = Verdict(Kind.REJECTED, "vendor_request_wrong")
_LIMIT: Final = Verdict(Kind.DEFERRED, "vendor_limit")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")
_UNREADABLE: Final = Verdict(Kind.PENDING, "vendor_answer_unreadable")
_CREDENTIALS: Final = Verdict(Kind.REJECTED, "credentials_refused")

_ROWS: Final[dict[tuple[int | None, str | None], Verdict]] = {
    (200, None): _UNREADABLE,
    # The first call of an operation is still at work: of a write nobody knows yet, a look-up tells.
    (204, None): Verdict(Kind.PENDING, "edi_operation_running"),
    (400, None): _REFUSED,
    (401, None): _TOKEN,
    (402, None): Verdict(Kind.BROKEN, "edi_tariff"),
    (403, None): Verdict(Kind.BROKEN, "edi_forbidden"),
    (404, None): Verdict(Kind.REJECTED, "edi_not_found"),
    (405, None): _WRONG,
    (408, None): _FAULT,
    (409, None): Verdict(Kind.REJECTED, "edi_conflict"),
    (410, None): Verdict(Kind.BROKEN, "edi_method_gone"),
    (415, None): _WRONG,
    (429, None): _LIMIT,
    (500, None): _FAULT,
    (502, None): _FAULT,
    (503, None): _FAULT,
    (504, None): _FAULT,
    # A page in place of an answer tells nothing of the object, only of the way to the API.
    (None, PAGE): _UNREADABLE,
    (401, PAGE): _TOKEN,
    (403, PAGE): Verdict(Kind.BROKEN, "edi_forbidden"),
    (404, PAGE): Verdict(Kind.BROKEN, "edi_address_wrong"),
    (429, PAGE): _LIMIT,
}

TABLE: Final = OutcomeTable(VENDOR, _ROWS)
TOKEN_TABLE: Final = OutcomeTable(
    VENDOR,
    {
        (None, "invalid_grant"): Verdict(Kind.REJECTED, "reconnection_needed"),
        (None, "invalid_client"): _CREDENTIALS,
        (None, "invalid_scope"): _CREDENTIALS,
        (None, "unauthorized_client"): _CREDENTIALS,
        (None, "unsupported_grant_type"): _CREDENTIALS,
        (None, "invalid_request"): _CREDENTIALS,
        (400, None): _CREDENTIALS,
        (401, None): _CREDENTIALS,
        (403, None): _CREDENTIALS,
        (408, None): _FAULT,
        (429, None): _LIMIT,
        (500, None): _FAULT,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (200, None): _UNREADABLE,
        (None, PAGE): _UNREADABLE,
    },
)
