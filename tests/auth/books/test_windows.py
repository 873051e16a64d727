"""Windows of time: by the clocks of a place, also on the days on which those change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import inf
from zoneinfo import ZoneInfo

import pytest

from hyperstrate.auth.books import windows
from hyperstrate.auth.books.windows import Window

HOUR = 3600


@dataclass
class Spans:
    """A budget, as far as its windows go."""

    period: str
    time_zone: str = "UTC"


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("zone", "day", "after", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-30", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-26", 25),
        ("Europe/Berlin", "2026-11-22", "2026-11-23", 24),
        ("America/New_York", "2026-03-08", "2026-03-09", 23),
        ("America/New_York", "2026-11-01", "2026-11-02", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06", 24.5),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(
    zone: str, day: str, after: str, hours: float
) -> None:
    for time in ("00:00", "01:30", "12:00", "23:59:59"):
        window = windows.calendar("daily", zone, at(f"{day}T{time}", zone))

        assert window == Window(at(f"{day}T00:00", zone), at(f"{after}T00:00", zone))
        assert window.end - window.start == hours * HOUR


def test_the_hour_that_comes_twice_is_in_one_day() -> None:
    zone = "Europe/Berlin"
    first = at("2026-10-25T02:30", zone)

    assert windows.calendar("daily", zone, first) == windows.calendar("daily", zone, first + HOUR)


def test_a_midnight_that_comes_twice_begins_one_day() -> None:
    zone = "America/Havana"  # there the clocks go back from one to midnight
    first = at("2026-11-01T00:30", zone)

    both = [windows.calendar("daily", zone, moment) for moment in (first, first + HOUR)]

    assert both[0] == both[1]
    assert both[0].end - both[0].start == 25 * HOUR


def test_a_day_that_begins_at_one_o_clock_begins_where_the_day_before_ends() -> None:
    zone = "Africa/Cairo"  # there the clocks jump from midnight to one
    day = windows.calendar("daily", zone, at("2026-04-24T12:00", zone))
    before = windows.calendar("daily", zone, at("2026-04-23T12:00", zone))

    assert before.end == day.start
    assert day.end - day.start == 23 * HOUR


@pytest.mark.parametrize("moment", ["2026-11-16T00:00", "2026-11-19T13:00", "2026-11-22T23:59"])
def test_a_week_begins_on_monday(moment: str) -> None:
    window = windows.calendar("weekly", "UTC", at(moment))

    assert window == Window(at("2026-11-16T00:00"), at("2026-11-23T00:00"))


def test_a_week_in_which_the_clocks_change_is_an_hour_shorter() -> None:
    zone = "Europe/Berlin"

    window = windows.calendar("weekly", zone, at("2026-03-25T12:00", zone))

    assert window.end - window.start == (7 * 24 - 1) * HOUR


@pytest.mark.parametrize(
    ("moment", "first", "after"),
    [
        ("2026-01-31T23:59", "2026-01-01", "2026-02-01"),
        ("2026-02-01T00:00", "2026-02-01", "2026-03-01"),
        ("2028-02-29T12:00", "2028-02-01", "2028-03-01"),
        ("2026-12-31T23:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_a_month_ends_with_its_last_day(moment: str, first: str, after: str) -> None:
    for zone in ("UTC", "Europe/Berlin", "Pacific/Auckland"):
        window = windows.calendar("monthly", zone, at(moment, zone))

        assert window == Window(at(f"{first}T00:00", zone), at(f"{after}T00:00", zone))


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Pacific/Chatham"])
def test_zones_three_quarters_of_an_hour_apart_have_midnights_too(zone: str) -> None:
    window = windows.calendar("daily", zone, at("2026-07-01T00:00", zone))

    assert window.start == at("2026-07-01T00:00", zone)
    assert window.start % HOUR == 15 * 60


def test_where_a_window_ends_the_next_begins() -> None:
    for period in ("daily", "weekly", "monthly"):
        moment = at("2026-01-01T00:00")
        for _ in range(60):
            window = windows.calendar(period, "America/New_York", moment)
            assert window.start <= moment < window.end
            assert windows.calendar(period, "America/New_York", window.end).start == window.end
            moment = window.end


def test_for_ever_and_rolling_never_begin_anew() -> None:
    for period in ("total", "rolling"):
        assert windows.around(Spans(period), at("2026-11-22T12:00")) == Window(0.0, inf)


def test_a_rolling_window_counts_its_oldest_hour_whole() -> None:
    now = at("2026-11-22T12:40")

    assert windows.hour_of(now) == at("2026-11-22T12:00")
    assert windows.rolling_start(24, now) == at("2026-11-21T12:00")
    assert windows.rolling_start(1, now) == at("2026-11-22T11:00")
