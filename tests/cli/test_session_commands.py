"""`sessions` and `annotate --sample`: what is printed of a session, and what is refused before anything opens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from traceview.annotation import Annotator
from traceview.annotation.session_choosing import Plan
from traceview.annotation.session_making import make_session
from traceview.annotation.session_work import SessionWork
from traceview.cli.main import main
from traceview.definitions.project import load_project
from traceview.model.errors import BadInput
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine

ROOT = Path(__file__).parents[2]
SAMPLE = str(ROOT / "sample_data" / "traces.parquet")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A label file with a session of 20 random traces of one version, of which 5 are labelled and one deferred."""
    path = tmp_path_factory.mktemp("labels") / "a.labels.db"
    project = load_project(ROOT / "sample_data" / "traceview.toml")
    store = LabelStore.open(path)
    annotator = Annotator(store, project.definitions, "ann")
    engine = open_engine((SAMPLE,), labels=store)
    engine.wait_ready()
    plan = Plan(rule="random:20", filter="version:v2", name="week 44", define=("grounded",), seed=3)
    session = make_session(engine, annotator, plan).session
    engine.close()
    work = SessionWork.open(annotator, session)
    for position in range(5):
        work.see_soon(position).result()
        target = work.state.items[position].target
        annotator.set_value([target], "grounded", position != 2, place=work.place(position))
        annotator.set_value([target], "mode", ("made-up link",) if position == 2 else ("fine",))
    work.defer_soon(6).result()
    store.close()
    return str(path)


def run(labels: str, *arguments: str, who: str = "ann") -> tuple[int, str, str, BaseException | None]:
    words = ["sessions", SAMPLE, *arguments, "--labels", labels, "--annotator", who]
    found = CliRunner().invoke(main, ["--config", str(ROOT / "sample_data" / "traceview.toml"), *words])
    return found.exit_code, found.stdout, found.stderr, found.exception


def test_sessions_are_listed_with_how_far_they_are(labelled: str) -> None:
    code, out, _, _ = run(labelled, "list", "--json")
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert (row["name"], row["rule"], row["filter"], row["seed"]) == ("week 44", "random:20", "version:v2", 3)
    assert (row["items"], row["done"], row["deferred"], row["state"]) == (21, 5, 1, "open")
    assert row["of"] > 100 and row["definitions"] == ["grounded"]
    assert "week 44" in run(labelled)[1], "list is what it does without a word"


def test_a_session_is_summed_up_for_people_and_as_json(labelled: str) -> None:
    code, out, _, _ = run(labelled, "show", "week 44", "--json", who="somebody")
    told = json.loads(out)
    assert code == 0 and told["values"] == {"grounded": {"pass": 4, "fail": 1}}
    (rate,) = told["rates"]
    assert (rate["k"], rate["n"]) == (4, 5) and rate["weighted_rate"] == pytest.approx(0.8)
    low, high = rate["weighted_ci95"]
    assert low < 0.8 < high
    words = run(labelled, "show")[1]
    assert "5 of 20 items labelled, 1 deferred" in words and "pass 4 of 5: 80%" in words
    assert "15 items are open" in words


def test_a_session_is_closed_and_opened_again_by_its_annotator_only(labelled: str) -> None:
    assert isinstance(run(labelled, "close", "week 44", who="bob")[3], BadInput)
    for action, state in (("close", "closed"), ("reopen", "open")):
        assert run(labelled, action, "week 44")[0] == 0
        assert json.loads(run(labelled, "list", "--json")[1])["state"] == state
    nobody = run(labelled, "close", who="bob")[3]
    assert isinstance(nobody, BadInput) and "sessions of ann" in (nobody.hint or "")
    missing = run(labelled, "show", "weak")[3]
    assert isinstance(missing, BadInput) and "week 44" in (missing.hint or "")


@pytest.mark.parametrize(
    ("rule", "word"),
    [("randm:5", "random"), ("random:0", "from 1 up"), ("stratified:5", "a field"), ("random", "how many")],
)
def test_a_wrong_rule_is_refused_before_anything_opens(tmp_path: Path, rule: str, word: str) -> None:
    found = CliRunner().invoke(
        main, ["annotate", SAMPLE, "--sample", rule, "--labels", str(tmp_path / "a.db")]
    )
    assert isinstance(found.exception, BadInput)
    assert word in f"{found.exception.message} {found.exception.hint}"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--level", "span"), "no feedback definition fits a span"),
        (("--define", "groundd"), "did you mean grounded"),
    ],
)
def test_a_session_that_could_ask_nothing_is_refused_before_anything_opens(
    tmp_path: Path, more: tuple[str, ...], word: str
) -> None:
    found = CliRunner().invoke(main, ["annotate", SAMPLE, *more, "--labels", str(tmp_path / "a.db")])
    assert isinstance(found.exception, BadInput)
    assert word in f"{found.exception.message} {found.exception.hint}"
