"""What `version` says of the writing of messages is what the one producer is told."""

import ast

from deploy.local.folder import KafkaRun, LauncherRun, PostgresRun, Run
from sverka.versions import kafka_version
from tests.architecture.sources import called, sources


def test_acknowledgement_and_idempotence_are_those_of_the_producer() -> None:
    producers = [
        {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg in NAMES}
        for source in sources("chassis", "services")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and called(node) == "AIOKafkaProducer"
    ]
    run = Run("1", PostgresRun("", None), KafkaRun("127.0.0.1:1", None), "", LauncherRun(1))
    told = kafka_version(run)
    assert producers == [{name: getattr(told, name) for name in NAMES}]


NAMES = ("acks", "enable_idempotence")
