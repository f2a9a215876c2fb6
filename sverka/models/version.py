"""The document of `sverka version --json`."""

from pydantic import Field

from sverka.models.base import Document


class PostgresVersion(Document):
    """The database server as it says of itself."""

    version: str
    fsync: str = Field(description="on: a commit is on the disk before it is answered.")
    synchronous_commit: str
    full_page_writes: str
    wal_sync_method: str
    data_checksums: str


class KafkaVersion(Document):
    """The broker, and how messages are written to it."""

    version: str = Field(description="Empty where the broker is not ours.")
    acks: str
    enable_idempotence: bool
    min_insync_replicas: int | None = None
    replication_factor: int | None = None


class VersionDocument(Document):
    """Versions of everything in use and the durability settings in force."""

    version: str = Field(description="Of Sverka.")
    packages: dict[str, str] = Field(description="The interpreter and the packages that matter at run time.")
    postgres: PostgresVersion | None = Field(description="null while no installation runs, or it cannot be asked.")
    kafka: KafkaVersion | None
    services: dict[str, str] = Field(description="The version each running service says it is.")
