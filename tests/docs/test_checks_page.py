"""docs/checks.md tells every built-in check with every option as the program has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.judges.checks.json_schema import KEYWORDS
from traceview.model.checks import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text("utf-8")


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_told_with_its_options(name: str) -> None:
    form = CHECKS[name]
    section = PAGE.split(f"### `{name}`\n", 1)[1].split("\n### ")[0].split("\n## ")[0]
    assert form.about in section
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(form.options)
    for row, option in zip(rows, form.options.values(), strict=True):
        assert option.about in row
        assert all(f"`{choice}`" in row for choice in option.choices)
    assert all(f"`METRIC_{part}`" in section for part in form.parts)


def test_every_keyword_of_a_schema_is_told() -> None:
    assert all(f"`{keyword}`" in PAGE for keyword in KEYWORDS)
