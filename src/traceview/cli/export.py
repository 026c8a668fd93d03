"""`export`: labelled data out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from traceview.cli.settings import (
    Settings,
    filter_option,
    is_given,
    label_options,
    prompt_file_option,
    source_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceview.cli.opening import Opened
    from traceview.filters.ast import Node
    from traceview.model.labels import Scope
    from traceview.store.interface import Level

FORMATS = ("jsonl", "csv", "parquet", "openai", "dpo", "hf")
TRAINING = ("openai", "dpo", "hf")
SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


@click.command("export")
@click.argument("source")
@click.option("--format", "format", type=click.Choice(FORMATS), help="By default what PATH ends in says it.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file (for hf the directory); - for standard output (JSON lines unless --format says csv).",
)
@click.option(
    "--targets",
    type=click.Choice(("traces", "threads", "spans", "documents", "labelled")),
    default="labelled",
    show_default=True,
    help="What a row is about; labelled: every kind of target that has a label. Documents are those of retrievals; "
    "the filter chooses their spans.",
)
@click.option(
    "--all", "all_targets", is_flag=True, help="Also what has no label (traces, unless --targets says)."
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option(
    "--split",
    metavar="NAME=SHARE,...",
    help="Files per split, conversations kept together: train=0.8,dev=0.1,test=0.1.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed splits otherwise.")
@click.option(
    "--conflicts",
    type=click.Choice(("report", "exclude", "adjudicated")),
    default="report",
    show_default=True,
    help="What people labelled differently: written and told, left out, or as a session over conflicts decided.",
)
@click.option(
    "--redact",
    type=click.Choice(("off", "standard", "strict")),
    default="standard",
    help="What is replaced by placeholders before it is written; by default off for jsonl, csv and parquet, standard "
    "for the others.",
)
@click.option(
    "--preview", type=click.IntRange(min=1), metavar="N", help="Print the first N rows, write nothing."
)
@click.option(
    "--from-manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write again what this manifest tells of, byte for byte, or say what changed.",
)
@click.option("--dataset", metavar="NAME[@V]", help="What `traceview dataset` froze, instead of a filter.")
@filter_option
@source_options
@prompt_file_option
@label_options
@click.pass_obj
def command_export(
    settings: Settings,
    source: str,
    format: str | None,
    output: Path | None,
    targets: str,
    all_targets: bool,
    force: bool,
    split: str | None,
    seed: int,
    conflicts: str,
    redact: str,
    preview: int | None,
    from_manifest: Path | None,
    dataset: str | None,
    filter_text: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
) -> int | None:
    """Write a row per labelled target: its content, every current label with source, annotator and reason.

    Parquet carries the filter and the source's identity in its metadata; JSON lines and CSV in a file
    PATH.meta.json beside them, or on stderr with -o -.

    For training and evaluation: openai (chat fine-tuning), dpo (OpenAI's preference pairs: a correction and what the
    model said) and hf (a directory for Hugging Face's datasets). Their options are --conflicts, --preview,
    --from-manifest and --dataset; a manifest beside the data says what decided them. --split, --seed and --redact are
    for every format.
    """
    if format in TRAINING and targets == "documents":
        from traceview.model.errors import BadInput

        raise BadInput(
            "a document is no conversation to train on", hint="--format jsonl, csv or parquet has them"
        )
    if format in TRAINING or from_manifest is not None:
        from traceview.cli.export_training import Request, export_for_training

        request = Request(
            source, format, output, targets, all_targets, force, split, seed, conflicts, redact, preview,
            from_manifest, dataset, filter_text, mapping, labels, annotator,
        )  # fmt: skip
        return export_for_training(settings, request)
    from traceview.annotation.splitting import parse_ratios
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import json_line, say
    from traceview.exports.base import ExportOrigin, export, export_to_stream, written_sentence
    from traceview.exports.rows import export_rows
    from traceview.exports.treatment import Treatment
    from traceview.filters import to_text
    from traceview.model.errors import BadInput
    from traceview.store.targets import LEVELS

    refused = [name for name in ("conflicts", "preview", "dataset") if is_given(name)]
    if refused:
        named = ", ".join(f"--{name}" for name in refused)
        raise BadInput(f"{named}: only with --format {', '.join(TRAINING)}")
    if output is None:
        raise BadInput("nothing says where to write", hint="-o PATH, or -o - for standard output")
    to_stdout = str(output) == "-"
    chosen = format or ("jsonl" if to_stdout else SUFFIXES.get(output.suffix.lower()))
    if chosen is None:
        raise BadInput(f"{output}: no known format", hint=f"--format {', '.join(FORMATS)}")
    if to_stdout and chosen == "parquet":
        raise BadInput("parquet cannot be written to standard output", hint="name a file with -o PATH")
    treatment = Treatment(
        parse_ratios(split) if split is not None else None,
        seed,
        cast(Any, redact) if is_given("redact") else "off",
    )
    node = parse_filter(filter_text)
    with opened(
        settings,
        (source,),
        mapping=mapping,
        labels=labels,
        annotator=annotator,
        need_labels=not all_targets,
    ) as opened_source:
        opened_source.say_unlabelled()
        found = opened_source.labels
        rows = found.store.current() if found is not None else ()
        labelled = {row.target for row in rows}
        kinds: list[Scope]
        if targets == "labelled":
            present = {target.kind for target in labelled if target.document is None}
            if all_targets:
                present.add("trace")
            kinds = [kind for kind in LEVELS if kind in present]
            if any(target.document is not None for target in labelled):
                kinds.append("document")
            kinds = kinds or ["trace"]
        elif targets == "documents":
            kinds = ["document"]
        else:
            kinds = [kind for kind, level in LEVELS.items() if level == targets]
        levels: list[Level] = ["spans" if kind == "document" else LEVELS[kind] for kind in kinds]
        check_names_of(opened_source, node, filter_text, levels)
        level: Level = "spans" if "spans" in levels else levels[0]
        info = opened_source.engine.info()
        wanted = export_rows(opened_source.engine, kinds, node, only=None if all_targets else labelled)
        origin = ExportOrigin(
            filter=to_text(node) if node else "",
            source=info.files,
            identity=info.identity,
            labels=str(found.location.path) if found is not None else None,
        )
        if to_stdout:
            stream = sys.stdout.buffer
            metadata = export_to_stream(
                chosen,
                wanted,
                stream,
                labels=rows,
                origin=origin,
                all_targets=all_targets,
                treatment=treatment,
            )
            stream.flush()
            _say_unknown(opened_source, node, metadata["targets"], level)
            counts = (metadata[name] for name in ("rows", "targets", "labelled_rows", "targets_by_kind"))
            say(written_sentence(*counts))
            _say_without_label(metadata["rows"], metadata["targets"])
            say(json_line({"traceview_export": metadata}))
            return None
        report = export(
            chosen,
            wanted,
            output,
            labels=rows,
            origin=origin,
            all_targets=all_targets,
            force=force,
            treatment=treatment,
        )
        if treatment.split is None:
            say(f"{report.sentence}; in {report.path}")
        else:
            files = ", ".join(f"{file} ({count:,})" for file, count in report.parts.items())
            say(f"{report.sentence}; in {files}")
        if report.redacted:
            told = sorted(report.redacted.items(), key=lambda one: -one[1])
            say(f"replaced: {', '.join(f'{count:,} {name}' for name, count in told)}")
        _say_without_label(report.rows, report.of)
        _say_unknown(opened_source, node, report.of, level)
        if report.metadata_path:
            say(f"the filter and the source are in {report.metadata_path}")
    return None


def check_names_of(source: Opened, node: Node | None, text: str, levels: Sequence[Level]) -> None:
    """Raise FilterError for a name that is wrong for every kind of target: one for threads matches no trace."""
    from traceview.filters.errors import FilterError

    wrong: list[FilterError] = []
    for level in levels:
        try:
            source.check(node, text, level)
        except FilterError as error:
            wrong.append(error)
    if len(wrong) == len(levels) and wrong:
        raise wrong[0]


def _say_without_label(rows: int, matching: int) -> None:
    """Why fewer rows were written than match, and how to have them too."""
    from traceview.cli.output import say

    if 0 < rows < matching:
        say(f"the other {matching - rows:,} have no label; --all exports them too")


def _say_unknown(source: Opened, node: Node | None, matching: int, level: Level) -> None:
    """Where nothing matches, say why, as far as the names of the filter tell."""
    from traceview.cli.output import say
    from traceview.store.names import why_none

    if not matching:
        for reason in why_none(source.engine, node, level):
            say(reason)
