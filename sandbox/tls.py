"""The sandbox's own certificate authority, and a TLS context that has a certificate for every name it is asked for."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import ssl
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
SERVER_DAYS = 397
SLACK = timedelta(days=1)
NAMES_MAX = 256
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on
HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?\Z")
PEM = serialization.Encoding.PEM


class Authority:
    """A certificate authority of this data folder: `ca.pem` for clients to trust, `ca.key` for nobody else to read.

    Made at the first start and kept while it outlives the certificates it signs; times are those of the machine, not of
    the sandbox's clock. Raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self._key_file = (folder / "ca.pem").resolve(), folder / "ca.key"
        if not self._found():
            self._begin()

    def _found(self) -> bool:
        """Takes what lies in the folder, if certificate and key fit each other and last long enough."""
        try:
            self._certificate = x509.load_pem_x509_certificate(self.file.read_bytes())
            key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        except (FileNotFoundError, ValueError):
            return False
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self._certificate.public_key():
            return False
        self._key = key
        return self._certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=SERVER_DAYS)

    def _begin(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Sandbox authority {os.urandom(4).hex()}")])
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        self._certificate = (
            _builder(name, name, self._key.public_key(), CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        _write(self._key_file, _private(self._key))
        _write(self.file, self._certificate.public_bytes(PEM))

    def issue(self, names: Iterable[str]) -> bytes:
        """A key with its certificate for host names and addresses, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        known = [_name(name) for name in dict.fromkeys(names)]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox")])
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _builder(subject, self._certificate.subject, key.public_key(), SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(known), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _private(key) + certificate.public_bytes(PEM)


def serving(authority: Authority, names: Iterable[str]) -> ssl.SSLContext:
    """A server's context: its certificate has `names`; a client that asks for another host name gets one for that."""
    context = _context(authority.issue(names))
    made: dict[str, ssl.SSLContext] = {}

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, asked: str | None, _: ssl.SSLContext) -> None:
        name = (asked or "").lower()
        if not HOST_NAME.match(name):
            return
        if name not in made and len(made) < NAMES_MAX:
            made[name] = _context(authority.issue([name]))
        connection.context = made.get(name, context)

    context.sni_callback = choose
    return context


def names_of(host: str, public_url: str | None) -> list[str]:
    """What a server on `host` may be called without naming itself: loopback, its addresses, its public name."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    if host in WILDCARDS:
        with contextlib.suppress(socket.gaierror):  # a machine that does not know its own name has none to add
            names += [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)]
    else:
        names.append(host)
    if public_url and (public := urlsplit(public_url).hostname):
        names.append(public)
    return [name for name in names if _is_address(name) or HOST_NAME.match(name.lower())]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if _is_address(name) else x509.DNSName(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # readable by its owner alone; ssl reads files only
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, readable by its owner alone."""
    half = file.with_name(f"{file.name}.new")
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    half.replace(file)
