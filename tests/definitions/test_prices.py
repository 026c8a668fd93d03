"""The price table: found by the names that calls give to models, its formula, and the project's own prices."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.definitions.prices import PriceTable, shipped
from traceview.definitions.project import load_project
from traceview.model.errors import BadInput


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "gpt-4o"),
        ("GPT-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai/gpt-4.1-nano-2025-04-14", "gpt-4.1-nano"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("claude-3-7-sonnet@20250219", "claude-3-7-sonnet"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("models/gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        ("command-r-08-2024", "command-r"),
        ("o3-mini-2025-01-31", "o3-mini"),
        ("gpt-4o-minimal", None),
        ("gpt-4o-mini:free", None),
        ("meta-llama/llama-3", None),
        ("", None),
        (None, None),
    ],
)
def test_a_model_is_found_by_the_name_that_calls_give_it(model: str | None, name: str | None) -> None:
    price = PriceTable().of(model)
    assert (price.model if price is not None else None) == name


def test_every_shipped_price_is_found_under_its_own_name() -> None:
    assert shipped().date and shipped().source
    for name, price in shipped().prices.items():
        assert PriceTable().of(name) is price
        assert price.bands[0].above == 0 and price.bands[0].input > 0


@pytest.mark.parametrize(
    ("arguments", "cost"),
    [
        ((1_000_000, 0), 3.0),
        ((0, 1_000_000), 15.0),
        ((100_000, None), 0.3),
        ((None, None), None),
        # 10,000 of 30,000 read from the cache, 5,000 written to it
        ((30_000, 0, 10_000, 5_000), (15_000 * 3 + 10_000 * 0.3 + 5_000 * 3.75) / 1e6),
        # the whole request has the price of its band
        ((200_000, 1_000), (200_000 * 3 + 1_000 * 15) / 1e6),
        ((200_001, 1_000), (200_001 * 6 + 1_000 * 22.5) / 1e6),
        ((1_000_000, 0, None, None, "batch"), 3.0),
        ((100_000, 0, None, None, "BATCH"), 0.15),
        ((100_000, 0, None, None, "priority"), 0.3),
    ],
)
def test_the_cost_of_a_call(arguments: tuple[int | None, ...], cost: float | None) -> None:
    price = PriceTable().of("claude-sonnet-4-5")
    assert price is not None
    if arguments[0] == 1_000_000:
        # above the band's limit, and in a batch at half the price
        cost = cost and 6.0 * (0.5 if "batch" in arguments else 1.0)
    assert price.cost(*arguments) == (None if cost is None else pytest.approx(cost))  # type: ignore[arg-type]


def test_own_prices_come_first_and_change_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text(
        '[prices."gpt-4o"]\ninput = 1\noutput = 2\n'
        '[prices."our-*"]\ninput = 0.5\noutput = 1.5\nbands = [{ above = 1000, input = 1.0, output = 3.0 }]\n'
    )
    prices = load_project(path).prices
    own = prices.of("gpt-4o-2024-08-06")
    assert own is not None and own.cost(1_000_000, 0) == 1.0
    fuzzy = prices.of("azure/our-model-7")
    assert fuzzy is not None and fuzzy.cost(1_000, 0) == pytest.approx(0.0005)
    assert fuzzy.cost(2_000, 0) == pytest.approx(0.002)
    assert prices.of("gpt-4.1") is PriceTable().of("gpt-4.1")
    assert prices.hash != PriceTable().hash == PriceTable({}).hash


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[prices]\na = 3", 2, "expected a table"),
        ("[prices.a]\ninput = 3", 1, "output is missing"),
        ('[prices.a]\ninput = "3"\noutput = 1', 2, "dollars per million tokens, found '3'"),
        ("[prices.a]\ninput = -3\noutput = 1", 2, "found -3"),
        ("[prices.a]\ninput = nan\noutput = 1", 2, "found nan"),
        ("[prices.a]\ninput = 3\nouput = 1", 3, "did you mean output"),
        (
            "[prices.a]\ninput = 3\noutput = 1\nbands = [{ above = 0, input = 1, output = 1 }]",
            4,
            "go upwards",
        ),
        ("[prices.a]\ninput = 3\noutput = 1\nbands = [{ input = 1, output = 1 }]", 4, "above = a number"),
        ("[prices.A]\ninput = 3\noutput = 1\n[prices.a]\ninput = 3\noutput = 1", 4, "stands here twice"),
    ],
)
def test_what_is_wrong_with_a_price_is_said_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_project(path)
    assert f"{path}:{line}:" in caught.value.message
    assert said in f"{caught.value.message} {caught.value.hint}"
