"""What calls cost, in whole billionths of a US dollar (nanos): sums are exact, and budgets hold to the last one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from traceview.definitions.prices import Band, Price
from traceview.judges.ledger.records import Usage

NANOS = 1_000_000_000
CHARACTERS_PER_TOKEN = 3.2
"""What is reckoned with where the endpoint cannot be asked."""
FRAMING_TOKENS = 1_000
"""What an endpoint adds to a request at most: the frame of the messages, and how the schema is told to the model."""


def nanos_of(usd: float) -> int:
    """Dollars as nanos, rounded down: a cap is never more than was said."""
    return int(Decimal(str(usd)) * NANOS)


def dollars(nanos: int | None) -> float | None:
    """Nanos as dollars."""
    return None if nanos is None else nanos / NANOS


def cost(price: Price, usage: Usage, *, batch: bool = False) -> int:
    """What a reply costs, rounded up. The length of the whole prompt decides about the band."""
    prompt = usage.input + usage.cache_read + usage.cache_write
    band = next(one for one in reversed(price.bands) if prompt > one.above or not one.above)
    return _sum(price, _in_band(band, usage), batch)


def worst_cost(price: Price, texts: Sequence[str], max_tokens: int, *, batch: bool = False) -> int:
    """The most that a request can cost: a token for each byte, all of it written to the cache, all output used up."""
    prompt = FRAMING_TOKENS + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    reachable = [one for one in price.bands if prompt > one.above or not one.above]
    return max(_sum(price, _worst_in_band(one, prompt, max_tokens), batch) for one in reachable)


def _in_band(band: Band, usage: Usage) -> Decimal:
    rates = (
        (usage.input, band.input),
        (usage.cache_read, band.input if band.cache_read is None else band.cache_read),
        (usage.cache_write, band.input if band.cache_write is None else band.cache_write),
        (usage.output, band.output),
    )
    return sum((tokens * Decimal(str(rate)) for tokens, rate in rates), Decimal(0))


def _worst_in_band(band: Band, prompt: int, max_tokens: int) -> Decimal:
    dearest = max(band.input, band.cache_write or 0.0, band.cache_read or 0.0)
    return prompt * Decimal(str(dearest)) + max_tokens * Decimal(str(band.output))


def _sum(price: Price, micros: Decimal, batch: bool) -> int:
    """Dollars per million tokens times tokens are millionths of a dollar."""
    factor = Decimal(str(price.batch)) if batch and price.batch is not None else Decimal(1)
    return int((micros * factor * 1000).to_integral_value(ROUND_CEILING))
