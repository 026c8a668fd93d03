"""What a prompt version says, as blocks of the text pane: what changed since the one before, then the whole text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.store.prompts import SystemPrompt, shown_title, text_diff
from traceview.text.safe import safe_line
from traceview.tui.widgets.blocks import Block, BlockStyle, foreign


def prompt_blocks(
    row: Mapping[str, Any],
    prompt: SystemPrompt,
    before_row: Mapping[str, Any] | None,
    before: SystemPrompt | None,
    *,
    reading: bool = False,
) -> list[Block]:
    """The diff with the version before, if there is one, and the system prompt.

    `reading` says that calls may still come: that none has a system prompt is not known then.
    """
    blocks = [Block(safe_line(shown_title(row)), "heading", right=_said(prompt))]
    if reading and prompt.text is None:
        return [
            *blocks,
            Block("The source is still being read: no system prompt of it so far.", "meta", gap=1),
        ]
    if before_row is not None and before is not None and not (reading and before.text is None):
        blocks += _difference(prompt, before_row, before)
    blocks.append(Block("the system prompt", "meta", gap=1))
    if not prompt.calls:
        blocks.append(Block("No model call has this version.", "meta"))
    elif prompt.text is None:
        blocks.append(Block(f"None of the {prompt.read:,} newest of {prompt.calls:,} calls has one.", "meta"))
    else:
        blocks += [Block(line, "text") for line in foreign(prompt.text).split("\n")]
    return blocks


def _difference(prompt: SystemPrompt, before_row: Mapping[str, Any], before: SystemPrompt) -> list[Block]:
    name = safe_line(str(before_row["prompt_version"] or "(none)"))
    lines = text_diff(before.text, prompt.text, "", "")[2:]
    if not lines:
        return [Block(f"says the same as {name}", "meta", gap=1)]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    blocks = [Block(f"changed since {name}, lines: {removed:,} out, {added:,} in", "meta", gap=1)]
    for line in lines:
        sign, text = line[:1], line[1:]
        if sign != "@":
            body = foreign(text)
            marks = ((0, len(body), "added"),) if sign == "+" and body else ()
            style: BlockStyle = "error" if sign == "-" else "text"
            blocks.append(Block(body, style, label=sign.strip(), indent=2, marks=marks))
        elif len(blocks) > 1:
            blocks.append(Block("⋯", "meta"))
    return blocks


def _said(prompt: SystemPrompt) -> str:
    """In how many of the calls that were read it stands."""
    if prompt.text is None:
        return ""
    others = f", {prompt.texts - 1:,} other texts" if prompt.texts > 1 else ""
    return f"in {prompt.calls_with_it:,} of the {prompt.read:,} newest of {prompt.calls:,} calls{others}"
