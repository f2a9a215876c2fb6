"""What an operator reads in the log of work that did not go as planned; what went well is in metrics and traces."""

from collections.abc import Sequence
from typing import Final

from chassis import log
from chassis.ids import TenantId
from chassis.work.machine import State
from chassis.work.rows import Release

_log = log.get(__name__)

# What an attempt came to when nobody has to look: an answer, or the look-up that a doubt asks for.
_AS_PLANNED: Final = frozenset({"ok", "found", "not_found"})


def settled(releases: Sequence[Release]) -> None:
    """Says what was committed of each row: a call without success, and the begin and end of a delay. Called in the
    span of the work, so that each line has its trace."""
    for release in releases:
        row, effect = release.row, release.effect
        bound = _log.bind(tenant=row.tenant, stream=row.stream, kind=row.kind, account=row.account, work_id=row.name)
        reason = None if release.reason is None else release.reason.code
        if row.is_effect and release.state == State.HUMAN.value != row.effect.state.value:
            bound.warning("a call waits for a person's decision", reason=reason)
        elif row.is_effect and release.state == State.ABSENT.value and release.due_at is None:
            bound.warning("a call was given up, and nobody is asked", reason=reason, attempt=effect.sends)
        elif effect.delayed_since is not None and row.effect.delayed_since is None:
            bound.warning("work is delayed", reason=reason, attempt=row.effect.failures + 1, due_at=release.due_at)
        elif effect.delayed_since is None and row.effect.delayed_since is not None:
            bound.info("work goes on after a delay")
        elif release.attempt is not None and release.attempt["outcome"] not in _AS_PLANNED:
            bound.info(
                "a call had no success",
                operation=release.attempt["what"],
                status=release.attempt["outcome"],
                reason=reason,
                attempt=row.effect.failures + 1,
                state=release.state,
                due_at=release.due_at,
            )


def account_down(tenant: TenantId, account: str, reason: str) -> None:
    """Failures in a row: nothing is asked of the account but whether it is back."""
    _log.warning("an account does not answer; its work waits", tenant=tenant, account=account, reason=reason)


def account_held_up(tenant: TenantId, account: str, count: int, age_seconds: float, reason: str | None) -> None:
    """Work of the account is undone for long and nothing failed; said once until it moves on."""
    bound = _log.bind(tenant=tenant, account=account, count=count, age_seconds=age_seconds)
    bound.warning("an account's work is undone for long", reason=reason)


def account_back(tenant: TenantId, account: str) -> None:
    """The account answers; what waited for it goes out, oldest first."""
    _log.info("an account answers again", tenant=tenant, account=account)
