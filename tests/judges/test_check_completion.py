"""What may be typed next in a judge file of kind `code`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.judges.check_completion import completions
from traceview.model.checks import CHECKS

HEAD = 'name = "x"\nkind = "code"\n[check]\n'


@pytest.mark.parametrize(
    ("text", "typed", "first"),
    [
        ("", 0, "name"),
        ("me", 2, "metric"),
        ("[ch", 3, "[check]"),
        ("kind = ", 0, '"code"'),
        ('scope = "t', 2, '"trace"'),
        ("metric = gr", 2, '"grounded"'),
        (f'{HEAD}use = "urls', 5, '"urls_from_tools"'),
        (f"{HEAD}use = 'loo", 4, "'no_loop'"),
        (f"{HEAD}us", 2, "use"),
        (f'{HEAD}use = "urls_from_tools"\nto', 2, "tool"),
        (f'{HEAD}use = "urls_from_tools"\ncalled', 6, "require_called"),
        (f'{HEAD}use = "urls_from_tools"\nrequire_called = t', 1, "true"),
        (f'{HEAD}use = "urls_from_tools"\nwhen_no_url = "p', 2, '"pass"'),
        ('kind = "code"\n[[parts]]\nna', 2, "name"),
        ('[[parts]]\nuse = "no_loop"\n[[parts]]\nuse = "format_rules"\nmax_b', 5, "max_bullets"),
        ("[filter]\nwh", 2, "where"),
    ],
)
def test_the_first_word_that_fits(text: str, typed: int, first: str) -> None:
    lines = text.split("\n")
    found = completions(text, len(lines) - 1, len(lines[-1]), ["grounded", "format"])
    assert (found.typed, found.words[:1]) == (typed, (first,))


@pytest.mark.parametrize("text", ["metric", f'{HEAD}use = "urls_from_tools"', "x = 3", "# comment", "zzz"])
def test_where_nothing_is_to_be_added(text: str) -> None:
    lines = text.split("\n")
    assert completions(text, len(lines) - 1, len(lines[-1]), ["grounded"]).words == ()


def test_what_an_option_does_is_said() -> None:
    text = f'{HEAD}use = "urls_from_tools"\nallow_u'
    found = completions(text, 4, 7, [])
    assert found.about == CHECKS["urls_from_tools"].options["allow_user_urls"].about


def test_every_check_and_option_can_be_completed() -> None:
    for name, form in CHECKS.items():
        assert f'"{name}"' in completions(f"{HEAD}use = ", 3, 6, []).words
        text = f'{HEAD}use = "{name}"\n'
        assert set(form.options) <= set(completions(text, 4, 0, []).words)


@given(st.text(alphabet='[]ab="\n, u', max_size=40), st.data())
def test_no_text_upsets_it(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    row = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[row])))
    found = completions(text, row, column, ["a"])
    assert 0 <= found.typed <= column
