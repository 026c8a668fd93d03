"""Session transcripts of Claude Code (2.1) -> canonical rows.

A thread is a session, a trace one turn: a line that a person typed, up to the next. Its root is the agent; below it
stand the model calls (the lines of one message id together: one line a content block, its usage repeated in each) and
the tool calls, ended by their results. The lines of a sub-agent, in a file of its own or marked as a sidechain, are an
agent under the tool call that started it. Input tokens leave cached ones out. No line tells when a request was sent: a
call begins with the line before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.dialects.base import Fields, first_count
from traceview.sources.jsontext import as_text, dumps
from traceview.sources.messages import canonical
from traceview.sources.otlp.documents import documents
from traceview.sources.records import batches, completed, mapping_of, nanoseconds

Line = dict[str, Any]

_STARTS_AGENT = ("Task", "Agent")
_SYNTHETIC = "<synthetic>"
_OTHER_LINES = frozenset(
    (
        "attachment", "system", "summary", "progress", "queue-operation", "last-prompt", "mode", "tools-used",
        "cost-state", "api-request", "api-request-blob", "api-request-shape", "file-history-snapshot", "atis-latch",
        "custom-title", "agent-name", "tag", "pr-link",
    )
)  # fmt: skip
"""Lines of the client's own, which are no part of the conversation."""


@dataclass
class _Started:
    """A tool call that started a sub-agent: where it stands, and since when it runs."""

    trace_id: str
    span_id: str
    thread_id: str | None


@dataclass
class _Turn:
    """What is open in a turn, or in a sub-agent's run."""

    trace_id: str
    root_id: str
    parent_id: str | None
    thread_id: str | None
    name: str
    asked: Any
    start_ns: int | None
    last_ns: int | None = None
    answer: Any = None
    attributes: Line = field(default_factory=dict)
    heard: list[Any] = field(default_factory=list)
    """Messages since the last call: what the next call was asked."""
    call: Line | None = None
    tools: dict[str, Fields] = field(default_factory=dict)
    failed_call: bool = False


