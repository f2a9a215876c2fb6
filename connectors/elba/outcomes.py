"""What Elba's answers mean: by HTTP status, since the vendor publishes no list of its error codes.

Source: the vendor's OpenAPI description "Elba Public API" (error envelope and statuses of its methods) and RFC 6749
§5.2 for tokens. ``PAGE`` stands for an answer that is a web page: something between us and the API spoke;
``BUYER_GONE`` for a document whose buyer is not there.
"""

from typing import Final

from connectors.elba.schema import VENDOR
from connectors.kontur_family import BUYER_GONE, PAGE, token_table
from connectors.verdicts import Kind, OutcomeTable, Verdict

ALREADY_PAID: Final = "invoicealreadypaid"
KNOWN_CODES: Final = frozenset({ALREADY_PAID})
"""Codes that say more than their status; all others are for the log only."""

_TOKEN: Final = Verdict(Kind.BROKEN, "token_refused")
_TARIFF: Final = Verdict(Kind.BROKEN, "accounting_tariff")
_FORBIDDEN: Final = Verdict(Kind.BROKEN, "accounting_forbidden")
_LIMIT: Final = Verdict(Kind.DEFERRED, "vendor_limit")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")
_UNREADABLE: Final = Verdict(Kind.PENDING, "vendor_answer_unreadable")

TABLE: Final = OutcomeTable(
    VENDOR,
    {
        (400, None): Verdict(Kind.REJECTED, "accounting_refused"),
        (400, BUYER_GONE): Verdict(Kind.REJECTED, "counterparty_gone"),
        (401, None): _TOKEN,
        (402, None): _TARIFF,
        (403, None): _FORBIDDEN,
        (404, None): Verdict(Kind.REJECTED, "document_not_found"),
        (409, None): Verdict(Kind.REJECTED, "already_exists"),
        (409, ALREADY_PAID): Verdict(Kind.REJECTED, "invoice_already_paid"),
        # Our key was used with another body: something of ours is there, and a look-up tells what.
        (422, None): Verdict(Kind.PENDING, "idempotency_conflict"),
        (429, None): _LIMIT,
        (408, None): _FAULT,
        (500, None): _FAULT,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (200, None): _UNREADABLE,
        (201, None): _UNREADABLE,
        # A page in place of an answer tells nothing of the object, only of the way to the API.
        (None, PAGE): _UNREADABLE,
        (401, PAGE): _TOKEN,
        (403, PAGE): _FORBIDDEN,
        (404, PAGE): Verdict(Kind.BROKEN, "accounting_address_wrong"),
        (429, PAGE): _LIMIT,
    },
)

TOKEN_TABLE: Final = token_table(VENDOR)
