"""One Apache Kafka broker (KRaft, broker and controller in one process) with all its data in one folder."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final

from deploy.local.cache import cache_folder, exclusive
from deploy.local.child import Child, leashed
from deploy.local.java import find_java
from deploy.local.kafka_jars import VERSION, Say, kafka_jars, to_stderr
from deploy.local.ports import HOST
from deploy.local.refusal import Refusal

STOP_SECONDS_MAX: Final = 30
FORMAT_SECONDS_MAX: Final = 60
ASK_SECONDS_MAX: Final = 2
JVM: Final = (
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",  # prints every setting
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.state.change.logger=warn",
)
PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=12
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.retention.hours=336
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""


class Kafka:
    """The broker of one data folder. `spawn` starts it (again), always on the same port."""

    name: Final = "kafka"
    title: Final = "Apache Kafka"
    ready_seconds_max: Final = 120  # after a kill the broker first reads its logs through

    def __init__(
        self,
        folder: Path,
        log: Path,
        *,
        port: int,
        controller_port: int,
        say: Say = to_stderr,
        from_template: bool = False,
    ) -> None:
        """`folder` keeps the data. With `from_template` a new folder is a copy of one formatted before (for tests)."""
        self._folder = folder
        self._log = log
        self._port = port
        self._controller_port = controller_port
        self._say = say
        self._from_template = from_template
        self._command: list[str] = []

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self._port}"

    def prepare(self) -> None:
        """Find Java and the jars, write the settings, format the folder if it is new."""
        jars = kafka_jars(self._say)
        temporary = self._folder / "tmp"  # where the compression libraries unpack themselves
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        java = [str(find_java()), *JVM, f"-Djava.io.tmpdir={temporary}", "-cp", os.pathsep.join(map(str, jars))]
        data = self._folder / "data"
        if not (data / "meta.properties").exists():
            self._format(java, data)
        settings = self._write_settings(self._folder / "server.properties", data)
        self._command = [*java, "kafka.Kafka", str(settings)]

    def spawn(self) -> Child:
        """Start the broker; it is of use once `is_ready`."""
        if not self._command:
            self.prepare()
        return Child.start(self.name, self._command, log=self._log, cwd=self._folder)

    def is_ready(self, child: Child) -> bool:
        """Whether the broker answers and counts itself among the live brokers."""
        return child.exit_code() is None and live_brokers(self._port) > 0

    def ask_to_end(self, child: Child) -> None:
        """Begin the end in order: logs are flushed and marked clean."""
        child.send(signal.SIGTERM)

    def finish(self, child: Child) -> None:
        """Wait for that end; by force if it takes too long."""
        child.finish(STOP_SECONDS_MAX)

    def _write_settings(self, file: Path, data: Path) -> Path:
        text = PROPERTIES.format(host=HOST, port=self._port, controller_port=self._controller_port, data=data)
        file.write_text(text)
        return file

    def _format(self, java: list[str], data: Path) -> None:
        if not self._from_template:
            self._format_at(java, data)
            return
        template = cache_folder() / f"kafka-template-{VERSION}"
        with exclusive(template.with_suffix(".lock")):
            if not template.exists():
                self._format_at(java, template)
        shutil.copytree(template, data)

    def _format_at(self, java: list[str], data: Path) -> None:
        # Formatted beside its place and moved there, so that a kill in between leaves nothing half done.
        unfinished = data.with_name(data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        settings = self._write_settings(self._folder / "format.properties", unfinished)
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)
        done = subprocess.run(  # noqa: S603 - a command of ours
            leashed([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]),
            capture_output=True,
            text=True,
            timeout=FORMAT_SECONDS_MAX,
            check=False,
        )
        settings.unlink()
        if done.returncode != 0:
            raise Refusal(f"The data folder of Apache Kafka could not be made:\n{done.stdout}{done.stderr}".rstrip())
        unfinished.replace(data)


def live_brokers(port: int) -> int:
    """How many brokers a metadata request lists; 0 if nobody answers it. The wire format is Kafka's Metadata v4."""
    metadata, version, correlation = 3, 4, 1
    client = b"sverka"
    head = struct.pack(f">hhih{len(client)}s", metadata, version, correlation, len(client), client)
    no_topics, no_creation = struct.pack(">i", 0), b"\0"
    request = head + no_topics + no_creation
    try:
        with socket.create_connection((HOST, port), timeout=ASK_SECONDS_MAX) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                # size, correlation, throttle time, length of the array of brokers
                return int(struct.unpack(">iiii", answer.read(16))[3])
    except (OSError, struct.error):
        return 0
