"""The text of sampling rules: read, printed, and refused with the nearest valid name."""

from __future__ import annotations

import pytest

from traceview.annotation.sampling import SamplingRule, parse_rule
from traceview.model.errors import BadInput


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("all", SamplingRule("all")),
        ("unlabelled", SamplingRule("unlabelled")),
        ("random:50", SamplingRule("random", 50)),
        (" next : 25 ", SamplingRule("next", 25)),
        ("outliers:007", SamplingRule("outliers", 7)),
        ("stratified:60:version", SamplingRule("stratified", 60, "version")),
        ("stratified:60:attr.a:b", SamplingRule("stratified", 60, "attr.a:b")),
        ("disagreement:10:url_judge", SamplingRule("disagreement", 10, "url_judge")),
    ],
)
def test_read_and_printed(text: str, rule: SamplingRule) -> None:
    found = parse_rule(text, fields=["version", "model"], judges=["url_judge"])
    assert found == rule
    assert parse_rule(str(found)) == rule


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "there is no sampling rule", "rules: all, random:N"),
        ("randon:50", "'randon' is no sampling rule", "did you mean random?"),
        ("unlabeled", "'unlabeled' is no sampling rule", "did you mean unlabelled?"),
        ("xyz", "'xyz' is no sampling rule", "rules: all, random:N"),
        ("random", "does not say how many items", "write random:N"),
        ("random:", "'' is no number of items", "write random:N"),
        ("random:0", "'0' is no number of items from 1 up", "write random:N"),
        ("random:-5", "'-5' is no number", "write random:N"),
        ("random:1.5", "'1.5' is no number", "write random:N"),
        ("random:٥", "is no number", "write random:N"),
        ("random:9999999999", "more than a session may have: 999,999,999", "write random:N"),
        ("random:5:version", "says more than random takes", "write random:N"),
        ("all:5", "says more than all takes", "write all"),
        ("stratified:60", "does not say a field", "write stratified:N:FIELD"),
        ("stratified:60:", "the field has no name", "write stratified:N:FIELD"),
        ("stratified:60:verion", "no field is named 'verion'", "did you mean version?"),
        ("stratified:60:attr.", "no field is named 'attr.'", "known: model, version"),
        ("disagreement:10:url_juge", "no judge is named 'url_juge'", "did you mean url_judge?"),
    ],
)
def test_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_rule(text, fields=["version", "model"], judges=["url_judge"])
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_no_judge_at_all() -> None:
    with pytest.raises(BadInput, match="there is no judge here"):
        parse_rule("disagreement:10:grounded", judges=[])
