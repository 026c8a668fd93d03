"""What judges look at: the texts that a person would read, conversations as they were, nothing that others judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jmespath
import pytest
from conversations import opened, talk, trace, write

from traceview.definitions.document import parse_document
from traceview.definitions.judge_prompt import keys_of
from traceview.definitions.project import Project
from traceview.judges import items as items_module
from traceview.judges import reading
from traceview.judges.items import everything, items, items_of, needs_of, targets
from traceview.judges.loading import parsed
from traceview.judges.reading import NEXT
from traceview.model.errors import BadInput, NotEnoughMemory
from traceview.model.judges import FIXED_KEYS, OBJECT_KEYS
from traceview.model.labels import Target, TargetKind
from traceview.model.messages import SpanPayload
from traceview.store.interface import CancelToken, Engine, Row


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Five small traces."""
    with opened(write(tmp_path_factory.mktemp("talk"), *talk())) as engine:
        yield engine


def objects(
    engine: Engine, scope: TargetKind, needs: frozenset[str] | None = None
) -> dict[str, dict[str, Any]]:
    chosen = targets(engine, scope, None)
    return {one.target.id: one.object for one in items(engine, scope, chosen, needs or everything(scope))}


PATHS = (
    ("t2", "trace.input.text", "And the price?"),
    ("t2", "trace.output.text", "It is 4."),
    ("t2", "trace.thread_id", "c1"),
    ("t2", "thread.user_messages[].text", ["Where is the guide?", "And the price?"]),
    ("t2", "thread.user_messages[-1].text", "And the price?"),
    ("t2", "thread.messages[].role", ["user", "assistant", "user", "assistant"]),
    ("t2", "thread.earlier_messages[].text", ["Where is the guide?", "See https://d.io/a"]),
    ("t1", "thread.earlier_messages", []),
    ("t4", "thread.earlier_messages", []),
    ("t2", "thread.traces", 2),
    ("t2", "thread.next_user_message.text", "That's wrong."),
    ("t3", "thread.next_user_message", None),
    ("t4", "thread.user_messages[].text", ["Hello?"]),
    ("t4", "thread.id", None),
    ("t4", "retrieved[].text", ["a page"]),
    ("t4", "retrieved[].score", [0.5]),
    ("t1", "spans[?name=='search_knowledge'].output.text", ["https://d.io/a"]),
    ("t1", "tool_calls[].name", ["search_knowledge"]),
    ("t1", "tool_calls[0].arguments.q", "Where is the guide?"),
    ("t1", "tool_calls[0].result", "https://d.io/a"),
    ("t1", "spans[].kind", ["agent", "tool", "llm"]),
    ("t1", "trace.scores", None),
)  # fmt: skip


@pytest.mark.parametrize(("target", "path", "value"), PATHS)
def test_what_a_path_finds(engine: Engine, target: str, path: str, value: object) -> None:
    (item,) = items_of(engine, [Target("trace", target, target)])
    assert jmespath.search(path, item.object) == value


def test_every_scope_has_the_parts_that_it_is_said_to_have(engine: Engine) -> None:
    for scope, keys in OBJECT_KEYS.items():
        for found in objects(engine, scope).values():
            assert set(found) == set(keys)
            json.dumps(found)


def test_the_newest_come_first_and_each_once(engine: Engine) -> None:
    chosen = targets(engine, "trace", None)
    found = [one.target.id for one in items(engine, "trace", chosen, frozenset({"trace"}))]
    assert found == ["t5", "t4", "t3", "t2", "t1"]
    assert sorted(objects(engine, "trace")) == ["t1", "t2", "t3", "t4", "t5"]
    assert sorted(objects(engine, "thread")) == ["c1", "c2"]
    assert len(objects(engine, "span")) == 16


