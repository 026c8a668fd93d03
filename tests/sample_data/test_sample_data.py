"""The sample data keeps what its README promises, by a check of its own on the Parquet file."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from math import comb
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

FOLDER = Path(__file__).parents[2] / "sample_data"
Row = dict[str, Any]
FIRST_DAY = dt.date(2026, 10, 5)


@pytest.fixture(scope="module")
def spans() -> list[Row]:
    return pq.read_table(FOLDER / "traces.parquet").to_pylist()


@pytest.fixture(scope="module")
def traces(spans: list[Row]) -> dict[str, list[Row]]:
    grouped = defaultdict(list)
    for span in spans:
        grouped[span["trace_id"]].append(span)
    return grouped


@pytest.fixture(scope="module")
def roots(spans: list[Row]) -> dict[str, Row]:
    return {span["trace_id"]: span for span in spans if span["parent_span_id"] is None}


def lines(name: str) -> list[Row]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def planted(problem: str) -> set[str]:
    return {row["trace_id"] for row in lines("truth.jsonl") if row["problem"] == problem}


def readme_table(head: str) -> list[list[str]]:
    """The rows of the README's table whose first column is called `head`."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    body = text.split(f"| {head} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in body]


def test_readme_counts_are_the_truth(roots: dict[str, Row]) -> None:
    truth = lines("truth.jsonl")
    counted = Counter((row["problem"], roots[row["trace_id"]]["prompt_version"]) for row in truth)
    table = {row[0]: [int(cell) for cell in row[1:5]] for row in readme_table("problem")}
    assert set(table) == {row["problem"] for row in truth}
    for problem, (total, *by_version) in table.items():
        assert by_version == [counted[problem, version] for version in ("v1", "v2", "v3")]
        assert total == sum(by_version)


def test_truth_names_existing_targets_once(spans: list[Row]) -> None:
    known = {(span["trace_id"], span["span_id"]): span["thread_id"] for span in spans}
    thread_of = {span["trace_id"]: span["thread_id"] for span in spans}
    truth = lines("truth.jsonl")
    assert len({row["trace_id"] for row in truth}) == len(truth)
    for row in truth:
        assert thread_of[row["trace_id"]] == row["thread_id"]
        assert row["detail"]
        if "span_id" in row:
            assert (row["trace_id"], row["span_id"]) in known


def test_size() -> None:
    with duckdb.connect() as db:
        source = str(FOLDER / "traces.parquet")
        threads, traces, spans = db.execute(
            "SELECT count(DISTINCT thread_id), count(DISTINCT trace_id), count(*) FROM read_parquet(?)",
            [source],
        ).fetchall()[0]
    assert (threads, traces) == (600, 1800)
    assert 11_500 <= spans <= 12_500
    assert f"{threads} threads, {traces} traces, {spans} spans." in (FOLDER / "README.md").read_text(
        encoding="utf-8"
    )
    assert sum(path.stat().st_size for path in FOLDER.glob("*.*")) < 6_000_000


def test_documentation_links_that_no_search_returned(
    traces: dict[str, list[Row]], roots: dict[str, Row]
) -> None:
    made_up, skipped = set(), set()
    for trace_id, members in traces.items():
        answer = roots[trace_id]["output"]
        links = set(re.findall(r"https://[\w./-]+\w", answer))
        searches = [span["output"] for span in members if span["kind"] == "retriever"]
        if searches and any(f'"{link}"' not in output for link in links for output in searches):
            made_up.add(trace_id)
        if not searches and (links or re.search("documentation|Dokumentation|ドキュメント", answer)):
            skipped.add(trace_id)
    assert made_up == planted("made_up_link")
    assert skipped == planted("search_skipped")


def test_made_up_links_jump_with_v3(traces: dict[str, list[Row]], roots: dict[str, Row]) -> None:
    searched = Counter(
        roots[trace_id]["prompt_version"]
        for trace_id, members in traces.items()
        if any(span["kind"] == "retriever" for span in members)
    )
    made_up = Counter(roots[trace_id]["prompt_version"] for trace_id in planted("made_up_link"))
    for row in readme_table("version"):
        assert [int(row[2]), int(row[3])] == [searched[row[0]], made_up[row[0]]]
        assert float(row[4].split()[0]) == round(100 * made_up[row[0]] / searched[row[0]], 1)
    rate = {version: made_up[version] / searched[version] for version in searched}
    assert rate["v3"] > 5 * max(rate["v1"], rate["v2"])


def test_versions_change_on_the_days_that_the_readme_names(roots: dict[str, Row]) -> None:
    days = defaultdict(set)
    for root in roots.values():
        days[root["prompt_version"]].add(root["start_time"].date())
    assert min(days["v1"]) == dt.date(2026, 10, 5)
    assert max(days["v1"]) < dt.date(2026, 10, 14) == min(days["v2"])
    assert max(days["v2"]) < dt.date(2026, 10, 22) == min(days["v3"])
    assert max(days["v3"]) == dt.date(2026, 11, 1)


