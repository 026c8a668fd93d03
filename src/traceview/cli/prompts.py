"""`prompts`: prompt versions with their figures, and two of them compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import (
    Settings,
    filter_option,
    json_option,
    label_options,
    prompt_file_option,
    source_options,
)

if TYPE_CHECKING:
    from traceview.cli.opening import Opened
    from traceview.filters.ast import Node
    from traceview.store.interface import Row

PROMPT_COLUMNS = (
    "prompt_name",
    "prompt_version",
    "prompt_inferred",
    "template_hash",
    "traces",
    "spans",
    "errors",
    "p50_ms",
    "p95_ms",
    "ttft_p50_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "first_seen",
    "last_seen",
)
"""What JSON tells of a version, and its figures, which are compared; the rates of its scores stand beside them."""

_NOT_COMPARED = ("prompt_name", "prompt_version", "prompt_inferred", "template_hash")


@click.command("prompts")
@click.argument("source")
@click.argument("comparison", nargs=-1, metavar="[diff A B]")
@source_options
@prompt_file_option
@label_options
@filter_option
@json_option
@click.pass_obj
def command_prompts(
    settings: Settings,
    source: str,
    comparison: tuple[str, ...],
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    filter_text: str,
    as_json: bool,
) -> None:
    """Prompt versions with their figures, each model call counted once.

    `prompts SOURCE diff A B` compares two of them (v2, or name@v2 where several prompts have a v2): their
    figures, their pass rates, and what changed in the system prompt.
    """
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import json_line, print_json_lines, print_table, say
    from traceview.cli.stats import FIGURES, head_of, score_keys, table_rows
    from traceview.store.names import why_none
    from traceview.store.prompts import told
    from traceview.store.row_json import row_json

    if comparison and (comparison[0] != "diff" or len(comparison) != 3):
        raise click.UsageError("to compare two versions: traceview prompts SOURCE diff A B")
    node = parse_filter(filter_text)
    with opened(settings, (source,), mapping=mapping, labels=labels, annotator=annotator) as opened_source:
        opened_source.check(node, filter_text, "traces")
        found = opened_source.engine.prompts(node)
        if as_json:
            found = tuple(with_template_hash(opened_source, row, node) for row in found)
        if comparison:
            pair = [find_version(found, name) for name in comparison[1:]]
            sides = [side(opened_source, row, node) for row in pair]
            if as_json:
                click.echo(json_line({"a": sides[0], "b": sides[1], "diff": diff_of(*sides)}))
            else:
                print_comparison(*sides)
            return
        if as_json:
            columns = tuple(dict.fromkeys((*PROMPT_COLUMNS, *FIGURES)))
            print_json_lines(row_json(row, columns) for row in found)
        elif not found and node is None:
            say(_no_versions(opened_source))
        else:
            names = [*(name for name in PROMPT_COLUMNS if name not in _NOT_COMPARED[2:])]
            names += [*(f"{name} ({by})" for name, by in score_keys(found))]
            lines = table_rows(found, ())
            shown = (
                row_json(row, PROMPT_COLUMNS)
                | line
                | {"prompt_version": told(row["prompt_version"], row["prompt_inferred"]) or None}
                for row, line in zip(found, lines, strict=True)
            )
            print_table(shown, names, {name: head_of(name) for name in names})
        if node is not None:
            every = len(opened_source.engine.prompts())
            reasons = () if found else why_none(opened_source.engine, node, "traces")
            say("; ".join((f"{len(found):,} of {every:,} prompt versions", *reasons)))


def _no_versions(source: Opened) -> str:
    if not source.engine.info().llm_calls:
        return "no prompt versions: there are no model calls"
    return "no prompt versions: none is recorded, and no model call has a system prompt that would tell one"


def with_template_hash(source: Opened, row: Row, node: Node | None) -> Row:
    """The row with the hash of its template: of a recorded version, that of its most frequent system prompt."""
    from traceview.store.prompts import HASH_CALLS, system_prompt, template_hash

    if row["template_hash"] is not None:
        return row
    prompt = system_prompt(source.engine, row, node, newest=HASH_CALLS)
    return row | {"template_hash": template_hash(prompt.text)}


def find_version(rows: Sequence[Row], name: str) -> Row:
    """The prompt row of `version` or `name@version`. Raises BadInput if none or several are meant."""
    from difflib import get_close_matches

    from traceview.model.errors import BadInput
    from traceview.store.prompts import title

    meant = [row for row in rows if name in (title(row), row["prompt_version"])]
    if len(meant) == 1:
        return meant[0]
    names = [title(row) for row in meant or rows]
    if meant:
        raise BadInput(f"{name!r} is a version of several prompts", hint=f"Say which: {', '.join(names)}")
    near = get_close_matches(name, [*names, *(row["prompt_version"] or "" for row in rows)], n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names) or 'none'}"
    raise BadInput(f"there is no prompt version {name!r}", hint=hint)


def side(source: Opened, row: Row, node: Node | None) -> dict[str, Any]:
    """The figures, scores and most frequent system prompt of one version, as JSON prints them."""
    from msgspec import to_builtins

    from traceview.store.prompts import system_prompt
    from traceview.store.row_json import row_json

    return row_json(row, PROMPT_COLUMNS) | {
        "scores": pass_rates(row),
        "system_prompt": to_builtins(system_prompt(source.engine, row, node)),
    }


def diff_of(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """The unified diff of two sides' system prompts, by line."""
    from traceview.store.prompts import text_diff, title

    old, new = (one["system_prompt"]["text"] for one in (a, b))
    return text_diff(old, new, title(a), title(b))


