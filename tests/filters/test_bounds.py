"""What comparisons of times mean in nanoseconds."""

from __future__ import annotations

from datetime import UTC

import pytest

from traceview.filters import parse
from traceview.filters.bounds import start_bounds

NOW = 1_793_527_200_000_000_000  # 2026-11-01T10:00:00Z
HOUR = 3_600_000_000_000
DAY = 24 * HOUR
FIRST = NOW - 10 * HOUR


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("time:2026-11-01", FIRST, FIRST + DAY),
        ("time:2026-10-30..2026-11-01", FIRST - 2 * DAY, FIRST + DAY),
        ("time:2026-11-01..", FIRST, None),
        ("time:..1h", None, NOW - HOUR + 1),
        ("time>=2026-11-01", FIRST, None),
        ("time>2026-11-01", FIRST + DAY, None),
        ("time<=2026-11-01", None, FIRST + DAY),
        ("time<2026-11-01", None, FIRST),
        ("since:2026-11-01", FIRST, None),
        ("until:2026-11-01", None, FIRST + DAY),
        ("since:1h", NOW - HOUR, None),
        ("until:1h", None, NOW - HOUR + 1),
        ("since:2d until:1d", NOW - 2 * DAY, NOW - DAY + 1),
        ("since:2d since:1d model:x", NOW - DAY, None),
        ("since:2d or model:x", None, None),
        ("-since:2d", None, None),
        ("last:7d", None, None),
        ("time:any", None, None),
        ("", None, None),
    ],
)
def test_bounds_of_start_times(text: str, low: int | None, high: int | None) -> None:
    assert start_bounds(parse(text, now_ns=NOW, tz=UTC)) == (low, high)
