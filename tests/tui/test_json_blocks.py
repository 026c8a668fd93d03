"""JSON as blocks: nothing is lost or changed, every line is reachable, the beginning of a long text comes at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from benchmarks.clock import spent
from hypothesis import given
from hypothesis import strategies as st

from traceview.tui import json_blocks as module
from traceview.tui.json_blocks import DECODED, UNESCAPED, WINDOW, json_blocks
from traceview.tui.matching import matching
from traceview.tui.widgets.block_layout import Layout
from traceview.tui.widgets.blocks import Block, foreign

plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text('ab "\\{[é検,:\n', max_size=12)
)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('xyz"\\', max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)
roots = st.lists(values, max_size=5) | st.dictionaries(st.text("xyz", max_size=3), values, max_size=5)


def written(blocks: list[Block]) -> str:
    return "\n".join(block.text for block in blocks)


def lines_of(layout: Layout) -> list[str]:
    found = []
    while not layout.complete:
        layout.advance()
    for line in range(layout.lines):
        place = layout.place(line)
        assert place is not None
        found.append(layout.text(place))
    return found


@given(roots)
def test_what_is_laid_out_is_the_same_json(value: Any) -> None:
    blocks = json_blocks(json.dumps(value, ensure_ascii=False), levels=0)
    assert blocks is not None
    assert json.loads(written(blocks)) == value


@given(roots, st.integers(0, 30))
def test_folding_hides_only_what_is_held_and_unfolding_brings_it_back(value: Any, index: int) -> None:
    blocks = json_blocks(json.dumps(value), levels=0)
    assert blocks is not None
    layout = Layout(blocks, 200)
    before = lines_of(layout)
    index %= len(blocks)
    if layout.toggle(index):
        hidden = sum(
            block.text.count("\n") + 1 for block in blocks[index + 1 : index + 1 + blocks[index].holds]
        )
        assert len(lines_of(layout)) == len(before) - hidden
        layout.toggle(index)
    assert lines_of(layout) == before
    layout.fold_all(True)
    assert len(lines_of(layout)) == 1
    layout.fold_all(False)
    assert lines_of(layout) == before


@given(roots)
def test_json_in_strings_is_decoded_and_marked(value: Any) -> None:
    blocks = json_blocks(json.dumps({"arguments": json.dumps(value)}), levels=1)
    assert blocks is not None
    assert json.loads(written(blocks)) == {"arguments": value}
    assert [block.right for block in blocks].count(DECODED) == 1


@given(st.text('ab \n\\"', min_size=70).filter(lambda text: "\n" in text))
def test_long_strings_are_shown_in_their_lines(text: str) -> None:
    blocks = json_blocks(json.dumps({"a": 1, "prompt": text, "z": [2]}))
    assert blocks is not None
    opened = next(at for at, block in enumerate(blocks) if block.right == UNESCAPED)
    assert blocks[opened].text == '"prompt": "' and blocks[opened].holds == 2
    assert blocks[opened + 1].text == foreign(text)
    # with the lines put back it is the JSON again
    blocks[opened : opened + 3] = [Block(f'"prompt": {json.dumps(text)}{blocks[opened + 2].text[1:]}')]
    assert json.loads(written(blocks)) == {"a": 1, "prompt": text, "z": [2]}


@pytest.mark.parametrize(
    "text",
    ["{", "[1,]", '{"a" 1}', '{"a":1}}', "[1 2]", "{1:2}", '{"a":}', "[" * 500, "text", "", '"{}"', "[tru]"],
)
def test_what_is_no_json_is_left_alone(text: str) -> None:
    assert json_blocks(text) is None


def test_numbers_and_repeated_keys_stay_as_written() -> None:
    text = '{"a": 1.50, "a": 1e5, "b": -0.0, "c": NaN}'
    blocks = json_blocks("[" + ",".join([text] * 3) + "]")
    assert blocks is not None
    assert written(blocks).replace("\n", " ").count('"a": 1.50, "a": 1e5, "b": -0.0, "c": NaN') == 3


@pytest.mark.parametrize("cut_at", range(1, 120))
def test_the_beginning_of_a_long_text_is_laid_out_and_the_rest_follows(
    cut_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", cut_at)
    text = json.dumps({"rows": [{"id": n, "name": "a name", "on": True, "v": [1.5, None]} for n in range(4)]})
    blocks = json_blocks(text)
    assert blocks is not None
    *laid_out, said, rest = blocks
    assert "are laid out above" in said.text and rest.folded and rest.text == text[cut_at:]
    together = written(laid_out).replace("…", "") + rest.text
    assert "".join(together.split()) == "".join(text.split())


def test_the_window_of_a_large_text_is_laid_out_at_once() -> None:
    row = json.dumps({"id": 1, "name": "row", "values": [1.5, 2, 3], "inner": json.dumps({"a": 1})})
    text = "[" + ",".join([row] * (1_000_000 // len(row))) + "]"
    with spent() as taken:
        blocks = json_blocks(text)
    assert blocks is not None and taken.seconds < 1.0, f"{taken.seconds:.2f} s"
    assert blocks[-1].text == text[WINDOW:] and blocks[-1].folded


@given(roots, st.text("abxyz1", min_size=1, max_size=2))
def test_only_lines_with_the_text_and_what_holds_them_are_kept(value: Any, wanted: str) -> None:
    blocks = json_blocks(json.dumps(value), levels=0)
    assert blocks is not None
    kept, hits, lines = matching(blocks, wanted)
    assert lines == sum(block.text.count("\n") + 1 for block in blocks)
    assert bool(kept) == bool(hits) == (wanted in written(blocks).casefold())
    for at, block in enumerate(kept):
        if not block.holds and wanted not in block.text.casefold():
            held = any(at <= head + one.holds for head, one in enumerate(kept[:at]))
            assert held
    assert all(not block.folded for block in kept)
