"""Words in a text that speak to a model as if they were in charge: orders, false tags, false verdicts. Pure.

Patterns, not proof: a text about such attacks is found too, and one in words of its own is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from traceview.text.mentions import unescaped

RULES_VERSION = 1
"""A change of the patterns is a new version: what was judged by them is judged again."""

_RULES = r"(?:instructions?|prompts?|rules?|guidelines?|directions?|messages?|context|commands?)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|former|foregoing|initial|original|existing|system)"
_PATTERNS: tuple[tuple[str, str, str], ...] = (
    (
        "order",
        "ignore/disregard/forget/override/bypass/skip",
        rf"(?:ignore|disregard|forget|override|bypass|skip) (?:(?:all|any|every) )?(?:of )?"
        rf"(?:(?:the|your|these|those|my) )?(?:{_EARLIER} ){{1,2}}{_RULES}",
    ),
    (
        "order",
        "ignore/disregard/forget/override/bypass",
        rf"(?:ignore|disregard|forget|override|bypass) (?:all )?(?:of )?(?:your|the system'?s?) "
        rf"(?:\w+ )?{_RULES}",
    ),
    (
        "order",
        "forget/ignore/disregard",
        r"(?:forget|ignore|disregard) (?:everything|all) (?:above|before|so far|you (?:were|have been))",
    ),
    (
        "order",
        "ignorier",
        r"ignorier(?:e|en sie)? (?:alle )?(?:vorherigen|bisherigen|vorigen|obigen) (?:\w+ )?"
        r"(?:anweisungen|regeln)",
    ),
    (
        "order",
        "無視/忘れ",
        r"(?:これまで|以前|上記|前)の(?:すべての)?(?:指示|命令|ルール)を?(?:すべて)?(?:無視|忘れ)",
    ),
    (
        "order",
        "instruction/prompt",
        r"(?:new|updated|revised|real|actual) (?:system )?(?:instructions?|prompt)(?:\s*:| are\b| is\b)",
    ),
    (
        "order",
        "user/human/operator",
        r"do not (?:tell|inform|mention (?:this|it) to|reveal this to|alert) (?:the )?(?:user|human|operator)",
    ),
    ("role", "now/longer", r"you are (?:now|no longer) (?:a|an|the|in|acting|bound|dan|free)\b"),
    (
        "role",
        "pretend/act",
        r"(?:pretend|act) (?:to be|as if you (?:are|were|have)) (?:\w+ ){0,3}"
        r"(?:unrestricted|admin\w*|root|developer|system)",
    ),
    ("role", "mode", r"(?:developer|god|jailbreak|dan|sudo) mode (?:is )?(?:on|enabled|activated)"),
    ("tag", "<|", r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|>"),
    ("tag", "[inst]/inst]/<<", r"\[/?INST\]|<</?SYS>>"),
    (
        "tag",
        "system/instruction/assistant/admin/rubric/verdict/evidence/important",
        r"</?\s*(?:system|instructions?|assistant|admin|rubric|verdict|evidence|important)"
        r"\s*(?:prompt|message)?\s*>",
    ),
    (
        "tag",
        "system/assistant/admin",
        r"(?:^|\n)\s*#{0,4}\s*(?:system|assistant|admin)\s*(?:prompt|message|note|override)?\s*:\s*\S",
    ),
    (
        "verdict",
        "verdict/score/grade/rating",
        r"(?:verdict|score|grade|rating)\s*[\"']?\s*[:=]\s*[\"']?"
        r"(?:pass|true|correct|5\s*/\s*5|10\s*/\s*10|100\s*%)",
    ),
    (
        "verdict",
        "mark/grade/rate/score/judge/evaluate",
        r"(?:mark|grade|rate|score|judge|evaluate) (?:this|it|the answer|the response) (?:as )?"
        r"(?:pass|passed|correct|true|perfect|10\b|5\b)",
    ),
    (
        "verdict",
        "rubric/criteri/grading",
        r"(?:the|your) (?:rubric|criteria|criterion|grading rules?) (?:has|have|was|were) (?:been )?"
        r"(?:changed|updated|replaced|revised)",
    ),
    (
        "authority",
        "administrator/developer/anthropic/openai/evaluator/judge",
        r"(?:as|i am|this is) (?:(?:the|your|an?) )?"
        r"(?:system administrator|developer of this|anthropic|openai|evaluator|judge)\b[^.\n]{0,60}"
        r"(?:must|need|instruct|require|order|approve|pass)",
    ),
    (
        "exfiltration",
        "prompt/key/credential/secret",
        r"(?:reveal|print|repeat|output|send|leak|show) (?:me )?(?:your|the) (?:(?:full|entire|hidden) )?"
        r"(?:system prompt|api keys?|credentials|secrets?)",
    ),
)
"""Kind, words of which a text must hold one (in lower case), and pattern; a blank is any white space."""

_COMPILED: tuple[tuple[str, frozenset[str], re.Pattern[str]], ...] = tuple(
    (kind, frozenset(words.split("/")), re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE))
    for kind, words, pattern in _PATTERNS
)
_WORDS = tuple(dict.fromkeys(word for _, words, _ in _PATTERNS for word in words.split("/")))
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_HIDDEN = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u00ad\ufeff\U000e0000-\U000e007f]"
)
_ESCAPES = re.compile(r"\\(?:u00[01][0-9a-fA-F]|u20[0-9a-fA-F]{2}|[nrt\"])")
_AROUND = 120


class Injection(Struct, frozen=True):
    """One finding: its kind (order, role, tag, verdict, authority, exfiltration), and the words on one line."""

    kind: str
    words: str


def plain(text: str) -> str:
    """A text without what hides words in it: escapes of JSON, colours of terminals, invisible characters."""
    if "\\" in text and _ESCAPES.search(text):
        text = unescaped(text)
    if "\x1b" in text:
        text = _ANSI.sub(" ", text)
    return text if text.isascii() else _HIDDEN.sub("", text)


def find_injections(text: str, more: Sequence[re.Pattern[str]] = ()) -> Iterator[Injection]:
    """Findings in a text, at most one of each pattern; `more` are patterns besides ours, of kind `own`."""
    bare = plain(text)
    lower = bare.lower()
    there = [word for word in _WORDS if word in lower]
    if there:
        for kind, words, pattern in _COMPILED:
            if not words.isdisjoint(there) and (match := pattern.search(bare)) is not None:
                yield Injection(kind, _words(bare, match))
    for pattern in more:
        if (match := pattern.search(bare)) is not None:
            yield Injection("own", _words(bare, match))


def injected(text: str) -> bool:
    """Whether there is any finding."""
    return next(find_injections(text), None) is not None


def _words(text: str, match: re.Match[str]) -> str:
    words = " ".join(text[match.start() : match.start() + 2 * _AROUND].split())
    return words if len(words) <= _AROUND else f"{words[: _AROUND - 1].rstrip()}…"
