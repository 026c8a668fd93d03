"""What the sample data's README promises is to be seen in the figures of `stats` and `prompts`."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from traceview.cli.main import main

FOLDER = Path(__file__).parents[2] / "sample_data"
Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """The rows that a command prints for a copy of the sample data."""
    for name in ("CACHE", "CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"TRACEVIEW_{name}_DIR", str(tmp_path / name))
    monkeypatch.setenv("TRACEVIEW_ANNOTATOR", "ann@example.com")
    source = tmp_path / "traces.parquet"
    shutil.copy(FOLDER / "traces.parquet", source)
    monkeypatch.chdir(tmp_path)

    def run(command: str, *arguments: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(main, [command, *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]

    return run


def truth() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / "truth.jsonl").read_text(encoding="utf-8").splitlines()]


def import_links(rows: Rows, tmp_path: Path) -> set[str]:
    """Say of every trace with a search whether its links are made up, as a check of code would; those that are."""
    made_up = {one["trace_id"] for one in truth() if one["problem"] == "made_up_link"}
    searched = rows("traces", "traces.parquet", "-f", "tool:search_docs", "--json")
    lines = [
        {"target_kind": "trace", "target_id": one["trace_id"], "trace_id": one["trace_id"], "name": "real_links",
         "value": one["trace_id"] not in made_up, "source": "code", "annotator": "check",
         "created_at": "2026-11-02T00:00:00.000000Z", "op": "set"}
        for one in searched
    ]  # fmt: skip
    (tmp_path / "links.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows("labels", "import", "traces.parquet", str(tmp_path / "links.jsonl"))
    return made_up


def test_version_three_makes_up_links(rows: Rows, tmp_path: Path) -> None:
    import_links(rows, tmp_path)
    found = {
        row["prompt_version"]: row
        for row in rows("prompts", "traces.parquet", "--json")
        if row["prompt_name"] == "goal-assistant"
    }
    links = {version: row["scores"]["real_links"]["code"] for version, row in found.items()}
    assert {version: (one["n"] - one["k"], one["n"]) for version, one in links.items()} == {
        "v1": (4, 123),
        "v2": (5, 148),
        "v3": (52, 188),
    }
    assert links["v3"]["ci95"][1] < links["v2"]["ci95"][0]
    assert all(one["n"] + one["unscored"] == found[version]["n"] for version, one in links.items())
    assert found["v3"]["first_seen"].startswith("2026-10-22") and found["v3"]["n"] == 683


def test_people_and_checks_are_apart_and_disagreement_is_said(rows: Rows, tmp_path: Path) -> None:
    rows("labels", "import", "traces.parquet", str(FOLDER / "labels.jsonl"))
    import_links(rows, tmp_path)
    (row,) = rows("stats", "traces.parquet", "--json")
    assert set(row["scores"]["grounded"]) == {"human"} and set(row["scores"]["real_links"]) == {"code"}
    labels = [json.loads(line) for line in (FOLDER / "labels.jsonl").read_text().splitlines()]
    given: dict[str, list[Any]] = {}
    for label in labels:
        if label["name"] == "grounded" and label["target_kind"] == "trace":
            given.setdefault(label["target_id"], []).append(label["value"])
    kinds = Counter(
        "split"
        if {True, False} <= set(values)
        else "yes"
        if True in values
        else "no"
        if False in values
        else "n/a"
        for values in given.values()
    )
    grounded = row["scores"]["grounded"]["human"]
    assert (grounded["k"], grounded["n"]) == (kinds["yes"], kinds["yes"] + kinds["no"])
    assert (grounded["split"], grounded["not_applicable"]) == (kinds["split"], kinds["n/a"])
    assert grounded["unscored"] == 1800 - len(given)


def test_the_slow_week_is_seen_by_week_and_by_day(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        weeks = rows("stats", "traces.parquet", "--over", "week", "--json")
        days = rows("stats", "traces.parquet", "--over", "day", "--json")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [(row["week"], row["n"], round(row["p50_ms"]), round(row["p95_ms"])) for row in weeks] == [
        ("2026-10-05", 371, 3526, 6752),
        ("2026-10-12", 490, 3349, 53077),
        ("2026-10-19", 449, 3543, 6440),
        ("2026-10-26", 490, 3464, 5985),
    ]
    slow = {row["day"] for row in days if row["p95_ms"] is not None and row["p95_ms"] > 20_000}
    assert slow and all("2026-10-12" <= day <= "2026-10-18" for day in slow)
    assert sum(row["n"] for row in days) == 1800


def test_tables_say_their_unit_and_that_groups_overlap(rows: Rows) -> None:
    for by, words in (("tool", "tool calls"), ("model", "model calls"), ("user", "of traces")):
        result = CliRunner().invoke(
            main, ["stats", "traces.parquet", "--by", by, "-n", "2"], catch_exceptions=False
        )
        assert words in result.stderr and "2 of " in result.stderr
        assert ("several groups" in result.stderr) == (by != "user")
        assert len(result.stdout.splitlines()) == 3


def test_a_narrow_terminal_leaves_figures_out_rather_than_cutting_them() -> None:
    from traceview.cli.stats import fitting

    columns = ["model", "n", "p50_ms", "p99_ms", "cached", "cost_usd", "good (human)"]
    rows = [{"model": "a", "n": 3, "p50_ms": 5.0, "p99_ms": 5.0, "cached": "7%", "good (human)": "9% n 4"}]
    heads = {column: column for column in columns}
    assert fitting(columns, rows, None, heads) == fitting(columns, rows, 80, heads) == columns
    assert fitting(columns, rows, 48, heads) == [one for one in columns if one != "cached"]
    assert fitting(columns, rows, 20, heads) == ["model", "n", "p50_ms", "cost_usd"]
