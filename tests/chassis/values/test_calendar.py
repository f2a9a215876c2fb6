"""The production calendar, due dates and quiet hours: decreed days, vectors, and properties."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.calendar import (
    RUSSIA,
    TERM_DAYS_MAX,
    ProductionCalendar,
    QuietHours,
    Reminder,
    TermMode,
    due_date,
    local_day,
    next_working_morning,
    overdue_days,
    reminders,
    when_allowed,
)

MOSCOW = ZoneInfo("Europe/Moscow")
HOURS = QuietHours(MOSCOW)
NOTHING_KNOWN = ProductionCalendar({})


def days_of(year: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=n) for n in range(366) if (date(year, 1, 1) + timedelta(n)).year == year]


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_every_year_has_its_working_days(year: int) -> None:
    assert sum(RUSSIA.is_working(day) for day in days_of(year)) == 247


def test_working_days_of_2026_by_month() -> None:
    by_month = [sum(RUSSIA.is_working(day) for day in days_of(2026) if day.month == month) for month in range(1, 13)]
    assert by_month == [15, 19, 21, 22, 19, 21, 23, 21, 22, 22, 20, 22]


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_data_lists_weekdays_off_and_weekends_worked_only(year: int) -> None:
    decreed = RUSSIA.years[year]
    assert all(day.weekday() < 5 for day in decreed.days_off)
    assert all(day.weekday() >= 5 for day in decreed.working_weekends)


@pytest.mark.parametrize(
    ("start", "days", "plain", "rolled", "working"),
    [
        ("2026-03-05", 3, "2026-03-08", "2026-03-10", "2026-03-11"),
        ("2026-04-28", 3, "2026-05-01", "2026-05-04", "2026-05-04"),
        ("2025-12-29", 5, "2026-01-03", "2026-01-12", "2026-01-15"),
        ("2026-06-09", 3, "2026-06-12", "2026-06-15", "2026-06-15"),
        ("2026-12-28", 3, "2026-12-31", "2027-01-11", "2027-01-11"),
        ("2025-10-30", 2, "2025-11-01", "2025-11-01", "2025-11-01"),
    ],
)
def test_due_dates(start: str, days: int, plain: str, rolled: str, working: str) -> None:
    begin = date.fromisoformat(start)
    assert due_date(begin, days, "calendar", roll=False).day.isoformat() == plain
    assert due_date(begin, days, "calendar").day.isoformat() == rolled
    assert due_date(begin, days, "working").day.isoformat() == working
    assert due_date(begin, days, "working").warning is None


def test_year_without_data_falls_back_and_says_so() -> None:
    found = due_date(date(2031, 3, 5), 3, "calendar")
    assert found.day == date(2031, 3, 10)
    assert found.warning is not None
    assert (found.warning.code, found.warning.values) == ("calendar_missing", {"years": [2031]})
    crossing = due_date(date(2027, 12, 29), 5, "working")
    assert crossing.warning is not None
    assert crossing.warning.values == {"years": [2028]}
    assert due_date(date(2031, 3, 5), 3, "calendar", roll=False).warning is None
    assert due_date(date(2024, 12, 31), 1, "working").warning is None


@pytest.mark.parametrize("days", [-1, TERM_DAYS_MAX + 1])
def test_term_out_of_range_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="from 0 to"):
        due_date(date(2026, 1, 1), days, "calendar")


def test_overdue_begins_the_day_after() -> None:
    due = date(2026, 3, 10)
    assert [overdue_days(due, due + timedelta(days=n)) for n in (-5, 0, 1, 7)] == [0, 0, 1, 7]


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        ("2026-03-12T12:00", "2026-03-12T12:00"),
        ("2026-03-12T09:00", "2026-03-12T09:00"),
        ("2026-03-12T08:59", "2026-03-12T09:00"),
        ("2026-03-12T19:59", "2026-03-12T19:59"),
        ("2026-03-12T20:00", "2026-03-13T09:00"),
        ("2026-03-13T20:00", "2026-03-16T09:00"),
        ("2026-03-14T12:00", "2026-03-16T09:00"),
        ("2025-11-01T12:00", "2025-11-01T12:00"),
        ("2026-12-30T23:00", "2027-01-11T09:00"),
    ],
)
def test_quiet_hours_and_days_off(moment: str, allowed: str) -> None:
    found = when_allowed(datetime.fromisoformat(moment).replace(tzinfo=MOSCOW), HOURS)
    assert found == datetime.fromisoformat(allowed).replace(tzinfo=MOSCOW)


def test_the_morning_itself_is_the_next_morning() -> None:
    morning = datetime(2026, 3, 12, 9, 0, tzinfo=MOSCOW)
    assert next_working_morning(morning, HOURS) == morning
    assert next_working_morning(morning + timedelta(minutes=1), HOURS) == morning + timedelta(days=1)


def test_hours_are_those_of_the_tenant() -> None:
    evening_in_kamchatka = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
    hours = QuietHours(ZoneInfo("Asia/Kamchatka"))
    assert when_allowed(evening_in_kamchatka, hours) == datetime(2026, 3, 12, 21, 0, tzinfo=UTC)
    assert when_allowed(evening_in_kamchatka, HOURS) is evening_in_kamchatka
    assert local_day(datetime(2026, 12, 31, 21, 0, tzinfo=UTC), MOSCOW) == date(2027, 1, 1)


def test_quiet_hours_within_a_day_and_none_at_all() -> None:
    lunch = QuietHours(MOSCOW, time(13), time(14))
    assert when_allowed(datetime(2026, 3, 12, 13, 30, tzinfo=MOSCOW), lunch) == datetime(2026, 3, 12, 14, tzinfo=MOSCOW)
    never = QuietHours(MOSCOW, time(0), time(0))
    night = datetime(2026, 3, 12, 3, 0, tzinfo=MOSCOW)
    assert when_allowed(night, never) is night


def test_moment_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 3, 12, 12, 0)  # noqa: DTZ001 - the refusal of such a value is what is tested
    with pytest.raises(ValueError, match="time zone"):
        when_allowed(naive, HOURS)
    with pytest.raises(ValueError, match="zone of their own"):
        QuietHours(MOSCOW, time(20, tzinfo=UTC))


def test_reminders_on_days_three_and_seven() -> None:
    assert reminders(date(2026, 3, 10), (3, 7), HOURS) == (
        Reminder(3, datetime(2026, 3, 13, 9, tzinfo=MOSCOW)),
        Reminder(7, datetime(2026, 3, 17, 9, tzinfo=MOSCOW)),
    )
    assert reminders(date(2026, 3, 11), (3, 7), HOURS)[0].at == datetime(2026, 3, 16, 9, tzinfo=MOSCOW)
    assert reminders(date(2026, 3, 10), (3,), HOURS, at=time(21))[0].at == datetime(2026, 3, 16, 9, tzinfo=MOSCOW)


def test_holidays_do_not_make_two_reminders_of_one_morning() -> None:
    assert reminders(date(2026, 12, 29), (3, 7), HOURS) == (Reminder(7, datetime(2027, 1, 11, 9, tzinfo=MOSCOW)),)


def test_reminder_before_any_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="day 0"):
        reminders(date(2026, 3, 10), (0,), HOURS)


DAYS = st.dates(date(2025, 1, 1), date(2029, 12, 1))
TERMS = st.integers(0, 60)
MODES: st.SearchStrategy[TermMode] = st.sampled_from(["calendar", "working"])
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
ALL_HOURS = st.builds(
    QuietHours,
    st.sampled_from(["Europe/Kaliningrad", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka"]).map(ZoneInfo),
    st.times(),
    st.times(),
)


@given(DAYS, TERMS, MODES)
def test_rolled_due_date_is_worked_and_not_early(start: date, days: int, mode: TermMode) -> None:
    due = due_date(start, days, mode).day
    assert RUSSIA.is_working(due)
    assert due >= start + timedelta(days=days)
    assert not any(
        RUSSIA.is_working(day)
        for day in (start + timedelta(days=n) for n in range(days, (due - start).days))
        if mode == "calendar"
    )


@given(DAYS, TERMS)
def test_working_term_counts_working_days(start: date, days: int) -> None:
    due = due_date(start, days, "working", roll=False).day
    counted = sum(RUSSIA.is_working(start + timedelta(days=n)) for n in range(1, (due - start).days + 1))
    assert counted == days


@given(DAYS, DAYS, TERMS, MODES)
def test_starting_later_never_ends_earlier(first: date, second: date, days: int, mode: TermMode) -> None:
    early, late = sorted((first, second))
    assert due_date(early, days, mode).day <= due_date(late, days, mode).day
    assert due_date(early, days, mode).day <= due_date(early, days + 1, mode).day


@given(DAYS, TERMS)
def test_warning_is_given_exactly_where_data_is_missing(start: date, days: int) -> None:
    found = due_date(start, days, "working")
    touched = set(range(start.year, found.day.year + 1))
    assert (found.warning is not None) is bool(touched - set(RUSSIA.years))
    assert due_date(start, days, "working", calendar=NOTHING_KNOWN).warning is not None


@given(MOMENTS, ALL_HOURS)
def test_people_are_never_disturbed_in_quiet_hours(moment: datetime, hours: QuietHours) -> None:
    allowed = when_allowed(moment, hours)
    local = allowed.astimezone(hours.zone)
    assert allowed >= moment
    assert RUSSIA.is_working(local.date())
    assert not hours.cover(local.time())
    assert when_allowed(allowed, hours) == allowed


@given(MOMENTS, MOMENTS, ALL_HOURS)
def test_quiet_hours_keep_the_order_of_moments(first: datetime, second: datetime, hours: QuietHours) -> None:
    early, late = sorted((first, second))
    assert next_working_morning(early, hours) <= next_working_morning(late, hours)
    assert when_allowed(early, hours) <= next_working_morning(early, hours)


@given(DAYS, st.sets(st.integers(1, 60), max_size=6), ALL_HOURS, st.times())
def test_reminders_rise_in_delay_and_time(due: date, days: set[int], hours: QuietHours, at: time) -> None:
    plan = reminders(due, days, hours, at=at)
    assert [reminder.overdue_day for reminder in plan] == sorted({r.overdue_day for r in plan} & days)
    sent_on = [local_day(reminder.at, hours.zone) for reminder in plan]
    assert all(earlier < later for earlier, later in pairwise(sent_on))
    assert bool(plan) is bool(days)
    assert all(r.at >= datetime.combine(due + timedelta(r.overdue_day), at, tzinfo=hours.zone) for r in plan)
