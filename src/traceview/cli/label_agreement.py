"""`labels agreement`: how far the people who labelled the same items agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from traceview.cli.settings import Settings, json_option, label_options

if TYPE_CHECKING:
    from traceview.annotation.agreeing import AgreementReport

FIGURES = {
    "observed_agreement": "observed agreement",
    "kappa": "Cohen's kappa",
    "kappa_linear": "kappa, linear weights",
    "kappa_quadratic": "kappa, quadratic weights",
    "alpha": "Krippendorff's alpha",
}


@click.command("agreement")
@click.argument("source")
@click.argument("name")
@click.option(
    "--between",
    metavar="A,B",
    help="Only these people (kappa is of two).",
)
@label_options
@json_option
@click.pass_obj
def labels_agreement(
    settings: Settings,
    source: str,
    name: str,
    between: str | None,
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """How far people agree under one definition: observed, kappa for two, alpha for any number.

    Of the items that at least two people gave a value; what is undefined is null, with the reason.
    """
    from traceview.annotation.agreeing import agreement_of
    from traceview.annotation.values import unknown_name
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import json_line
    from traceview.model.labels import RESERVED_NAMES

    with opened_labels(settings, (source,), labels, annotator) as found:
        rows = found.store.current(name=name, source="human")
        definition = next((one for one in found.project.definitions if one.name == name), None)
        if not rows and definition is None and name not in RESERVED_NAMES:
            raise unknown_name(name, [one.name for one in found.project.definitions])
        people = sorted({row.annotator for row in rows})
        if between is not None:
            wanted = _named(between, people)
            rows = tuple(row for row in rows if row.annotator in wanted)
        report = agreement_of(rows, definition, name)
        if as_json:
            click.echo(json_line(report.as_json()))
        else:
            _print(report, name)


def _named(text: str, people: list[str]) -> set[str]:
    """The people of `--between`. Raises BadInput with the nearest name that has labelled."""
    from traceview.definitions.document import nearest
    from traceview.model.errors import BadInput

    names = {name for part in text.split(",") if (name := part.strip())}
    for name in sorted(names):
        if name not in people:
            hint = nearest(name, people) if people else "nobody has labelled under this definition yet"
            raise BadInput(f"{name!r} has given no value under this definition", hint=hint)
    if len(names) < 2:
        raise BadInput(f"--between {text!r} does not name two people", hint="write --between A,B")
    return names


def _print(report: AgreementReport, name: str) -> None:
    from traceview.cli.output import print_table, say
    from traceview.text.safe import safe_line

    people = ", ".join(report.annotators) or "nobody"
    alike = report.items - report.differing
    click.echo(
        safe_line(
            f"{name}: {people}; {report.items:,} items labelled by two or more, {alike:,} of them alike"
        )
    )
    level = f" ({report.level})" if report.level else ""
    print_table(
        (
            {
                "figure": FIGURES[key] + (level if key == "alpha" else ""),
                "value": "" if figure.value is None else f"{figure.value:.3f}",
                "95 %": "" if figure.ci95 is None else f"{figure.ci95[0]:.3f} to {figure.ci95[1]:.3f}",
                "why not": figure.reason,
            }
            for key, figure in report.figures.items()
        ),
        ("figure", "value", "95 %", "why not"),
    )
    if report.differing:
        differ = "item differs" if report.differing == 1 else "items differ"
        say(f"{report.differing:,} {differ}: `labels list SOURCE --name {name}` shows who said what")
