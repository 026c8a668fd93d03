"""Where facts of an answer first appeared, and which appeared nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from traceview.model.messages import SpanPayload
from traceview.sources.payload import payload_of
from traceview.store.interface import Row, TraceDetail
from traceview.store.provenance import Provenance, answer_of, first_seen, unsourced
from traceview.store.transcript import transcript

SECOND = 1_000_000_000


class Made:
    """A trace that is written down span by span; times are seconds."""

    def __init__(self) -> None:
        self.spans: list[Row] = []
        self.payloads: list[SpanPayload] = []

    def add(
        self,
        span_id: str,
        kind: str,
        start: int,
        end: int | None,
        parent: str | None = "root",
        **columns: Any,
    ) -> Made:
        row = {
            "trace_id": "t", "span_id": span_id, "parent_id": parent, "kind": kind, "name": span_id, "status": "ok",
            "start_ns": start * SECOND, "end_ns": None if end is None else end * SECOND,
            "duplicate_of": columns.pop("duplicate_of", None), "error_message": columns.pop("error_message", None),
        }  # fmt: skip
        self.spans.append(row)
        self.payloads.append(payload_of({**columns, "trace_id": "t", "span_id": span_id, "kind": kind}))
        return self

    def unsourced(self) -> list[str]:
        return [fact.text for fact in unsourced(self.spans, self.payloads)]


ANSWER = "The total is 4,252 by May 5, see https://d.io/a and KR-12."


def asked(answer: str = ANSWER, **more: Any) -> Made:
    """An agent whose answer comes from one call at 8 to 9 s."""
    made = Made().add(
        "root", "agent", 0, 10, None, input="how much?", input_text="how much?", output_text=answer
    )
    return made.add("call", "llm", 8, 9, input_text="how much?", output_text=answer, output=answer, **more)


def test_everything_from_nowhere() -> None:
    assert asked().unsourced() == ["4,252", "May 5", "https://d.io/a", "KR-12"]


@pytest.mark.parametrize(
    ("span", "gone"),
    [
        ({"kind": "tool", "start": 2, "end": 3, "output": '{"n":4252.0}'}, "4,252"),
        ({"kind": "tool", "start": 2, "end": 3, "tool_result": '{"at":"2026-05-05"}'}, "May 5"),
        ({"kind": "retriever", "start": 2, "end": 3, "documents": '[{"id":"x","text":"http://D.io/a/"}]'}, "https://d.io/a"),
        ({"kind": "tool", "start": 2, "end": 3, "error_message": "kr-12 is gone"}, "KR-12"),
        ({"kind": "tool", "start": 2, "end": 3, "parent": "nowhere", "output": "kr-12"}, "KR-12"),
        ({"kind": "tool", "start": 8, "end": 9, "parent": "call", "output": "kr-12"}, "KR-12"),
        ({"kind": "chain", "start": 2, "end": None, "input": "kr-12"}, "KR-12"),
    ],
)  # fmt: skip
def test_what_stood_before(span: dict[str, Any], gone: str) -> None:
    kind, start, end = span.pop("kind"), span.pop("start"), span.pop("end")
    found = asked().add("other", kind, start, end, **span).unsourced()
    assert gone not in found and len(found) == 3


@pytest.mark.parametrize(
    "span",
    [
        {"kind": "tool", "start": 9, "end": 10, "output": ANSWER},
        {"kind": "tool", "start": 7, "end": 10, "output": "4252 2026-05-05 https://d.io/a KR-12"},
        {"kind": "guardrail", "start": 8, "end": 9, "input": ANSWER},
        {"kind": "chain", "start": 7, "end": 9, "output": ANSWER},
        {"kind": "llm", "start": 8, "end": 9, "duplicate_of": "call", "output_text": ANSWER},
    ],
)
def test_what_came_after_or_only_repeats_the_answer(span: dict[str, Any]) -> None:
    kind, start, end = span.pop("kind"), span.pop("start"), span.pop("end")
    assert len(asked().add("other", kind, start, end, **span).unsourced()) == 4


def test_the_input_of_the_call_counts_with_its_history() -> None:
    messages = '[{"role":"assistant","content":"It was 4252, see https:\\/\\/d.io\\/a"},{"role":"user","content":"?"}]'
    made = asked(input=messages, input_messages=messages)
    assert made.unsourced() == ["May 5", "KR-12"]


def test_sums_and_differences_of_found_numbers_count_as_found() -> None:
    made = asked("From 55 % to 67 %, that is +12 %, of 41.")
    made.add("tool", "tool", 1, 2, output="[55.0, 67.0]")
    assert made.unsourced() == ["41"]
    told = Provenance(made.spans, made.payloads)
    twelve = next(fact for fact in told.facts() if fact.key == "12%")
    operands = told.operands(twelve)
    assert operands is not None and [one.key for one in operands] == ["55%", "67%"]


def test_the_first_span_in_order_of_time() -> None:
    made = asked("Sofia Rossi has KR-12 at 4,252.")
    made.add("late", "tool", 5, 6, tool_args='{"id":"KR-12"}', tool_result='{"n":4252,"by":"Sofia Rossi"}')
    made.add("early", "tool", 2, 3, tool_result='{"n":4252}')
    detail = TraceDetail({"trace_id": "t"}, tuple(made.spans))
    told = Provenance(made.spans, made.payloads)
    found = {fact.text: first_seen(detail, made.payloads, fact) for fact in told.facts()}
    where = {text: (one.span_id, one.field) for text, one in found.items() if one is not None}
    assert where == {
        "4,252": ("early", "result"),
        "KR-12": ("late", "arguments"),
        "Sofia Rossi": ("late", "result"),
    }


def test_a_fact_of_another_span() -> None:
    made = asked().add("tool", "tool", 3, 4, tool_args='{"id":"KR-12"}')
    made.payloads[0] = payload_of(
        {"kind": "agent", "input_text": "what of KR-12?", "output_text": ANSWER, "input": "x"}
    )
    told = Provenance(made.spans, made.payloads)
    fact = next(fact for fact in told.facts() if fact.key == "kr-12")
    origin = told.origin(fact, span=2)
    assert origin is not None and (origin.span_id, origin.field, origin.offset) == ("root", "input", 8)


def test_the_call_whose_words_the_root_repeats_made_the_answer() -> None:
    made = asked("You owe 31 dollars.").add("title", "llm", 9, 10, output_text="A title of 77")
    assert made.unsourced() == ["31 dollars"]
    answer = answer_of(made.spans, made.payloads.__getitem__)
    assert answer is not None and made.spans[answer.span]["span_id"] == "call"


def test_without_a_call_the_root_answers_and_without_an_answer_there_is_nothing() -> None:
    made = Made().add("root", "agent", 0, 9, None, input="of 31?", output_text="It is 31 and then 32")
    made.add("inner", "chain", 1, 8, output="It is 31 and then 32, and more")
    assert made.unsourced() == ["32"]
    assert Made().add("root", "agent", 0, 9, None, input="of 31?").unsourced() == []
    assert unsourced([], []) == ()


def test_the_answer_is_the_last_assistant_turn_of_the_transcript() -> None:
    for made in (asked(), asked("none"), Made().add("root", "agent", 0, 9, None, output_text="x 31")):
        turns = [one for one in transcript([(made.spans, made.payloads)]) if one.role == "assistant"]
        answer = answer_of(made.spans, made.payloads.__getitem__)
        assert answer is not None and answer.text == turns[-1].text
