"""Calls over https: certificates of an authority that an administrator named are taken beside the usual ones."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chassis.http import AddressPolicy, Answer, Call, NotSent, VendorHttp
from chassis.http.transport import trusting
from chassis.settings import Environment, ServiceSettings, SettingsRefused
from tests.sandbox.running import Process


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "data")
    yield process
    process.kill()


async def test_a_sandbox_is_called_over_https_by_who_was_told_of_its_authority(sandbox: Process) -> None:
    settings = ServiceSettings(env=Environment.DEVELOPMENT, vendor_ca_file=Path(sandbox.ca_file))
    call = Call("stub", "stub.read", "GET", f"{sandbox.https_url}/healthz", changes=False)
    async with (
        VendorHttp(settings.address_policy(), tls=settings.vendor_tls()) as told,
        VendorHttp(AddressPolicy(development=True), tls=ServiceSettings().vendor_tls()) as untold,
    ):
        answer = await told.send(call)
        assert isinstance(answer, Answer)
        assert answer.status == 200
        refused = await untold.send(call)
    assert isinstance(refused, NotSent)
    assert refused.problem.values["error"] == "ClientConnectorCertificateError"


def test_the_usual_authorities_stay_trusted(sandbox: Process) -> None:
    usual = httpx.create_ssl_context(verify=True, trust_env=False).cert_store_stats()["x509_ca"]
    assert usual > 1
    assert trusting(Path(sandbox.ca_file)).cert_store_stats()["x509_ca"] == usual + 1


def test_a_file_that_holds_no_authority_is_refused_by_its_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for file in (empty, tmp_path / "missing.pem"):
        with pytest.raises(SettingsRefused, match="SVERKA_VENDOR_CA_FILE"):
            ServiceSettings(vendor_ca_file=file).vendor_tls()
