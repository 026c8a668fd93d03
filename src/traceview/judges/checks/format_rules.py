"""Whether an answer keeps every one of a list of format rules, and which it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from traceview.judges.checks.base import Finding, Options, TextCheck, TraceCheck, kept, of_answer
from traceview.text.human import counted
from traceview.text.preview import collapse

NAME = "format_rules"

RULES = (
    "max_words", "min_words", "max_chars", "must_match", "forbid", "bullets_if_list", "max_bullets",
    "no_nested_bullets", "no_table", "no_headings", "no_code", "starts_with", "ends_with",
)  # fmt: skip

_FENCE = re.compile(r"(?ms)^[ \t]{0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]{0,3}\1[`~]*[ \t]*$|\Z)")
_BULLET = re.compile(r"(?m)^([ \t]*)(?:[-*+•‣◦▪·–]|\\-)[ \t]+\S")
_NUMBERED = re.compile(r"(?m)^[ \t]*\(?[0-9]{1,3}[.)][ \t]+\S")
_HEADING = re.compile(r"(?m)^ {0,3}#{1,6}[ \t]+\S|^[^\n|]*\S[^\n|]*\n {0,3}(?:={3,}|-{3,})[ \t]*$")
_RULE_OF_TABLE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_AFTER_COLON = re.compile(r"[:：][ \t]*([^\n:：.!?。！？]{3,})")
_ITEMS = re.compile(r"[,;、，；]|\b(?:and|or|und|oder|et|ou|y|o)\b")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
"""Scripts without blanks: every character counts as a word."""


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options, of the answer of a trace."""
    return of_answer(NAME, given, make_for_text)


def make_for_text(given: Mapping[str, Any]) -> TextCheck:
    """The check with these options, of any text."""
    options = Options(NAME, given)
    rules = list(_rules(options))

    def check(text: str) -> Finding:
        bare = _FENCE.sub("", text)
        broken = [words for rule in rules if (words := rule(text, bare)) is not None]
        if broken:
            return Finding(False, f"{len(broken)} of {counted(len(rules), 'rule')} broken", kept(broken))
        return Finding(True, f"keeps {counted(len(rules), 'rule')}")

    return check


Rule = Callable[[str, str], str | None]
"""Called with a text, and with it without code blocks; says in words how the rule is broken."""


def _rules(options: Options) -> Iterator[Rule]:
    for name, words in (("max_words", "word"), ("min_words", "word"), ("max_chars", "character")):
        limit = options.whole(name)
        if limit is not None:
            yield _length(name, words, limit)
    for pattern in options.patterns("must_match"):
        yield _must(pattern)
    for pattern in options.patterns("forbid", re.IGNORECASE):
        yield _forbid(pattern)
    for name in ("starts_with", "ends_with"):
        patterns = options.patterns(name)
        if patterns:
            yield _begins(patterns) if name == "starts_with" else _ends(patterns)
    most, listed = options.whole("max_bullets"), options.whole("bullets_if_list")
    if most is not None:
        yield lambda _, bare: _too_many(len(_BULLET.findall(bare)), most)
    if listed is not None:
        yield lambda _, bare: _unbulleted(bare, listed)
    if options.flag("no_nested_bullets"):
        yield lambda _, bare: _nested(bare)
    if options.flag("no_table"):
        yield lambda _, bare: "has a table" if has_table(bare) else None
    if options.flag("no_headings"):
        yield lambda _, bare: "has a heading" if _HEADING.search(bare) else None
    if options.flag("no_code"):
        yield lambda text, bare: "has a code block" if bare != text else None


def _length(name: str, words: str, limit: int) -> Rule:
    def rule(text: str, _: str) -> str | None:
        count = len(text) if words == "character" else count_words(text)
        if name.startswith("max") and count > limit:
            return f"{counted(count, words)}, {limit:,} allowed"
        if name.startswith("min") and count < limit:
            return f"{counted(count, words)}, {limit:,} wanted"
        return None

    return rule


def _must(pattern: re.Pattern[str]) -> Rule:
    return lambda text, _: None if pattern.search(text) else f"nothing matches {pattern.pattern}"


def _forbid(pattern: re.Pattern[str]) -> Rule:
    def rule(text: str, _: str) -> str | None:
        found = pattern.search(text)
        return None if found is None else f"has {collapse(found.group(), 60)!r} ({pattern.pattern})"

    return rule


def _begins(patterns: Sequence[re.Pattern[str]]) -> Rule:
    def rule(text: str, _: str) -> str | None:
        if any(pattern.match(text.lstrip()) for pattern in patterns):
            return None
        return f"begins with {collapse(text, 40)!r}"

    return rule


def _ends(patterns: Sequence[re.Pattern[str]]) -> Rule:
    whole = [re.compile(rf"(?:{pattern.pattern})\Z", pattern.flags) for pattern in patterns]

    def rule(text: str, _: str) -> str | None:
        text = text.rstrip()
        return None if any(one.search(text) for one in whole) else f"ends with {text[-40:]!r}"

    return rule


def _too_many(count: int, most: int) -> str | None:
    return f"{counted(count, 'bullet point')}, {most:,} allowed" if count > most else None


def _nested(text: str) -> str | None:
    depths = {len(indent.expandtabs(4)) for indent in _BULLET.findall(text)}
    return "has bullet points below others" if depths and max(depths) - min(depths) >= 2 else None


def _unbulleted(text: str, least: int) -> str | None:
    """How a list of so many things or more stands there without bullets: with numbers, or behind a colon."""
    if _BULLET.search(text):
        return None
    numbered = len(_NUMBERED.findall(text))
    if numbered >= least:
        return f"a list of {numbered} with numbers, not bullets"
    for match in _AFTER_COLON.finditer(text):
        items = [item for item in _ITEMS.split(match[1]) if item.strip()]
        if len(items) >= least:
            return f"{len(items)} things in one line: {collapse(match[1], 60)!r}"
    return None


def has_table(text: str) -> bool:
    """Whether a text has a Markdown table: a row, and below it the line of dashes."""
    lines = text.splitlines()
    return any(
        "|" in above and "-" in line and "|" in line + above and _RULE_OF_TABLE.fullmatch(line) is not None
        for above, line in pairwise(lines)
    )


def count_words(text: str) -> int:
    """Words; in scripts without blanks every character is one."""
    return len(text.split()) if text.isascii() else len(_WORD.findall(text))
