"""What model calls cost: the price table that ships, and the project's own prices over it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from traceview.definitions.document import Document, read_document

SHIPPED = Path(__file__).with_name("prices.toml")
TIERS = ("batch", "flex")
"""Service tiers whose calls cost the batch factor."""

_RATES = ("input", "output", "cache_read", "cache_write")
_KEYS = (*_RATES, "batch", "bands")
_VENDOR = re.compile(
    r"^(?:[a-z]{2,6}\.)?(?:anthropic|amazon|meta|mistral|cohere|openai|deepseek|ai21)\.(?=\w)"
)
_ENDINGS = (
    re.compile(r"(?:-v\d+)?:\d+$"),
    re.compile(r"@(?:\d+|latest|default)$"),
    re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d)$"),
    re.compile(r"-\d\d-20\d\d$"),
    re.compile(r"-latest$"),
    re.compile(r"-\d{3,4}$"),
    re.compile(r"-preview(?:-\d\d-\d{2,4})?$"),
)
"""What providers put behind a model's name for one of its versions, in the order in which it is taken off."""


class Band(Struct, frozen=True):
    """Prices in US dollars per million tokens of requests whose prompt has more than `above` tokens."""

    above: int
    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None


class Price(Struct, frozen=True):
    """What calls of a model cost: the bands by prompt length, the first above 0; `batch` is a factor."""

    model: str
    bands: tuple[Band, ...]
    batch: float | None = None

    def cost(
        self,
        input_tokens: int | None,
        output_tokens: int | None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        service_tier: str | None = None,
    ) -> float | None:
        """The cost of a call in US dollars; None without tokens. `input_tokens` include the cached ones.

        A call has tokens: 0 of both is what recorders write that do not know them.

        Cached tokens without a price of their own cost what others do.
        """
        if not input_tokens and not output_tokens:
            return None
        asked = input_tokens or 0
        band = next(band for band in reversed(self.bands) if asked > band.above or not band.above)
        read, written = cache_read_tokens or 0, cache_write_tokens or 0
        cost = (
            max(asked - read - written, 0) * band.input
            + read * (band.input if band.cache_read is None else band.cache_read)
            + written * (band.input if band.cache_write is None else band.cache_write)
            + (output_tokens or 0) * band.output
        ) / 1e6
        reduced = self.batch is not None and (service_tier or "").lower() in TIERS
        return cost * self.batch if reduced and self.batch is not None else cost


@dataclass(frozen=True)
class PriceTable:
    """The shipped prices with the project's own over them, by lower-case name of a model; own names may have `*`."""

    own: Mapping[str, Price] = field(default_factory=dict)

    def of(self, model: str | None) -> Price | None:
        """The price of a model, as its calls name it; None if it is not known."""
        if not model:
            return None
        names = list(names_of(model))
        for name in names:
            if name in self.own:
                return self.own[name]
        for pattern, price in self.own.items():
            if "*" in pattern and any(fnmatchcase(name, pattern) for name in names):
                return price
        prices = shipped().prices
        return next((prices[name] for name in names if name in prices), None)

    @cached_property
    def hash(self) -> str:
        """Changes whenever a call may cost something else."""
        own = json.dumps([[pattern, to_builtins(price)] for pattern, price in self.own.items()])
        return hashlib.sha256(SHIPPED.read_bytes() + own.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class Shipped(Struct, frozen=True):
    """The table that ships: where its prices come from, and of which day they are."""

    prices: Mapping[str, Price]
    source: str
    date: str


@lru_cache(maxsize=1)
def shipped() -> Shipped:
    """The table that ships, read once it is asked for."""
    document = read_document(SHIPPED)
    data = document.data
    return Shipped(_prices(document, ("models",), data["models"]), data["source"], data["date"].isoformat())


def names_of(model: str) -> Iterator[str]:
    """The names under which a model may stand in a table, the most exact one first."""
    name = model.strip().lower()
    yield name
    if "/" in name:
        name = name.rsplit("/", 1)[1]
        yield name
    bare = _VENDOR.sub("", name)
    if bare != name:
        name = bare
        yield name
    for ending in _ENDINGS:
        shorter = ending.sub("", name)
        if shorter and shorter != name:
            name = shorter
            yield name


def project_prices(document: Document) -> dict[str, Price]:
    """The `[prices]` of a traceview.toml. Raises BadInput with file and line."""
    table = document.typed(document.data.get("prices", {}), ("prices",), dict, "a table of models")
    return _prices(document, ("prices",), table)


def _prices(document: Document, keys: tuple[str, ...], table: Mapping[str, Any]) -> dict[str, Price]:
    found: dict[str, Price] = {}
    for model, value in table.items():
        place = (*keys, model)
        name = model.strip().lower()
        if not name:
            raise document.error(place, "a model's name is missing")
        if name in found:
            raise document.error(place, f"the model stands here twice, as {found[name].model!r} too")
        found[name] = _price(document, place, model, value)
    return found


def _price(document: Document, keys: tuple[str, ...], model: str, value: Any) -> Price:
    document.typed(
        value, keys, dict, "a table like { input = 3.0, output = 15.0 } in dollars per million tokens"
    )
    document.only(value, keys, _KEYS)
    bands = [_band(document, keys, value, 0)]
    listed = document.typed(value.get("bands", []), (*keys, "bands"), list, "an array of tables")
    for one in listed:
        place = (*keys, "bands")
        document.typed(one, place, dict, "tables like { above = 200000, input = 6.0, output = 22.5 }")
        document.only(one, place, ("above", *_RATES))
        above = document.typed(one.get("above"), place, int, "above = a number of tokens")
        if above <= bands[-1].above:
            raise document.error(place, f"bands go upwards, and {above} is not above {bands[-1].above}")
        bands.append(_band(document, place, one, above))
    batch = None
    if "batch" in value:
        batch = _amount(document, (*keys, "batch"), value["batch"], "a factor such as 0.5")
    return Price(model, tuple(bands), batch)


def _band(document: Document, keys: tuple[str, ...], value: Mapping[str, Any], above: int) -> Band:
    rates: dict[str, float] = {}
    for rate in _RATES:
        if rate in value:
            rates[rate] = _amount(document, (*keys, rate), value[rate], "dollars per million tokens")
    for needed in ("input", "output"):
        if needed not in rates:
            raise document.error(keys, f"{needed} is missing: dollars per million tokens")
    return Band(above, **rates)


def _amount(document: Document, keys: tuple[str, ...], value: Any, expected: str) -> float:
    number = float(document.typed(value, keys, (int, float), expected))
    if not 0 <= number < 1e9:
        raise document.error(keys, f"expected {expected}, found {value}")
    return number
