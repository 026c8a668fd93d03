"""What is known of the source as a whole: its figures, what its costs rest on, what was skipped and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from traceview.text import human
from traceview.text.cells import pad
from traceview.text.safe import safe_line
from traceview.tui.scrolled import Scrolled
from traceview.tui.widgets.lines import Line, wrapped

if TYPE_CHECKING:
    from traceview.store.source_info import ModelCost, Skipped, SourceInfo

NAME_CELLS = 16
LISTED = 12
"""Of longer lists so many are named."""


def facts_of(info: SourceInfo) -> Iterator[tuple[str, str]]:
    """Name and words of every figure; texts of the source as they are."""
    yield "format", info.format
    yield "files", _some(info.files)
    yield "spans", human.count(info.spans)
    kinds = sorted(info.spans_by_kind.items(), key=lambda one: (-one[1], one[0]))
    yield "kinds", ", ".join(f"{kind} {count:,}" for kind, count in kinds)
    yield "traces", f"{info.traces:,}, {info.error_traces:,} with errors"
    yield "threads", human.count(info.threads)
    yield "error spans", f"{info.error_spans:,}, {info.leaf_errors:,} without a failing child"
    yield "model calls", human.count(info.llm_calls)
    yield "tokens", human.tokens(info.input_tokens, info.output_tokens)
    yield "cost", _cost(info)
    yield "models", _some([_model(one) for one in info.model_costs])
    yield "versions", _some(["@".join(filter(None, pair)) for pair in info.prompt_versions])
    yield (
        "scores",
        _some(
            [f"{name} {count:,} ({source}: {by}, on {on}s)" for name, source, by, count, on in info.brought]
        ),
    )
    yield "started", human.local_time(info.start_ns)
    yield "ended", human.local_time(info.end_ns)


def _cost(info: SourceInfo) -> str:
    unknown = info.calls - info.cost_calls
    shown = human.money(info.cost_usd, unknown=unknown)
    computed = sum(one.computed for one in info.model_costs)
    told = [f"known of {info.cost_calls:,} of {info.calls:,} calls"] if unknown else []
    told += [f"{computed:,} computed from prices"] if computed else []
    return f"{shown} ({'; '.join(told)})" if told else shown


def _model(one: ModelCost) -> str:
    priced = "" if not one.unknown or one.price_of else ", no price"
    return (
        f"{one.model or '(no model)'} ({human.count(one.calls)} calls, {human.money(one.cost_usd)}{priced})"
    )


def _some(texts: Sequence[str]) -> str:
    rest = len(texts) - LISTED
    return ", ".join(texts[:LISTED]) + (f" and {rest:,} more" if rest > 0 else "")


def source_lines(info: SourceInfo, cells: int) -> list[Line]:
    """The figures, and under them every reason for which something was skipped, in so many cells."""
    lines: list[Line] = []
    for name, words in facts_of(info):
        if words and words != human.ABSENT:
            first, *more = wrapped(safe_line(words), max(8, cells - NAME_CELLS))
            lines.append([(pad(name, NAME_CELLS), "dim"), *first])
            lines += [[(" " * NAME_CELLS, None), *line] for line in more]
    total = sum(one.count for one in info.skipped)
    lines += [[("", None)], [(f"Skipped: {total:,}", "title")]]
    for one in info.skipped:
        lines += _skipped(one, cells)
    return lines


def _skipped(one: Skipped, cells: int) -> list[Line]:
    where = f"  {one.where}" if one.where else ""
    words = f"{one.count:,}  {one.reason}{where}"
    return list(wrapped(safe_line(words), cells, "warning"))


class SourceFacts(Scrolled[None]):
    """A window of what `traceview info` prints."""

    def __init__(self, info: SourceInfo) -> None:
        super().__init__()
        self._info = info

    def on_mount(self) -> None:
        """Say how to leave."""
        frame = self.query_one("#dialog")
        frame.border_title, frame.border_subtitle = "source", "Esc closes"

    def lines_for(self, cells: int) -> list[Line]:
        """Figures and what was skipped."""
        return source_lines(self._info, cells)
