"""What answers of the Elba Public API mean: by HTTP status, since the vendor publishes no list of its error codes.

Source: the vendor's OpenAPI description "Elba Public API" (error envelope, statuses of its methods). 429 and the 5xx of
a gateway are not in it. ``PAGE`` stands for an answer that is a web page, ``BUYER_GONE`` for a document whose buyer is
not there.
"""

from typing import Final

from connectors.elba_vendor.schema import VENDOR
from connectors.kontur_family import BUYER_GONE, PAGE
from connectors.verdicts import Kind, OutcomeTable, Verdict

EXISTS: Final = "entityalreadyexists"
KNOWN_CODES: Final = frozenset({EXISTS})
"""Codes that were seen and have a row; all others are for the log only."""

_KEY: Final = Verdict(Kind.BROKEN, "credentials_refused")
_TARIFF: Final = Verdict(Kind.BROKEN, "accounting_tariff")
_FORBIDDEN: Final = Verdict(Kind.BROKEN, "accounting_forbidden")
_LIMIT: Final = Verdict(Kind.DEFERRED, "vendor_limit")
_FAULT: Final = Verdict(Kind.PENDING, "vendor_fault")
_UNREADABLE: Final = Verdict(Kind.PENDING, "vendor_answer_unreadable")
_EXISTS: Final = Verdict(Kind.REJECTED, "already_exists")

TABLE: Final = OutcomeTable(
    VENDOR,
    {
        (400, None): Verdict(Kind.REJECTED, "accounting_refused"),
        (400, BUYER_GONE): Verdict(Kind.REJECTED, "counterparty_gone"),
        # A key is issued and revoked by a person; there is no fresh one to ask for.
        (401, None): _KEY,
        (402, None): _TARIFF,
        (403, None): _FORBIDDEN,
        (404, None): Verdict(Kind.REJECTED, "document_not_found"),
        (408, None): _FAULT,
        (409, None): _EXISTS,
        (409, EXISTS): _EXISTS,
        (429, None): _LIMIT,
        (500, None): _FAULT,
        (502, None): _FAULT,
        (503, None): _FAULT,
        (504, None): _FAULT,
        (200, None): _UNREADABLE,
        (201, None): _UNREADABLE,
        (202, None): _UNREADABLE,
        # A page in place of an answer tells nothing of the object, only of the way to the API.
        (None, PAGE): _UNREADABLE,
        (401, PAGE): _KEY,
        (403, PAGE): _FORBIDDEN,
        (404, PAGE): Verdict(Kind.BROKEN, "accounting_address_wrong"),
        (429, PAGE): _LIMIT,
    },
)
