"""What a prompt version says, and in how many of its calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from traceview.store.prompts import system_prompt

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.mark.parametrize("name", ["openinference/anthropic.otlp.jsonl", "phoenix/spans.parquet"])
def test_a_call_that_two_libraries_wrote_counts_once(opening: Any, name: str) -> None:
    engine = opening(FIXTURES / name)
    rows = {row["prompt_version"]: row for row in engine.prompts()}
    found = {version: system_prompt(engine, row, None) for version, row in rows.items()}
    assert {version: (one.read, one.calls) for version, one in found.items()} == {
        "v1": (9, 9),
        "v2": (16, 16),
        "v3": (8, 8),
    }
    assert all(one.text and one.text.startswith("You are a ") for one in found.values())
