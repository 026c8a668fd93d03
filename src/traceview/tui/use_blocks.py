"""Tool calls and retrievals of a transcript: one line each, which opens to what was given and what came back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from traceview.model.messages import Document
from traceview.store.turns import Turn
from traceview.text import human
from traceview.text.binary import text_without_binary, without_binary
from traceview.text.safe import safe_line
from traceview.tui.glyphs import ARROW, BAD, FOLDED, RETRIEVER, TOOL, UNFOLDED
from traceview.tui.span_blocks import PRETTY_LIMIT, one_line, value_blocks
from traceview.tui.widgets.blocks import Block, foreign

SHORT = 160
LONG_DOCUMENT = 320
"""Characters of a document from which it is folded to its beginning."""
_TITLE_KEYS = ("title", "name", "heading")
_SOURCE_KEYS = ("source", "url", "uri", "link", "path", "file", "filename", "file_name")


def use_blocks(turn: Turn, key: object, inner_key: object, *, indent: int = 2, gap: int = 0) -> list[Block]:
    """A tool call or a retrieval: its line, which holds what is shown while it is open."""
    name = one_line(turn.tool) or turn.role
    mark = mark_of(turn)
    took = f"  {human.duration(turn.duration_ms)}" if turn.duration_ms is not None else ""
    arguments = without_binary(parsed(turn.arguments))
    result = without_binary(turn.result)
    asked = short(arguments) or (short(turn.text) if turn.role == "retrieval" else "")
    if turn.documents:
        came = f"{len(turn.documents)} document{'s' if len(turn.documents) != 1 else ''}"
    else:
        came = short(parsed(result))
    outcome = f"{BAD} error {one_line(turn.error)}" if turn.error else came
    line = (
        f"{mark} {name}{took}" + (f"  {asked}" if asked else "") + (f" {ARROW} {outcome}" if outcome else "")
    )
    inner: list[Block] = []
    if turn.error:
        inner.append(Block(f"{BAD} error  {foreign(turn.error)}", "error", indent=indent + 2, key=inner_key))
    if arguments not in (None, "", {}):
        inner += _named("arguments", arguments, indent + 2, inner_key)
    if turn.role == "retrieval" and turn.text:
        inner += _named("query", turn.text, indent + 2, inner_key)
    inner += document_blocks(turn.documents, indent + 2, inner_key)
    if result not in (None, ""):
        inner += _named("result", result, indent + 2, inner_key)
    if not inner:
        inner = [Block("nothing was given, nothing came back", "meta", indent=indent + 2, key=inner_key)]
    failed = f"  {BAD} error" if turn.error else ""
    head = Block(
        f"{UNFOLDED} {mark} {name}{took}{failed}",
        "error" if turn.error else "tool",
        indent=indent,
        fold=f"{FOLDED} {line}",
        folded=True,
        gap=gap,
        key=key,
        holds=len(inner),
    )
    return [head, *inner]


def mark_of(turn: Turn) -> str:
    """The sign of what was used."""
    return RETRIEVER if turn.role == "retrieval" else TOOL


def document_blocks(documents: Sequence[Document], indent: int, key: object) -> list[Block]:
    """Documents in the order of their rank: title or id, score, source, and how each begins."""
    blocks: list[Block] = []
    for rank, document in enumerate(documents, start=1):
        score = "" if document.score is None else f"score {document.score:.4g}"
        about = document.metadata if isinstance(document.metadata, Mapping) else {}
        title = next((one_line(about[name]) for name in _TITLE_KEYS if about.get(name)), "")
        where = next((one_line(about[name]) for name in _SOURCE_KEYS if about.get(name)), "")
        names = dict.fromkeys(filter(None, (title, one_line(document.id), where)))
        line = f"{rank} of {len(documents)}  {'  '.join(names)}"
        blocks.append(Block(line, "heading", indent=indent, right=score, key=key))
        text = foreign(text_without_binary(document.text or ""))
        if len(text) > LONG_DOCUMENT:
            begins = f"{FOLDED} {safe_line(text[:LONG_DOCUMENT].strip())}… · {len(text):,} characters"
            blocks.append(Block(text, "text", indent=indent + 2, fold=begins, folded=True, key=key))
        elif text:
            blocks.append(Block(text, "text", indent=indent + 2, key=key))
    return blocks


def short(value: Any) -> str:
    """A value on one line, cut."""
    if value is None or value in ("", {}, []):
        return ""
    if isinstance(value, Mapping):
        text = " ".join(f"{name}={_bare(item)}" for name, item in list(value.items())[:8])
    else:
        text = _bare(value)
    text = " ".join(text[: 4 * SHORT].split())
    return safe_line(text if len(text) <= SHORT else text[:SHORT] + "…")


def parsed(value: Any) -> Any:
    """A JSON object that stands as text, as the object."""
    if isinstance(value, str) and len(value) <= PRETTY_LIMIT and value[:1] == "{":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _bare(value: Any) -> str:
    if isinstance(value, str):
        return value[: 4 * SHORT]
    return json.dumps(value, ensure_ascii=False, default=str)[: 4 * SHORT]


def _named(name: str, value: Any, indent: int, key: object) -> list[Block]:
    """A value under its name, laid out if it is JSON."""
    blocks = [Block(name, "meta", indent=indent)]
    blocks += [replace(block, key=key) for block in value_blocks(value, indent=indent + 2)]
    return [replace(blocks[0], key=key), *blocks[1:]]
