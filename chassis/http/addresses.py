"""Which addresses may be called when a tenant names them: the guard against requests into our own network."""

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

PORTS_ALLOWED: Final = frozenset({443, 8443})
URL_LENGTH_MAX: Final = 8_192
LABEL_LENGTH_MAX: Final = 63

_IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# is_global of the standard library leaves these out, or decides them differently between Python versions.
_FORBIDDEN: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "169.254.0.0/16",  # link-local, and with it cloud metadata
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64 reaches IPv4 behind it
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4 wraps any IPv4
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


_NEVER_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f\\]")
_UNREADABLE: Final = "the address cannot be read; write it as https://host/path"


class AddressRefused(ValueError):  # noqa: N818 - an answer about an address, not a fault
    """An address that we do not call; the sentence says why."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What a tenant's address may be.

    ``development`` allows plain http, every port, and loopback and private addresses; cloud metadata, multicast and the
    like stay refused. ``ports`` are an administrator's list. Private installations of a vendor need ``networks``: an
    administrator's list of networks that may be reached beside the public ones.
    """

    development: bool = False
    ports: frozenset[int] = PORTS_ALLOWED
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def reaching(self, networks: Sequence[str]) -> "AddressPolicy":
        """The same with more networks, those that an administrator opened to one tenant alone. Raises ValueError."""
        return _reaching(self, tuple(networks)) if networks else self

    def check_url(self, url: str) -> None:
        """Raises AddressRefused for what can be refused before a name is resolved."""
        if len(url) > URL_LENGTH_MAX:
            raise AddressRefused(f"the address has more than {URL_LENGTH_MAX} characters")
        if _NEVER_IN_URLS.search(url):
            raise AddressRefused("the address has blanks, control characters or backslashes")
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise AddressRefused(_UNREADABLE) from error
        refusal = _refusal_of_origin(self, parts.scheme, parts.netloc)
        if refusal:
            raise AddressRefused(refusal)

    def _check_origin(self, scheme: str, netloc: str) -> None:
        try:
            parts = urlsplit(f"//{netloc}")
            port, host = parts.port, parts.hostname or ""
        except ValueError as error:
            raise AddressRefused(_UNREADABLE) from error
        self._check_parts(scheme, netloc, host, port)

    def _check_parts(self, scheme: str, netloc: str, host: str, port: int | None) -> None:
        if scheme != "https" and not (self.development and scheme == "http"):
            raise AddressRefused("the address must begin with https://")
        if "@" in netloc:
            raise AddressRefused("the address must not carry a user or a password")
        lookalike = (
            unicodedata.normalize("NFKC", host) != host or "\u3002" in host
        )  # other libraries read these as dots
        labels = host.removesuffix(".").split(".")
        unfit = any(not 0 < len(label) <= LABEL_LENGTH_MAX for label in labels)  # no resolver takes these
        if unfit or "%" in host or lookalike:
            raise AddressRefused("the address names no host that can be called")
        if not self.development and (port or 443) not in self.ports:
            raise AddressRefused(f"port {port} is not allowed; ask the administrator to allow it")
        literal = _literal(host)
        if literal is not None:
            self.check_ip(literal)

    def check_peer(self, host: str) -> None:
        """Raises AddressRefused for a connection that stands with a refused address, however it came about."""
        refusal = _refusal_of(self, host)
        if refusal:
            raise AddressRefused(refusal)

    def check_ip(self, address: _IpAddress) -> None:
        """Raises AddressRefused for an address that is not a public one (or an allowed one in development)."""
        if isinstance(address, ipaddress.IPv6Address):
            wrapped = address.ipv4_mapped
            if wrapped is not None:
                if not self.development:
                    raise AddressRefused("an IPv4 address wrapped in IPv6 is not called")
                address = wrapped
        if any(address in network for network in self.networks if network.version == address.version):
            return
        if self.development and (address.is_loopback or _is_private_network(address)):
            return
        if (
            address.is_private
            or not address.is_global
            or address.is_multicast
            or address.is_reserved
            or any(address in network for network in _FORBIDDEN if network.version == address.version)
        ):
            raise AddressRefused("the address leads into a private or reserved network")


@lru_cache(maxsize=1_024)
def _reaching(policy: AddressPolicy, networks: tuple[str, ...]) -> AddressPolicy:
    return replace(policy, networks=(*policy.networks, *(ipaddress.ip_network(text) for text in networks)))


policy_of_call: ContextVar[AddressPolicy | None] = ContextVar("policy_of_call", default=None)
"""The policy of the call under way, where it reaches further than its client's own."""


@lru_cache(maxsize=4_096)  # every call looks at its address, and then at its peer
def _refusal_of_origin(policy: AddressPolicy, scheme: str, netloc: str) -> str:
    try:
        policy._check_origin(scheme, netloc)
    except AddressRefused as error:
        return str(error)
    return ""


@lru_cache(maxsize=4_096)
def _refusal_of(policy: AddressPolicy, host: str) -> str:
    try:
        policy.check_ip(ipaddress.ip_address(host.partition("%")[0]))
    except AddressRefused as error:
        return str(error)
    return ""


_PRIVATE: Final = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


def _is_private_network(address: _IpAddress) -> bool:
    return any(address in network for network in _PRIVATE if network.version == address.version)


def _literal(host: str) -> _IpAddress | None:
    """The IP address that a host is, in any spelling that a C library takes (0x7f.1, 2130706433, 0177.0.0.1)."""
    bare = host.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    if bare and all(part and (part.isdigit() or part.lower().startswith("0x")) for part in bare.split(".")):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(bare))
        except OSError as error:
            raise AddressRefused("the address names no host that can be called") from error
    return None


class GuardedResolver(AbstractResolver):
    """Resolves a name once for a connection and refuses it when any of its addresses is refused.

    The connector connects to exactly the addresses given back, so a name that changes its answer between check and
    connection gains nothing; the name stays for TLS and Host.
    """

    def __init__(self, policy: AddressPolicy, resolver: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        self._check(found)
        return found

    def _check(self, found: Sequence[ResolveResult]) -> None:
        policy = policy_of_call.get() or self._policy
        for result in found:
            policy.check_peer(result["host"])

    async def close(self) -> None:
        await self._resolver.close()
