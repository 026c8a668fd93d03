"""Whether an answer tells of the tools that failed for good.

A call that failed is forgiven if the tool was called again with the same arguments and success; if a later call with
others succeeded, that forgives one call. An answer tells of a failure if it has a word for one (English, German,
French, Spanish, Japanese, and `mentions`), the error's own words, or its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from traceview.judges.checks.base import Finding, Options, TraceCheck, kept
from traceview.judges.checks.seen import SeenTrace, ToolCall
from traceview.text.human import counted
from traceview.text.preview import collapse

NAME = "no_tool_error_ignored"

_WORDS = re.compile(
    r"\b(?:fail(?:s|ed|ing|ure|ures)?|unsuccessful(?:ly)?|"
    # not every error is one of a tool: the forecast's is not
    r"(?:an|the|this|that|with|got|returns?|returned|internal|server|unexpected) errors?|"
    r"errors? (?:occurred|message|code|while|when|from|on|in)|errors?:|"
    r"denied|refused|rejected|unavailable|timed?[ -]?out|"
    r"(?:could|can|did|was|were|does|do|is|are|has|have|had|would)(?: ?not|n['’]t)|cannot|unable|not able|"
    r"(?:nothing|nobody|no one) (?:was|were|has been|could)|went wrong|problem|trouble|issue with|"
    r"not (?:saved|updated|sent|changed|found|available|possible|allowed|work(?:ing)?|reach(?:ed|able)?)|"
    r"fehl(?:er|geschlagen|schlug)\w*|gescheitert|(?:konnte|kann|wurde|hat|ist|ließ)\w*\b[^.!?\n]{0,80}?\bnicht|"
    r"nicht möglich|leider|"
    r"échec|échoué|erreur|impossible|n['’]a pas|n['’]ai pas|"
    r"falló|fallado|fallo|no (?:se )?(?:pudo|puedo|he podido))\b"
    r"|失敗|エラー|できません|できなかっ|ませんでした|不可|拒否",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\b[45]\d\d\b")
_SHORTEST = 10


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options."""
    options = Options(NAME, given)
    tools = frozenset(options.texts("tool"))
    more = options.patterns("mentions", re.IGNORECASE)

    def check(trace: SeenTrace) -> Finding:
        calls = [call for call in trace.calls_before_answer if not tools or call.name in tools]
        failed = [call for call in calls if call.error is not None]
        if not failed:
            return Finding(None, "no call of a tool failed")
        final = final_failures(calls)
        if not final:
            return Finding(True, f"{counted(len(failed), 'call')} failed and succeeded when tried again")
        if trace.answer is None:
            return Finding(None, "a tool failed, and nothing was answered")
        told = _WORDS.search(trace.answer) or next(
            (found for one in more if (found := one.search(trace.answer))), None
        )
        evidence = kept([f"{call.name}: {collapse(call.error or 'error', 160)}" for call in final])
        if told is not None:
            return Finding(True, f"the answer says {told.group()!r}", evidence)
        if any(_quotes(trace.answer, call.error or "") for call in final):
            return Finding(True, "the answer quotes the error", evidence)
        return Finding(
            False, f"{counted(len(final), 'call')} failed for good, the answer does not say so", evidence
        )

    return check


def final_failures(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The last failed call of every tool and arguments that no later call made good."""
    final: dict[tuple[str, str | None], ToolCall] = {}
    for call in calls:
        key = (call.name, call.arguments)
        if call.error is not None:
            final.pop(key, None)
            final[key] = call
        elif key in final:
            del final[key]
        else:
            other = next((key for key in final if key[0] == call.name), None)
            if other is not None:
                del final[other]
    return list(final.values())


def _quotes(answer: str, error: str) -> bool:
    """Whether an answer has the number of an error, or the words behind its last colon."""
    if any(number in answer for number in _NUMBER.findall(error)):
        return True
    tail = error.rpartition(":")[2].strip().casefold()
    return len(tail) >= _SHORTEST and tail in answer.casefold()
