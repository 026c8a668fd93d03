"""Spans and retrieved documents as items of sessions: frozen, labelled, found by filters, measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from textual.pilot import Pilot

from sample_files import sample_copy
from traceview.annotation import Annotator
from traceview.annotation.session_choosing import Plan
from traceview.annotation.session_making import make_session
from traceview.annotation.session_summary import summarise
from traceview.annotation.session_words import summary_lines
from traceview.annotation.session_work import SessionWork
from traceview.cli.main import main
from traceview.definitions.feedback import RELEVANT, with_relevance
from traceview.definitions.project import load_project
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import Target, document_keys, document_target
from traceview.store.interface import Engine
from traceview.store.labels import sessions as stored
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine
from traceview.tui.screens.trace import TraceScreen
from tui.annotating import screen_of, settled
from tui.sample_app import app_on

ROOT = Path(__file__).parents[2]
PROJECT = load_project(ROOT / "sample_data" / "traceview.toml")
CALLED = FeedbackDefinition("called_well", "boolean", ("span",), "h")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    opened = open_engine((str(ROOT / "sample_data" / "traces.parquet"),))
    opened.wait_ready()
    yield opened
    opened.close()


@pytest.fixture
def annotator(tmp_path: Path) -> Iterator[Annotator]:
    store = LabelStore.open(tmp_path / "a.labels.db")
    yield Annotator(store, (*PROJECT.definitions, CALLED), "ann")
    store.close()


def run(*words: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(main, list(words))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        if isinstance(found.exception, BadInput):
            return 2, found.stdout, f"{found.exception}"
        raise found.exception
    return found.exit_code, found.stdout, found.stderr


def test_documents_go_by_their_id_else_by_their_rank() -> None:
    assert document_keys(["a", None, "", "a"]) == ("a", "#2", "#3", "a")
    target = document_target("t", "s", "docs/日本 #doc: x")
    assert (target.kind, target.scope, target.span_id) == ("span", "document", "s")
    assert target.document == "docs/日本 #doc: x"
    assert (
        Target("span", "s", "t").document is None and Target("trace", "s#doc:1", "s#doc:1").scope == "trace"
    )


def test_a_project_may_define_its_own_relevance() -> None:
    own = FeedbackDefinition("grade", "numerical", ("document",), "h", minimum=0, maximum=3)
    assert with_relevance(PROJECT.definitions)[-1] is RELEVANT
    assert with_relevance([own]) == (own,)


def test_a_session_of_documents_has_those_of_each_retrieval_in_their_order(
    engine: Engine, annotator: Annotator
) -> None:
    plan = Plan(level="spans", documents=True, rule="random:4", seed=3)
    made = make_session(engine, annotator, plan)
    places = [one for one in stored.items(annotator.store, made.session.id) if one.repeat_of is None]
    assert "4 retrievals" in made.notes[0] and made.session.definitions.keys() == {"relevant"}
    assert {one.target.scope for one in places} == {"document"}
    spans = list(dict.fromkeys((one.target.trace_id, one.target.span_id) for one in places))
    assert len(spans) == 4
    for trace, span in spans:
        (detail,) = engine.traces([str(trace)])
        (row,) = [one for one in detail.spans if one["span_id"] == span]
        (payload,) = engine.payloads([row])
        told = [one.target.document for one in places if one.target.span_id == span]
        assert told == list(document_keys(one.id for one in payload.documents))
    again = make_session(engine, annotator, plan)
    assert [one.target for one in stored.items(annotator.store, again.session.id)] == [
        one.target for one in stored.items(annotator.store, made.session.id)
    ]


def test_documents_that_one_has_judged_are_not_asked_again(engine: Engine, annotator: Annotator) -> None:
    plan = Plan(level="spans", documents=True, filter="version:v2 name:search_docs", rule="unlabelled")
    every = make_session(engine, annotator, plan)
    first = stored.items(annotator.store, every.session.id)[0].target
    annotator.set_value([first], "relevant", True)
    left = {
        one.target for one in stored.items(annotator.store, make_session(engine, annotator, plan).session.id)
    }
    before = {one.target for one in stored.items(annotator.store, every.session.id)}
    assert left == before - {first}
    bob = Annotator(annotator.store, PROJECT.definitions, "bob")
    bob.set_value([first], "relevant", False)
    differ = make_session(engine, annotator, Plan(level="spans", documents=True, rule="conflicts"))
    assert [one.target for one in stored.items(annotator.store, differ.session.id)] == [first]


def test_a_session_of_spans_asks_what_is_asked_of_spans(engine: Engine, annotator: Annotator) -> None:
    made = make_session(
        engine, annotator, Plan(level="spans", filter="kind:tool status:error", rule="random:5", seed=1)
    )
    places = stored.items(annotator.store, made.session.id)
    assert len(places) == 5 and {one.target.scope for one in places} == {"span"}
    assert made.session.definitions.keys() == {"called_well"}
    with pytest.raises(BadInput, match="is given to a document"):
        annotator.set_value([places[0].target], "relevant", True)
    nothing = Annotator(annotator.store, PROJECT.definitions, "ann")
    with pytest.raises(BadInput, match="no feedback definition fits a span"):
        make_session(engine, nothing, Plan(level="spans"))


async def at(app, pilot: Pilot[None], position: int) -> TraceScreen:
    def there() -> bool:
        screen = app.screen
        return (
            isinstance(screen, TraceScreen)
            and screen.session is not None
            and screen.session.place.position == position
            and bool(screen.query("AnnotatePanel"))
            and screen.panel.kept.ready
            and not screen.panel.kept.waiting
            and not screen.is_asking_any
        )

    await settled(pilot, there, 600)
    assert isinstance(app.screen, TraceScreen)
    return app.screen


async def test_each_document_is_shown_and_labelled_by_a_key(tmp_path: Path) -> None:
    plan = Plan(level="spans", documents=True, rule="random:2", seed=3)
    with app_on(sample_copy(tmp_path), plan=plan) as app:
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await at(app, pilot, 0)
            store = app.context.annotator.store
            (session,) = stored.sessions(store)
            places = stored.items(store, session.id)
            for number, place in enumerate(places):
                screen = await at(app, pilot, number)
                assert screen.tree_pane.row["span_id"] == place.target.span_id
                assert screen.span_detail.section == "Documents"
                await settled(pilot, lambda screen=screen: screen.text_pane().current is not None)
                rank = int(place.reason.rpartition(" ")[2])
                assert screen.text_pane().current.text.startswith(f"{rank}  ")
                assert screen_of(app).panel.title_line()[0][0][0].startswith(" document")
                if number + 1 < len(places):
                    await pilot.press("12"[number % 2])
            await pilot.press("u")
            await at(app, pilot, len(places) - 2)
        rows = [(row.target, row.value) for row in store.current()]
    assert rows == [(place.target, number % 2 == 0) for number, place in enumerate(places[:-2])]
    source = str(tmp_path / "traces.parquet")
    code, out, _ = run("spans", source, "-f", "score.relevant.human:pass", "--json")
    assert code == 0
    assert {json.loads(line)["span_id"] for line in out.splitlines()} == {
        target.span_id for target, value in rows if value
    }


def test_figures_of_what_was_retrieved(tmp_path: Path, engine: Engine) -> None:
    source = str(sample_copy(tmp_path))
    code, out, err = run("labels", "retrieval", source, "--json")
    assert code == 0 and json.loads(out)["retrievals"] == 0
    lines = []
    plan = Plan(level="spans", documents=True, rule="random:30", seed=3)
    store = LabelStore.open(tmp_path / "other.db")
    made = make_session(engine, Annotator(store, PROJECT.definitions, "ann"), plan)
    for place in stored.items(store, made.session.id):
        rank = int(place.reason.rpartition(" ")[2])
        lines.append(
            {
                "target_kind": "span",
                "target_id": place.target.id,
                "trace_id": place.target.trace_id,
                "name": "relevant",
                "value": rank == 1,
                "source": "human",
                "annotator": "ann",
            }
        )
    store.close()
    gone = {**lines[0], "target_id": "nowhere#doc:x", "trace_id": "nowhere"}
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(one) + "\n" for one in [*lines, gone]))
    code, _, err = run("labels", "import", source, str(rows))
    assert code == 0 and "undefined" not in err
    code, out, _ = run("labels", "retrieval", source, "--k", "2", "--json")
    told = json.loads(out)
    assert (told["k"], told["retrievals"], told["not_in_source"]) == (2, 30, 1)
    figures = {name: one["value"] for name, one in told["figures"].items()}
    assert figures["hit_rate"] == figures["recall"] == figures["ndcg"] == 1.0
    assert 0.4 < figures["precision"] < 1
    assert told["figures"]["precision"]["n"] == 30 and told["figures"]["precision"]["ci95"][0] < 1
    few = json.loads(run("labels", "retrieval", source, "-f", "version:v2", "--json")[1])
    assert 0 < few["retrievals"] < 30
    assert "precision@5" in run("labels", "retrieval", source)[1]
    code, _, err = run("labels", "check", source)
    assert code == 0 and "1 " in err


def test_a_document_is_scored_from_the_command_line_too(tmp_path: Path, engine: Engine) -> None:
    source = str(sample_copy(tmp_path))
    store = LabelStore.open(tmp_path / "other.db")
    plan = Plan(level="spans", documents=True, rule="random:1", seed=3)
    made = make_session(engine, Annotator(store, PROJECT.definitions, "ann"), plan)
    target = stored.items(store, made.session.id)[0].target
    store.close()
    assert run("score", source, target.id, "relevant=fail", "--reason", "off topic")[0] == 0
    row = json.loads(run("labels", "list", source, "--json")[1].splitlines()[0])
    assert (row["target_kind"], row["target_id"], row["value"]) == ("span", target.id, False)
    assert "off topic" in run("labels", "history", source, target.id)[1]
    assert "is no document" in run("score", source, f"{target.trace_id}#doc:x", "relevant=fail")[2]
    first = json.loads(run("score", source, f"{target.span_id}#doc:#1", "relevant=pass", "--json")[1])
    assert first["target_id"] == target.id, "by its rank, where it has an id of its own"
    unknown = run("score", source, f"{target.span_id}#doc:nothing", "relevant=pass")[2]
    assert "retrieved no document 'nothing'" in unknown
    lines = tmp_path / "rows.jsonl"
    lines.write_text(
        json.dumps({"target_kind": "span", "target_id": target.id, "name": "relevant", "value": True})
        + "\n"
        + json.dumps({"target_kind": "span", "target_id": target.span_id, "name": "relevant", "value": True})
        + "\n"
    )
    refused = run("labels", "import", source, str(lines))[2]
    assert "1 added" in refused and "relevant is given to a document, not to a span" in refused


def test_documents_that_were_judged_are_exported_with_query_text_and_rank(
    tmp_path: Path, engine: Engine
) -> None:
    source = str(sample_copy(tmp_path))
    plan = Plan(level="spans", documents=True, rule="random:2", seed=3)
    with app_on(Path(source)) as app:
        annotator = app.context.annotator
        assert annotator is not None
        made = make_session(engine, annotator, plan)
        targets = [one.target for one in stored.items(annotator.store, made.session.id)]
        for rank, target in enumerate(targets):
            if rank != 1:
                annotator.set_value([target], "relevant", rank == 0)
    code, out, err = run("export", source, "-o", "-")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and f"{len(targets) - 1} labelled of {len(targets)} that match" in err
    assert {row["target_kind"] for row in rows} == {"document"}
    row = next(one for one in rows if one["target_id"] == targets[0].id)
    (span,) = [one for one in engine.trace(targets[0].trace_id).spans if one["span_id"] == targets[0].span_id]
    (payload,) = engine.payloads([span])
    assert (row["input"], row["output"]) == (payload.input_text, payload.documents[0].text)
    assert (row["document_id"], row["document_rank"]) == (payload.documents[0].id, 1)
    assert row["scores"]["relevant"]["human"]["tester@example.com"]["value"] is True
    for suffix in ("csv", "parquet"):
        path = tmp_path / f"documents.{suffix}"
        code, _, err = run("export", source, "-o", str(path), "--targets", "documents", "--all")
        assert code == 0 and "documents)" in err
        read = f"read_{suffix}('{path}')"
        found = duckdb.sql(
            f"SELECT count(*), count(document_rank), min(document_rank) FROM {read}"
        ).fetchall()
        assert found[0][0] == found[0][1] > 1_000 and found[0][2] == 1
    strict = json.loads(run("export", source, "-o", "-", "--redact", "strict")[1].splitlines()[0])
    assert strict["document_id"] not in {one["document_id"] for one in rows}
    code, _, err = run("export", source, "--format", "openai", "--targets", "documents", "-o", "x.jsonl")
    assert code == 2 and "no conversation" in err


def test_the_summary_of_a_session_of_documents_has_the_figures_of_its_rankings(
    engine: Engine, annotator: Annotator
) -> None:
    made = make_session(engine, annotator, Plan(level="spans", documents=True, rule="random:6", seed=3))
    work = SessionWork.open(annotator, made.session)
    for item in work.state.items:
        if item.repeat_of is None:
            relevant = item.reason.endswith("rank 1")
            action = annotator.set_value([item.target], "relevant", relevant, place=work.place(item.position))
            work.take(action, item.position)
    summary = summarise(work.state, tuple(annotator.definitions.values()))
    told = {one.name: one.mean.value for one in summary.retrieval["relevant"]}
    assert told["hit_rate"] == told["recall"] == told["ndcg"] == told["reciprocal_rank"] == 1.0
    lines = list(summary_lines(made.session, work.state, summary))
    assert "rankings by relevant, of 6 retrievals" in lines
    assert any(line.startswith("  precision@5 0.") for line in lines)
    some = make_session(engine, annotator, Plan(level="spans", documents=True, rule="unlabelled"))
    assert summarise(SessionWork.open(annotator, some.session).state, (RELEVANT,)).retrieval == {}
