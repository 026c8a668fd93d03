"""Everything that was ever said of the item that is labelled: a window over a trace or a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from traceview.model.labels import LabelRow
from traceview.store.interface import CancelToken
from traceview.text.cells import pad
from traceview.text.safe import safe_line
from traceview.tui.score_blocks import LABEL_CELLS, label_blocks
from traceview.tui.scrolled import Scrolled
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.lines import Line, wrapped

if TYPE_CHECKING:
    from traceview.tui.screens.annotating import AnnotatingScreen


def show_history(screen: AnnotatingScreen) -> None:
    """Read the labels of the item with all that was before them; of others nothing where they are hidden."""
    context, panel = screen.context, screen.panel
    annotator, target = context.annotator, panel.target
    if annotator is None or target is None:
        screen.say(context.label_sentence if annotator is None else "There is no item here.", error=True)
        return
    blind = panel.hides_identity

    def read(token: CancelToken) -> Sequence[LabelRow]:
        own = [row for row in annotator.history(target) if not blind or row.annotator == annotator.name]
        return own if blind else [*own, *context.engine.brought_scores(None, [target], token)]

    def shown(rows: Sequence[LabelRow]) -> None:
        hashes = {one.name: one.hash for one in context.definitions}
        title = f"labels of {panel.item_name}" + (" · blind: your own only" if blind else "")
        screen.app.push_screen(HistoryScreen(title, label_blocks(rows, hashes)))

    screen.ask("history", read, shown)


class HistoryScreen(Scrolled[None]):
    """One paragraph per name and annotator, each with its rows, the newest first."""

    def __init__(self, title: str, blocks: Sequence[Block]) -> None:
        super().__init__()
        self._title = title
        self._blocks = blocks

    def on_mount(self) -> None:
        """Say what it is, and how to leave."""
        frame = self.query_one("#dialog")
        frame.border_title = safe_line(self._title)
        frame.border_subtitle = "Esc closes"

    def lines_for(self, cells: int) -> list[Line]:
        """The blocks as lines: who said what on the left, everything before it below."""
        lines: list[Line] = []
        for block in self._blocks:
            lines += [[] for _ in range(block.gap)]
            text = f"{block.text} · {block.right}" if block.right else block.text
            held = wrapped(safe_line(text), cells - LABEL_CELLS, None if block.label else "dim")
            heads = [pad(block.label, LABEL_CELLS), *[" " * LABEL_CELLS] * len(held)]
            lines += [[(head, "key"), *line] for head, line in zip(heads, held, strict=False)]
        return lines or [[("Nobody said anything of this item yet.", "dim")]]
