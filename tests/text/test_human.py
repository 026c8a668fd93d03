"""Numbers and times for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text import human

NOW = 1_793_527_200_123_456_789  # 2026-11-01T10:00:00.123456789Z
HOUR = 3_600_000_000_000


@pytest.mark.parametrize(
    ("function", "value", "shown"),
    [
        (human.duration, None, "–"),
        (human.duration, 0, "0ms"),
        (human.duration, 0.0001, "100ns"),
        (human.duration, 0.05, "0.05ms"),
        (human.duration, 1.26, "1.3ms"),
        (human.duration, 12.4, "12ms"),
        (human.duration, 999.4, "999ms"),
        (human.duration, 999.6, "1.0s"),
        (human.duration, 2149, "2.1s"),
        (human.duration, 9960, "10s"),
        (human.duration, 59_499, "59s"),
        (human.duration, 59_500, "1m 00s"),
        (human.duration, 185_000, "3m 05s"),
        (human.duration, 7_620_000, "2h 07m"),
        (human.duration, 273_600_000, "3d 04h"),
        (human.duration, -5, "-5.0ms"),
        (human.count, 1234567, "1,234,567"),
        (human.short_count, 999, "999"),
        (human.short_count, 1234, "1.2k"),
        (human.short_count, 9_960, "10k"),
        (human.short_count, 999_600, "1.0M"),
        (human.short_count, 3_400_000_000_000, "3T"),
        (human.money, 0, "$0"),
        (human.money, 0.00042, "$0.00042"),
        (human.money, 0.0421, "$0.042"),
        (human.money, 0.0999, "$0.10"),
        (human.money, 1.234, "$1.23"),
        (human.money, 999.999, "$1,000"),
        (human.money, 1234.5, "$1,234"),
        (human.money, 1e-9, "<$0.000001"),
        (lambda usd: human.money(usd, unknown=2), 1.234, "$1.23+"),
        (lambda usd: human.money(usd, unknown=2), None, "–"),
        (human.size, 999, "999 B"),
        (human.size, 1500, "1.5 KB"),
        (human.size, 23_400_000, "23 MB"),
        (human.rfc3339, None, None),
        (human.rfc3339, 0, "1970-01-01T00:00:00.000000000Z"),
        (human.rfc3339, -1, "1969-12-31T23:59:59.999999999Z"),
        (human.rfc3339, NOW, "2026-11-01T10:00:00.123456789Z"),
        (human.rfc3339, 10**30, f"{10**30}ns"),
    ],
)
def test_shows(function: Any, value: Any, shown: str | None) -> None:
    assert function(value) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "– of 0"),
        (0, 10, "0 % of 10"),
        (1, 3, "33 % of 3"),
        (1, 1204, "0.1 % of 1,204"),
        (1, 100_000, "<0.1 % of 100,000"),
        (999, 1000, ">99 % of 1,000"),
        (1000, 1000, "100 % of 1,000"),
    ],
)
def test_percent_says_of_how_many(part: int, whole: int, shown: str) -> None:
    assert human.percent(part, whole) == shown


def test_tokens() -> None:
    assert human.tokens(1200, 340) == "1.2k→340"
    assert human.tokens(None, 3) == "–→3"
    assert human.tokens(None, None) == "–"


@pytest.mark.parametrize(
    ("ns", "short", "relative"),
    [
        (NOW, "10:00:00", "now"),
        (NOW - HOUR // 120, "09:59:30", "30s ago"),
        (NOW - 2 * HOUR, "08:00:00", "2h ago"),
        (NOW - 72 * HOUR, "Oct 29 10:00", "3d ago"),
        (NOW - 24 * 400 * HOUR, "2025-09-27", "400d ago"),
        (NOW + 3 * HOUR, "13:00:00", "in 3h"),
        (None, "–", "–"),
    ],
)
def test_times_seen_from_now(ns: int | None, short: str, relative: str) -> None:
    assert human.short_time(ns, NOW, tz=UTC) == short
    assert human.ago(ns, NOW) == relative


def test_local_time() -> None:
    assert human.local_time(NOW, tz=timezone(timedelta(hours=2))) == "2026-11-01 12:00:00"
    assert human.local_time(NOW, tz=UTC, digits=3) == "2026-11-01 10:00:00.123"


@given(st.integers(-(2**63), 2**63 - 1))
def test_rfc3339_keeps_every_digit(ns: int) -> None:
    text = human.rfc3339(ns)
    assert text is not None
    moment = datetime.fromisoformat(text[:19] + "+00:00")
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert seconds * 10**9 + int(text[20:29]) == ns


@given(st.floats(0, 1e15))
def test_short_forms_stay_short(value: float) -> None:
    assert len(human.duration(min(value, 1e13))) <= 12
    assert len(human.short_count(value)) <= 6