def test_what_is_not_needed_is_not_there(engine: Engine) -> None:
    for needs in ({"trace"}, {"spans", "retrieved"}, {"tool_calls"}, {"thread"}):
        found = objects(engine, "trace", frozenset(needs))
        assert {frozenset(one) for one in found.values()} == {frozenset(needs)}
    whole, partial = objects(engine, "trace"), objects(engine, "trace", frozenset({"thread", "trace"}))
    for name, one in partial.items():
        assert one["trace"] == whole[name]["trace"]
        assert one["thread"] == {**whole[name]["thread"], "next_user_message": None}


def test_a_span_knows_its_trace(engine: Engine) -> None:
    (item,) = items_of(engine, [Target("span", "t2.t", "t2")])
    assert item.object["span"]["tool"]["result"] == "price: 4"
    assert item.object["span"]["output"]["text"] == "price: 4"
    assert item.object["trace"]["id"] == "t2" and item.object["thread"]["traces"] == 2
    alone = objects(engine, "span", frozenset({"span"}))
    assert alone["t2.t"]["span"] == item.object["span"]


def test_a_text_too_large_for_memory_is_said_of_those_alone_who_look_at_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def payloads(
        spans: Sequence[Row], token: CancelToken | None = None, **told: bool
    ) -> tuple[SpanPayload, ...]:
        if any(span["span_id"] == "t2.t" for span in spans):
            raise NotEnoughMemory("too large")
        return whole(spans, token)

    whole = engine.payloads
    monkeypatch.setattr(engine, "payloads", payloads)

    def unread(scope: TargetKind, *needs: str) -> set[str]:
        found = list(items(engine, scope, targets(engine, scope, None), frozenset(needs)))
        words = {one.unread for one in found if one.unread}
        assert words == {"the text of span t2.t does not fit into memory: 62 B"}
        return {one.target.id for one in found if one.unread}

    assert unread("trace", "trace") == {"t2"}
    assert unread("span", "span") == {"t2.t"}
    # t3 goes on with the conversation, t1 is told what is said next
    assert unread("trace", "trace", "thread") == {"t2", "t3"}
    assert unread("trace", "trace", "thread", NEXT) == {"t1", "t2", "t3"}
    assert unread("thread", "thread") == {"c1"}


def test_a_conversation_is_told_whole(engine: Engine) -> None:
    found = objects(engine, "thread")["c1"]
    assert [one["id"] for one in found["traces"]] == ["t1", "t2", "t3"]
    assert found["thread"]["traces"] == 3
    assert [one["text"] for one in found["thread"]["user_messages"]][-1] == "That's wrong."
    assert "[tool] search_knowledge(" in found["thread"]["transcript"]
    assert found["thread"]["transcript"].endswith("[assistant] Sorry, it is 5.")
    assert len(found["tool_calls"]) == 3 and len(found["spans"]) == 9


def test_what_is_not_wanted_is_not_read(engine: Engine) -> None:
    chosen = targets(engine, "trace", None)
    found = items(engine, "trace", chosen, everything("trace"), is_wanted=lambda one: one.id in ("t1", "t3"))
    assert sorted(one.target.id for one in found) == ["t1", "t3"]


def test_a_target_that_is_not_there_is_an_error(engine: Engine) -> None:
    with pytest.raises(BadInput):
        list(items_of(engine, [Target("trace", "gone", "gone")]))


def test_of_a_long_conversation_the_newest_traces_are_read_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LONGEST_THREAD", 3)
    traces = [trace(f"t{n}", f"question {n}", f"answer {n}", thread="c", at=n) for n in range(8)]
    with opened(write(tmp_path / "data", *traces)) as engine:
        thread = objects(engine, "thread")["c"]["thread"]
        assert (thread["traces"], thread["left_out"], len(thread["user_messages"])) == (8, 5, 3)
        assert thread["transcript"].startswith("[5 earlier traces are not shown]")
        (item,) = items_of(engine, [Target("trace", "t6", "t6")])
        seen = item.object["thread"]
        assert (seen["traces"], seen["left_out"]) == (7, 3)
        assert seen["user_messages"][-1]["text"] == "question 6"
        assert seen["next_user_message"] == {"text": "question 7"}


