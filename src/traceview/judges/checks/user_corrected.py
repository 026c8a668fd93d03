"""Whether the next turn of the user corrects the answer before it: by how it begins, or by asking the same again.

The patterns are English; `more` and `not` add those of other languages. A weak sign: its precision is for people to
find out. It belongs to the trace whose answer is corrected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from traceview.judges.checks.base import Finding, Options, TraceCheck
from traceview.judges.checks.seen import SeenTrace
from traceview.text.preview import collapse

NAME = "user_corrected"

_CONTRADICTION = re.compile(
    r"(?:(?:no|nope|wait|sorry|hmm|um|uh|well|actually|but)[,.!: -]+)*"
    r"(?:no[,.! ]+i (?:meant|said|asked|wanted)|i (?:meant|said)\b|i did(?:n't| not) (?:mean|ask|say)"
    r"|(?:that's|that is|this is|thats|it's) (?:wrong|not (?:right|correct|true|what i|it\b)|incorrect)"
    r"|(?:that's |that is |this is )?not what i (?:asked|meant|wanted|said)"
    r"|you(?:'re| are) (?:wrong|mistaken)|wrong\b|incorrect\b"
    r"|not [^.!?\n]{1,80}[.!,;] ?i (?:meant|said|asked))"
)
_RETRY = re.compile(
    r"(?:(?:please|no|ok|can you|could you)[,.! ]+)*"
    r"(?:try (?:it |that |this )?(?:again|once more)|re-?do\b|re-?generate|do (?:it|that) (?:over|again)|one more time)"
)
_ESCALATION = re.compile(
    r"[^.!?\n]{0,60}?(?:(?:speak|talk|chat|connect|put|transfer)\b[^.!?\n]{0,30}?\b)"
    r"(?:human|person|agent|representative|someone|support|manager)\b"
    r"|(?:human|agent|representative)\b(?: please)?[.! ]*$"
)
_NONE = re.compile(
    r"no worries|no problem|no thanks|no thank you|no[,.]? that's (?:all|it|fine|ok|okay|great|good)|not wrong|"
    r"try again later|wrong\?"
)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "´": "'", "`": "`"})
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|(?m:^\s*>.*$)", re.DOTALL)
_TOKEN = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_FEWEST = 4
"""A question of fewer different words is no repetition: `thanks`, `ok`."""


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options."""
    options = Options(NAME, given)
    signals = frozenset(options.texts("signals"))
    more, others = options.patterns("more", re.IGNORECASE), options.patterns("not", re.IGNORECASE)
    share = float(options.get("jaccard"))
    begins: dict[str, Callable[[str], re.Match[str] | None]] = {
        "contradiction": _CONTRADICTION.match,
        "retry": _RETRY.match,
        "escalation": _ESCALATION.match,
    }

    def check(trace: SeenTrace) -> Finding:
        if not trace.next_turn:
            return options.otherwise("when_no_turn", "the user said nothing more")
        text = normal(trace.next_turn)
        evidence = (collapse(trace.next_turn, 160),)
        if _NONE.match(text) or any(one.match(text) for one in others):
            return Finding(True, "the next turn is no correction", evidence)
        for signal, match in begins.items():
            if signal in signals and match(text):
                return Finding(False, f"the next turn is a {_WORDS[signal]}", evidence)
        if any(one.match(text) for one in more):
            return Finding(False, "the next turn begins as a correction", evidence)
        if "repetition" in signals:
            said = [collapse(trace.question, 160), *trace.earlier_turns]
            repeated = repetition(text, said, share)
            if repeated is not None:
                return Finding(
                    False, "the next turn repeats an earlier one", (*evidence, collapse(repeated, 160))
                )
        return Finding(True, "the next turn is no correction", evidence)

    return check


_WORDS = {
    "contradiction": "contradiction",
    "retry": "wish to try again",
    "escalation": "wish for a person",
}


def normal(text: str) -> str:
    """Lower case, straight quotes, on one line, without code and quoted lines."""
    bare = _CODE.sub(" ", text.translate(_QUOTES).casefold())
    return " ".join(bare.split())


def repetition(text: str, earlier: Sequence[str], share: float) -> str | None:
    """The earlier turn that has this share of words (Jaccard) in common; None if there is none."""
    words = _tokens(text)
    if len(words) < _FEWEST:
        return None
    for one in earlier:
        other = _tokens(normal(one))
        if len(other) >= _FEWEST and len(words & other) / len(words | other) >= share:
            return one
    return None


def _tokens(text: str) -> set[str]:
    """The words of a text; in scripts without blanks, pairs of characters."""
    if _WIDE.search(text) is None:
        return set(_TOKEN.findall(text))
    bare = "".join(_TOKEN.findall(text))
    return {bare[at : at + 2] for at in range(len(bare) - 1)}
