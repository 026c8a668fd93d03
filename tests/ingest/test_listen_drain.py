"""From the inbox into parts: the same rows as from files, each once, whatever is killed."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from listening import (
    FIXTURES,
    all_rows,
    as_protobuf,
    drain,
    message,
    put,
    put_json,
    request,
    requests_of,
    rows,
    span,
)

from traceview.ingest.directory import StoreDirectory
from traceview.ingest.listen import append, batch, merging
from traceview.ingest.listen import drain as draining
from traceview.ingest.listen.drain import Drain
from traceview.ingest.listen.inbox import NAME, backlog, open_inbox, try_again, unread, writing
from traceview.ingest.listen.merging import Merger
from traceview.sources.base import ReadReport
from traceview.sources.open import open_sources
from traceview.sources.otlp import OtlpJson
from traceview.sources.part_names import name_of
from traceview.sources.parts import parts_in, write_part
from traceview.sources.probe import probe

SPANS = FIXTURES / "otel_genai" / "openai-legacy.otlp.jsonl"
LOGS = FIXTURES / "otel_genai" / "openai-legacy.logs.otlp.jsonl"
FILES = sorted(
    path
    for path in FIXTURES.rglob("*.otlp.jsonl")
    if ".logs." not in path.name and "otlp_variants" not in str(path)
)


def of_files(directory: Path, *paths: Path) -> dict[str, dict[str, Any]]:
    """The rows of files as importing them gives them."""
    directory.mkdir()
    probes = [probe(path) for path in paths]
    reader = OtlpJson().together(probes, ReadReport())
    read = [row for one in probes for batch in reader.read(one, ReadReport()) for row in batch]
    write_part(read, directory, "part.parquet")
    return rows(directory)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_protobuf_and_json_give_the_rows_of_the_file(path: Path, tmp_path: Path) -> None:
    expected = of_files(tmp_path / "file", path)
    requests = requests_of(path)
    put(tmp_path / "json", [("traces", "json", json.dumps(one).encode()) for one in requests])
    put(tmp_path / "protobuf", [("traces", "protobuf", as_protobuf("traces", one)) for one in requests])
    for store in ("json", "protobuf"):
        drain(tmp_path / store)
        assert rows(tmp_path / store) == expected
    assert open_sources([str(tmp_path / "protobuf")]).format == "traceview"


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
@pytest.mark.parametrize("order", ["together", "spans first", "messages first", "message by message"])
def test_messages_join_their_spans_whenever_they_come(order: str, encoding: Any, tmp_path: Path) -> None:
    expected = of_files(tmp_path / "files", SPANS, LOGS)
    assert any(row["input_messages"] for row in expected.values())
    store = tmp_path / "store"

    def encoded(signal: Any, one: dict[str, Any]) -> Any:
        body = json.dumps(one).encode() if encoding == "json" else as_protobuf(signal, one)
        return signal, encoding, body

    spans = [encoded("traces", one) for one in requests_of(SPANS)]
    messages = [encoded("logs", one) for one in requests_of(LOGS)]
    steps = {
        "together": [spans + messages],
        "spans first": [spans, messages],
        "messages first": [messages, spans],
        "message by message": [spans[:1], *([one] for one in messages), spans[1:]],
    }[order]
    for step in steps:
        put(store, step)
        drain(store)
    assert rows(store) == expected
    with open_inbox(store) as connection:
        assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (0,)


def test_what_is_sent_again_is_not_written_again(tmp_path: Path) -> None:
    store = tmp_path / "store"
    once = request(span(1, 1), span(1, 2))
    put_json(store, "traces", once, once)
    (step,) = drain(store)
    assert (step.spans, step.repeated) == (2, 2)
    put_json(store, "logs", message(1, 1, "hello"), message(1, 1, "hello"))
    put_json(store, "traces", once)
    (step,) = drain(store)
    assert (step.spans, step.completed, step.repeated) == (1, 1, 2)
    put_json(store, "logs", message(1, 1, "hello"))
    (step,) = drain(store)
    assert (step.spans, step.part) == (0, None)
    assert len(all_rows(store)) == 3
    assert len(json.loads(rows(store)[f"{1:016x}"]["input_messages"])) == 1


def test_an_ended_span_takes_the_place_of_the_open_one_and_keeps_its_messages(tmp_path: Path) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", request(span(1, 1, endTimeUnixNano="0")))
    drain(store)
    assert rows(store)[f"{1:016x}"]["end_time"] is None
    put_json(store, "logs", message(1, 1, "first"))
    drain(store)
    put_json(store, "traces", request(span(1, 1)))
    put_json(store, "logs", message(1, 1, "second", at=2))
    drain(store)
    row = rows(store)[f"{1:016x}"]
    assert row["end_time"] is not None
    assert [one["parts"][0]["content"] for one in json.loads(row["input_messages"])] == ["first", "second"]
    # an open one that comes late says nothing new
    put_json(store, "traces", request(span(1, 1, endTimeUnixNano="0")))
    assert [step.repeated for step in drain(store)] == [1]


OPEN = {"endTimeUnixNano": "0"}
OK, FAILED = {"status": {"code": 1}}, {"status": {"code": 2}}


@pytest.mark.parametrize("apart", [False, True], ids=["in one part", "in two parts"])
@pytest.mark.parametrize(
    ("first", "then", "counts", "figures"),
    [
        ({**OK}, {**OK}, "ok", (1, 0)),
        ({**OK}, {**FAILED}, "error", (0, 1)),
        ({**OK, **OPEN}, {**OK, **OPEN}, "ok", (1, 0)),
        ({**OK, **OPEN}, {**FAILED, **OPEN}, "error", (0, 1)),
        ({**OK, **OPEN}, {**OK}, "ok", (0, 1)),
        ({**OK}, {**FAILED, **OPEN}, "ok", (1, 0)),
        # one without a start is sorted last, and was the last to count
        ({**OK, **OPEN, "startTimeUnixNano": "0"}, {**FAILED}, "error", (0, 1)),
    ],
)
def test_what_comes_again_with_another_content_counts(
    first: Any, then: Any, counts: str, figures: Any, apart: bool, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(batch, "_ROWS_AT_ONCE", 2)
    store = tmp_path / "store"
    put_json(store, "logs", message(1, 1, "hello"))
    put_json(store, "traces", request(span(1, 1, **first), span(1, 2), span(1, 3)))
    steps = drain(store) if apart else []
    put_json(store, "traces", request(span(1, 1, **then), span(1, 4)))
    steps += drain(store)
    assert rows(store)[f"{1:016x}"]["status"] == counts
    assert rows(store)[f"{1:016x}"]["input_text"] == "hello"
    assert (sum(one.repeated for one in steps), sum(one.replaced for one in steps)) == figures
    assert set(rows(store)) == {f"{number:016x}" for number in (1, 2, 3, 4)}
    assert len(all_rows(store)) == 4 + (apart and figures[1])


def test_spans_whose_part_is_gone_are_written_again(tmp_path: Path) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", request(span(1, 1)))
    drain(store)
    put_json(store, "traces", request(span(1, 2)))
    drain(store)
    parts_in(store)[0].unlink()
    put_json(store, "traces", request(span(1, 1), span(1, 2)))
    (step,) = drain(store)
    assert (step.spans, step.repeated) == (1, 1)
    assert set(rows(store)) == {f"{number:016x}" for number in (1, 2)}


def test_a_name_with_many_numbers_is_no_proof_that_a_part_was_merged(tmp_path: Path) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", request(span(1, 1)))
    drain(store)
    put_json(store, "traces", request(span(1, 2)))
    drain(store)
    first, second = parts_in(store)
    first.unlink()
    second.rename(store / name_of("part", 1, 999_999))
    put_json(store, "traces", request(span(1, 1)))
    (step,) = drain(store)
    assert (step.spans, step.repeated) == (1, 0)
    assert set(rows(store)) == {f"{number:016x}" for number in (1, 2)}


def test_what_went_while_it_was_written_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"

    @contextmanager
    def deleted_at_the_end(*given: Any) -> Iterator[None]:
        with writing(*given):
            yield
        (store / NAME).unlink()

    put_json(store, "traces", request(span(1, 1)))
    monkeypatch.setattr(append, "writing", deleted_at_the_end)
    with pytest.raises(append.NotKept, match="moved, replaced or emptied"):
        put_json(store, "traces", request(span(1, 2)))


def test_an_inbox_of_before_is_taken_up(tmp_path: Path) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", request(span(1, 1)))
    drain(store)
    with open_inbox(store) as connection:
        connection.execute("ALTER TABLE written DROP COLUMN digest")
        connection.execute("ALTER TABLE written DROP COLUMN joined")
        connection.execute("PRAGMA user_version = 1")
    for expected in ((0, 1), (1, 0)):
        put_json(store, "traces", request(span(1, 1)))
        (step,) = drain(store)
        assert (step.repeated, step.replaced) == expected


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_drain_sees_that_its_inbox_is_gone(how: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", request(span(1, 1)))
    found = Drain(store)
    assert found.is_there()
    if how == "deleted":
        (store / NAME).unlink()
    else:
        store.rename(tmp_path / "away")
    if how == "replaced":
        put_json(store, "traces", request(span(1, 1)))
    assert not found.is_there()
    found.close()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", ["before the part", "after the part", "in the transaction"])
def test_killed_at_any_point_every_span_is_there_once(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", request(span(1, 1), span(1, 2)))
    put_json(store, "logs", message(1, 1, "hello"))

    def killed(*arguments: Any, **more: Any) -> Any:
        if at == "after the part":
            published(*arguments, **more)
        raise Killed

    published = StoreDirectory.publish
    with monkeypatch.context() as patched:
        if at == "in the transaction":
            patched.setattr(Drain, "_forget", killed)
        else:
            patched.setattr(StoreDirectory, "publish", killed)
        with pytest.raises(Killed):
            drain(store)
    put_json(store, "traces", request(span(1, 3)))
    drain(store)
    assert sorted(row["span_id"] for row in all_rows(store)) == [f"{number:016x}" for number in (1, 2, 3)]
    assert rows(store)[f"{1:016x}"]["input_text"] == "hello"
    with open_inbox(store) as connection:
        assert backlog(connection).requests == 0


def test_a_request_that_ends_the_process_again_and_again_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", *(request(span(1, number)) for number in range(1, 6)))
    read = Drain._read

    def ends(self: Drain, number: int, *more: Any) -> None:
        if number == 3:
            raise Killed
        read(self, number, *more)

    monkeypatch.setattr(Drain, "_read", ends)
    for _ in range(20):
        try:
            drain(store)
        except Killed:
            continue
        break
    assert set(rows(store)) == {f"{number:016x}" for number in (1, 2, 4, 5)}
    with open_inbox(store) as connection:
        assert unread(connection) == 1
        assert backlog(connection).requests == 0


def test_a_store_that_cannot_be_written_is_no_fault_of_the_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    put_json(store, "traces", *(request(span(1, number)) for number in range(1, 4)))
    with monkeypatch.context() as patched:

        def full(*arguments: Any, **more: Any) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        patched.setattr(StoreDirectory, "publish", full)
        for _ in range(5):
            found = Drain(store)
            for _ in range(5):
                with pytest.raises(OSError, match="No space"):
                    found.step()
            found.close()
    with open_inbox(store) as connection:
        assert connection.execute("SELECT attempts, last_id FROM parts").fetchall() == [(0, 3)]
    (step,) = drain(store)
    assert (step.spans, step.failed) == (3, 0)
    assert set(rows(store)) == {f"{number:016x}" for number in (1, 2, 3)}


def test_a_message_that_is_nested_deeply_costs_nobody_anything(tmp_path: Path) -> None:
    store = tmp_path / "store"
    deep: Any = {"stringValue": "x"}
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    told = message(1, 1, "hello", at=2)
    told["resourceLogs"] += message(1, 1, "deep")["resourceLogs"]
    told["resourceLogs"][1]["scopeLogs"][0]["logRecords"][0]["body"] = deep
    put_json(store, "logs", told)
    drain(store)
    put_json(store, "traces", request(span(1, 1), span(1, 2)))
    (step,) = drain(store)
    assert (step.spans, step.failed) == (2, 0)
    assert "hello" in rows(store)[f"{1:016x}"]["input_messages"]


def test_a_request_that_cannot_be_mapped_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any) -> Any:
        raise ZeroDivisionError

    store = tmp_path / "store"
    put_json(store, "traces", request(span(1, 1)))
    monkeypatch.setattr(batch, "rows_of", fails)
    (step,) = drain(store)
    assert (step.failed, step.spans, step.part) == (1, 0, None)
    with open_inbox(store) as connection:
        assert connection.execute("SELECT failed FROM requests").fetchall() == [("ZeroDivisionError: ",)]
        assert unread(connection) == 1
        try_again(store, connection)
    monkeypatch.undo()
    drain(store)
    assert set(rows(store)) == {f"{1:016x}"}


def test_parts_are_no_larger_than_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "ROW_GROUP_ROWS", 10)
    store = tmp_path / "store"
    put_json(
        store, "traces", *(request(*(span(one, 10 * one + at) for at in range(4))) for one in range(1, 6))
    )
    assert [step.spans for step in drain(store)] == [8, 8, 4]
    assert len(rows(store)) == 20


def test_messages_join_spans_whose_part_was_merged_with_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MORE_PARTS", 3)
    store = tmp_path / "store"
    failures: list[str] = []
    merger = Merger(store, failures.append)
    for number in (1, 2, 3):
        put_json(store, "traces", request(span(1, number)))
        drain(store)
        merger.look()
        merger.wait()
    assert (len(parts_in(store)), failures) == (1, [])
    put_json(store, "logs", message(1, 2, "hello"))
    (step,) = drain(store)
    assert step.completed == 1
    assert rows(store)[f"{2:016x}"]["input_text"] == "hello"
    assert len(rows(store)) == 3
    merger.look()
    assert len(parts_in(store)) == 2


def test_a_new_store_can_be_opened_before_the_first_span(tmp_path: Path) -> None:
    for _ in range(2):
        found = Drain(tmp_path / "store")
        found.begin()
        found.close()
    assert open_sources([str(tmp_path / "store")]).format == "traceview"
    assert len(parts_in(tmp_path / "store")) == 1
    put_json(tmp_path / "store", "traces", request(span(1, 1)))
    drain(tmp_path / "store")
    assert len(rows(tmp_path / "store")) == 1


def test_what_is_remembered_stays_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_REMEMBERED_SPANS", 0)
    monkeypatch.setattr(draining, "ROW_GROUP_ROWS", 3)
    monkeypatch.setattr(draining, "_WAITING_EVENTS", 2)
    store = tmp_path / "store"
    for number in range(1, 9):
        put_json(store, "traces", request(span(1, number)))
        put_json(store, "logs", message(2, number, "nobody's"))
        step = drain(store)
    assert step[-1].skipped == {"log record of a span that did not come": 1}
    with open_inbox(store) as connection:
        assert connection.execute("SELECT count(*) FROM written").fetchone()[0] <= 4
        assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (2,)
