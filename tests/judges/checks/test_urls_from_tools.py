"""Whether every address of an answer stands in a result of a tool: vectors, and what options change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.judges.checks.traces import call, trace

from traceview.judges.checks.registry import make

NESTED_ONCE = json.dumps({"url": "https://d.io/a"})
NESTED_TWICE = json.dumps({"body": NESTED_ONCE})
NESTED_THRICE = json.dumps({"outer": NESTED_TWICE})

VECTORS = [
    ("[x](https://d.io/a).", "https://d.io/a", True),
    ("<https://D.io/a/>", "http://d.io/a#s", True),
    ("https://d.io/a?utm_source=x", "https://d.io/a", True),
    ("https://d.io/a?gclid=1&b=2&a=1", "https://d.io/a?a=1&b=2", True),
    ("https://d.io/a_(b)", "https://d.io/a_(b)", True),
    ("(see https://d.io/a_(b))", "https://d.io/a_(b)", True),
    ("https://d.io:443/a", "https://d.io/a", True),
    ("https://d.io/%61", "https://d.io/a", True),
    ("Is it https://d.io/a?", "https://d.io/a", True),
    ("\"https://d.io/a\"; 'https://d.io/a'!", "https://d.io/a", True),
    ("https://d.io.evil.io/a", "https://d.io/a", False),
    ("https://d.io/a", "https://d.io.evil.io/a", False),
    ("https://d.io/ab", "https://d.io/a", False),
    ("https://d.io/a", "https://d.io/ab", False),
    ("https://d.io/a/b", "https://d.io/a", False),
    ("https://d.io/a?b=1", "https://d.io/a", False),
    ("https://d.io/A", "https://d.io/a", False),
    ("https://x@d.io/a", "https://d.io/a", False),
    ("d.io/a", "https://d.io/a", True),
    ("d.io/a", "https://d.io/ab", False),
    ("d.io/a", "https://e.io/a", False),
    ("https://d.io/a", NESTED_ONCE, True),
    ("https://d.io/a", NESTED_TWICE, True),
    ("https://d.io/a", NESTED_THRICE, True),
    ("https://d.io/b", NESTED_THRICE, False),
    ("https://d.io/a and https://d.io/b", "https://d.io/a", False),
]


def judged(answer: str | None, *calls: dict[str, Any], question: str = "", **options: Any) -> Any:
    return make("urls_from_tools", {"tool": "search", **options})(trace(answer, *calls, question=question))


@pytest.mark.parametrize(("answer", "result", "same"), VECTORS)
def test_addresses_are_compared_whole_in_any_spelling(answer: str, result: str, same: bool) -> None:
    found = judged(answer, call("search", result))
    assert found.value is same
    assert found.parts == {"tool_called": True, "urls_match": same}


def test_the_evidence_is_what_stands_nowhere() -> None:
    found = judged("https://d.io/a https://d.io/b http://d.io/b/", call("search", ["https://d.io/a"]))
    assert found.evidence == ("https://d.io/b",)
    assert found.explanation == "1 of 2 addresses in no result of search"


@pytest.mark.parametrize(
    ("answer", "calls", "options", "value", "parts"),
    [
        # called, but it failed: called is true, addresses are judged on results only
        ("https://d.io/a", [call("search", "see https://d.io/a", error="504")], {}, False, (True, False)),
        ("https://d.io/a", [call("search", error="504"), call("search", "https://d.io/a")], {}, True, (True, True)),
        # called after the answer ended does not count
        ("https://d.io/a", [call("search", "https://d.io/a", late=True)], {}, False, (False, False)),
        # not called
        ("https://d.io/a", [], {}, False, (False, False)),
        ("https://d.io/a", [], {"when_not_called": "not_applicable"}, None, (False, None)),
        ("https://d.io/a", [], {"when_not_called": "pass", "require_called": True}, False, (False, True)),
        # another tool's results are not its
        ("https://d.io/a", [call("other", "https://d.io/a")], {}, False, (False, False)),
        ("https://d.io/a", [call("other", "https://d.io/a")], {"tool": ["search", "other"]}, True, (True, True)),
        # no address
        ("none", [call("search", "https://d.io/a")], {}, None, (True, None)),
        ("none", [call("search", "")], {"when_no_url": "pass"}, True, (True, None)),
        ("none", [], {"require_called": True}, False, (False, None)),
        (None, [call("search", "")], {}, None, None),
        # documents are results
        ("https://d.io/a", [call("search", documents='[{"id":"https://d.io/a"}]')], {}, True, (True, True)),
        # what is always right
        ("https://d.io/x", [call("search", "")], {"allow": "d.io"}, None, (True, None)),
        ("https://sub.d.io/x", [call("search", "")], {"allow": ["d.io"]}, None, (True, None)),
        ("https://xd.io/x", [call("search", "")], {"allow": ["d.io"]}, False, (True, False)),
        ("https://d.io/x/y", [call("search", "")], {"allow": ["https://d.io/x"]}, None, (True, None)),
        ("https://d.io/xy", [call("search", "")], {"allow": ["https://d.io/x"]}, False, (True, False)),
    ],
)  # fmt: skip
def test_what_counts(
    answer: str | None,
    calls: list[dict[str, Any]],
    options: dict[str, Any],
    value: bool | None,
    parts: tuple[bool, bool | None] | None,
) -> None:
    found = judged(answer, *calls, **options)
    assert found.value is value
    if parts is not None:
        assert found.parts == {"tool_called": parts[0], "urls_match": parts[1]}


def test_an_address_of_the_user_is_right_only_if_it_may_be() -> None:
    asked = {"question": "What is on https://u.io/page ?"}
    assert judged("You gave https://u.io/page", call("search", ""), **asked).value is False
    assert (
        judged("You gave https://u.io/page", call("search", ""), **asked, allow_user_urls=True).value is None
    )
    other = judged("https://u.io/page https://v.io/", call("search", ""), **asked, allow_user_urls=True)
    assert other.evidence == ("https://v.io/",)


def test_without_a_tool_every_tool_counts() -> None:
    check = make("urls_from_tools", {})
    assert check(trace("https://d.io/a", call("any", {"x": ["https://d.io/a"]}))).value is True


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6, unique=True), st.data())
def test_what_is_missing_is_what_no_result_has(pages: list[str], data: st.DataObject) -> None:
    returned = data.draw(st.sets(st.sampled_from(pages)))
    answer = " ".join(f"[{page}](https://d.io/{page})" for page in pages)
    found = judged(answer, call("search", [f"http://D.IO/{page}/" for page in returned]))
    assert {one[-1] for one in found.evidence} == set(pages) - returned
