"""Metrics of the notifier, each with its meaning and remedy."""

from chassis import metrics

UNKNOWN_REASONS = metrics.counter(
    "sverka_notifier_unknown_reasons_total",
    "Problems, cards and choices whose code has no sentence; the person read the general one.",
    "Add the code to services/notifier/texts in both languages.",
    [],
)
