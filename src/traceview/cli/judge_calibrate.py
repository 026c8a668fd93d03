"""`judge calibrate` and `judge diff`: how often a judge is right, and what a new version of it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, json_option, label_options, source_options

if TYPE_CHECKING:
    from traceview.cli.opening import Labels
    from traceview.judges.comparing import Side
    from traceview.judges.versions import Judge
    from traceview.model.errors import BadInput
    from traceview.model.judges import JudgeDefinition
    from traceview.model.labels import LabelValue, Target
    from traceview.store.interface import Engine

FLIP_COLUMNS = ("target_kind", "target_id", "a", "b", "human")


@click.command("calibrate")
@click.argument("source")
@click.argument("name")
@click.option(
    "--split",
    type=click.Choice(("dev", "test", "all")),
    default="dev",
    show_default=True,
    help="Which labels: those to improve on, those kept for the end (each look is noted), or all.",
)
@click.option("--version", metavar="HASH", default="", help="A version by the beginning of its judge_hash.")
@click.option("--allow-mixed", is_flag=True, help="The newest score of each item, of whatever version.")
@click.option("--metric", metavar="NAME", help="Of a judge with parts: this one.")
@click.option(
    "--sought", is_flag=True, help="Count items too that were labelled because they were odd or disputed."
)
@click.option("--truncated", is_flag=True, help="Count items too of which the judge saw only a part.")
@click.option(
    "--half-width",
    type=click.FloatRange(0.01, 0.4),
    default=0.1,
    show_default=True,
    help="How narrow TPR and TNR are wanted, for the labels that are still needed.",
)
@source_options
@label_options
@json_option
@click.pass_obj
def judge_calibrate(
    settings: Settings,
    source: str,
    name: str,
    split: Any,
    version: str,
    allow_mixed: bool,
    metric: str | None,
    sought: bool,
    truncated: bool,
    half_width: float,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """How often the judge NAME is right, against people's labels; the pass rate behind its errors.

    Pass is the positive class. What people say is the adjudicated label, else that of the most; ties are left out. A
    figure that is undefined is null, with the reason. Needs no key and no network.
    """
    from traceview.cli.opening import engine_when_asked, opened_labels
    from traceview.cli.output import json_line, print_lines, say
    from traceview.judges.calibration import calibrate
    from traceview.judges.calibration_json import as_json as told
    from traceview.judges.calibration_words import calibration_lines
    from traceview.judges.evidence import gather
    from traceview.judges.versions import Wish

    with (
        opened_labels(settings, (source,), labels, annotator) as found,
        engine_when_asked(settings, (source,), mapping, found) as engine,
    ):
        judge = judge_of(found, name, metric)
        wish = Wish(split, version, allow_mixed, sought, truncated)
        evidence = gather(engine, found.store, judge, wish, annotator=found.annotator_name)
        calibration = calibrate(evidence, half_width)
        if as_json:
            click.echo(json_line(told(calibration)))
            return
        print_lines(calibration_lines(calibration))
        for warning in calibration.warnings:
            say(f"careful: {warning}")


@click.command("diff")
@click.argument("source")
@click.argument("names", nargs=-1, metavar="NAME [A B] | NAME OTHER")
@click.option(
    "--split",
    type=click.Choice(("dev", "test", "all")),
    default="dev",
    show_default=True,
    help="Whose labels tell which is right (each look at test is noted).",
)
@click.option("--metric", metavar="NAME", help="Of judges with parts: this one.")
@source_options
@label_options
@json_option
@click.pass_obj
def judge_diff(
    settings: Settings,
    source: str,
    names: tuple[str, ...],
    split: Any,
    metric: str | None,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """What two versions of a judge, or two judges, say of the same items: every flip, McNemar's exact test.

    NAME alone compares its two newest versions, NAME A B two of them by the beginnings of their judge_hash, NAME OTHER
    two judges.
    """
    from traceview.cli.opening import engine_when_asked, opened_labels
    from traceview.cli.output import json_line, print_lines, print_table, say
    from traceview.judges.calibration_words import comparison_lines
    from traceview.judges.comparing import as_json as told
    from traceview.judges.comparing import compare

    if not 1 <= len(names) <= 3:
        raise click.UsageError("expected NAME, NAME A B (two versions), or NAME OTHER (two judges)")
    with (
        opened_labels(settings, (source,), labels, annotator) as found,
        engine_when_asked(settings, (source,), mapping, found) as engine,
    ):
        judge, first, second = _sides(found, names, metric)
        truth, notes = _truth(engine, found, judge, (first, second), split)
        labelled = truth if split == "all" else _truth(engine, found, judge, (first, second), "all")[0]
        comparison = compare(first, second, judge.shape, truth, notes, labelled)
        if as_json:
            click.echo(json_line(told(comparison)))
            return
        print_lines(comparison_lines(comparison))
        if comparison.flips:
            print_table(map(_in_words, told(comparison)["items"]), FLIP_COLUMNS)
        for note in notes:
            say(f"careful: {note}")


def _in_words(flip: dict[str, Any]) -> dict[str, Any]:
    from traceview.annotation.values import format_value

    return flip | {side: format_value(flip[side]) for side in ("a", "b", "human")}


def _definitions(found: Labels, name: str) -> tuple[JudgeDefinition, ...]:
    """The judges of the project; what is wrong with the file of the one that was asked for is said."""
    from traceview.cli.output import say
    from traceview.judges.loading import load_judges

    loaded = load_judges(found.project)
    for path, error in loaded.refused.items():
        if path.stem == name:
            say(f"{_sentence(error)}: only what it has scored before is known")
    return loaded.judges


def _sentence(error: BadInput) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def judge_of(found: Labels, name: str, metric: str | None) -> Judge:
    """The judge of this name, by its file or its scores. Raises BadInput."""
    from traceview.judges.versions import find_judge

    return find_judge(found.store, _definitions(found, name), found.project.definitions, name, metric)


def _sides(found: Labels, names: tuple[str, ...], metric: str | None) -> tuple[Judge, Side, Side]:
    """The two sides that were asked for, and the judge whose values they give. Raises BadInput."""
    from traceview.judges.comparing import Side
    from traceview.judges.versions import SHORT_HASH, Wish, chosen_version
    from traceview.model.errors import BadInput
    from traceview.store.labels.judged import versions_of

    judge = judge_of(found, names[0], metric)
    versions = versions_of(found.store, judge.name, judge.metric)
    if len(names) == 2:
        other = judge_of(found, names[1], metric)
        if other.metric != judge.metric:
            raise BadInput(
                f"{judge.name} gives {judge.metric} and {other.name} gives {other.metric}: they cannot be compared",
                hint="judges of parts: --metric names one",
            )
        others = versions_of(found.store, other.name, other.metric)
        sides = (
            (judge, chosen_version(versions, judge, Wish())[0]),
            (other, chosen_version(others, other, Wish())[0]),
        )
        first, second = (Side(one.name, version.judge_hash, version.values) for one, version in sides)
        return judge, first, second
    if len(names) == 1:
        if len(versions) < 2:
            only = next(iter(versions), "")[:SHORT_HASH]
            raise BadInput(
                f"only one version of {judge.name} has scored anything: {only or 'scores without a version'}"
                if versions
                else f"no version of {judge.name} has scored anything",
                hint="a second version has to score the same items: `traceview judge run`",
            )
        chosen = [*versions.values()][-2:]
    else:
        chosen = [chosen_version(versions, judge, Wish(version=one))[0] for one in names[1:]]
    first, second = (Side(judge.name, one.judge_hash, one.values) for one in chosen)
    return judge, first, second


def _truth(
    engine: Callable[[], Engine], found: Labels, judge: Judge, sides: tuple[Side, Side], split: Any
) -> tuple[dict[Target, LabelValue], tuple[str, ...]]:
    """People's values of a split, and what is to be said of the look at them."""
    from traceview.judges.evidence import truth_of_split

    return truth_of_split(
        engine,
        found.store,
        judge,
        split,
        [(side.judge, side.judge_hash) for side in sides],
        annotator=found.annotator_name,
    )
