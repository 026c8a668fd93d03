"""How many calls are on the way at once, and when the next one may be sent. Times are seconds of a steady clock."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

CEILING = 64
FIRST_WINDOW = 8
LONGEST_PAUSE = 120.0
FIRST_BACKOFF = 0.5
JITTER = 0.05
WORTH_TELLING = 2.0
"""Seconds between two sends from which on it is a pause."""
_GROWTH = 3.0
"""Calls more for each success at the beginning: a window of successes makes it four times as large."""
_AFTER_429, _AFTER_529 = 0.7, 0.5
_LOW, _ENOUGH = 0.10, 0.20
"""Shares of a limit: below the first sends are spread, above the second no more."""
_KINDS = ("requests", "input-tokens", "output-tokens", "tokens")


@dataclass(slots=True)
class _Spread:
    """Sends of one limit that is nearly used up: one every so many seconds, until that is over."""

    seconds: float
    until: float


class Pace:
    """The window of calls and the pauses, as replies and their headers tell. One for each endpoint.

    The window grows by some calls with every success until something was refused for the first time, from then on by
    one for each window of successes.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        ceiling: int = CEILING,
        first: int = FIRST_WINDOW,
        chance: random.Random | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._now = now
        self._ceiling = max(1, ceiling)
        self._size = float(min(first, self._ceiling))
        self._threshold = float(self._ceiling)
        self._cut_at = -math.inf
        self._paused_until = -math.inf
        self._reason = ""
        self._next_send = -math.inf
        self._spread: dict[str, _Spread] = {}
        self._tokens = {"requests": 1.0, "input-tokens": 0.0, "output-tokens": 0.0, "tokens": 0.0}
        self._chance = chance or random.Random()

    @property
    def window(self) -> int:
        """How many calls may be on the way."""
        return max(1, int(self._size))

    @property
    def pause(self) -> tuple[str, float] | None:
        """Why nothing is sent, and for how many seconds; None if there is no such pause."""
        now = self._clock()
        left = self._paused_until - now
        if left > 0:
            return self._reason, left
        spread = self._next_send - now
        return ("limit_nearly_used_up", spread) if spread > WORTH_TELLING else None

    def wait(self) -> float:
        """Seconds until the next call may be sent, as far as pauses and limits go; 0 at once."""
        now = self._clock()
        return max(0.0, self._paused_until - now, self._next_send - now)

    def sent(self) -> None:
        """A call goes out now."""
        now = self._clock()
        self._spread = {kind: one for kind, one in self._spread.items() if one.until > now}
        gap = max((one.seconds for one in self._spread.values()), default=0.0)
        self._next_send = max(now, self._next_send) + gap if gap else now

    def succeeded(self, headers: Mapping[str, str], input_tokens: int = 0, output_tokens: int = 0) -> None:
        """A call was answered."""
        self._size = min(
            self._ceiling, self._size + (_GROWTH if self._size < self._threshold else 1.0 / self._size)
        )
        for kind, tokens in (("input-tokens", input_tokens), ("output-tokens", output_tokens)):
            self._tokens[kind] += (tokens - self._tokens[kind]) * (0.1 if self._tokens[kind] else 1.0)
        self._tokens["tokens"] = self._tokens["input-tokens"] + self._tokens["output-tokens"]
        self._look_at(headers)

    def refused(self, status: int, sent_at: float, headers: Mapping[str, str]) -> None:
        """A call that was sent at this time met a limit (429) or an overloaded endpoint (529, 503)."""
        if sent_at > self._cut_at:
            self._size = max(1.0, self._size * (_AFTER_429 if status == 429 else _AFTER_529))
            self._threshold = self._size
            self._cut_at = self._clock()
        seconds = retry_after(headers, self._now())
        if seconds is not None:
            pause = min(seconds, LONGEST_PAUSE) + self._chance.uniform(0, JITTER)
            until = self._clock() + pause
            if until > self._paused_until:
                self._paused_until = until
                self._reason = "rate_limited" if status == 429 else "overloaded"
        self._look_at(headers)

    def _look_at(self, headers: Mapping[str, str]) -> None:
        """Spread sends to the pace at which a limit fills again, where little of it is left."""
        for kind in _KINDS:
            name = f"anthropic-ratelimit-{kind}"
            limit, left = _number(headers.get(f"{name}-limit")), _number(headers.get(f"{name}-remaining"))
            reset = seconds_until(headers.get(f"{name}-reset"), self._now())
            if not limit or left is None or reset is None:
                continue
            if left >= limit * _ENOUGH or reset <= 0:
                self._spread.pop(kind, None)
            elif left < limit * _LOW:
                # the limit is whole again at the reset: until then it fills at this pace. A reset that is far off is
                # not believed: should there be nothing left then, a 429 says so.
                reset = min(reset, LONGEST_PAUSE)
                per_second = max(limit - left, 1.0) / reset
                seconds = max(self._tokens[kind], 1.0) / per_second
                self._spread[kind] = _Spread(min(seconds, reset), self._clock() + reset)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that a reply asks to wait; None if it does not say."""
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return exact / 1000
    told = headers.get("retry-after")
    seconds = _number(told)
    return seconds if seconds is not None else seconds_until(told, now)


def seconds_until(told: str | None, now: datetime) -> float | None:
    """Seconds until a time as RFC 3339 or HTTP have it, not below 0; None if it is none."""
    if not told:
        return None
    from email.utils import parsedate_to_datetime

    for parse in (lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")), parsedate_to_datetime):
        try:
            at = parse(told)
        except (ValueError, TypeError, OverflowError):
            continue
        return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
    return None


def backoff(
    attempt: int, chance: random.Random, *, first: float = FIRST_BACKOFF, longest: float = 30.0
) -> float:
    """Seconds before a call is tried again after its n-th attempt: anything up to a bound that doubles."""
    return chance.uniform(0, min(longest, first * 2.0 ** min(attempt - 1, 30)))


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
