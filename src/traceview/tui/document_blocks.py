"""Retrieved documents as blocks, and which of them the answer cites."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traceview.model.messages import Document
from traceview.text.mentions import Haystack
from traceview.tui.glyphs import ABSENT, FOLDED, OK
from traceview.tui.json_blocks import folded_below
from traceview.tui.span_blocks import one_line, value_blocks
from traceview.tui.trace_reading import cited_by, title_of
from traceview.tui.widgets.blocks import Block


class DocumentAt(Struct, frozen=True):
    """The key of the head of a document: its rank, counted from 1."""

    rank: int


def documents_blocks(documents: Sequence[Document], answer: str) -> list[Block]:
    """Retrieved documents with their rank, title, score, and how the trace's answer cites them."""
    if not documents:
        return []
    haystack = Haystack(answer)
    cited = [cited_by(document, haystack) if answer else None for document in documents]
    count = sum(how is not None for how in cited)
    said = f"{len(documents):,} documents, {count:,} cited" if answer else f"{len(documents):,} documents"
    means = "cited: the answer of this trace contains the address, the id or the title of the document"
    blocks = [
        Block(said if len(documents) > 1 else said.replace("documents", "document"), "heading"),
        Block(means if answer else "This trace has no answer that could cite them.", "meta"),
    ]
    for rank, (document, how) in enumerate(zip(documents, cited, strict=True), start=1):
        score = "no score" if document.score is None else f"score {document.score:.4g}"
        mark = f"{OK} cited by {how}" if how else f"{ABSENT} not cited"
        title = one_line(title_of(document)) or one_line(document.id) or "(no id)"
        held: list[Block] = []
        if document.id and title_of(document):
            held.append(Block(one_line(document.id), "meta", indent=4))
        held += value_blocks(document.text, indent=4) or [Block("no text", "meta", indent=4)]
        if document.metadata:
            held.append(Block("metadata", "meta", indent=4))
            held += folded_below(value_blocks(document.metadata, indent=4), 0)
        blocks.append(
            Block(
                f"{rank}  {title}",
                "assistant" if how else "text",
                right=f"{score}  {mark}" if answer else score,
                gap=1,
                fold=f"{FOLDED} {rank}  {title}",
                holds=len(held),
                key=DocumentAt(rank),
            )
        )
        blocks += held
    return blocks
