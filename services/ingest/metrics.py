"""Ingest's metrics, each with its meaning."""

from typing import Final

from chassis.metrics import FAST_SECONDS, SIZES, counter, gauge, histogram

WEBHOOKS: Final = counter(
    "sverka_ingest_webhooks_total",
    "Webhooks by result: stored, refused_<reason>, unavailable.",
    "unavailable: the database does not take them, the sweep heals; refused_token: forged, or a token was changed.",
    ["result"],
)
WEBHOOK_SECONDS: Final = histogram(
    "sverka_ingest_webhook_seconds",
    "From a webhook's whole body to its durable row.",
    "p99 above 0.2 s: the portal sends less; look at the database's commits.",
    buckets=FAST_SECONDS,
)
WEBHOOK_BATCH: Final = histogram(
    "sverka_ingest_webhook_batch_rows",
    "Webhooks that were committed together.",
    "Near 500 all the time: commits are slow.",
    buckets=SIZES,
)
WEBHOOKS_WAITING: Final = gauge(
    "sverka_ingest_webhooks_waiting",
    "Webhooks that wait for their commit.",
    "Growing: the database is slow; beyond the limit they are answered 503.",
)
STAGES_HEALED: Final = counter(
    "sverka_ingest_stages_healed_total",
    "Stage entries that no webhook had brought, by who found them: sweep, nightly-check.",
    "Many: the portal's webhooks do not arrive; look at its outgoing webhook and at our address.",
    ["by"],
)
PERMITS_GIVEN: Final = counter(
    "sverka_ingest_permits_given_total",
    "Calls allowed, by vendor and class.",
    "Less those that came back: compare with the limit.",
    ["vendor", "share"],
)
PERMITS_RETURNED: Final = counter(
    "sverka_ingest_permits_returned_total",
    "Calls that were allowed and not made, by vendor and class.",
    "Nearly as many as given: work reserves far more calls than it makes.",
    ["vendor", "share"],
)
PERMITS_DENIED: Final = counter(
    "sverka_ingest_permits_denied_total",
    "Requests for permits that were turned away, by vendor and reason: limit, token, account.",
    "limit: the account's bucket is empty; token: credentials are refused; account: no such connection.",
    ["vendor", "reason"],
)
LIMITS_REPORTED: Final = counter(
    "sverka_ingest_limits_reported_total",
    "Limits that vendors answered with; each shrinks the account's bucket.",
    "Many: the configured limit is above the real one, or others use the same account.",
    ["vendor"],
)
OFFERS: Final = counter(
    "sverka_ingest_offers_total",
    "Offers of access to a portal, by how they came and result: taken, refused, failed.",
    "Refused: look at the deliveries for the reason; somebody may try addresses. "
    "Failed: a defect of ours, see the log.",
    ["kind", "result"],
)
TOKENS_FETCHED: Final = counter(
    "sverka_ingest_tokens_fetched_total",
    "Access tokens asked for, by vendor and result.",
    "refused: client id or secret are wrong; rejected: an owner has to connect the portal anew; many ok: tokens end "
    "too soon.",
    ["vendor", "result"],
)
STATEMENTS: Final = counter(
    "sverka_ingest_statements_total",
    "Bank statement files, by way (upload, folder) and result: taken, again (the same bytes), refused, failed.",
    "refused: look at what the sender was answered, or at the reason beside the file in the folder; failed: a "
    "defect of ours, see the log, the file stays where it is.",
    ["source", "result"],
)
