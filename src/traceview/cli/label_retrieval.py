"""`labels retrieval`: how good the rankings of retrieved documents are, where people judged them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from traceview.cli.settings import Settings, filter_option, json_option, label_options, source_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceview.model.definitions import FeedbackDefinition


@click.command("retrieval")
@click.argument("source")
@click.option(
    "--k", type=click.IntRange(min=1), default=5, show_default=True, help="How many first documents."
)
@click.option("--name", metavar="NAME", help="The definition for documents (default: the only one).")
@filter_option
@source_options
@label_options
@json_option
@click.pass_obj
def labels_retrieval(
    settings: Settings,
    source: str,
    k: int,
    name: str | None,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Precision, recall, nDCG, hit rate and reciprocal rank of what spans retrieved, with intervals.

    Of the documents that people judged (`annotate --level document`); a retrieval counts for a figure if everything is
    judged that the figure needs. The filter chooses spans. Recall is of the relevant documents that were retrieved.
    """
    from traceview.analysis.retrieval import figures
    from traceview.annotation.retrieved import FIGURE_WORDS, judged, rankings
    from traceview.annotation.session_rows import matching_rows, target_of_row
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import json_line, print_table, say
    from traceview.store.interface import ListQuery

    node = parse_filter(filter_text)
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as given:
        assert given.labels is not None
        definition = _definition(given.project.definitions, name)
        given.check(node, filter_text, "spans")
        given.engine.wait_ready()
        found = judged(given.labels.store.current(name=definition.name, source="human"), definition)
        only = None
        if node is not None:
            matching = matching_rows(given.engine, ListQuery("spans", node), None, None)
            only = [target_of_row("spans", row) for row in matching]
        told, gone = rankings(given.engine, found, only=only)
    table = figures(told, k)
    if as_json:
        click.echo(
            json_line(
                {
                    "name": definition.name,
                    "k": k,
                    "documents": len(found.gains),
                    "disputed": found.disputed,
                    "retrievals": len(told),
                    "not_in_source": gone,
                    "figures": {
                        one.name: {
                            "value": one.mean.value,
                            "ci95": one.mean.ci95,
                            "n": one.n,
                            "of": one.of,
                            "reason": one.mean.reason,
                        }
                        for one in table
                    },
                }
            )
        )
        return
    print_table(
        (
            {
                "figure": FIGURE_WORDS[one.name].format(k),
                "value": "" if one.mean.value is None else f"{one.mean.value:.3f}",
                "95 %": "" if one.mean.ci95 is None else f"{one.mean.ci95[0]:.3f} to {one.mean.ci95[1]:.3f}",
                "n": f"{one.n:,} of {one.of:,}",
                "why not": one.mean.reason,
            }
            for one in table
        ),
        ("figure", "value", "95 %", "n", "why not"),
    )
    say(f"{definition.name}: {len(found.gains):,} judged documents of {len(told):,} retrievals")
    if found.disputed:
        say(f"{found.disputed:,} more documents have as many voices for as against: not judged")
    if gone:
        say(f"{gone:,} retrievals are left out: not in the source any more, or without these documents")
    if not found.gains:
        say("judge some first: `traceview annotate SOURCE --level document --sample random:20`")


def _definition(definitions: Sequence[FeedbackDefinition], name: str | None) -> FeedbackDefinition:
    """The definition for documents of this name, or the only one. Raises BadInput."""
    from traceview.annotation.asking import chosen
    from traceview.model.errors import BadInput

    fit = chosen(definitions, "document", () if name is None else (name,))
    usable = [one for one in fit if one.type in ("boolean", "numerical")]
    if not usable:
        raise BadInput(
            f"{', '.join(one.name for one in fit)}: relevance is a boolean or a number",
            hint="`traceview feedback add relevant --scope document`",
        )
    if len(usable) > 1:
        raise BadInput(
            f"there are {len(usable)} definitions for documents: {', '.join(one.name for one in usable)}",
            hint="--name says which one is the relevance",
        )
    return usable[0]
