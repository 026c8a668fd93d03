"""One span as blocks to read, section by section: pure, called in workers, every foreign text made safe."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.messages import Message, Part, SpanEvent, SpanPayload
from traceview.text import human
from traceview.text.binary import binary_words, text_without_binary, without_binary
from traceview.text.safe import safe_line
from traceview.tui.json_blocks import WINDOW, json_blocks, rest_blocks
from traceview.tui.rows import status_words
from traceview.tui.widgets.blocks import Block, BlockStyle, foreign

Row = dict[str, Any]

SECTIONS: tuple[str, ...] = (
    "Messages", "Input", "Output", "Documents", "Tool", "Attributes", "Events", "Links", "Scores", "Raw",
)  # fmt: skip
PRETTY_LIMIT = 4_000_000
"""Characters up to which JSON is laid out; longer texts are shown as they are, and that is said."""
BINARY_LIMIT = 8_000_000
"""Characters up to which what is binary in a value is looked for and told in words."""
LABEL_CELLS = 18
IDENTITY_KEYS = ("model", "prompt")
"""Facts that tell which version made an answer; a blind annotator does not see them."""
_ROLE_STYLE: dict[str, BlockStyle] = {
    "system": "system", "user": "user", "assistant": "assistant", "tool": "tool"
}  # fmt: skip


class GoTo(Struct, frozen=True):
    """What a block leads to: another span, at a section; of another trace, if one is named."""

    span_id: str
    section: str | None = None
    trace_id: str | None = None


def span_facts(row: Row, *, blind: bool = False) -> list[Block]:
    """What the span's row says, before its payload is read: name, times, model, tokens, error."""
    kind = str(row.get("kind") or "unknown")
    status, _ = status_words(row)
    blocks = [Block(one_line(row.get("name")) or "(no name)", "heading", right=f"{kind}  {status}")]
    tokens = human.tokens(row.get("input_tokens"), row.get("output_tokens"))
    extra = [
        f"{human.short_count(row[key])} {word}"
        for key, word in (
            ("cache_read_tokens", "from cache"),
            ("cache_write_tokens", "to cache"),
            ("reasoning_tokens", "reasoning"),
        )
        if row.get(key)
    ]
    times = [human.duration(row.get("duration_ms"))]
    if row.get("ttft_ms") is not None:
        times.append(f"first token {human.duration(row['ttft_ms'])}")
    times.append(f"started {human.local_time(row.get('start_ns'), digits=3)}")
    facts = [
        (
            "error",
            " ".join(filter(None, (one_line(row.get("error_type")), one_line(row.get("error_message"))))),
        ),
        ("time", " · ".join(times)),
        (
            "model",
            ""
            if blind
            else " · ".join(filter(None, (one_line(row.get("model")), one_line(row.get("provider"))))),
        ),
        ("requested", "" if blind or row.get("fallback") != "yes" else one_line(row.get("model_requested"))),
        ("prompt", "" if blind else prompt_told(row)),
        ("tokens", "" if tokens == human.ABSENT else " · ".join((tokens, *extra))),
        ("ended", _ended(row)),
        ("recorded", one_line(row.get("payload_state"))),
        ("cost", _cost(row)),
        ("same call as", one_line(row.get("duplicate_of"))),
        ("span", one_line(row.get("span_id"))),
    ]
    for name, value in facts:
        if value:
            blocks.append(
                Block(value, "error" if name == "error" else "text", label=name, indent=LABEL_CELLS - 5)
            )
    return blocks


def _ended(row: Row) -> str:
    """Why the model stopped, where the answer was cut off or held back."""
    words = {"truncated": "the answer was cut off", "filtered": "the answer was held back"}.get(
        str(row.get("outcome"))
    )
    return f"{words} ({one_line(row.get('finish_reason'))})" if words else ""


def _cost(row: Row) -> str:
    if row.get("cost_usd") is None:
        return ""
    return human.money(row["cost_usd"]) + (" (computed from prices)" if row.get("cost_computed") else "")


def prompt_of(row: Mapping[str, Any]) -> str:
    """`name@version` of a row, as much of it as there is."""
    name, version = one_line(row.get("prompt_name")), one_line(row.get("prompt_version"))
    return f"{name}@{version}" if name and version else name or version


def prompt_told(row: Mapping[str, Any]) -> str:
    """`name@version` of a row, with a word if it was not recorded."""
    told = prompt_of(row)
    return f"{told} (inferred)" if told and row.get("prompt_inferred") else told


def versions_told(trace: Mapping[str, Any]) -> list[str]:
    """The prompt versions of a trace row, with a word behind those that were not recorded."""
    inferred = {
        prompt_of({"prompt_name": one.get("name"), "prompt_version": one.get("version")})
        for one in trace.get("prompt_versions") or ()
        if isinstance(one, Mapping) and one.get("inferred")
    }
    return [f"{one} (inferred)" if one in inferred else one for one in versions_of(trace)]


def versions_of(trace: Mapping[str, Any]) -> list[str]:
    """The prompt versions of a trace row, each as `name@version`."""
    found = []
    for version in trace.get("prompt_versions") or ():
        if isinstance(version, Mapping):
            version = prompt_of(
                {"prompt_name": version.get("name"), "prompt_version": version.get("version")}
            )
        found.append(one_line(version))
    return list(dict.fromkeys(filter(None, found)))


