"""Labels in and out as JSON lines, and their check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from traceview.annotation import Annotator
from traceview.annotation.transfer import check_labels, export_labels, import_labels, list_labels
from traceview.annotation.values import validate_value
from traceview.definitions.feedback import VERDICT
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore


@pytest.fixture
def store(tmp_path: Path):
    opened = LabelStore.open(tmp_path / "a.labels.db")
    yield opened
    opened.close()


def line(**fields: Any) -> str:
    given = {"target_kind": "trace", "target_id": "t1", "name": "verdict", "value": True, "annotator": "ann"}
    return json.dumps(given | fields) + "\n"


def test_what_is_exported_is_imported_and_a_second_time_nothing(store: LabelStore, tmp_path: Path) -> None:
    annotator = Annotator(store, [VERDICT], "ann")
    annotator.set_value(
        [Target("trace", "t1"), Target("thread", "h")], "verdict", False, reason="é\x1b\n", blind=True
    )
    annotator.set_value([Target("trace", "t1")], "verdict", "n/a")
    annotator.undo()
    annotator.set_values(Target("trace", "t2"), [("mode", ("b", "a")), ("first_bad", 3)])
    for history in (False, True):
        path = tmp_path / f"labels-{history}.jsonl"
        count = export_labels(store, path, history=history)
        other = LabelStore.open(tmp_path / f"{history}.db")
        report = import_labels(other, path.read_bytes().splitlines(keepends=True), [VERDICT])
        assert (report.lines, report.added, report.known, report.refused) == (count, count, 0, ())
        assert list(list_labels(other, history=history)) == list(list_labels(store, history=history))
        again = import_labels(other, path.read_text().splitlines(), [VERDICT])
        assert (again.added, again.known) == (0, count)
        assert other.current() == store.current() or not history
        assert Annotator(other, [VERDICT], "ann").undo() is None
        other.close()
    with pytest.raises(BadInput, match="exists"):
        export_labels(store, path)
    assert export_labels(store, path, names=["mode"], force=True) == 1


def test_fields_of_a_row_are_those_of_the_command_line(store: LabelStore) -> None:
    Annotator(store, [VERDICT], "ann").set_value([Target("trace", "t1")], "verdict", True)
    (row,) = list_labels(store)
    assert ",".join(row) == (
        "id,target_kind,target_id,trace_id,name,value,source,annotator,reason,blind,session,"
        "definition_hash,created_at"
    )
    assert (row["target_id"], row["trace_id"], row["value"]) == ("t1", "t1", True)
    (row,) = list_labels(store, history=True)
    assert list(row)[-3:] == ["op", "ref", "action_id"]


def test_rows_without_an_id_are_known_by_all_their_fields(store: LabelStore) -> None:
    lines = [
        line(),
        line(value=False),
        line(reason="r"),
        line(created_at="2026-01-01T00:00:00Z"),
        line(),
        "\n",
    ]
    report = import_labels(store, lines, [VERDICT])
    # The last repeats the first; a time that none has yet makes another row.
    assert (report.lines, report.added, report.known) == (5, 4, 1)
    again = import_labels(store, lines, [VERDICT])
    assert (again.added, again.known) == (0, 5)
    assert {row.source for row in store.history()} == {"import"}


def test_times_are_brought_to_utc(store: LabelStore) -> None:
    import_labels(store, [line(created_at="2026-01-01T01:00:00.5+01:00")], [VERDICT])
    assert [row.created_at for row in store.history()] == ["2026-01-01T00:00:00.500000Z"]


def test_defaults_are_filled(store: LabelStore) -> None:
    text = json.dumps({"target_kind": "span", "target_id": "s", "name": "note", "value": "x"})
    report = import_labels(store, [text], [], default_annotator="me", trace_of_span={"s": "t9"}.get)
    assert report.added == 1
    (row,) = store.history()
    assert (row.annotator, row.target.trace_id, row.source) == ("me", "t9", "import")


BAD_LINES = [
    ('{"torn": ', "not valid JSON"),
    ("[1]", "expected a JSON object"),
    (line(value=float("nan")), "NaN is not JSON"),
    (line(value={"a": 1}), "not dict"),
    (line(value=None), "value is missing"),
    (line(value="pass"), "expected pass or fail"),
    (line(target_kind="tree"), "target_kind is 'tree'"),
    (line(target_kind="span"), "trace_id is missing"),
    (line(target_id=7), "target_id is a text"),
    (line(target_id=""), "target_id is missing"),
    (line(trace_id="other"), "its trace_id says other"),
    (line(name=""), "name is missing"),
    (line(annotator=None), "annotator is missing"),
    (line(source="humna"), "source is 'humna'"),
    (line(created_at="yesterday"), "not a time"),
    (line(created_at="2026-01-01T00:00:00"), "no time zone"),
    (line(blind="yes"), "blind is true or false"),
    (line(colour="red"), "unknown field 'colour'"),
    (line(op="undo", value=None), "need a ref"),
    (line(op="undo", value=None, ref="nowhere"), "which is not there"),
    (line(op="drop"), "not an op"),
    (line(reason="\ud800"), "half a character"),
    (line(name="first_bad", value=True), "first_bad is a span's id"),
    ("[" * 100_000, "nested too deeply"),
    (b"\xff\xfe", "not UTF-8"),
]


def test_bad_lines_are_refused_with_their_numbers_and_the_rest_is_kept(store: LabelStore) -> None:
    lines: list[bytes | str] = [line(target_id="first")]
    for bad, _ in BAD_LINES:
        lines += [bad, "  \n"]
    lines.append("\ufeff" + line(target_id="last"))
    report = import_labels(store, lines, [VERDICT])
    assert [number for number, _ in report.refused] == [2 * place + 2 for place in range(len(BAD_LINES))]
    for (bad, words), (_, reason) in zip(BAD_LINES, report.refused, strict=True):
        assert words in reason, (bad, reason)
        assert "\n" not in reason
    assert report.added == 2 and report.lines == len(BAD_LINES) + 2
    assert {row.target.id for row in store.current()} == {"first", "last"}


def test_an_id_with_other_content_is_refused(store: LabelStore) -> None:
    import_labels(store, [line(id="x")], [VERDICT])
    report = import_labels(store, [line(id="x"), line(id="x", value=False)], [VERDICT])
    assert (report.known, report.added) == (1, 0)
    assert report.refused[0][0] == 2 and "other content" in report.refused[0][1]


def test_undefined_names_are_accepted_and_counted(store: LabelStore) -> None:
    lines = [line(name="Answer Quality", value=number) for number in (1, 2, "x", ["a"])] + [line()]
    report = import_labels(store, lines, [VERDICT])
    assert report.added == 5 and report.undefined == {"Answer Quality": 4} and report.refused == ()


def test_the_check_counts_orphans_and_undefined_names_and_they_are_no_errors(store: LabelStore) -> None:
    import_labels(store, [line(), line(target_id="gone"), line(name="old", target_id="gone")], [VERDICT])
    report = check_labels(store, [VERDICT], lambda targets: [one for one in targets if one.id != "t1"])
    assert report.ok and (report.rows, report.current) == (3, 3)
    assert report.orphans == (Target("trace", "gone", "gone"),)
    assert report.undefined == {"old": 1}


def test_the_check_of_a_damaged_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = LabelStore.open(path)
    import_labels(store, [line(target_id=f"t{number}") for number in range(3000)], [VERDICT])
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 * 20 : 4096 * 60] = b"\x55" * (4096 * 40)
    path.write_bytes(bytes(content))
    store = LabelStore.open(path, readonly=True)
    report = check_labels(store, [VERDICT])
    assert not report.ok and report.problems
    store.close()


def test_lines_that_mean_harm_are_refused_one_by_one(store: LabelStore) -> None:
    def raw(value: str, **fields: Any) -> str:
        return line(name="x", **fields).replace("true", value)

    lines = [
        raw("9" * 5000),
        raw("9" * 400),
        raw("1e999"),
        raw("-Infinity"),
        raw("[" * 100_000 + "]" * 100_000),
        line(blind=0),
        line(blind=""),
        line(target_kind=["trace"]),
        line(created_at="9999-12-31T23:59:59.999999Z"),
        line(reason="\ud800"),
        "\ufeff" + line(target_id="good\0\x1b[2J"),
    ]
    report = import_labels(store, lines, [VERDICT])
    assert [number for number, _ in report.refused] == list(range(1, len(lines))), report.refused
    assert report.added == len(store.current()) == 1


def test_a_number_too_large_for_its_definition_is_refused(store: LabelStore) -> None:
    effort = FeedbackDefinition("effort", "numerical", ("trace",), "h")
    with pytest.raises(BadInput, match="expected a number"):
        validate_value("effort", effort, 10**400, "trace")


def test_an_undo_may_stand_before_its_row(store: LabelStore, tmp_path: Path) -> None:
    annotator = Annotator(store, [VERDICT], "ann")
    annotator.set_value([Target("trace", f"t{number}") for number in range(1_500)], "verdict", True)
    annotator.undo()
    annotator.set_value([Target("trace", "kept")], "verdict", True)
    lines = [json.dumps(row) for row in list_labels(store, history=True)][::-1]
    other = LabelStore.open(tmp_path / "other.db")
    report = import_labels(other, [*lines, line(op="undo", ref="nowhere", value=None)], [VERDICT])
    assert (report.added, report.refused) == (3_001, ((3_002, "undo of nowhere, which is not there"),))
    assert other.current() == store.current()
    other.close()


def test_nobody_takes_back_what_another_one_said(store: LabelStore) -> None:
    annotator = Annotator(store, [VERDICT], "ann")
    (said,) = annotator.set_value([Target("trace", "t1")], "verdict", True).rows
    (undone,) = annotator.undo().rows  # type: ignore[union-attr]
    annotator.redo()
    lines = [
        line(op="undo", ref=said.id, value=None, annotator="bob", source="human"),
        line(op="undo", ref=said.id, value=None, annotator="ann", source="human", target_id="t2"),
        line(op="redo", ref=undone.id, value=None, annotator="ann", source="human"),
    ]
    report = import_labels(store, lines, [VERDICT])
    assert report.added == 0 and [number for number, _ in report.refused] == [1, 2, 3]
    assert len(store.current()) == 1 and check_labels(store, [VERDICT]).ok


def test_a_span_id_that_is_no_text_is_refused_before_the_source_is_asked(store: LabelStore) -> None:
    def asked(span_id: str) -> str | None:
        span_id.encode()
        return "t"

    lines = [line(target_kind="span", target_id="\ud800"), line(target_kind="span", target_id="s")]
    report = import_labels(store, lines, [VERDICT], trace_of_span=asked)
    assert [number for number, _ in report.refused] == [1, 2]  # a verdict is given to traces and threads


@pytest.mark.parametrize("end", ["", "-wal", ".lock"])
def test_no_copy_is_written_over_the_labels(store: LabelStore, tmp_path: Path, end: str) -> None:
    Annotator(store, [VERDICT], "ann").set_value([Target("trace", "t1")], "verdict", True)
    own = store.path.with_name(store.path.name + end)
    (tmp_path / "link").symlink_to(own)
    for path in (own, tmp_path / "link", tmp_path / "x" / ".." / own.name):
        with pytest.raises(BadInput, match="never written over"):
            export_labels(store, path, force=True)
        with pytest.raises(BadInput, match="never written over"):
            store.backup(path, force=True)
    traces = tmp_path / "traces.jsonl"
    traces.write_text('{"a": 1}')
    with pytest.raises(BadInput, match="no database"):
        store.backup(traces, force=True)
    assert len(store.current()) == 1 and traces.read_text() == '{"a": 1}'
