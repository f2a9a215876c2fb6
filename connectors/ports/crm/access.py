"""Access to a CRM as an application: what an installation hands over, pairs of tokens, and what a token is good for."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit

OfferKind = Literal["installed", "updated", "opened", "authorised"]
"""How tokens came: by the event of an installation or of an update, by a page that a person opened, by a code."""


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """An application at its authorisation server; the secret is never logged."""

    oauth_url: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessOffer:
    """What a portal, or who claims to be one, hands over; nothing of it is believed before the authorisation server
    was asked. ``host`` is where it says it is, fit for nothing but a page's frame."""

    kind: OfferKind
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    application_token: str = field(default="", repr=False)
    member_id: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Tokens of one user, how long the access token lives (business seconds), and whose portal they open, where the
    server says it."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_seconds: int
    member_id: str = ""
    endpoint: str = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What the authorisation server says of an access token. ``endpoint`` is the portal's present address."""

    client_id: str
    member_id: str
    endpoint: str
    user_id: str = ""

    def is_of(self, client_id: str) -> bool:
        """Whether the token was given to this application; takes the same time for any other one."""
        return hmac.compare_digest(self.client_id.encode(), client_id.encode())


class RenewPair(Protocol):
    """A pair for a refresh token. The old one may serve never again: whoever gets a pair keeps both before using
    either. Rejected ``crm_grant_refused``: the owner has to connect the portal anew."""

    async def renew(self, app: AppCredentials, refresh_token: str) -> Outcome[TokenPair]: ...


class ExchangeCode(Protocol):
    """A pair for the code of an authorisation page."""

    async def exchange(self, app: AppCredentials, code: str) -> Outcome[TokenPair]: ...


class InspectToken(Protocol):
    """Asks the authorisation server what a token is good for. Retryable ``token_refused`` when it is spent."""

    async def inspect(self, app: AppCredentials, access_token: str) -> Outcome[TokenFacts]: ...


class CrmAccess(RenewPair, ExchangeCode, InspectToken, Protocol):
    """An authorisation server that can do all of it."""


class IsAdmin(Protocol):
    """Whether the user behind a permit's token administers the portal."""

    async def is_admin(self, permit: Permit) -> Outcome[bool]: ...


@dataclass(frozen=True, slots=True)
class HandlersKept:
    """Events that a portal tells of from now on, and those that it does not know."""

    added: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class KeepHandlers(Protocol):
    """Has the portal tell of exactly these events at one address; other addresses of the application are forgotten."""

    async def keep_handlers(self, permit: Permit, events: Collection[str], url: str) -> Outcome[HandlersKept]: ...
