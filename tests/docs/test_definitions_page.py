"""The example of the page about definitions is one that the app takes, its keys and views too."""

from __future__ import annotations

import re
from pathlib import Path

from traceview.cli.opening import load_definitions
from traceview.cli.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "definitions.md"


def test_the_example_is_taken(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    config = tmp_path / "traceview.toml"
    config.write_text(example[1])
    project = load_definitions(Settings(config=config), [])
    assert [one.name for one in project.definitions] == ["grounded", "tone", "effort"]
    assert list(project.views) == ["slow and failing", "dear for enterprise"]
    assert project.columns["traces"]


def test_the_example_of_prices_is_taken(tmp_path: Path) -> None:
    (example,) = [
        text for text in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "[prices" in text
    ]
    config = tmp_path / "traceview.toml"
    config.write_text(example)
    price = load_definitions(Settings(config=config), []).prices.of("openai/gpt-4o-2024-08-06")
    assert price is not None and price.batch == 0.5 and price.bands[1].above == 200_000
