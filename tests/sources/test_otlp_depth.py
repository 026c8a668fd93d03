"""Values that are nested deeply: they are cut with a word about it, and cost no other span anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from traceview.sources.base import ReadReport
from traceview.sources.jsontext import dumps, loads
from traceview.sources.otlp.logs import LogEvents
from traceview.sources.otlp.reading import request_rows
from traceview.sources.otlp.typed import parse


def nested(depth: int, around: Callable[[Any], Any]) -> Any:
    value: Any = {"stringValue": "x"}
    for _ in range(depth):
        value = around(value)
    return value


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "arrays": lambda value: {"arrayValue": {"values": [value]}},
    "lists": lambda value: {"kvlistValue": {"values": [{"key": "k", "value": value}]}},
    "plain arrays": lambda value: [value],
    "plain objects": lambda value: {"role": value},
}
DEPTHS = {"arrays": 300, "lists": 200, "plain arrays": 900, "plain objects": 900}


def span(number: int, attributes: Any, **more: Any) -> dict[str, Any]:
    times = {"startTimeUnixNano": "1000000000000000000", "endTimeUnixNano": "1000000000000000001"}
    return {"traceId": "1" * 32, "spanId": f"{number:016x}", **times, "attributes": attributes, **more}


@pytest.mark.parametrize("read", [parse, loads])
@pytest.mark.parametrize("key", ["d", "gen_ai.input.messages", "metadata", "gen_ai.usage.input_tokens"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_deep_value_is_cut_and_the_other_spans_are_read(
    layout: str, key: str, read: Callable[[bytes], Any]
) -> None:
    deep = nested(DEPTHS[layout], LAYOUTS[layout])
    told = [
        span(1, [{"key": key, "value": deep}]),
        span(2, {key: deep}, status={"message": deep}, events=[{"name": deep, "attributes": {"a": deep}}]),
        span(3, [{"key": key, "value": {"stringValue": dumps(nested(900, LAYOUTS["plain objects"]))}}]),
        span(4, [{"key": key, "value": {"stringValue": "y"}}]),
    ]
    report = ReadReport()
    request = read(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": told}]}]}).encode())
    rows = list(request_rows(request, "here", report, LogEvents()))
    assert [row["span_id"] for row in rows] == [f"{number:016x}" for number in (1, 2, 3, 4)]
    assert not report.skipped
    assert "levels deep: the rest was left out]" in rows[0]["attributes"]
    assert json.loads(rows[3]["attributes"])[key] == "y"


def test_what_is_nested_less_is_whole() -> None:
    value = nested(60, LAYOUTS["arrays"])
    body = json.dumps(
        {"resourceSpans": [{"scopeSpans": [{"spans": [span(1, [{"key": "d", "value": value}])]}]}]}
    )
    for read in (parse, loads):
        (row,) = request_rows(read(body.encode()), "here", ReadReport(), LogEvents())
        assert row["attributes"] == '{"d":' + "[" * 60 + '"x"' + "]" * 60 + "}"
