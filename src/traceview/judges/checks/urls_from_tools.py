"""Whether every address of an answer stands in a result of a tool, in whatever spelling (`text.urls.url_key`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from traceview.judges.checks.base import Finding, Options, TraceCheck, kept
from traceview.judges.checks.seen import SeenTrace
from traceview.text.facts import Fact
from traceview.text.human import counted
from traceview.text.mentions import Haystack
from traceview.text.urls import find_urls, url_key

NAME = "urls_from_tools"


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options."""
    options = Options(NAME, given)
    tools = frozenset(options.texts("tool"))
    named = " or ".join(sorted(tools)) or "a tool"
    allowed = tuple(_host_and_path(one) for one in options.texts("allow"))
    must_call, users = options.flag("require_called"), options.flag("allow_user_urls")

    def check(trace: SeenTrace) -> Finding:
        if trace.answer is None:
            return options.otherwise("when_no_url", "nothing was answered")
        calls = [call for call in trace.calls_before_answer if not tools or call.name in tools]
        called = bool(calls)
        found = [fact for fact in addresses(trace.answer) if not _allowed(fact, allowed)]
        if users and found:
            asked = Haystack(trace.question)
            found = [fact for fact in found if not asked.holds(fact)]
        if not found:
            parts = {"tool_called": called, "urls_match": None}
            if must_call and not called:
                return Finding(False, f"{named} was not called before the answer", (), parts)
            whole = options.otherwise("when_no_url", "the answer has no address to look for")
            return Finding(whole.value, whole.explanation, (), parts)
        if not called:
            whole = options.otherwise("when_not_called", f"{named} was not called before the answer")
            value = False if must_call else whole.value
            # what was never looked up cannot stand in a result
            parts = {"tool_called": False, "urls_match": whole.value}
            return Finding(value, whole.explanation, kept([fact.text for fact in found]), parts)
        missing = unsourced(found, [text for call in calls for text in call.results])
        parts = {"tool_called": True, "urls_match": not missing}
        if missing:
            said = f"{len(missing)} of {counted(len(found), 'address', 'addresses')} in no result of {named}"
            return Finding(False, said, kept([fact.text for fact in missing]), parts)
        said = f"every address ({len(found)}) stands in a result of {named}"
        return Finding(True, said, (), parts)

    return check


def addresses(text: str) -> list[Fact]:
    """The different addresses of a text, in order."""
    found: dict[str, Fact] = {}
    for start, end in find_urls(text):
        key = url_key(text[start:end])
        found.setdefault(key, Fact("url", start, end, text[start:end], key))
    return list(found.values())


def unsourced(facts: Sequence[Fact], results: Sequence[str]) -> list[Fact]:
    """The addresses that stand in none of the results, JSON in JSON decoded."""
    haystack = Haystack("\n\x00\n".join(dict.fromkeys(results)))
    return [fact for fact in facts if not haystack.holds(fact)]


def _host_and_path(address: str) -> str:
    return url_key(address).partition("://")[2]


def _allowed(fact: Fact, allowed: Sequence[str]) -> bool:
    """Whether an address is one of those, below one of them, or on a host below one that is only a host."""
    place = fact.key.partition("://")[2]
    host = place.partition("/")[0].partition("?")[0]
    for one in allowed:
        if place == one or place.startswith((f"{one}/", f"{one}?")):
            return True
        if "/" not in one and host.endswith(f".{one}"):
            return True
    return False
