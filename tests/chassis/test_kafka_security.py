"""A Kafka that wants certificates or a password: what settings are refused, what clients are given, and a real one."""

import ipaddress
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from faststream.kafka.security import parse_security

from chassis.messaging.consumer import _security
from chassis.messaging.kafka import KafkaSettings, start_producer
from chassis.postgres import Database
from chassis.settings import KafkaAccess, ServiceSettings, SettingsRefused, load, variables
from contracts.envelope import Envelope
from deploy.local.kafka import Kafka
from deploy.local.ports import HOST, free_port
from tests.chassis.service.desk import REQUESTS, TENANT, Desk, Open, finish, running
from tests.kit.database import OwnDatabase
from tests.kit.kafka import eventually
from tests.kit.mortal import Mortal

PASSWORD = "canary-password"

SERVER = """
listeners=PLAINTEXT://{host}:{port},SASL_PLAINTEXT://{host}:{sasl},SASL_SSL://{host}:{sasl_ssl},SSL://{host}:{ssl},\
CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port},SASL_PLAINTEXT://{host}:{sasl},SASL_SSL://{host}:{sasl_ssl},\
SSL://{host}:{ssl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,\
SASL_SSL:SASL_SSL,SSL:SSL
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={jaas}
listener.name.sasl_ssl.plain.sasl.jaas.config={jaas}
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.ssl.ssl.client.auth=required
"""
JAAS = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_sverka="{PASSWORD}";'


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, info in KafkaAccess.model_fields.items():
        for variable in variables(name, info):
            monkeypatch.delenv(variable, raising=False)


@dataclass
class Authority:
    """Signs certificates; all files lie in ``folder``."""

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        certificate = self._sign("authority", self._key, authority=True)
        (self.folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> None:
        """Writes NAME.key, NAME.crt, and both as NAME.pem."""
        key = ec.generate_private_key(ec.SECP256R1())
        form = serialization.PrivateFormat.PKCS8
        key_text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        text = self._sign(name, key, authority=False).public_bytes(serialization.Encoding.PEM)
        (self.folder / f"{name}.key").write_bytes(key_text)
        (self.folder / f"{name}.crt").write_bytes(text)
        (self.folder / f"{name}.pem").write_bytes(key_text + text)

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
            .sign(self._key, hashes.SHA256())
        )


class GuardedKafka(Kafka):
    """A broker that has a listener for each protocol; ``ports`` says where."""

    def __init__(self, folder: Path, certificates: Path) -> None:
        ports: list[int] = []
        for _ in range(5):
            ports.append(free_port(frozenset(ports)))
        port, controller, *guarded = ports
        super().__init__(folder, folder / "log", port=port, controller_port=controller, from_template=True)
        self.ports = dict(zip(("SASL_PLAINTEXT", "SASL_SSL", "SSL"), guarded, strict=True))
        self._more = SERVER.format(
            host=HOST, port=port, controller=controller, jaas=JAAS, folder=certificates,
            sasl=guarded[0], sasl_ssl=guarded[1], ssl=guarded[2],
        )  # fmt: skip

    def _write_settings(self, file: Path, data: Path) -> Path:
        super()._write_settings(file, data)
        file.write_text(file.read_text() + self._more)  # of a setting given twice the last one counts
        return file


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with ca.pem, client.*, server.* and password."""
    authority = Authority(tmp_path)
    authority.issue("server")
    authority.issue("client")
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "wrong").write_text("another\n")
    return tmp_path


@pytest.fixture
def guarded_kafka(files: Path) -> Iterator[Mortal[Any]]:
    part = GuardedKafka(files / "kafka", files)
    mortal = Mortal(part, part.spawn())
    yield mortal
    mortal.kill()


def sasl(files: Path, protocol: str, mechanism: str = "PLAIN", file: str = "password") -> dict[str, Any]:
    found = {
        "kafka_security_protocol": protocol,
        "kafka_sasl_mechanism": mechanism,
        "kafka_user": "sverka",
        "kafka_password_file": files / file,
    }
    return found | ({"kafka_ca_file": files / "ca.pem"} if protocol == "SASL_SSL" else {})


def by_certificate(files: Path) -> dict[str, Any]:
    return {
        "kafka_security_protocol": "SSL",
        "kafka_ca_file": files / "ca.pem",
        "kafka_certificate_file": files / "client.crt",
        "kafka_key_file": files / "client.key",
    }


async def test_a_service_works_over_each_protocol(
    own_database: OwnDatabase, database: Database, guarded_kafka: Mortal[GuardedKafka], files: Path
) -> None:
    await guarded_kafka.ready()
    ways = (sasl(files, "SASL_PLAINTEXT"), sasl(files, "SASL_SSL"), by_certificate(files))
    for number, way in enumerate(ways):
        kafka = KafkaSettings(f"{HOST}:{guarded_kafka.part.ports[way['kafka_security_protocol']]}")
        async with running(Desk(own_database, kafka, **way)) as desk:
            await send_request(desk, f"by-kafka-{number}")
            await desk.call("POST", f"/tickets/by-http-{number}")

            async def said(opened: int = 2 * (number + 1)) -> bool:
                async with database.delivery_connection() as connection:
                    return bool(await connection.fetchval("SELECT count(published_at) = $1 FROM outbox", opened))

            await eventually(said, what="a ticket from HTTP and one from Kafka, told to Kafka")
            await desk.until("/internal/status", lambda status: status["ready"] and not status["consumer_lag"])


async def send_request(desk: Desk, deal: str) -> None:
    """Says ``Open`` in the topic that the desk reads, as the desk's own client."""
    body = Open(deal=deal)
    envelope = Envelope(str(uuid.uuid4()), body.NAME, body.VERSION, "test", deal, datetime.now(UTC), TENANT)
    producer = await start_producer(desk.service._kafka, "test")
    try:
        await producer.send_and_wait(
            REQUESTS.name, body.model_dump_json().encode(), key=f"{TENANT}:{deal}".encode(), headers=envelope.headers()
        )
    finally:
        await producer.stop()