def pass_rates(row: Row) -> list[dict[str, Any]]:
    """For every yes-or-no score of the version's traces, by source: how many traces were scored, how many passed."""
    return [
        {"name": name, "source": kind, "passed": one["k"], "pass_rate": one["rate"]}
        | {figure: one[figure] for figure in ("n", "unscored", "ci95")}
        for name, sources in sorted(row["scores"].items())
        for kind, one in sorted(sources.items())
        if one["n"]
    ]


def print_comparison(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Figures side by side, pass rates with how many were scored, then the diff of the system prompts."""
    from traceview.cli.output import print_table, say
    from traceview.store.prompts import shown_title, title
    from traceview.text.safe import safe_line

    names = {
        "figure": "figure",
        "a": shown_title(a),
        "b": shown_title(b) if title(a) != title(b) else f"{title(b)} (again)",
    }
    rows = ({names[key]: value for key, value in row.items()} for row in comparison_rows(a, b))
    print_table(rows, tuple(names.values()))
    for one in (a, b):
        prompt = one["system_prompt"]
        if prompt["text"] is None:
            say(f"{title(one)}: no system prompt in its {prompt['calls']:,} calls")
        else:
            say(
                f"{title(one)}: the system prompt of {prompt['calls_with_it']:,} of the {prompt['read']:,} newest "
                f"of {prompt['calls']:,} calls; {prompt['texts']:,} different"
            )
    click.echo()
    lines = diff_of(a, b)
    for line in lines:
        click.echo(safe_line(line))
    if not lines:
        click.echo("the system prompts are the same")


def comparison_rows(a: dict[str, Any], b: dict[str, Any]) -> Iterator[dict[str, str]]:
    """One row a figure, with a cell for each version."""
    from traceview.cli.output import cell

    for name in PROMPT_COLUMNS[len(_NOT_COMPARED) :]:
        yield {"figure": name, "a": cell(name, a[name]), "b": cell(name, b[name])}
    scores = [{(one["name"], one["source"]): one for one in each["scores"]} for each in (a, b)]
    for key in sorted(set(scores[0]) | set(scores[1])):
        name, source = key
        yield {"figure": f"pass {name} ({source})"} | {
            column: f"{found['pass_rate']:.0%} (n {found['n']:,})" if (found := by_key.get(key)) else "–"
            for column, by_key in zip("ab", scores, strict=True)
        }
