"""Labels on a span with everything that was said before them, as blocks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from traceview.model.labels import LabelRow
from traceview.store.labels.current import LabelKey, current_rows, key_of
from traceview.text import human
from traceview.text.word_diff import text_diff
from traceview.tui.glyphs import BAD, OK, UNSET
from traceview.tui.message_diff import diff_block
from traceview.tui.widgets.blocks import Block, foreign

LABEL_CELLS = 18


def label_blocks(
    rows: Sequence[LabelRow], hashes: Mapping[str, str], title: str = "", *, output: str | None = None
) -> list[Block]:
    """The history of labels by name, source and annotator, the newest value first and marked if it holds.

    `hashes` are those of the definitions now: a value that was given under another one says so. A correction is shown
    as what it changes in `output`, where that is known.
    """
    current = {row.id for row in current_rows(rows)}
    undone = {row.ref: row.op == "undo" for row in rows if row.op in ("undo", "redo")}
    groups: dict[LabelKey, list[LabelRow]] = {}
    for row in sorted(rows, key=lambda row: (row.created_at, row.id)):
        groups.setdefault(key_of(row), []).append(row)
    blocks: list[Block] = []
    if title and groups:
        blocks.append(Block(title, "heading"))
    for (_, name, source, annotator), members in groups.items():
        now = next((row for row in members if row.id in current), None)
        who = f"{source} {foreign(annotator)}".replace("\n", " ")
        value = "no value now" if now is None else label_text(now.value)
        blocks.append(
            Block(
                foreign(value),
                "text" if now is not None else "meta",
                label=foreign(name).replace("\n", " "),
                indent=LABEL_CELLS,
                right=who,
                gap=1 if blocks and not blocks[-1].text.startswith(title or "\0") else 0,
            )
        )
        if now is not None and name == "correction" and output and isinstance(now.value, str):
            diff = text_diff(output, now.value)
            if diff.unit != "nothing":
                blocks.append(Block("against the output", "meta", indent=LABEL_CELLS))
                blocks.append(diff_block(diff, LABEL_CELLS))
        if now is not None and now.reason:
            blocks.append(Block(foreign(now.reason), "reasoning", indent=LABEL_CELLS))
        for row in reversed(members):
            blocks.append(Block(_line(row, current, undone, hashes), "meta", indent=LABEL_CELLS))
    return blocks


def is_brought(row: LabelRow) -> bool:
    """Whether a score stands in the source itself: the label store does not know it."""
    return not row.id


def _line(
    row: LabelRow, current: set[str], undone: Mapping[str | None, bool], hashes: Mapping[str, str]
) -> str:
    if is_brought(row):
        said, sign = "stands in the source", OK
    elif row.op in ("undo", "redo"):
        said, sign = "taken back" if row.op == "undo" else "done again", UNSET
    else:
        said = "cleared" if row.op == "clear" else f"set to {foreign(label_text(row.value))}"
        state = "superseded"
        sign = UNSET
        if row.id in current:
            state, sign = "holds", OK
        elif undone.get(row.id):
            state, sign = "undone", BAD
        elif row.op == "clear":
            state = ""
        said = f"{said} · {state}" if state else said
    extra = [word for word, there in (("blind", row.blind), (_changed(row, hashes), True)) if there and word]
    if row.session:
        extra.append(f"session {foreign(row.session)}")
    more = "".join(f" · {word}" for word in extra)
    return f"{sign} {when(row.created_at)}  {said}{more}".replace("\n", " ")


def _changed(row: LabelRow, hashes: Mapping[str, str]) -> str:
    known = hashes.get(row.name)
    if row.op != "set" or row.definition_hash is None or known == row.definition_hash:
        return ""
    return "its definition was changed since" if known is not None else "its definition is gone"


def when(created_at: str) -> str:
    """The time of a row in local time, to the second."""
    if not created_at:
        return "no time"
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError:
        return foreign(created_at)
    return human.local_time(int(moment.timestamp()) * 1_000_000_000)


def label_text(value: object) -> str:
    """A label's value in words."""
    if isinstance(value, bool):
        return "pass" if value else "fail"
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in value)
    return str(value)
