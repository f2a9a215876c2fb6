"""The table of addresses that a tenant may and may not name, and names that change their answer."""

import ipaddress
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from chassis.http import AddressPolicy, AddressRefused, Answer, Call, NotSent, VendorHttp
from chassis.http.addresses import GuardedResolver
from tests.chassis.http.raw_server import raw_server

PUBLIC = AddressPolicy()
DEVELOPMENT = AddressPolicy(development=True)

ALLOWED = [
    "https://elba-api.kontur.ru/v1/bills",
    "https://portal.bitrix24.ru/rest/1/secret/",
    "https://1c.example.ru:8443/base/odata/standard.odata",
    "https://example.com",
    "https://EXAMPLE.com/Path?q=1#f",
    "https://xn--e1afmkfd.xn--p1ai/",
    "https://почта.рф/",
    "https://93.184.216.34/",
    "https://8.8.8.8:443/",
    "https://[2a00:1450:4010:c0f::66]/",
    "https://example.com./",
    "https://172.32.0.1/",
    "https://192.167.255.255/",
    "https://100.128.0.1/",
]

REFUSED = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "",
    "https://",
    "https:///path",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com:80/",
    "https://example.com:22/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://example.com\\@127.0.0.1/",
    "https://exam ple.com/",
    "https://example.com/\r\nHost: x",
    "https://example.com/\x00",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://127.255.255.254:8443/",
    "https://0.0.0.0/",
    "https://0/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.0.1/",
    "https://2852039166/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://256.256.256.256/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[2002:7f00:1::]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2001::1]/",
    "https://[::1/",
    "https://example.com..",
    "https://example..com/",
    "https://" + "a" * 64 + ".example.com/",
    "https://exa%6dple.com/",
    "https://１２７.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://" + "a" * 9_000 + ".com/",
]

# In development loopback and private networks, http and any port are allowed; the rest stays refused.
ALLOWED_IN_DEVELOPMENT = [
    "http://127.0.0.1:18080/rest/1/secret/",
    "http://localhost:8000/",
    "https://10.0.0.1/",
    "http://192.168.1.10:8080/base",
    "http://[::1]:9000/",
    "https://[::ffff:127.0.0.1]/",
]
REFUSED_IN_DEVELOPMENT = [
    "http://169.254.169.254/latest/meta-data/",
    "http://224.0.0.1/",
    "http://0.0.0.0/",
    "http://user:password@127.0.0.1/",
    "ftp://127.0.0.1/",
    "http://[fe80::1]/",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_allowed(url: str) -> None:
    PUBLIC.check_url(url)


@pytest.mark.parametrize("url", REFUSED)
def test_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        PUBLIC.check_url(url)


@pytest.mark.parametrize("url", ALLOWED_IN_DEVELOPMENT)
def test_allowed_in_development(url: str) -> None:
    DEVELOPMENT.check_url(url)


@pytest.mark.parametrize("url", REFUSED_IN_DEVELOPMENT)
def test_refused_in_development(url: str) -> None:
    with pytest.raises(AddressRefused):
        DEVELOPMENT.check_url(url)


def test_administrators_lists_widen_ports_and_networks() -> None:
    policy = AddressPolicy(ports=frozenset({443, 10443}), networks=(ipaddress.ip_network("10.20.0.0/16"),))
    policy.check_url("https://10.20.1.1:10443/base")
    with pytest.raises(AddressRefused):
        policy.check_url("https://10.21.1.1:10443/base")


class Names(AbstractResolver):
    """Answers from a list, the last for ever; counts the questions."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            {"hostname": host, "host": a, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for a in addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["169.254.169.254"], ["::ffff:127.0.0.1"]])
async def test_a_name_with_any_refused_address_is_refused(answer: list[str]) -> None:
    with pytest.raises(AddressRefused):
        await GuardedResolver(PUBLIC, Names(answer)).resolve("portal.example.ru", 443)


async def test_a_name_that_turns_inward_never_gets_a_connection() -> None:
    names = Names(["169.254.169.254"])
    async with VendorHttp(PUBLIC, resolver=names) as http:
        found = await http.send(Call("stub", "stub.get", "GET", "https://rebinding.example.ru/", changes=False))
    assert isinstance(found, NotSent)
    assert found.outage is False
    assert found.problem.code == "address_refused"


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    async with raw_server() as raw:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        async with VendorHttp(DEVELOPMENT, resolver=names) as http:
            url = f"http://rebinding.example.ru:{raw.port}/"
            found = await http.send(Call("stub", "stub.get", "GET", url, changes=False))
        assert isinstance(found, Answer)
        assert names.asked == 1, "one question for one connection: what was checked is what is called"
        assert b"host: rebinding.example.ru" in raw.requests[0].lower()


async def test_a_connection_that_stands_with_a_refused_peer_is_closed_unused() -> None:
    class Blind(AddressPolicy):
        """Lets every address through, as a parser would that reads it differently from the one that connects."""

        def check_url(self, url: str) -> None:
            pass

    async with raw_server() as raw, VendorHttp(Blind()) as http:
        found = await http.send(Call("stub", "stub.get", "GET", raw.url, changes=False))
        assert isinstance(found, NotSent)
        assert found.problem.code == "address_refused"
        assert bytes(raw.received) == b""


async def test_a_network_opened_to_one_tenant_is_closed_to_all_others_on_the_same_connections() -> None:
    class Plain(AddressPolicy):
        """Takes plain http, so that the table of addresses alone decides."""

        def check_url(self, url: str) -> None:
            pass

    async with raw_server() as raw, VendorHttp(Plain(), resolver=Names(["127.0.0.1"])) as http:
        url = f"http://1c.vektor.example:{raw.port}/"
        opened = Call("onec", "onec.ping", "GET", url, changes=False, networks=("127.0.0.0/8",))
        assert isinstance(await http.send(opened), Answer)
        closed = await http.send(Call("onec", "onec.ping", "GET", url, changes=False))
        elsewhere = await http.send(Call("onec", "onec.ping", "GET", url, changes=False, networks=("10.0.0.0/8",)))
        for refused in (closed, elsewhere):
            assert isinstance(refused, NotSent)
            assert refused.problem.code == "address_refused"
        assert isinstance(await http.send(opened), Answer)
        assert len(raw.requests) == 2


def test_networks_of_a_tenant_add_to_those_of_all() -> None:
    policy = AddressPolicy(networks=(ipaddress.ip_network("10.20.0.0/16"),)).reaching(("192.168.5.0/24",))
    policy.check_url("https://10.20.1.1/base")
    policy.check_url("https://192.168.5.7/base")
    with pytest.raises(AddressRefused):
        policy.check_url("https://192.168.6.7/base")
    assert PUBLIC.reaching(()) is PUBLIC
