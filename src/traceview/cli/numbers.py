"""Numbers in options: finite ones, which click's own ranges do not insist on (`nan` is within every range)."""

from __future__ import annotations

import math
from typing import Any

import click

MOST_USD = 1_000_000_000


class Finite(click.FloatRange):
    """A finite number within a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Fails as click's own types do."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


DOLLARS = Finite(0, MOST_USD)
