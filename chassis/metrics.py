"""The chassis' metrics, each with its meaning and what to do when it looks wrong; a tenant is never a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

FAST_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CALL_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
PIPELINE_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric for the reader of a dashboard: what it means, and what to do when it looks wrong."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    remedy: str


DECLARED: Final[list[Declared]] = []


def counter(name: str, meaning: str, remedy: str, labels: Sequence[str] = ()) -> Counter:
    """Declares a counter; ``name`` ends in ``_total``. Services declare theirs with it too."""
    return Counter(name, _documented("counter", name, meaning, remedy, labels), labels)


def gauge(name: str, meaning: str, remedy: str, labels: Sequence[str] = ()) -> Gauge:
    """Declares a gauge."""
    return Gauge(name, _documented("gauge", name, meaning, remedy, labels), labels)


def histogram(
    name: str, meaning: str, remedy: str, labels: Sequence[str] = (), buckets: Sequence[float] = FAST_SECONDS
) -> Histogram:
    """Declares a histogram with its bucket borders."""
    return Histogram(name, _documented("histogram", name, meaning, remedy, labels), labels, buckets=buckets)


def exposition() -> tuple[bytes, str]:
    """All metrics of the process in Prometheus' text format, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


def _documented(kind: str, name: str, meaning: str, remedy: str, labels: Sequence[str]) -> str:
    if "tenant" in labels or "tenant_id" in labels:
        raise ValueError(f"{name}: a tenant is no label, it belongs into logs and spans")
    DECLARED.append(Declared(name, kind, tuple(labels), meaning, remedy))
    return f"{meaning} {remedy}"


# The process

