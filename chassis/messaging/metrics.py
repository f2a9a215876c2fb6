"""Metrics of messaging beside those in ``chassis.metrics``, with the same declarations."""

from chassis.metrics import counter, gauge

COMMITS_FAILED = counter(
    "sverka_consumer_commits_failed_total",
    "Acknowledgements that Kafka did not take, by error; the messages come again and are recognised.",
    "Some at every rebalance are normal; a steady rate means that batches outlast the group's patience.",
    ["error"],
)
CONSUMER_MISSED = counter(
    "sverka_consumer_missed_messages_total",
    "Messages that the topic's retention removed before this service took them.",
    "The service was away for too long: publish the topic again, `sverka republish TOPIC --since TIME`.",
    ["topic"],
)
RELAY_STOPPED_PARTITIONS = gauge(
    "sverka_relay_stopped_partitions",
    "Partitions to which the relay could not send; the others go on.",
    "The relay's log names the error; it tries again by itself.",
)
REPUBLISHED = counter(
    "sverka_republished_messages_total",
    "Messages written into the outbox again from the event store.",
    "Follows a loss at the broker or a command of the operator.",
    ["topic"],
)
