"""What answers of Kontur.Accounting mean, by the catalogue of codes that this project's contract assumes.

The envelope and the statuses are those of Kontur's published services; 502, 503 and 504 are a gateway's. ``PAGE``
stands for an answer that is a web page, ``BUYER_GONE`` for a document whose buyer is not there. A code ``x@y`` is the
code x about the target y.
"""

from typing import Final

from connectors.kontur.schema import VENDOR
from connectors.kontur_family import BUYER_GONE, PAGE, token_table
from connectors.verdicts import Kind, OutcomeTable, Verdict

_TOKEN: Final = Verdict(Kind.BROKEN, "token_refused")
_TARIFF: Final = Verdict(Kind.BROKEN, "accounting_tariff")
_FORBIDDEN: Final = Verdict(Kind.BROKEN, "accounting_forbidden")
_ADDRESS: Final = Verdict(Kind.BROKEN, "accounting_address_not_allowed")
_LIMIT: Final = Verdict(Kind.DEFERRED, "vendor_limit")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")
_UNREADABLE: Final = Verdict(Kind.PENDING, "vendor_answer_unreadable")
_REFUSED: Final = Verdict(Kind.REJECTED, "accounting_refused")
_EXISTS: Final = Verdict(Kind.REJECTED, "already_exists")
_STATE: Final = Verdict(Kind.REJECTED, "invoice_already_paid")

TABLE: Final = OutcomeTable(
    VENDOR,
    {
        (400, None): _REFUSED,
        (400, "validationfailed"): _REFUSED,
        (400, BUYER_GONE): Verdict(Kind.REJECTED, "counterparty_gone"),
        (400, "invalidinn"): _REFUSED,
        (401, None): _TOKEN,
        (401, "unauthenticated"): _TOKEN,
        (402, None): _TARIFF,
        (402, "tariffrestriction"): _TARIFF,
        (403, None): _FORBIDDEN,
        (403, "accessdenied"): _FORBIDDEN,
        # Calls are taken from known addresses alone: whoever runs this installation must have its address allowed.
        (403, "accessdenied@ip"): _ADDRESS,
        (404, None): Verdict(Kind.REJECTED, "document_not_found"),
        (404, "notfound"): Verdict(Kind.REJECTED, "document_not_found"),
        (409, None): _EXISTS,
        (409, "counterpartyalreadyexists"): _EXISTS,
        (409, "documentnumbertaken"): _EXISTS,
        # Said of a paid invoice that is to be cancelled; nothing else that we do depends on a state.
        (409, "invalidstate"): _STATE,
        (412, None): Verdict(Kind.RETRY, "accounting_version_stale"),
        (412, "versionmismatch"): Verdict(Kind.RETRY, "accounting_version_stale"),
        # Our key was used with another body: something of ours is there, and a look-up tells what.
        (422, None): Verdict(Kind.PENDING, "idempotency_conflict"),
        (422, "idempotencyconflict"): Verdict(Kind.PENDING, "idempotency_conflict"),
        (423, None): Verdict(Kind.REJECTED, "accounting_period_closed"),
        (423, "periodclosed"): Verdict(Kind.REJECTED, "accounting_period_closed"),
        (429, None): _LIMIT,
        (429, "toomanyrequests"): _LIMIT,
        (408, None): _FAULT,
        (500, None): _FAULT,
        (500, "internal"): _FAULT,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (200, None): _UNREADABLE,
        (201, None): _UNREADABLE,
        (202, None): _UNREADABLE,
        # A page in place of an answer tells nothing of the object, only of the way to the API.
        (None, PAGE): _UNREADABLE,
        (401, PAGE): _TOKEN,
        (403, PAGE): _FORBIDDEN,
        (404, PAGE): Verdict(Kind.BROKEN, "accounting_address_wrong"),
        (429, PAGE): _LIMIT,
    },
)
KNOWN_CODES: Final = frozenset(code for _, code in TABLE.rows if code not in (None, PAGE, BUYER_GONE))

TOKEN_TABLE: Final = token_table(VENDOR)
