"""The index of a small source is kept in the cache and answers the next open; one of no use is made anew."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from shop_data import shop, write

from traceview.definitions.prices import Band, Price, PriceTable
from traceview.filters import parse
from traceview.store.duck import lifecycle, whole
from traceview.store.interface import Engine, ListQuery
from traceview.store.targets import LEVELS

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(autouse=True)
def however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the index of any source."""
    monkeypatch.setattr(lifecycle, "KEPT_SPANS", 0)


def _answers(engine: Engine) -> dict[str, Any]:
    """All rows, figures and one search of a source."""
    found: dict[str, Any] = {"info": engine.info(), "by version": engine.stats(by=("prompt_version",)).rows}
    for level in dict.fromkeys(LEVELS.values()):
        for name, node in (("all", None), ("some", parse("status:error or model:*mini*"))):
            selection = engine.select(ListQuery(level, node))
            found[f"{level}, {name}"] = engine.rows(selection, 0, len(selection)).rows
    return found


def _closed(engine: Engine) -> dict[str, Any]:
    found = _answers(engine)
    engine.close()
    return found


def _files(cache: Path) -> list[Path]:
    return sorted((cache / "index").glob("*.duckdb"))


@pytest.mark.parametrize("name", ["phoenix/spans.parquet", "openinference/openai.otlp.jsonl", "shop"])
def test_a_kept_index_answers_as_the_one_in_memory(
    tmp_path: Path, opening: Any, cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "data", "shop", shop()) if name == "shop" else FIXTURES / name
    first = opening(path)
    assert first.index_file is None
    built = _closed(first)
    monkeypatch.setattr(whole, "in_memory", None)
    again = opening(path)
    assert [again.index_file] == _files(cache)
    assert _closed(again) == built
    assert sorted(one.name for one in (cache / "index").iterdir()) == [again.index_file.name]


def test_so_few_spans_are_not_kept(
    tmp_path: Path, opening: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "data", "shop", shop())
    monkeypatch.setattr(lifecycle, "KEPT_SPANS", 1_000)
    opening(path).close()
    assert _files(cache) == []


@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_a_damaged_one_is_made_anew(tmp_path: Path, opening: Any, cache: Path, damage: str) -> None:
    path = write(tmp_path / "data", "shop", shop())
    built = _closed(opening(path))
    (kept,) = _files(cache)
    content = kept.read_bytes()
    kept.write_bytes({"cut": content[:5_000], "noise": os.urandom(len(content)), "empty": b""}[damage])
    assert _closed(opening(path)) == built
    (kept,) = _files(cache)
    assert len(kept.read_bytes()) > 5_000


def test_one_that_cannot_be_written_stops_nothing(
    tmp_path: Path, opening: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "data", "shop", shop())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    engine = opening(path)
    assert engine.status().phase == "ready"
    engine.close()
    assert _files(cache) == []
    assert [one for one in (cache / "index").iterdir() if one.is_dir()] == []


def test_with_other_prices_it_is_another_and_takes_the_place(
    tmp_path: Path, opening: Any, cache: Path
) -> None:
    path = write(tmp_path / "data", "shop", shop())
    opening(path).close()
    before = _files(cache)
    opening(path, prices=PriceTable({"gpt-*": Price("gpt-*", (Band(0, 1.0, 2.0),))})).close()
    after = _files(cache)
    assert len(before) == len(after) == 1 and before != after


def test_those_that_nobody_used_for_a_month_go(tmp_path: Path, opening: Any, cache: Path) -> None:
    paths = [write(tmp_path / "data", name, shop()) for name in ("one", "two", "three")]
    for path in paths[:2]:
        opening(path).close()
    old, used = _files(cache)
    month_ago = time.time() - 31 * 86_400
    os.utime(old, (month_ago, month_ago))
    opening(paths[2]).close()
    assert used in _files(cache) and old not in _files(cache) and len(_files(cache)) == 2
