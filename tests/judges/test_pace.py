"""The window of calls, pauses and spreading: as replies and headers tell, by a clock that stands still."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.judges.running.pace import Pace, backoff, retry_after, seconds_until

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_pace(clock: Clock, **changed: int) -> Pace:
    return Pace(clock, chance=random.Random(1), now=lambda: NOW, **changed)


def test_the_window_grows_fast_until_something_is_refused_and_then_grows_slowly() -> None:
    clock = Clock()
    pace = a_pace(clock)
    assert pace.window == 8
    for _ in range(8):
        pace.succeeded({})
    assert pace.window == 32
    for _ in range(100):
        pace.succeeded({})
    assert pace.window == 64
    clock.now += 1
    pace.refused(429, clock.now - 0.2, {})
    assert pace.window == 44
    # what was sent before the window was cut says nothing new
    for _ in range(20):
        pace.refused(429, clock.now - 0.2, {})
    assert pace.window == 44
    for _ in range(44):
        pace.succeeded({})
    assert pace.window in (44, 45)
    clock.now += 1
    pace.refused(529, clock.now - 0.1, {})
    assert pace.window == 22


def test_a_pause_holds_for_all_and_ends() -> None:
    clock = Clock()
    pace = a_pace(clock)
    assert (pace.wait(), pace.pause) == (0, None)
    pace.refused(429, clock.now, {"retry-after": "3"})
    assert 3 <= pace.wait() <= 3.05 and pace.pause is not None and pace.pause[0] == "rate_limited"
    pace.refused(429, clock.now, {"retry-after": "1"})
    assert pace.wait() >= 3
    clock.now += 3.06
    assert (pace.wait(), pace.pause) == (0, None)
    pace.refused(529, clock.now, {"retry-after": "99999"})
    assert 120 <= pace.wait() <= 120.05


def limits(left: int, reset: float, limit: int = 100) -> dict[str, str]:
    """The headers of one limit."""
    name = "anthropic-ratelimit-requests"
    at = (NOW + timedelta(seconds=reset)).isoformat()
    return {f"{name}-limit": str(limit), f"{name}-remaining": str(left), f"{name}-reset": at}


def test_sends_are_spread_to_the_pace_at_which_a_limit_fills_again() -> None:
    clock = Clock()
    pace = a_pace(clock)
    pace.succeeded(limits(50, 30))
    pace.sent()
    assert pace.wait() == 0
    # 95 are missing, and in 9.5 seconds they are there: ten a second
    pace.succeeded(limits(5, 9.5))
    pace.sent()
    assert pace.wait() == pytest.approx(0.1)
    clock.now += 0.1
    pace.sent()
    assert pace.wait() == pytest.approx(0.1)
    pace.succeeded(limits(15, 9.5))
    clock.now += 0.1
    pace.sent()
    assert pace.wait() == pytest.approx(0.1)
    pace.succeeded(limits(25, 7.5))
    clock.now += 0.1
    pace.sent()
    assert pace.wait() == 0


def test_a_reset_in_decades_is_not_waited_for() -> None:
    clock = Clock()
    pace = a_pace(clock)
    pace.succeeded(limits(left=0, reset=73 * 365 * 86_400.0, limit=50))
    pace.sent()
    assert pace.wait() == pytest.approx(120 / 50)
    assert pace.pause == ("limit_nearly_used_up", pytest.approx(120 / 50))
    pace.succeeded(limits(left=0, reset=73 * 365 * 86_400.0, limit=1))
    clock.now = clock.now + pace.wait()
    pace.sent()
    assert 0 < pace.wait() <= 120.001
    clock.now += 121
    pace.sent()
    assert (pace.wait(), pace.pause) == (0, None)


def test_tokens_are_spread_by_what_calls_use() -> None:
    clock = Clock()
    pace = a_pace(clock)
    headers = {
        key.replace("requests", "input-tokens"): value for key, value in limits(500, 9.5, 10_000).items()
    }
    pace.succeeded(headers, input_tokens=2_000)
    pace.sent()
    assert pace.wait() == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sun, 29 Nov 2026 12:00:07 GMT"}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_how_long_a_reply_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_times_of_headers() -> None:
    assert seconds_until("2026-11-29T12:00:05Z", NOW) == 5
    assert seconds_until("2026-11-29T11:00:00+00:00", NOW) == 0
    assert seconds_until("whenever", NOW) is None


@given(st.integers(1, 200), st.integers(0, 1000))
def test_backoff_is_bounded(attempt: int, seed: int) -> None:
    assert 0 <= backoff(attempt, random.Random(seed)) <= min(30.0, 0.5 * 2 ** (attempt - 1))


NAMES = ["retry-after", "retry-after-ms"] + [
    f"anthropic-ratelimit-{kind}-{end}"
    for kind in ("requests", "input-tokens")
    for end in ("limit", "remaining", "reset")
]
VALUES = st.one_of(st.text(max_size=8), st.integers(-5, 10**9).map(str), st.just("2026-11-29T12:00:01Z"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ok", "429", "529"]),
            st.dictionaries(st.sampled_from(NAMES), VALUES),
            st.floats(0, 5),
        ),
        max_size=60,
    )
)
def test_whatever_headers_say_something_can_be_sent_again(
    events: list[tuple[str, dict[str, str], float]],
) -> None:
    clock = Clock()
    pace = a_pace(clock)
    for kind, headers, passed in events:
        pace.sent()
        if kind == "ok":
            pace.succeeded(headers, 100, 10)
        else:
            pace.refused(int(kind), clock.now, headers)
        assert 1 <= pace.window <= 64
        assert 0 <= pace.wait() <= 300
        clock.now += passed
