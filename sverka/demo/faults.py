"""What goes wrong in a demonstration with faults, as rules of the sandbox; the same for the same seed."""

from typing import Any, Final, Literal

from sverka.demo.accounting import ELBA, Service

Level = Literal["none", "mild", "rough"]
HANG_SECONDS: Final = 3
"""Real seconds: a hanging call is cut by the vendor, so that a demonstration does not wait for our own deadline."""

LIMITS_MAX: Final = 6
"""Refusals for too many calls: each halves our rate for ten minutes, so a share of all calls would strangle it."""


def rules(level: Level, seed: int, service: Service = ELBA) -> list[dict[str, Any]]:
    """The fault plan of a level. Calls count per account and operation."""
    accounting = service.sandbox
    mild = [
        _rule(accounting, "invoice.create", "error_before", seed, 0.05),
        _rule(accounting, "counterparty.*", "error_before", seed, 0.05),
        _rule(accounting, "*", "limit_429", seed, 0.02, limit=LIMITS_MAX, retry_after=2),
        _rule(accounting, service.feed, "error_before", seed, 0.05),
        _rule("bitrix24", "batch", "limit_503", seed, 0.03, limit=LIMITS_MAX),
        _rule("bitrix24", "event:*", "drop", seed, 0.05),
        _rule("bitrix24", "event:*", "duplicate", seed, 0.10),
    ]
    if level == "mild":
        return mild
    if level == "none":
        return []
    return [
        _rule(accounting, "invoice.create", "timeout_after", seed, 0.06, hang_seconds=HANG_SECONDS),
        _rule(accounting, "invoice.create", "late_commit", seed + 1, 0.04, commit_seconds=90),
        _rule(accounting, "invoice.create", "error_after", seed + 2, 0.05),
        _rule(accounting, "invoice.create", "html_200", seed + 3, 0.04),
        _rule(accounting, "counterparty.create", "timeout_after", seed, 0.06, hang_seconds=HANG_SECONDS),
        _rule(accounting, "act.create", "truncated", seed, 0.06),
        _rule(accounting, "invoice.pdf", "pdf_html", seed, 0.05),
        _rule(accounting, "*", "token_expired", seed, 0.02),
        _rule(accounting, "*", "reset", seed, 0.02),
        _rule("bitrix24", "batch", "error_after", seed, 0.03),
        _rule("bitrix24", "batch", "truncated", seed + 1, 0.02),
        _rule("bitrix24", "event:*", "drop", seed + 1, 0.15),
        _rule("bitrix24", "event:*", "forged", seed + 2, 0.05),
        _rule("bitrix24", "event:*", "delay", seed + 3, 0.05, delay_seconds=300),
        *mild,
    ]


def _rule(
    vendor: str, operation: str, kind: str, seed: int, rate: float, *, limit: int | None = None, **params: Any
) -> dict[str, Any]:
    rule = {"vendor": vendor, "operation": operation, "kind": kind, "rate": rate, "seed": seed, "params": params}
    return rule | ({"limit": limit} if limit else {})
