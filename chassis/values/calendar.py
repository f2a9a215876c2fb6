"""Russia's production calendar as data, due dates (Civil Code art. 190–194), and hours when people are left alone.

``calendars/<year>.json`` names the decree it comes from. A year without data falls back to Monday–Friday and the
holidays fixed by Labour Code art. 112, and everything computed from it carries the warning ``calendar_missing``.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import Final, Literal, assert_never
from zoneinfo import ZoneInfo

from chassis.domain import Problem

TermMode = Literal["calendar", "working"]

TERM_DAYS_MAX: Final = 3660
"""The longest term that is computed; a longer one is a typing error."""

_ONE_DAY: Final = timedelta(days=1)
_FIXED_HOLIDAYS: Final = frozenset(
    {*((1, day) for day in range(1, 9)), (2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)}
)


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """One year as decreed: weekdays off, and weekend days that are worked."""

    days_off: frozenset[date]
    working_weekends: frozenset[date]


@dataclass(frozen=True, slots=True)
class ProductionCalendar:
    """Which days are worked, for the years it has data of; others follow the fixed holidays."""

    years: Mapping[int, CalendarYear]

    def is_working(self, day: date) -> bool:
        """Whether the day is worked."""
        decreed = self.years.get(day.year)
        if decreed is None:
            return day.weekday() < 5 and (day.month, day.day) not in _FIXED_HOLIDAYS
        return day in decreed.working_weekends or (day.weekday() < 5 and day not in decreed.days_off)

    def working_day_from(self, day: date) -> date:
        """The first working day at or after the day."""
        while not self.is_working(day):
            day += _ONE_DAY
        return day


@dataclass(frozen=True, slots=True)
class DueDate:
    """The last day of a term; ``warning`` is ``calendar_missing`` with the years that had no data."""

    day: date
    warning: Problem | None = None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When people of a tenant are left alone: from ``begins`` to ``ends`` of local time, and on days off.

    Equal times mean no quiet hours, days off only. Raises ValueError when a time carries its own zone.
    """

    zone: ZoneInfo
    begins: time = time(20, 0)
    ends: time = time(9, 0)

    def __post_init__(self) -> None:
        if self.begins.tzinfo or self.ends.tzinfo:
            raise ValueError("quiet hours are local times of the tenant's zone and carry no zone of their own")

    def cover(self, local: time) -> bool:
        """Whether a local time is quiet; the end is not."""
        if self.begins <= self.ends:
            return self.begins <= local < self.ends
        return local >= self.begins or local < self.ends


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of an unpaid invoice: its day of delay, and the moment when it may be sent."""

    overdue_day: int
    at: datetime


def load_calendar() -> ProductionCalendar:
    """The calendar from the package's data. Raises ValueError for a file whose days do not belong to its year."""
    years: dict[int, CalendarYear] = {}
    for file in resources.files(__package__).joinpath("calendars").iterdir():
        if file.name.endswith(".json"):
            content = json.loads(file.read_text(encoding="utf-8"))
            days_off = frozenset(map(date.fromisoformat, content["days_off"]))
            working = frozenset(map(date.fromisoformat, content["working_weekends"]))
            year = int(content["year"])
            if {day.year for day in days_off | working} != {year}:
                raise ValueError(f"calendar {file.name} lists days of another year")
            years[year] = CalendarYear(days_off, working)
    return ProductionCalendar(years)


RUSSIA: Final = load_calendar()


def due_date(
    start: date, days: int, mode: TermMode, *, roll: bool = True, calendar: ProductionCalendar = RUSSIA
) -> DueDate:
    """The last day of a term that begins the day after ``start``.

    ``roll`` moves a last day that is not worked to the next working day. Raises ValueError for a term that is
    negative or above :data:`TERM_DAYS_MAX` days.
    """
    if not 0 <= days <= TERM_DAYS_MAX:
        raise ValueError(f"a term is from 0 to {TERM_DAYS_MAX} days, not {days}")
    match mode:
        case "calendar":
            last = asked_from = start + timedelta(days=days)
        case "working":
            last, asked_from = start, start + min(days, 1) * _ONE_DAY
            for _ in range(days):
                last = calendar.working_day_from(last + _ONE_DAY)
        case _:
            assert_never(mode)
    if roll:
        last = calendar.working_day_from(last)
    if mode == "calendar" and not roll:
        return DueDate(last)
    missing = [year for year in range(asked_from.year, last.year + 1) if year not in calendar.years]
    return DueDate(last, Problem("calendar_missing", {"years": missing}) if missing else None)


def overdue_days(due: date, today: date) -> int:
    """Days of delay: 0 up to and on the due date, 1 on the day after it."""
    return max(0, (today - due).days)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The date of a moment where the tenant lives. Raises ValueError for a moment without a zone."""
    return _aware(moment).astimezone(zone).date()


def next_working_morning(moment: datetime, hours: QuietHours, *, calendar: ProductionCalendar = RUSSIA) -> datetime:
    """The first end of quiet hours on a working day at or after the moment, in the tenant's zone."""
    at_latest = _aware(moment).astimezone(UTC)
    day = local_day(moment, hours.zone)
    while True:
        day = calendar.working_day_from(day)
        morning = datetime.combine(day, hours.ends, tzinfo=hours.zone)
        # Compared in UTC: two datetimes of one zone compare by wall clock, whatever their offsets.
        if morning.astimezone(UTC) >= at_latest:
            return morning
        day += _ONE_DAY


def when_allowed(moment: datetime, hours: QuietHours, *, calendar: ProductionCalendar = RUSSIA) -> datetime:
    """The moment itself when a person may be disturbed then, else the next working morning (R15)."""
    local = _aware(moment).astimezone(hours.zone)
    if calendar.is_working(local.date()) and not hours.cover(local.time()):
        return moment
    return next_working_morning(moment, hours, calendar=calendar)


def reminders(
    due: date,
    overdue_on_days: Iterable[int],
    hours: QuietHours,
    *,
    at: time = time(9, 0),
    calendar: ProductionCalendar = RUSSIA,
) -> tuple[Reminder, ...]:
    """When to remind of an invoice unpaid since ``due``: calendar days after it, quiet hours and days off push further.

    Reminders that holidays push to one day become one, that of the longest delay. Raises ValueError for a day
    below 1.
    """
    by_day: dict[date, Reminder] = {}
    for day in sorted(set(overdue_on_days)):
        if day < 1:
            raise ValueError(f"a reminder is sent from the first day of delay on, not on day {day}")
        planned = datetime.combine(due + timedelta(days=day), at, tzinfo=hours.zone)
        moment = when_allowed(planned, hours, calendar=calendar)
        by_day[local_day(moment, hours.zone)] = Reminder(day, moment)
    return tuple(by_day.values())


def _aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone, so it is no moment")
    return moment