def test_one_week_is_slow() -> None:
    query = """
        WITH roots AS (
            SELECT (start_time AT TIME ZONE 'UTC')::DATE AS day, epoch_us(end_time - start_time) / 1000 AS ms
            FROM read_parquet(?) WHERE parent_span_id IS NULL)
        SELECT (day - DATE '2026-10-05') // 7 AS week, count(*), quantile_cont(ms, 0.5), quantile_cont(ms, 0.95)
        FROM roots GROUP BY 1 ORDER BY 1"""
    with duckdb.connect() as db:
        measured = db.execute(query, [str(FOLDER / "traces.parquet")]).fetchall()
    written = [[int(cell) for cell in row[1:4]] for row in readme_table("week")]
    assert [[count, round(p50), round(p95)] for _, count, p50, p95 in measured] == written
    slow = written.pop(1)
    assert slow[2] > 5 * max(row[2] for row in written)


def test_throttled_calls_are_in_the_slow_week_only(spans: list[Row]) -> None:
    refused = [span for span in spans if json.loads(span["attributes"]).get("http.status_code") == 429]
    assert {span["trace_id"] for span in refused} == planted("throttled_tool")
    assert {span["name"] for span in refused} == {"jira_sync"}
    assert {(span["start_time"].date() - FIRST_DAY).days // 7 for span in refused} == {1}


def test_loops(traces: dict[str, list[Row]]) -> None:
    found = set()
    for trace_id, members in traces.items():
        calls = Counter(
            (s["name"], s["input"]) for s in members if s["kind"] == "tool" and s["status"] == "ok"
        )
        if calls and max(calls.values()) > 1:
            assert max(calls.values()) >= 6
            found.add(trace_id)
    assert found == planted("loop")


def test_one_trace_has_3000_spans(traces: dict[str, list[Row]]) -> None:
    sizes = {trace_id: len(members) for trace_id, members in traces.items()}
    assert {trace_id for trace_id, size in sizes.items() if size == 3000} == planted("fan_out")
    assert max(size for size in sizes.values() if size != 3000) < 100


def test_ignored_errors(traces: dict[str, list[Row]], roots: dict[str, Row]) -> None:
    admits = re.compile(
        r"could not|did not work|failed|was not saved|konnte|nicht gespeichert|fehlgeschlagen|できません|失敗"
    )
    ignored = set()
    for trace_id, members in traces.items():
        last = {span["name"]: span for span in members if span["kind"] == "tool"}
        failed = any(span["status"] == "error" for span in last.values())
        if failed and not admits.search(roots[trace_id]["output"]):
            ignored.add(trace_id)
    assert ignored == planted("ignored_error")


def test_corrections_formats_and_injections(traces: dict[str, list[Row]], roots: dict[str, Row]) -> None:
    answers = {trace_id: root["output"] for trace_id, root in roots.items()}
    broken = {t for t, text in answers.items() if "|" in text or len(re.findall(r"^- ", text, re.M)) > 3}
    assert broken == planted("format_broken")
    says = re.compile("I meant|ich meinte|のことです")
    assert {t for t, root in roots.items() if says.search(root["input"])} == planted("user_correction")
    hit = {
        t
        for t, members in traces.items()
        for s in members
        if re.search("(?i)ignore .*previous", s["output"] or "") and s["kind"] == "tool"
    }
    assert hit == planted("prompt_injection")


def test_wrong_users(traces: dict[str, list[Row]], roots: dict[str, Row]) -> None:
    wrong = set()
    for trace_id, members in traces.items():
        asked = roots[trace_id]
        people: dict[str, Row] = {}
        for span in members:
            if span["name"] == "find_person":
                people = {person["id"]: person for person in json.loads(span["output"])["people"]}
            elif people and span["kind"] == "tool":
                args = json.loads(span["input"])
                acted = args.get("owner_id", args.get("person_id"))
                own = people[acted]["name"] == people.get(asked["user_id"], {}).get("name")
                if (own and acted != asked["user_id"]) or (
                    not own and people[acted]["team"] not in asked["input"]
                ):
                    wrong.add(trace_id)
    assert wrong == planted("wrong_user")


def test_offers_that_no_tool_can_keep(roots: dict[str, Row]) -> None:
    beyond = re.compile(
        r"meeting room|call [A-Z]|PowerPoint|team lunch|everybody's calendar|by phone|bonus"
        r"|Besprechungsraum|anrufen|会議室"
    )
    assert {t for t, root in roots.items() if beyond.search(root["output"])} == planted("infeasible_followup")


def test_span_trees_are_sound(traces: dict[str, list[Row]]) -> None:
    for members in traces.values():
        by_id = {span["span_id"]: span for span in members}
        assert len(by_id) == len(members)
        assert sum(span["parent_span_id"] is None for span in members) == 1
        assert len({span["thread_id"] for span in members}) == 1
        for span in members:
            assert span["start_time"] <= span["end_time"]
            if span["parent_span_id"] is not None:
                parent = by_id[span["parent_span_id"]]
                assert parent["start_time"] <= span["start_time"]
                assert span["end_time"] <= parent["end_time"]


def test_turns_of_a_thread_follow_each_other(roots: dict[str, Row]) -> None:
    threads = defaultdict(list)
    for root in roots.values():
        threads[root["thread_id"]].append(root)
    for turns in threads.values():
        turns.sort(key=lambda root: root["start_time"])
        assert len({(root["user_id"], root["prompt_version"]) for root in turns}) == 1
        for before, after in pairwise(turns):
            assert before["end_time"] < after["start_time"]


def test_tokens_and_costs_are_plausible(spans: list[Row]) -> None:
    for span in spans:
        if span["kind"] not in ("llm", "embedding"):
            assert span["prompt_tokens"] is None and span["cost_usd"] is None and span["model"] is None
            continue
        duration = (span["end_time"] - span["start_time"]) / dt.timedelta(milliseconds=1)
        assert 0 < span["cost_usd"] < 0.2 or span["kind"] == "embedding"
        assert 0 < span["prompt_tokens"] < 30_000
        if span["kind"] == "llm":
            assert 0 < span["completion_tokens"] < 1_000
            assert 0 <= span["cache_read_tokens"] <= span["prompt_tokens"]
            assert 50 < span["ttft_ms"] <= duration
            assert json.loads(span["input"])[0]["role"] == "system"
            assert json.loads(span["output"])["role"] == "assistant"


def test_labels(roots: dict[str, Row]) -> None:
    rows = lines("labels.jsonl")
    values = [row for row in rows if row["name"] != "note"]
    assert len(values) == 350
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["annotator"] for row in rows} == {"ana@example.com", "ben@example.com"}
    threads = {root["thread_id"] for root in roots.values()}
    for row in rows:
        assert row["source"] == "human"
        assert row["target_id"] in (threads if row["target_kind"] == "thread" else roots)
        assert row["value"] in (True, False, "n/a") or row["name"] == "note"
    weeks = {(dt.datetime.fromisoformat(row["created_at"]).date() - FIRST_DAY).days // 7 for row in rows}
    assert weeks == {0, 1, 2, 3}
    counted = Counter((row["name"], row["annotator"].split("@")[0]) for row in rows)
    for name, ana, ben in readme_table("name"):
        assert (int(ana), int(ben)) == (counted[name, "ana"], counted[name, "ben"])
    both = defaultdict(dict)
    for row in values:
        both[row["target_id"], row["name"]][row["annotator"]] = row["value"]
    pairs = [list(given.values()) for given in both.values() if len(given) == 2]
    assert len(pairs) > 40
    assert 3 <= sum(a != b for a, b in pairs) <= 12


def test_labels_contradict_the_truth_as_often_as_the_readme_says() -> None:
    problem = {row["trace_id"]: row["problem"] for row in lines("truth.jsonl")}
    fails = {
        "grounded": {"made_up_link", "search_skipped"}, "right_user": {"wrong_user"}, "format": {"format_broken"},
        "feasible_followups": {"infeasible_followup"}, "handled_errors": {"ignored_error"},
    }  # fmt: skip
    rows = [row for row in lines("labels.jsonl") if row["name"] in fails and row["value"] != "n/a"]
    wrong = sum(row["value"] is (problem.get(row["target_id"]) in fails[row["name"]]) for row in rows)
    said = re.search(r"(\d+) labels \(\d+ %\) contradict", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert said is not None and int(said[1]) == wrong


def test_people_see_that_v3_grounds_fewer_answers(roots: dict[str, Row]) -> None:
    said: dict[str, set[bool]] = defaultdict(set)
    for row in lines("labels.jsonl"):
        if row["name"] == "grounded" and isinstance(row["value"], bool):
            said[row["target_id"]].add(row["value"])
    counted: dict[str, Counter[bool]] = defaultdict(Counter)
    for trace_id, values in said.items():
        if len(values) == 1:
            counted[roots[trace_id]["prompt_version"]][values.pop()] += 1
    rate = {version: of[True] / of.total() for version, of in counted.items()}
    assert min(of.total() for of in counted.values()) >= 20 and counted["v3"].total() >= 40
    assert rate["v3"] < 0.75 and min(rate["v1"], rate["v2"]) > 0.85
    # Fisher's exact test, one-sided: by chance v3 has so many failures less than once in fifty times.
    new, old = counted["v3"], counted["v2"]
    failed, total = new[False] + old[False], new.total() + old.total()
    ways = [
        comb(new.total(), k) * comb(old.total(), failed - k)
        for k in range(new[False], min(failed, new.total()) + 1)
    ]
    assert sum(ways) / comb(total, failed) < 0.02


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_generator_makes_the_same_again(tmp_path: Path, hash_seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, str(FOLDER / "generate.py"), str(tmp_path)], check=True, env=environment)
    for name in ("truth.jsonl", "labels.jsonl", "README.md"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name
    assert content(tmp_path) == content(FOLDER)


def content(folder: Path) -> str:
    """A hash over the rows, whatever version of pyarrow wrote them."""
    rows = pq.read_table(folder / "traces.parquet").to_pylist()
    return hashlib.sha256(repr(rows).encode()).hexdigest()