def test_pages_and_batches_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = [trace(f"t{n:02}", f"question {n}", f"answer {n}", thread=f"c{n % 5}", at=n) for n in range(12)]
    with opened(write(tmp_path / "data", *traces)) as engine:
        for scope in OBJECT_KEYS:
            whole = objects(engine, scope)
            for page, at_once, spans in ((5, 2, 5), (1, 64, 2_000)):
                monkeypatch.setattr(items_module, "PAGE", page)
                monkeypatch.setattr(reading, "TRACES_AT_ONCE", at_once)
                monkeypatch.setattr(reading, "SPANS_AT_ONCE", spans)
                assert objects(engine, scope) == whole
                monkeypatch.undo()


@pytest.mark.parametrize("kept", [0, 10**9])
def test_a_trace_is_told_the_same_whatever_is_read_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(reading, "LONGEST_THREAD", 3)
    monkeypatch.setattr(reading, "KEPT_CHARACTERS", kept)
    monkeypatch.setattr(reading, "KEPT_IDS", kept)
    traces = [
        trace(f"t{n:02}", f"question {n}", f"answer {n}", thread=f"c{n // 10}", at=n) for n in range(13)
    ]
    with opened(write(tmp_path / "data", *traces)) as engine:
        alone = {
            f"t{n:02}": next(items_of(engine, [Target("trace", f"t{n:02}", f"t{n:02}")])).object
            for n in range(13)
        }
        for page in (1, 4, 64):
            monkeypatch.setattr(items_module, "PAGE", page)
            assert objects(engine, "trace") == alone
        upwards = [Target("trace", name, name) for name in sorted(alone)]
        shared = reading.Conversations(engine, everything("trace"))
        for target in upwards:
            (item,) = items_of(engine, [target], None, None, shared)
            assert item.object == alone[target.id]
    assert [alone[f"t{n:02}"]["thread"]["left_out"] for n in range(10)] == [0, 0, 0, 0, 0, 0, 3, 3, 3, 6]
    assert alone["t09"]["thread"]["next_user_message"] is None and alone["t08"]["thread"]["traces"] == 9


def test_of_a_conversation_only_what_the_variables_look_at_is_made(engine: Engine) -> None:
    found = objects(engine, "trace", frozenset({"thread", "thread.user_messages"}))["t2"]["thread"]
    assert set(found) == {"id", "traces", "left_out", "user_messages", "next_user_message"}
    for path, keys in (
        ("thread.user_messages[-1].text", {"user_messages"}),
        ("[thread.transcript, thread.messages[0]]", {"transcript", "messages"}),
        ("thread", None),
        ("trace.messages[?thread]", None),
        ("thread.*", None),
        ("keys(thread)", None),
        ("{a: thread.id, b: trace.thread_id}", {"id"}),
    ):
        assert keys_of(path, "thread") == keys, path


def test_only_what_the_variables_look_at_is_needed() -> None:
    text = """kind = "llm"
model.id = "m"
score = { type = "boolean", pass_means = "It is.", fail_means = "It is not." }
variables = { a = "trace.output.text", b = "spans[?tool.name=='x'].output | [0]" }
prompt.system = "Check."
"""
    judge = parsed(parse_document(Path("j.toml"), text), Project(()))
    assert needs_of(judge) == {"trace", "spans"}


def test_the_keys_that_a_path_may_begin_with_are_those_of_the_object(engine: Engine) -> None:
    (item,) = items_of(engine, [Target("trace", "t2", "t2")])
    (one,) = items_of(engine, [Target("span", "t2.m", "t2")])
    assert set(item.object["trace"]) == set(FIXED_KEYS["trace"])
    assert set(item.object["thread"]) == set(FIXED_KEYS["thread"])
    assert set(one.object["span"]) == set(FIXED_KEYS["span"])
    assert set(one.object["span"]["input"]) == set(FIXED_KEYS["span.input"])