class TranscriptReader:
    """Reads sessions and sub-agents that belong together."""

    def __init__(self, name: str, probes: Sequence[Probe]) -> None:
        self.name = name
        self._started: dict[str, _Started] = {}
        agents = [probe for probe in probes if _meta(probe.path).get("toolUseId")]
        if agents:
            wanted = {str(_meta(probe.path)["toolUseId"]) for probe in agents}
            for probe in probes:
                self._find(probe, wanted)

    def recognise(self, probe: Probe) -> bool:
        """True; which files it reads was decided before."""
        return True

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows."""
        yield from batches(self._rows(probe, report), report)

    def _find(self, probe: Probe, wanted: set[str]) -> None:
        """Note where the tool calls stand that started sub-agents."""
        for row in self._rows(probe, ReadReport(), plain=True):
            if row is not None and row.get("tool_call_id") in wanted:
                self._started[row["tool_call_id"]] = _Started(
                    row["trace_id"], row["span_id"], row["thread_id"]
                )

    def _rows(self, probe: Probe, report: ReadReport, plain: bool = False) -> Iterator[CanonicalRow | None]:
        meta = {} if plain else _meta(probe.path)
        started = self._started.get(str(meta.get("toolUseId")))
        turn: _Turn | None = None
        side: _Turn | None = None
        before: int | None = None
        for number, _, line in documents(probe, report):
            where = f"{probe.path.name}:{number}"
            if not isinstance(line, dict):
                report.skip("not a line of a transcript", where)
                continue
            kind = as_text(line.get("type"))
            if kind not in ("user", "assistant"):
                if kind not in _OTHER_LINES:
                    report.skip(f"line of the unknown type {kind!r}", where)
                continue
            now = nanoseconds(line.get("timestamp"))
            message = mapping_of(line.get("message"))
            sidechain = bool(line.get("isSidechain")) and not meta
            if kind == "user" and _is_typed(line, message) and not sidechain and (turn is None or not meta):
                yield from _closed(side)
                yield from _closed(turn)
                side, turn = None, _begun(line, message, now, started, meta)
            elif turn is None:
                report.skip("line before the first that a person typed", where)
                continue
            elif sidechain:
                if side is None or (kind == "user" and _is_typed(line, message)):
                    yield from _closed(side)
                    side = _side(turn, line, message, now)
                if side is not None:
                    yield from _taken(side, kind, line, message, now, before)
            else:
                yield from _taken(turn, kind, line, message, now, before)
            before = now if now is not None else before
        yield from _closed(side)
        yield from _closed(turn)


def _meta(path: Path) -> Line:
    """What stands beside a sub-agent's file: its type, and the tool call that started it."""
    try:
        told = json.loads(path.with_name(path.name.removesuffix(".jsonl") + ".meta.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _is_typed(line: Line, message: Line) -> bool:
    """Whether a person (or whoever started a sub-agent) wrote this, rather than a tool or the client."""
    if line.get("isMeta") or line.get("isCompactSummary"):
        return False
    content = message.get("content")
    if isinstance(content, str):
        return bool(content.strip())
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return any(block.get("type") != "tool_result" for block in blocks)


def _begun(line: Line, message: Line, now: int | None, started: _Started | None, meta: Line) -> _Turn:
    uuid = as_text(line.get("uuid")) or f"turn-{now}"
    session = as_text(line.get("sessionId"))
    attributes = {key: line[key] for key in ("cwd", "version", "gitBranch", "entrypoint") if line.get(key)}
    attributes |= {key: value for key, value in meta.items() if value is not None}
    turn = _Turn(
        trace_id=started.trace_id if started else uuid,
        root_id=uuid,
        parent_id=started.span_id if started else None,
        thread_id=started.thread_id if started else session,
        name=as_text(meta.get("agentType")) or "claude-code",
        asked=message.get("content"),
        start_ns=now,
        last_ns=now,
        attributes=attributes,
    )
    turn.heard.append({"role": "user", "content": message.get("content")})
    return turn


def _side(turn: _Turn, line: Line, message: Line, now: int | None) -> _Turn:
    """A sub-agent in the lines of its session: under the newest tool call that starts one."""
    open_calls = [tool for tool in turn.tools.values() if tool["name"] in _STARTS_AGENT]
    parent = open_calls[-1]["span_id"] if open_calls else turn.root_id
    side = _begun(line, message, now, _Started(turn.trace_id, parent, turn.thread_id), {})
    side.name = "sub-agent"
    return side


def _taken(
    turn: _Turn, kind: str, line: Line, message: Line, now: int | None, before: int | None
) -> Iterator[CanonicalRow]:
    """One line of a turn: a block of a model call, or what tools and the client say."""
    turn.last_ns = now if now is not None else turn.last_ns
    content = message.get("content")
    if kind == "user":
        yield from _call_ended(turn)
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("type") == "tool_result":
                tool = turn.tools.pop(str(block.get("tool_use_id")), None)
                if tool is not None:
                    yield _tool_row(tool, block, now)
        turn.heard.append({"role": "user", "content": content})
        return
    call_id = as_text(message.get("id")) or as_text(line.get("uuid")) or ""
    if turn.call is None or turn.call["id"] != call_id:
        yield from _call_ended(turn)
        turn.call = {
            "id": call_id, "message": dict(message), "content": [], "start": before, "asked": turn.heard,
            "error": bool(line.get("isApiErrorMessage")), "request": line.get("requestId"),
        }  # fmt: skip
        turn.heard = []
    turn.call["end"] = now
    turn.call["message"] |= {key: value for key, value in message.items() if value is not None}
    blocks = content if isinstance(content, list) else [{"type": "text", "text": as_text(content) or ""}]
    turn.call["content"] += blocks
    for block in blocks:
        if (
            isinstance(block, dict)
            and block.get("type") in ("tool_use", "server_tool_use")
            and block.get("id")
        ):
            turn.tools[str(block["id"])] = _tool_begun(turn, block, now)


def _tool_begun(turn: _Turn, block: Line, now: int | None) -> Fields:
    name = as_text(block.get("name")) or "tool"
    return {
        "source": "claude-code",
        "trace_id": turn.trace_id,
        "span_id": as_text(block["id"]),
        "parent_id": turn.root_id,
        "thread_id": turn.thread_id,
        "name": name,
        "kind": "tool",
        "start_ns": now,
        "tool_name": name,
        "tool_call_id": as_text(block["id"]),
        "tool_args": dumps(block.get("input")),
        "input": dumps(block.get("input")),
    }


def _tool_row(tool: Fields, block: Line, now: int | None) -> CanonicalRow:
    content = block.get("content")
    if isinstance(content, list) and all(
        isinstance(one, dict) and one.get("type") == "text" for one in content
    ):
        content = "\n".join(str(one.get("text") or "") for one in content)
    result = as_text(content)
    failed = bool(block.get("is_error"))
    tool.update(
        end_ns=now,
        status="error" if failed else "ok",
        error_message=(result or "the tool failed") if failed else None,
        output=result,
        tool_result=result,
    )
    return completed(tool, {})


def _call_ended(turn: _Turn) -> Iterator[CanonicalRow]:
    call, turn.call = turn.call, None
    if call is None:
        return
    message = call["message"]
    usage = mapping_of(message.get("usage"))
    model = as_text(message.get("model"))
    answer = {"role": "assistant", "content": call["content"], "stop_reason": message.get("stop_reason")}
    turn.heard = []
    texts = [
        one.get("text") for one in call["content"] if isinstance(one, dict) and one.get("type") == "text"
    ]
    if any(texts):
        turn.answer = "\n".join(text for text in texts if text)
    fields: Fields = {
        "source": "claude-code",
        "trace_id": turn.trace_id,
        "span_id": call["id"],
        "parent_id": turn.root_id,
        "thread_id": turn.thread_id,
        "name": f"chat {model}" if model and model != _SYNTHETIC else "chat",
        "kind": "llm",
        "start_ns": call["start"],
        "end_ns": call["end"],
        "status": "error" if call["error"] else "ok",
        "error_message": turn.answer if call["error"] else None,
        "model": model if model != _SYNTHETIC else None,
        "provider": "anthropic",
        "service_tier": as_text(usage.get("service_tier")),
        "call_id": call["id"],
        "finish_reason": as_text(message.get("stop_reason")),
        "input_messages": canonical(call["asked"], "user"),
        "output_messages": canonical([answer], "assistant"),
        "input": dumps(call["asked"]),
        "output": dumps(call["content"]),
    }
    if model != _SYNTHETIC:
        fields |= {
            "input_tokens": first_count(usage, ("input_tokens",)),
            "output_tokens": first_count(usage, ("output_tokens",)),
            "cache_read_tokens": first_count(usage, ("cache_read_input_tokens",)),
            "cache_write_tokens": first_count(usage, ("cache_creation_input_tokens",)),
            "excludes_cache": True,
        }
    yield completed(fields, {"requestId": call["request"], "usage": usage})


def _closed(turn: _Turn | None) -> Iterator[CanonicalRow]:
    """What is still open in a turn, and its root."""
    if turn is None:
        return
    yield from _call_ended(turn)
    for tool in turn.tools.values():
        # no result came: interrupted, or the file ends here
        yield completed(tool | {"status": "unset"}, {})
    answer = as_text(turn.answer)
    asked = canonical([{"role": "user", "content": turn.asked}], "user")
    fields: Fields = {
        "source": "claude-code",
        "trace_id": turn.trace_id,
        "span_id": turn.root_id,
        "parent_id": turn.parent_id,
        "thread_id": turn.thread_id,
        "name": turn.name,
        "kind": "agent",
        "start_ns": turn.start_ns,
        "end_ns": turn.last_ns,
        "status": "ok" if answer is not None else "unset",
        "input_messages": asked,
        "input": as_text(turn.asked),
        "output": answer,
    }
    yield completed(fields, turn.attributes)