def first_section(row: Row, sections: Collection[str], wanted: str | None) -> str | None:
    """The section to show: the one the reader chose if this span has it, else what suits the kind."""
    if wanted in sections:
        return wanted
    suits = {
        "llm": ("Messages", "Output"),
        "tool": ("Tool", "Output"),
        "retriever": ("Documents", "Output"),
        "reranker": ("Documents",),
    }.get(str(row.get("kind")), ())
    return next(
        (name for name in (*suits, "Messages", "Output", "Input", "Tool", "Attributes") if name in sections),
        next(iter(sections), None),
    )


def messages_blocks(before: Sequence[Message], after: Sequence[Message]) -> list[Block]:
    """The messages of a model call, the answer last; system text and reasoning folded."""
    blocks: list[Block] = []
    for message in before:
        blocks.extend(message_blocks(message))
    if before and after:
        blocks.append(Block("answer", "divider", gap=1))
    for message in after:
        blocks.extend(message_blocks(message))
    return blocks


def message_blocks(message: Message) -> list[Block]:
    """One message: its role, then its parts."""
    name = f" {one_line(message.name)}" if message.name else ""
    finish = f"finish: {one_line(message.finish_reason)}" if message.finish_reason else ""
    style = _ROLE_STYLE.get(message.role, "meta")
    blocks = [Block(f"{message.role}{name}", style, right=finish, gap=1)]
    for part in message.parts:
        blocks.extend(part_blocks(part, folded=message.role == "system"))
    return blocks


def part_blocks(part: Part, *, folded: bool = False) -> list[Block]:
    """One part of a message."""
    if part.type == "text":
        text = foreign(part.content or "")
        if folded:
            return [Block(text, "text", indent=2, fold=fold_line("system text", text), folded=True)]
        return [Block(text, "text", indent=2)]
    if part.type == "reasoning":
        text = foreign(part.content or "")
        return [Block(text, "reasoning", indent=2, fold=fold_line("reasoning", text), folded=True)]
    if part.type == "tool_call":
        return [
            Block(f"■ {one_line(part.name) or 'tool'}", "tool", indent=2, right=one_line(part.call_id)),
            *value_blocks(part.arguments, indent=4),
        ]
    if part.type == "tool_call_response":
        blocks = [Block("■ result", "tool", indent=2, right=one_line(part.call_id))]
        return [
            *blocks,
            *value_blocks(part.response if part.response is not None else part.content, indent=4),
        ]
    shown = part.raw if part.raw is not None else part.content
    words = binary_words(shown) if part.type in ("blob", "uri", "file") else ""
    return [
        Block(f"{part.type} part  {foreign(words)}".rstrip(), "meta", indent=2),
        *value_blocks(without_binary(shown), indent=4),
    ]


def fold_line(what: str, text: str) -> str:
    """What stands for a folded text: what it is, how long, and how it begins."""
    begin = safe_line(text[:160].strip()) + ("…" if len(text.strip()) > 160 else "")
    return f"▸ {what} · {len(text):,} characters · {begin}"


def value_blocks(value: Any, indent: int = 0) -> list[Block]:
    """A JSON value or a text, laid out if it is JSON."""
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if not text:
        return []
    text = unquoted(text)
    if len(text) <= BINARY_LIMIT:
        text = text_without_binary(text)
    laid_out = json_blocks(text, indent=indent)
    if laid_out is not None:
        return laid_out
    if len(text) > 2 * WINDOW and "\n" not in text[:WINDOW]:
        return [Block(foreign(text[:WINDOW]), "text", indent=indent), *rest_blocks(text, WINDOW, indent)]
    return [Block(foreign(text), "text", indent=indent)]


def unquoted(text: str) -> str:
    """What a text says that is nothing but a JSON string, as some writers put answers; any other as it is."""
    if text[:1] != '"' or text.rstrip()[-1:] != '"' or len(text) > PRETTY_LIMIT:
        return text
    try:
        decoded = json.loads(text)
    except ValueError:
        return text
    return decoded if isinstance(decoded, str) and decoded else text


def events_blocks(events: Sequence[SpanEvent], start_ns: int | None) -> list[Block]:
    """Events with their distance from the span's start."""
    blocks: list[Block] = []
    for event in events:
        when = ""
        if event.time_ns is not None and start_ns is not None:
            when = f"+{human.duration((event.time_ns - start_ns) / 1e6)}"
        style: BlockStyle = "error" if event.name == "exception" else "heading"
        blocks.append(Block(one_line(event.name) or "(no name)", style, right=when, gap=1 if blocks else 0))
        blocks.extend(value_blocks(event.attributes or None, indent=2))
    return blocks


def error_blocks(payload: SpanPayload) -> list[Block]:
    """The stack trace of a failed span."""
    if not payload.error_stack:
        return []
    text = foreign(payload.error_stack)
    return [Block(text, "error", fold=fold_line("stack trace", text), folded=True)]


def one_line(value: Any) -> str:
    """Anything from the data on one line that is safe to draw; long texts are cut, with a sign."""
    if value is None:
        return ""
    text = str(value)
    return safe_line(text if len(text) <= 2_000 else text[:2_000] + "…")
