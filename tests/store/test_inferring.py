"""Prompt versions inferred from what calls have in common."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.store.inferring.forms import Span, taking_turns
from traceview.store.inferring.infer import Inferred, Where, infer
from traceview.store.inferring.naming import first_words, span_name_without_model, telling

NAMES = (
    "Alice Miller", "Bob", "Jean-Claude van Damme", "Zoë", "Anna Schmidt", "Li Wei", "Omar", "Ivy O'Hara",
)  # fmt: skip
WORDS = ("alpha", "beta", "gamma", "delta", "order", "refund", "ship", "page")


def inferred(
    prompts: Iterable[str], *, given: str | None = None, name: str = "chat gpt-4o"
) -> tuple[Inferred, list[str]]:
    """What is inferred from one call a second, each of a trace of its own; and the version of each call."""
    texts: dict[int, str] = {}
    keys: dict[str, int] = {}
    uses: dict[Where, Span] = {}
    wheres = []
    for at, prompt in enumerate(prompts):
        key = keys.setdefault(prompt, len(keys))
        texts[key] = prompt
        where = Where(given, name, "gpt-4o", key)
        use = Span(1, 1, at, at)
        uses[where] = uses[where] | use if where in uses else use
        wheres.append(where)
    found = infer(texts, uses)
    versions = [found.assigned[where] for where in wheres]
    return found, [f"{one.name}@{one.version}" if one is not None else "" for one in versions]


def support(rng: random.Random, version: int) -> str:
    documents = [" ".join(rng.choices(WORDS, k=9)) + "." for _ in range(rng.randint(1, 5))]
    lines = [
        "You are a support agent for Acme.",
        f"You are talking to {rng.choice(NAMES)} from {rng.choice(('Berlin', 'Paris', 'New York'))} today.",
        "Context:", *documents,
        "Rules:", "- Be brief." if version < 2 else "- Be brief and kind.", "- Never lie.",
        *(["- Escalate large refunds."] if version > 2 else []),
        f"The time is {rng.randint(1, 12)}:{rng.randint(10, 59)}.",
    ]  # fmt: skip
    return "\n".join(lines)


def test_versions_follow_edits_and_not_values() -> None:
    rng = random.Random(3)
    planted = [1] * 40 + [2] * 50 + [3] * 30
    found, versions = inferred(support(rng, version) for version in planted)
    assert versions == [f"support-agent@~{version}" for version in planted]
    assert [one.template.count("⟨") for one in found.versions] == [4, 4, 4]
    assert all(one.basis == "text" and len(one.hash) == 12 for one in found.versions)


def test_prompts_of_one_span_name_are_told_apart() -> None:
    rng = random.Random(5)
    prompts = []
    for day in range(1, 29):
        prompts += [
            support(rng, 1),
            f"Classify the question. Today is 2026-11-{day:02d}. Answer with one word.",
        ]
    _, versions = inferred(prompts)
    assert versions == ["support-agent@~1", "classify-the-question@~1"] * 28


@pytest.mark.parametrize(
    ("prompts", "versions"),
    [
        (["Be kind. Customer tier: gold.", "Be kind. Customer tier: free."], "11"),
        (["Help the user Anna with orders.", "Help the user Bob with orders."], "11"),
        (["Answer the customer in one line.", "Answer the customer in two lines, politely."], "12"),
        (["Answer briefly, please.", "Answer politely, please."] * 2, "1111"),
        (["Serve the gold plan with care.", "Serve the free plan with care."] * 3, "111111"),
        (["Serve our users with much care."] * 3 + ["Serve our guests with much care."] * 3, "111222"),
    ],
)  # fmt: skip
def test_few_words_are_values_if_they_look_so_or_take_turns(prompts: list[str], versions: str) -> None:
    _, found = inferred(prompts)
    assert "".join(one.rpartition("~")[2] for one in found) == versions


def test_nothing_is_told_where_nearly_every_call_has_a_prompt_of_its_own() -> None:
    rng = random.Random(1)
    words = [f"{a}{b}" for a in WORDS for b in WORDS]
    prompts = [" ".join(rng.choices(words, k=30)) for _ in range(60)]
    found, versions = inferred(prompts)
    assert versions == [""] * 60
    assert found.versions == ()
    assert sum(found.refused.values()) == 60
    assert all("of its own" in reason for reason in found.refused)


def test_a_recorded_name_is_kept_and_versions_count_within_it() -> None:
    found, versions = inferred(["You route questions.", "You answer in verse, always."], given="router")
    assert versions == ["router@~1", "router@~2"]
    assert {one.name for one in found.versions} == {"router"}


def test_models_and_spans_that_share_a_text_share_the_prompt() -> None:
    text = "You are a helpful planner of journeys."
    uses = {
        Where(None, "chat gpt-4o", "gpt-4o-2024-08-06", 1): Span(1, 1, 5, 5),
        Where(None, "chat claude-sonnet-4-6", "claude-sonnet-4-6", 1): Span(1, 1, 3, 3),
        Where(None, "stream", "x", 1): Span(1, 1, 9, 9),
    }
    found = infer({1: text}, uses)
    assert {one.name for one in found.versions} == {"helpful-planner"}
    assert len(set(found.assigned.values())) == 1


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_the_order_of_calls_changes_nothing(data: st.DataObject) -> None:
    rng = random.Random(data.draw(st.integers(0, 1000)))
    count = data.draw(st.integers(1, 40))
    calls: list[tuple[int, str]] = [
        (at, support(rng, 1 + 3 * at // count) if rng.random() < 0.7 else f"Summarise in {at} words, please.")
        for at in range(count)
    ]
    shuffled = data.draw(st.permutations(calls))
    assert grouped(calls) == grouped(shuffled)


def grouped(calls: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The version of each (time, prompt), with keys that depend on the text alone."""
    texts = {hash(prompt): prompt for _, prompt in calls}
    uses: dict[Where, Span] = {}
    for at, prompt in calls:
        where = Where(None, "chat", None, hash(prompt))
        use = Span(1, 1, at, at)
        uses[where] = uses[where] | use if where in uses else use
    found = infer(texts, uses).assigned
    versions = {(at, prompt): found[Where(None, "chat", None, hash(prompt))] for at, prompt in calls}
    return {call: f"{one.name}@{one.version}" if one is not None else "" for call, one in versions.items()}


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("You are a support agent for Acme.", "support-agent"),
        ("You are ⟨…⟩.", "prompt"),
        ("# Role: travel planner", "role"),
        ("Your task is to classify the question of a user", "classify-the-question"),
        ("Du bist ein hilfreicher Assistent.", "du-bist-ein-hilfreicher"),
    ],
)
def test_a_prompt_is_named_by_its_first_words(first: str, name: str) -> None:
    assert first_words((first,)) == name


@pytest.mark.parametrize(
    ("span", "told"),
    [("chat gpt-4o", False), ("ChatOpenAI", False), ("anthropic.messages.create", False), ("OpenAI-generation", False),
     ("answer_question", True), ("Router", True)],
)  # fmt: skip
def test_names_of_spans_that_only_call_a_model_tell_nothing(span: str, told: bool) -> None:
    assert telling(span_name_without_model(span, None)) is told


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 8)), max_size=12))
def test_those_that_take_turns_are_found_in_the_order_of_time(times: list[tuple[int, int]]) -> None:
    uses = [Span(2, 2, first, first + lasting) for first, lasting in times]
    assert taking_turns(uses) == sum(
        any(use.among(other) for at, other in enumerate(uses) if at != number)
        for number, use in enumerate(uses)
    )
