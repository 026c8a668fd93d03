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
