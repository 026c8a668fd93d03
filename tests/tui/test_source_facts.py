"""What a list says of its source as a whole: skipped input, costs that are partly known, names that tell nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from traceview.store.interface import EngineStatus
from traceview.store.source_info import ModelCost, Skipped, SourceInfo
from traceview.text.cells import width
from traceview.tui.screens.list_heads import ListColumns, engine_parts
from traceview.tui.screens.source_facts import source_lines

INFO = SourceInfo(
    format="otlp", files=("a\x1b[31m.jsonl",), identity="x", spans=12, traces=3, threads=1, error_spans=2,
    error_traces=1, leaf_errors=1, llm_calls=4, spans_by_kind={"llm": 4, "tool": 8}, input_tokens=1000,
    output_tokens=10, cost_usd=0.5, models=("m",), prompt_versions=(("p", "v1"),), thread_ids=("t",), start_ns=None,
    end_ns=None, skipped=(Skipped("torn line", 3, "a.jsonl:7"), Skipped("not OTLP", 2)), calls=4, cost_calls=3,
    model_costs=(ModelCost("m", 4, 1000, 10, 0.5, 2, 1, None),),
)  # fmt: skip


@pytest.mark.parametrize("cells", [30, 60, 120])
def test_the_source_says_what_is_known_and_what_was_skipped(cells: int) -> None:
    lines = ["".join(text for text, _ in line) for line in source_lines(INFO, cells)]
    whole = " ".join(" ".join(lines).split())
    assert "$0.50+ (known of 3 of 4 calls; 2 computed from prices)" in whole
    assert "m (4 calls, $0.50, no price)" in whole
    assert "Skipped: 5" in whole and "3 torn line a.jsonl:7" in whole and "2 not OTLP" in whole
    assert "\x1b" not in whole
    assert all(width(line) <= cells for line in lines)


def test_the_status_counts_what_was_skipped() -> None:
    status = EngineStatus("ready", None, 12, 0, skipped=5)
    assert "5 skipped" in "".join(text for text, _ in engine_parts(status))
    assert "skipped" not in "".join(text for text, _ in engine_parts(EngineStatus("ready", None, 12, 0)))


def columns() -> ListColumns:
    looks = SimpleNamespace(choice=lambda level: None)
    return ListColumns("traces", cast(Any, SimpleNamespace(looks=looks, definitions=())))


def test_a_name_that_every_row_has_makes_room_until_another_comes() -> None:
    shown = columns()
    assert "name" in shown.fields()
    assert not shown.learn([{"name": "chat"}] * 2)
    assert "name" in shown.fields()
    assert shown.learn([{"name": "chat"}] * 10)
    assert "name" not in shown.fields()
    assert shown.learn([{"name": "other"}])
    assert "name" in shown.fields()