@pytest.mark.parametrize("wrong", ["password", "authority", "no certificate"])
async def test_whoever_is_refused_waits_and_says_so(
    own_database: OwnDatabase, guarded_kafka: Mortal[GuardedKafka], files: Path, wrong: str
) -> None:
    await guarded_kafka.ready()
    way = by_certificate(files)
    match wrong:
        case "password":
            way = sasl(files, "SASL_PLAINTEXT", file="wrong")
        case "authority":
            way["kafka_ca_file"] = files / "client.crt"
        case _:
            del way["kafka_certificate_file"], way["kafka_key_file"]
    kafka = KafkaSettings(f"{HOST}:{guarded_kafka.part.ports[way['kafka_security_protocol']]}")
    desk = Desk(own_database, kafka, **way)
    desk.start()

    async def said() -> bool:
        return "waiting for Kafka's topics" in str(await desk.service.health.ready())

    await eventually(said)
    assert await finish(desk) == 0


@pytest.mark.parametrize(
    ("protocol", "mechanism", "arguments"),
    [
        ("PLAINTEXT", "", {"security_protocol": "PLAINTEXT"}),
        ("SASL_PLAINTEXT", "PLAIN", {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}),
        ("SASL_SSL", "SCRAM-SHA-256", {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256"}),
        ("SASL_SSL", "SCRAM-SHA-512", {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512"}),
        ("SSL", "", {"security_protocol": "SSL"}),
    ],
)
def test_all_clients_are_given_the_same(
    files: Path, protocol: str, mechanism: str, arguments: Mapping[str, str]
) -> None:
    way = sasl(files, protocol, mechanism) if mechanism else by_certificate(files) if protocol == "SSL" else {}
    kafka = KafkaSettings.of(KafkaAccess.model_validate(way))
    given = kafka.client("x")
    theirs = parse_security(_security(kafka.security))
    names = [name for name in given if name not in kafka.connection("x")]
    assert {name: given[name] for name in names} == theirs
    assert arguments.items() <= given.items()
    assert (given["ssl_context"] is not None) == protocol.endswith("SSL")
    if mechanism:
        assert (given["sasl_plain_username"], given["sasl_plain_password"]) == ("sverka", PASSWORD)
    assert PASSWORD not in repr(kafka)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "SVERKA_KAFKA_SECURITY_PROTOCOL: Input should be 'PLAINTEXT', 'SSL'"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "SASL_SSL needs SVERKA_KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN"}, "needs SVERKA_KAFKA_USER"),
        ({"KAFKA_SASL_MECHANISM": "PLAIN"}, "SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT; unset it, or set that"),
        ({"KAFKA_CA_FILE": "ca.pem"}, "KAFKA_CA_FILE is of use only with .*SASL_SSL or SSL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_KEY_FILE": "k"}, "both SVERKA_KAFKA_CERTIFICATE_FILE and"),
    ],
)
def test_settings_that_do_not_agree_are_refused(
    monkeypatch: pytest.MonkeyPatch, change: Mapping[str, str], words: str
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(f"SVERKA_{name}", value)
    with pytest.raises(SettingsRefused, match=words):
        load(ServiceSettings)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kafka_ca_file", "the PEM files for Kafka .* cannot be used"),
        ("kafka_password_file", "SVERKA_KAFKA_PASSWORD_FILE"),
    ],
)
def test_files_that_cannot_be_used_are_refused(files: Path, name: str, words: str) -> None:
    empty = files / "empty"
    empty.touch()
    for file in (files / "absent", empty):
        with pytest.raises(SettingsRefused, match=words):
            KafkaSettings.of(KafkaAccess.model_validate({**sasl(files, "SASL_SSL"), name: file}))
