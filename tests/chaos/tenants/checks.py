"""Judges what the application's role saw and wrote, each rule in one pass."""

from collections.abc import Iterator

from tests.chaos.tenants.history import History, Place


def no_table_shows_rows_of_another(history: History) -> Iterator[str]:
    """Who names tenants is shown rows of these alone; who names none is shown nothing."""
    for look in history.looks:
        foreign = sorted(owner for owner, rows in look.seen.items() if rows and owner not in look.named)
        if foreign:
            yield f"{_at(look.place)} shows {_who(look.named)} rows of {', '.join(foreign)}"


def nobody_writes_rows_of_another(history: History) -> Iterator[str]:
    """A row of a tenant that was not named is neither made nor changed nor deleted."""
    for one in history.tries:
        if one.rows and one.owner not in one.named:
            yield f"{_at(one.place)} lets {_who(one.named)} {one.what} {one.rows} rows of {one.owner}"


def tenants_see_all_rows_of_their_own(history: History) -> Iterator[str]:
    """A look that is not refused shows every row of each tenant that it names: else a look proves nothing."""
    for look in history.looks:
        if look.refused:
            continue
        planted = history.planted[look.place]
        for owner in sorted(look.named):
            if look.seen.get(owner, 0) != planted[owner]:
                yield f"{_at(look.place)} shows {look.seen.get(owner, 0)} of the {planted[owner]} rows of {owner}"


CHECKS = (no_table_shows_rows_of_another, nobody_writes_rows_of_another, tenants_see_all_rows_of_their_own)


def anomalies(history: History) -> list[str]:
    """Everything that tenants who are apart could not have shown, each with the check that found it, said once."""
    return list(dict.fromkeys(f"{check.__name__}: {found}" for check in CHECKS for found in check(history)))


def _at(place: Place) -> str:
    return "/".join(place)


def _who(named: frozenset[str]) -> str:
    return ", ".join(sorted(named)) or "nobody"
