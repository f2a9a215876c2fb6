"""The sandbox over https: a client that trusts its authority alone, links, other names, restarts, what is refused."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.tls import Authority, names_of
from tests.sandbox.running import DEADLINE_SECONDS, Process

PORTAL = {"slug": "vektor", "title": "ООО «Вектор»"}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    sandbox = Process(tmp_path / "data")
    yield sandbox
    sandbox.kill()


def trusting(ca_file: str) -> ssl.SSLContext:
    """A context that trusts one authority, as strictly as Python can."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cafile=ca_file)
    return context


def client_of(process: Process) -> httpx.Client:
    verify = trusting(process.ca_file)
    return httpx.Client(base_url=process.https_url, verify=verify, timeout=DEADLINE_SECONDS, trust_env=False)


def test_a_webhook_and_an_application_call_a_portal_over_https(process: Process) -> None:
    with client_of(process) as client:
        opened = client.post("/control/bitrix24/portals", json=PORTAL).json()
        assert opened["webhook_url"].startswith(f"{process.https_url}/rest/1/")
        hook = client.post(f"{opened['webhook_url']}profile", json={})
        assert hook.json()["result"]["ID"] == "1"
        pair = client.post("/control/bitrix24/portals/vektor/tokens", json={}).json()
        assert pair["client_endpoint"] == f"{process.https_url}/bitrix24/vektor/rest/"
        for address in (f"{process.https_url}/rest/", pair["client_endpoint"]):
            called = client.post(f"{address}profile", json={"auth": pair["access_token"]})
            assert called.json()["result"]["ID"] == "1"


def test_a_portal_that_wants_https_refuses_plain_calls_and_takes_secure_ones(process: Process) -> None:
    with client_of(process) as secure, process.client() as plain:
        opened = secure.post("/control/bitrix24/portals", json=PORTAL).json()
        assert secure.patch("/control/bitrix24/portals/vektor", json={"https_only": True}).status_code == 200
        path = opened["webhook_url"].removeprefix(process.https_url)
        assert secure.post(f"{path}profile", json={}).json()["result"]["ID"] == "1"
        refused = plain.post(f"{path}profile", json={})
        assert (refused.status_code, refused.json()["error"]) == (400, "INVALID_REQUEST")
        behind = plain.post(f"{path}profile", json={}, headers={"X-Forwarded-Proto": "https"})
        assert behind.json()["result"]["ID"] == "1"


def test_every_name_that_a_client_asks_for_has_its_certificate(process: Process) -> None:
    host, port = process.https_url.removeprefix("https://").split(":")
    with client_of(process) as client:
        for name in ("vektor.bitrix24.ru", "localhost", "sandbox"):
            answer = client.get(
                f"https://{host}:{port}/healthz",
                headers={"Host": f"{name}:{port}"},
                extensions={"sni_hostname": name},
            )
            assert answer.json()["status"] == "ok"


def test_who_does_not_trust_the_authority_makes_no_call(process: Process) -> None:
    with (
        httpx.Client(base_url=process.https_url, timeout=DEADLINE_SECONDS, trust_env=False) as stranger,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        stranger.get("/healthz")


def test_the_authority_outlives_a_restart_and_its_key_is_private(process: Process, tmp_path: Path) -> None:
    with process.client() as client:
        told = client.get("/control/https").json()
    assert told == {
        "https_url": process.https_url,
        "ca_file": process.ca_file,
        "ca_pem": Path(process.ca_file).read_text(),
    }
    assert Path(process.ca_file).with_name("ca.key").stat().st_mode & 0o077 == 0
    assert process.terminate() == 0
    again = Process(Path(process.ca_file).parents[1])
    try:
        with httpx.Client(base_url=again.https_url, verify=trusting(process.ca_file), trust_env=False) as client:
            assert client.get("/healthz").status_code == 200
        assert Path(again.ca_file).read_text() == told["ca_pem"]
    finally:
        again.kill()


def test_a_key_of_another_authority_is_not_taken(tmp_path: Path) -> None:
    first, other = Authority(tmp_path / "first"), Authority(tmp_path / "other")
    before = first.file.read_bytes()
    (tmp_path / "first" / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    assert Authority(tmp_path / "first").file.read_bytes() not in (before, other.file.read_bytes())


def test_a_server_is_known_by_loopback_its_host_and_its_public_name() -> None:
    names = names_of("192.0.2.7", "https://sandbox.example:8443/prefix")
    assert {"localhost", "127.0.0.1", "::1", "192.0.2.7", "sandbox.example"} <= set(names)
    assert "0.0.0.0" not in names_of("0.0.0.0", None)  # noqa: S104
