"""Transcripts of Claude Code: turns, model calls counted once, tools, sub-agents, lines of unknown types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from source_reading import FIXTURES, figures, read

from traceview.sources.base import ReadReport
from traceview.sources.claude_code import ClaudeCodeTranscripts
from traceview.sources.probe import probe

SESSION = FIXTURES / "claude_code" / "199b493e-153a-46aa-95e8-d3fe07bea288.jsonl"


def test_a_session_has_its_calls_tools_and_tokens_once() -> None:
    rows, report = read(SESSION)
    # three turns of one session: 7 model calls and 4 tools, under one agent a turn
    assert figures(rows) == (14, 3, 1, 1, 7, 7, 4, 0, 155585, 283)
    assert not report.skipped
    lines = [json.loads(line) for line in SESSION.read_text().splitlines()]
    ids = {line["message"]["id"] for line in lines if line["type"] == "assistant"}
    assert {row["span_id"] for row in rows if row["kind"] == "llm"} == ids
    roots = [row for row in rows if row["parent_id"] is None]
    assert [row["input_text"] for row in sorted(roots, key=lambda row: row["start_ns"])] == [
        "How long does a full charge take? Look at notes.md",
        "And what is written in missing.md?",
        "Read shipping.md then run `wc -w shipping.md`",
    ]
    (failed,) = [row for row in rows if row["status"] == "error"]
    assert failed["tool_name"] == "Read" and "missing.md" in failed["tool_args"]
    assert {row["thread_id"] for row in rows} == {SESSION.stem}
    assert all(row["end_ns"] >= row["start_ns"] for row in rows)


def test_a_call_holds_what_it_was_asked_and_what_it_answered() -> None:
    rows, _ = read(SESSION)
    calls = sorted((row for row in rows if row["kind"] == "llm"), key=lambda row: row["start_ns"])
    first, second = (json.loads(calls[number]["output_messages"]) for number in (0, 1))
    assert [part["type"] for part in first[0]["parts"]] == ["text", "tool_call"]
    assert first[0]["finish_reason"] == "tool_use"
    asked = json.loads(calls[1]["input_messages"])
    assert asked[0]["role"] == "tool" and asked[0]["parts"][0]["type"] == "tool_call_response"
    assert second[0]["parts"][0]["content"] == calls[1]["output_text"]


def line(kind: str, uuid: str, second: int, content: Any, **more: Any) -> str:
    message = {"role": kind, "content": content, **more.pop("message", {})}
    told = {"type": kind, "uuid": uuid, "sessionId": "s", "cwd": "here", "parentUuid": None}
    return json.dumps(told | {"timestamp": f"2026-11-20T18:00:{second:02}.000Z", "message": message} | more)


def call(tool: str, name: str = "Task") -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": tool, "name": name, "input": {"prompt": "look"}}]


def result(tool: str) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": tool, "content": "done"}]


def answer(uuid: str, second: int, content: Any, **more: Any) -> str:
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 10}
    message = {"id": f"msg_{uuid}", "model": "claude-haiku-4-5", "usage": usage, "stop_reason": "end_turn"}
    return line("assistant", uuid, second, content, message=message, **more)


def test_a_sub_agent_stands_under_the_tool_call_that_started_it(tmp_path: Path) -> None:
    main = tmp_path / "s.jsonl"
    main.write_text(
        "\n".join(
            [
                line("user", "u1", 1, "Look into it"),
                answer("a1", 2, call("toolu_1")),
                line("user", "r1", 9, result("toolu_1")),
                answer("a2", 10, [{"type": "text", "text": "There it is"}]),
            ]
        )
    )
    below = tmp_path / "s" / "subagents"
    below.mkdir(parents=True)
    agent = below / "agent-1.jsonl"
    agent.write_text(
        "\n".join(
            [
                line("user", "x1", 3, "look", isSidechain=True),
                answer("b1", 4, [{"type": "text", "text": "found"}], isSidechain=True),
            ]
        )
    )
    (below / "agent-1.meta.json").write_text(json.dumps({"agentType": "Explore", "toolUseId": "toolu_1"}))
    probes = [probe(main), probe(agent)]
    report = ReadReport()
    reader = ClaudeCodeTranscripts().together(probes, report)
    rows = {row["span_id"]: row for one in probes for batch in reader.read(one, report) for row in batch}
    assert {row["trace_id"] for row in rows.values()} == {"u1"}
    assert rows["x1"]["parent_id"] == "toolu_1" and rows["x1"]["name"] == "Explore"
    assert rows["msg_b1"]["parent_id"] == "x1" and rows["toolu_1"]["parent_id"] == "u1"
    assert rows["msg_a1"]["input_tokens"] == 15 and rows["msg_a1"]["cache_read_tokens"] == 10
    assert not report.skipped


def test_a_sidechain_in_the_session_is_an_agent_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(
        "\n".join(
            [
                line("user", "u1", 1, "Look into it"),
                answer("a1", 2, call("toolu_1")),
                line("user", "x1", 3, "look", isSidechain=True),
                answer("b1", 4, [{"type": "text", "text": "found"}], isSidechain=True),
                line("user", "r1", 9, result("toolu_1")),
                answer("a2", 10, [{"type": "text", "text": "There it is"}]),
                '{"type": "hologram", "sessionId": "s"}',
                '{"type": "user", "torn',
            ]
        )
    )
    rows, report = read(path)
    by_id = {row["span_id"]: row for row in rows}
    assert by_id["x1"]["parent_id"] == "toolu_1" and by_id["msg_b1"]["parent_id"] == "x1"
    assert by_id["u1"]["output_text"] == "There it is"
    assert sum(report.skipped.values()) == 2
    assert any("hologram" in reason for reason in report.skipped)


def test_an_interrupted_tool_and_an_api_error_are_told(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    failed = {"id": "e", "model": "<synthetic>", "usage": {"input_tokens": 0}}
    said = [{"type": "text", "text": "API Error: 529"}]
    path.write_text(
        "\n".join(
            [
                line("user", "u1", 1, "Run it"),
                answer("a1", 2, call("toolu_1", "Bash")),
                line(
                    "assistant",
                    "e",
                    3,
                    said,
                    message=failed,
                    isApiErrorMessage=True,
                ),
            ]
        )
    )
    rows, _ = read(path)
    by_id = {row["span_id"]: row for row in rows}
    assert by_id["toolu_1"]["status"] == "unset" and by_id["toolu_1"].get("end_ns") is None
    assert by_id["e"]["status"] == "error" and by_id["e"]["model"] is None
    assert by_id["e"]["error_message"] == "API Error: 529" and by_id["e"].get("input_tokens") is None
