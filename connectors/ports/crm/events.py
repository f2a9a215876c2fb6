"""What a CRM tells by itself: its webhooks, and that its address changed."""

import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PortalMoved:
    """The portal was renamed: calls to the old host are redirected. ``new_endpoint`` is to be kept for the account."""

    account: str
    old_endpoint: str
    new_endpoint: str

    def __repr__(self) -> str:
        return f"PortalMoved(account={self.account!r})"


@dataclass(frozen=True, slots=True)
class CrmEvent:
    """A webhook as it came: a hint that an object changed, nothing more.

    ``name`` is upper-case (``ONCRMDEALUPDATE``; ``ROBOT`` for the stock robot), ``entity`` what ``object_id`` names:
    ``deal``, ``company``, ``contact``, ``requisite``, ``bank_detail``, ``item``, ``comment`` or ``other``. Tokens of
    people that come along are dropped.
    """

    name: str
    entity: str
    object_id: str
    entity_type_id: int | None
    application_token: str
    domain: str
    member_id: str
    handler_id: str
    sent_at_unix: int | None

    def token_matches(self, expected: str) -> bool:
        """Whether the event carries the portal's application token; takes the same time for any wrong one."""
        return bool(expected) and hmac.compare_digest(self.application_token.encode(), expected.encode())