LOOP_LAG = histogram(
    "sverka_loop_lag_seconds",
    "How late the event loop runs a timer.",
    "Above 0.1 s: the process computes too long in one piece; see the stack dump in the log, add a replica.",
)
HEARTBEAT_AGE = gauge(
    "sverka_heartbeat_age_seconds",
    "Seconds since a background loop last made progress.",
    "Near its maximum age the process is restarted; the log has the stacks of its tasks.",
    ["loop"],
)
READY = gauge(
    "sverka_ready",
    "1 while the service takes work, 0 while it starts, stops or misses a dependency.",
    "GET /readyz names the dependency.",
)
LOG_FIELDS_DROPPED = counter(
    "sverka_log_fields_dropped_total",
    "Log fields that are not on the allow-list and were left out.",
    "A name in the code is misspelt or new: add it to the list in chassis/log.py if it can hold no personal data.",
)
DB_POOL = gauge(
    "sverka_db_pool_connections",
    "Connections of a database pool by state (in_use, idle, max).",
    "in_use at max for minutes: transactions are slow or the pool is small (SVERKA_APP_POOL_SIZE_MAX).",
    ["pool", "state"],
)
DB_RETRIES = counter(
    "sverka_db_retries_total",
    "Transactions taken again after an infrastructure error of Postgres.",
    "A steady rate means an unhealthy Postgres or network; single bursts are fail-overs.",
    ["where"],
)
STREAM_EVENTS = histogram(
    "sverka_stream_events",
    "Events in a stream when it is loaded for a command.",
    "Streams are meant to stay under 500 events: look for a loop that writes to one deal.",
    ["prefix"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)

# Messages in

CONSUMED = counter(
    "sverka_consumed_messages_total",
    "Messages taken from Kafka by result: handled, ignored, repeated, refused, unknown, dead.",
    "unknown rises during a rolling upgrade and must stop after it; dead: see the dead letters.",
    ["topic", "result"],
)
CONSUME_BATCH_SECONDS = histogram(
    "sverka_consume_batch_seconds",
    "From a batch in hand to its commit in Postgres and Kafka.",
    "Compare with the database's latency; a batch has at most 200 messages.",
)
CONSUME_BATCH_MESSAGES = histogram(
    "sverka_consume_batch_messages", "Messages in a batch.", "Always full: the consumer is behind.", buckets=SIZES
)
CONSUME_BATCHES = counter(
    "sverka_consume_batches_total",
    "Batches by when they were decided: ahead (while the one before was written), undone (ahead, but taken again in "
    "their turn), alone (nothing before was being written), shared (it had a key in common, or a faulty message).",
    "Behind and mostly shared: few keys make all the messages, more replicas change nothing; undone again and again: "
    "a commit takes seconds, or Postgres fails.",
    ["decided"],
)
CONSUME_RETRIES = counter(
    "sverka_consume_retries_total",
    "Batches taken again, by cause: infrastructure, newer_build, content, unknown.",
    "infrastructure: Postgres was away; newer_build: a stream has events of a newer build, end this one; "
    "content: single messages became dead letters.",
    ["cause"],
)
CONSUMER_LAG = gauge(
    "sverka_consumer_lag_messages",
    "Messages of a partition that are not yet committed.",
    "Growing: add replicas up to the number of partitions, or look for a slow database.",
    ["topic", "partition"],
)
CONSUMER_LAG_SECONDS = gauge(
    "sverka_consumer_lag_seconds",
    "Age of the oldest message of a topic that is not yet committed.",
    "As for the lag in messages.",
    ["topic"],
)
CONSUMER_LAST_POLL = gauge(
    "sverka_consumer_last_poll_timestamp_seconds",
    "Unix time of the last poll.",
    "Older than max_poll_interval: the group takes the partitions away; the process is restarted.",
)
CONSUMER_REBALANCES = counter(
    "sverka_consumer_rebalances_total",
    "Assignments of partitions.",
    "Many an hour: processes restart or polls take too long.",
)
CONSUMER_POSITIONS_LOST = counter(
    "sverka_consumer_positions_lost_total",
    "Partitions read from the beginning because the broker lost what had been consumed.",
    "Each one is a loss at the broker: check its disks; nothing is lost here, repeats are recognised.",
    ["topic"],
)
CONSUMER_STOPPED = gauge(
    "sverka_consumer_stopped",
    "1 when the consumer stopped because too many messages were dead.",
    "Read `sverka dead list`, mend the cause, restart the service, replay.",
)
DEAD_LETTERS = counter(
    "sverka_dead_letters_total",
    "Messages that could not be decoded or handled.",
    "`sverka dead list` names the cause; mend it, then `sverka dead replay`.",
    ["topic", "reason"],
)
DEAD_LETTERS_OPEN = gauge(
    "sverka_dead_letters_open", "Dead letters that wait for a replay.", "`sverka dead list`, `sverka dead replay`."
)
DEAD_LETTERS_OLDEST = gauge(
    "sverka_dead_letters_oldest_seconds", "Age of the oldest open dead letter.", "As above; its key is blocked."
)

# Messages out

OUTBOX_UNSENT = gauge(
    "sverka_outbox_unsent_rows", "Outbox rows not yet in Kafka.", "Growing: Kafka is away or the relay has stopped."
)
OUTBOX_OLDEST = gauge(
    "sverka_outbox_oldest_seconds",
    "Age of the oldest unsent outbox row.",
    "Above 5 s: look at the relay's log and Kafka.",
)
OUTBOX_SENT = counter(
    "sverka_outbox_sent_total", "Messages handed to Kafka.", "Zero while rows wait: see above.", ["topic"]
)
OUTBOX_SECONDS = histogram(
    "sverka_outbox_seconds",
    "From the commit of an outbox row to its acknowledgement by Kafka.",
    "p99 above 0.1 s at low load: wake-ups are lost and the fallback poll does the work.",
)
RELAY_LEADING = gauge(
    "sverka_relay_leading",
    "1 in the one process whose relay holds the database's lock.",
    "No process with 1 while rows wait: see the relay's log.",
)
BROKER_LOSSES = counter(
    "sverka_broker_losses_total",
    "Losses at the broker found by the relay; it stops and republishes.",
    "Check the broker's disks and replication; the topic is rebuilt from the event store.",
    ["topic"],
)

# Work

WORK_DUE = gauge(
    "sverka_work_due_rows", "Due work that nobody has claimed.", "Growing: vendor limits, or too few workers.", ["lane"]
)
WORK_DELAYED = gauge(
    "sverka_work_delayed_rows",
    "Work that waits for an outage to end, or was first due over 15 minutes of business time ago.",
    "`sverka work list` has the reason in words; it resumes by itself.",
)
WORK_OLDEST = gauge(
    "sverka_work_oldest_seconds",
    "Age of the oldest undone work since it was first due, business seconds.",
    "Above 900: a limit that never ends, or no permits; the log names the account, `sverka work list` the work.",
    ["lane"],
)
WORK_RUNS = counter(
    "sverka_work_runs_total",
    "Runs of tasks and effects by result.",
    "Many `retryable`: an outage; `rejected`: the reasons stand on the decision cards.",
    ["kind", "result"],
)
WORK_DROPPED = counter(
    "sverka_work_dropped_total",
    "Work that was let go without a result: infrastructure, defect. It is taken up again when its lease ends; "
    "what may be outside is looked up first.",
    "infrastructure: Postgres was away; defect: the log has the stack, and the work comes back each minute.",
    ["kind", "reason"],
)
WORK_UNTOLD = counter(
    "sverka_work_untold_total",
    "Outcomes of effects that could not be told to their stream; each is kept and told again as delayed work.",
    "Any is a defect: the log has the stack, `sverka work list` the rows; nothing is sent again.",
    ["kind"],
)
WORK_SECONDS = histogram(
    "sverka_work_seconds",
    "One run of a task or an effect.",
    "Compare with the vendor's latency.",
    ["kind"],
    CALL_SECONDS,
)
EFFECTS_OPEN = gauge(
    "sverka_effects_open",
    "Effects by state.",
    "UNCERTAIN and PROBING empty within minutes; HUMAN waits for a person: `sverka decide list`.",
    ["state"],
)
EFFECT_PROBES = counter(
    "sverka_effect_probes_total",
    "Look-ups for an uncertain effect by answer (found, not_found, inconclusive).",
    "Many inconclusive: the vendor's look-up fails.",
    ["kind", "answer"],
)
EFFECT_REPEATS = counter(
    "sverka_effect_second_sends_total",
    "Second sends after an absence was proven.",
    "Each one is rare; many mean that the vendor loses requests.",
    ["kind"],
)
BREAKERS_OPEN = gauge(
    "sverka_breakers_open",
    "Vendor accounts whose breaker is open.",
    "The vendor is away; a probe runs every minute.",
    ["vendor"],
)
VENDOR_CALLS = counter(
    "sverka_vendor_calls_total",
    "Calls to vendors by outcome: status class, not_sent, unknown.",
    "unknown leads to look-ups; not_sent is repeated; 4xx are refusals or limits.",
    ["vendor", "operation", "outcome"],
)
VENDOR_CALL_SECONDS = histogram(
    "sverka_vendor_call_seconds",
    "Duration of calls to vendors.",
    "The vendor's own; compare operations.",
    ["vendor", "operation"],
    CALL_SECONDS,
)
PERMIT_WAIT_SECONDS = histogram(
    "sverka_permit_wait_seconds",
    "Wait for a permit to call a vendor account.",
    "Long: the account's limit is used up, or ingest is away.",
    ["vendor"],
    CALL_SECONDS,
)
PERMITS_REFUSED = counter(
    "sverka_permits_refused_total",
    "Permits that were not given, by reason.",
    "limit: the bucket is empty; away: ingest does not answer; wrong_answer: it answers with something else, named in "
    "the log: look at SVERKA_SERVICE_TOKEN and SVERKA_INGEST_URL, and into ingest's own log.",
    ["reason"],
)
