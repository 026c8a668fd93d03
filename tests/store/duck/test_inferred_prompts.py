"""Prompt versions of calls that name none, in lists, filters and figures; as a source grows and files change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shop_data import write

from traceview.definitions.prompt_files import PromptFiles
from traceview.filters import parse
from traceview.model.messages import Message, Part
from traceview.sources.messages import json_of
from traceview.store.duck import lifecycle
from traceview.store.interface import Engine, ListQuery

SECOND = 1_000_000_000
GUESTS = ("our guests", "all people")
NAMES = ("Ann", "Bob", "Zoë", "Li Wei")


def said(text: str) -> str:
    return json_of(
        [Message("system", (Part("text", text),)), Message("user", (Part("text", "Where is my order?"),))]
    )


def support(number: int, rule: str) -> str:
    name = NAMES[number % 4]
    return (
        f"You are a support agent for Acme.\nYou are talking to {name} now.\n{rule}\nIt is 10:0{number % 10}."
    )


def call(number: int, text: str | None, **more: Any) -> dict[str, Any]:
    start = (1_790_000_000 + number) * SECOND
    return {
        "trace_id": f"t{number:02d}", "span_id": f"s{number}", "kind": "llm", "name": "chat", "status": "ok",
        "start_ns": start, "end_ns": start + SECOND, "input_messages": said(text) if text else None, **more,
    }  # fmt: skip


FIRST = [call(number, support(number, "Be brief.")) for number in range(8)]
SECOND_VERSION = [call(number, support(number, "Be brief and kind.")) for number in range(8, 16)]


def versions(engine: Engine) -> dict[str, str]:
    rows = engine.rows(engine.select(ListQuery("spans")), 0, 1000).rows
    return {row["span_id"]: f"{row['prompt_name']}@{row['prompt_version']}" for row in rows}


def matching(engine: Engine, text: str) -> set[str]:
    rows = engine.rows(engine.select(ListQuery("traces", parse(text))), 0, 1000).rows
    return {row["trace_id"] for row in rows}


def test_lists_filters_and_figures_know_inferred_versions(tmp_path: Path, opening: Any) -> None:
    engine = opening(write(tmp_path / "data", "calls", [*FIRST, *SECOND_VERSION, call(20, None)]))
    found = versions(engine)
    assert {found[f"s{number}"] for number in range(8)} == {"support-agent@~1"}
    assert {found[f"s{number}"] for number in range(8, 16)} == {"support-agent@~2"}
    assert found["s20"] == "None@None"
    second = {f"t{number:02d}" for number in range(8, 16)}
    assert matching(engine, "prompt:support-agent@~2") == second
    assert matching(engine, "version:~2") == second
    rows = engine.prompts()
    assert [(row["prompt_version"], row["prompt_inferred"], row["n"]) for row in rows] == [
        ("~2", "text", 8),
        ("~1", "text", 8),
    ]
    assert all(matching(engine, row["filter"]) and len(row["template_hash"]) == 12 for row in rows)
    assert engine.info().prompt_versions == (("support-agent", "~1", "text"), ("support-agent", "~2", "text"))
    assert engine.complete("prompt_version", "~") == ("~1", "~2")


def test_what_is_recorded_wins(tmp_path: Path, opening: Any) -> None:
    rows = [
        call(0, support(0, "Be brief."), prompt_name="helper", prompt_version="v7"),
        call(1, support(1, "Be brief."), prompt_name="helper"),
        call(2, support(2, "Be brief and kind, and quick."), prompt_name="helper"),
        call(3, support(3, "Be brief.")),
        # a version on the agent is that of its calls
        call(4, support(4, "Be brief."), trace_id="t", span_id="child", parent_id="root"),
        call(4, None, trace_id="t", span_id="root", kind="agent", prompt_version="v9"),
    ]
    found = versions(opening(write(tmp_path / "data", "calls", rows)))
    assert found == {
        "s0": "helper@v7", "s1": "helper@~1", "s2": "helper@~2", "s3": "support-agent@~1", "child": "None@v9",
        "root": "None@v9",
    }  # fmt: skip


def test_a_source_that_grew_tells_what_it_would_as_a_whole(tmp_path: Path, opening: Any) -> None:
    folder = tmp_path / "data"
    # two values look like an edit until a third one comes
    parts = [
        [call(number, f"Serve {GUESTS[number // 2]} with very much care.") for number in range(4)],
        [call(number, "Serve one person with very much care.") for number in range(4, 5)],
        [call(number, f"Serve x{number} y with very much care.") for number in range(5, 8)],
        FIRST[:2], [*FIRST[2:], call(3, "Serve it late with very much care.", span_id="late")],
    ]  # fmt: skip
    write(folder, "part0", parts[0])
    engine = opening(folder)
    for number, part in enumerate(parts[1:], start=1):
        write(folder, f"part{number}", part)
        assert engine.refresh_source()
        engine.wait_ready()
        whole = opening(folder)
        assert versions(engine) == versions(whole)
        assert prompts_of(engine) == prompts_of(whole)
        assert trace_versions(engine) == trace_versions(whole)
        whole.close()


def prompts_of(engine: Engine) -> list[tuple[Any, ...]]:
    return [
        (row["prompt_name"], row["prompt_version"], row["prompt_inferred"], row["template_hash"], row["n"])
        for row in engine.prompts()
    ]


def trace_versions(engine: Engine) -> dict[str, Any]:
    rows = engine.rows(engine.select(ListQuery("traces")), 0, 1000).rows
    return {row["trace_id"]: row["prompt_versions"] for row in rows}


@pytest.mark.parametrize("limit", [4, 1_000_000], ids=["in a file", "in memory"])
def test_files_tell_names_and_versions(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", limit)
    source = write(tmp_path / "data", "calls", [*FIRST, *SECOND_VERSION])
    plain = opening(source)
    assert prompts_of(plain)[0][:3] == ("support-agent", "~2", "text")
    plain.close()
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    template = "You are a support agent for {{company}}.\nYou are talking to {{user}} now.\nBe brief.\nIt is {{time}}."
    (prompts / "helpdesk.md").write_text(template)
    engine = opening(source, prompt_files=PromptFiles.of(tmp_path))
    found = {row[:3]: row[4] for row in prompts_of(engine)}
    assert found == {("helpdesk", "~1", "file"): 8, ("support-agent", "~1", "text"): 8}
    engine.close()
    (prompts / "helpdesk.md").unlink()
    again = opening(source, prompt_files=PromptFiles.of(tmp_path))
    assert {row[:3]: row[4] for row in prompts_of(again)} == {
        ("support-agent", "~1", "text"): 8,
        ("support-agent", "~2", "text"): 8,
    }


def test_it_says_where_no_versions_can_be_told(tmp_path: Path, opening: Any) -> None:
    rows = [
        call(
            number,
            " ".join(f"{chr(97 + (number * 7 + at * at) % 26)}{number * 31 + at:x}zz" for at in range(30)),
        )
        for number in range(40)
    ]
    engine = opening(write(tmp_path / "data", "calls", rows))
    assert engine.prompts() == ()
    skipped = {one.reason: one.count for one in engine.info().skipped}
    assert [count for reason, count in skipped.items() if "of its own" in reason] == [40]


def test_texts_that_are_not_compared_are_told_by_the_templates_of_others(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traceview.sources import system_prompts

    monkeypatch.setattr(system_prompts, "MAX_TEXTS", 6)
    calls = [call(number, f"You are the guide of person{number}x, always be kind.") for number in range(20)]
    odd = [call(number, f"Quite another text of words {'abc'[number % 3]}.") for number in range(20, 23)]
    engine = opening(write(tmp_path / "data", "calls", [*calls, *odd]))
    found = versions(engine)
    assert {found[f"s{number}"] for number in range(20)} == {"guide@~1"}
    left_out = [one.count for one in engine.info().skipped if "than are compared" in one.reason]
    assert sum(left_out) == sum(found[f"s{number}"] == "None@None" for number in range(20, 23))


def test_one_huge_prompt_takes_no_place_from_others(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traceview.sources import system_prompts

    monkeypatch.setattr(system_prompts, "MAX_LENGTH", 5_000)
    monkeypatch.setattr(system_prompts, "MAX_CHARACTERS", 5_000)
    huge = call(0, "Tell of whales. " * 1_000)
    calls = [call(number, f"You are the guide {number % 3} of our guests.") for number in range(1, 10)]
    engine = opening(write(tmp_path / "data", "calls", [huge, *calls]))
    assert [row["n"] for row in engine.prompts()] == [9]
    assert [one.count for one in engine.info().skipped if "than are compared" in one.reason] == [1]


def test_prompts_of_which_the_beginning_is_compared_are_counted(tmp_path: Path, opening: Any) -> None:
    long = "You are the guide of our guests.\n" + "Be kind to all of them.\n" * 10_000
    calls = [call(number, f"{long}{'abc'[number % 3]}") for number in range(6)]
    engine = opening(write(tmp_path / "data", "calls", [*calls, call(6, "You are the guide of nobody.")]))
    assert [one.count for one in engine.info().skipped if "hash of the rest" in one.reason] == [6]


def test_files_that_differ_in_a_number_are_told_apart(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 4)
    text = "You are a support agent. Answer {name} in at most %d sentences."
    calls = [call(number, (text % (3 + number // 4)).format(name=NAMES[number % 4])) for number in range(8)]
    source = write(tmp_path / "data", "calls", calls)
    # found first without the files: what they tell cannot be taken from the masked texts
    assert [row["n"] for row in opening(source).prompts()] == [8]
    for number in (3, 4):
        (tmp_path / f"v{number}.md").write_text(text % number)
    named = [tmp_path / "v3.md", tmp_path / "v4.md"]
    engine = opening(source, prompt_files=PromptFiles.of(tmp_path, named))
    assert [(row["prompt_name"], row["n"]) for row in engine.prompts()] == [("v3", 4), ("v4", 4)]
