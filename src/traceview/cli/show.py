"""`show`: one trace as a tree, or one conversation as a transcript, whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import to_builtins

from traceview.cli.settings import Settings, json_option, label_options, prompt_file_option, source_options

if TYPE_CHECKING:
    from traceview.cli.opening import Opened
    from traceview.exports.page.write import PageFormat
    from traceview.model.labels import LabelRow, Target
    from traceview.store.interface import Engine, Row, TraceDetail
    from traceview.store.turns import Turn


@click.command("show")
@click.argument("source")
@click.argument("target", metavar="ID")
@click.option(
    "--transcript", is_flag=True, help="The conversation as a person reads it, instead of the tree."
)
@click.option(
    "--facts",
    is_flag=True,
    help="Every address, number, id and name of the answer, with the span where it first appeared.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page to send to a colleague: one file, no script, personal data and keys redacted; - is stdout.",
)
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The same page as Markdown.",
)
@click.option(
    "--redact", "also", multiple=True, metavar="TEXT", help="A text to redact too; may be repeated."
)
@click.option("--no-redact", is_flag=True, help="Leave every text of the page as it is.")
@click.option("--force", is_flag=True, help="Replace an existing page.")
@source_options
@prompt_file_option
@label_options
@json_option
@click.pass_obj
def command_show(
    settings: Settings,
    source: str,
    target: str,
    transcript: bool,
    facts: bool,
    html: Path | None,
    markdown: Path | None,
    also: tuple[str, ...],
    no_redact: bool,
    force: bool,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Show the trace, span or thread with this ID (or unique prefix)."""
    from traceview.cli.opening import opened

    with opened(settings, (source,), mapping=mapping, labels=labels, annotator=annotator) as opened_source:
        engine = opened_source.engine
        found = engine.resolve(target)
        if html is not None or markdown is not None:
            redact = not no_redact
            wanted: list[tuple[PageFormat, Path | None]] = [("html", html), ("markdown", markdown)]
            for format, path in wanted:
                if path is not None:
                    _write_page(opened_source, found, format, path, not transcript, redact, also, force)
            return
        if not as_json:
            opened_source.say_unlabelled()
        if facts:
            _show_facts(engine, found, as_json)
        elif transcript:
            _show_transcript(engine, found, as_json)
        elif found.kind == "thread":
            for row in engine.thread(found.id).traces:
                _show_trace(engine.trace(row["trace_id"]), engine, as_json)
        else:
            _show_trace(engine.trace(found.trace_id or found.id), engine, as_json, found)
        if not as_json:
            if opened_source.labels is not None:
                for line in label_lines(opened_source.labels.store.current([found])):
                    click.echo(line)
            for line in label_lines(engine.brought_scores(None, [found]), "score"):
                click.echo(line)


def _write_page(
    source: Opened,
    target: Target,
    format: PageFormat,
    path: Path,
    trees: bool,
    redact: bool,
    also: tuple[str, ...],
    force: bool,
) -> None:
    from traceview.cli.output import ProgressLine, say
    from traceview.exports.page.write import render_page, write_page

    labels = source.labels.store.current if source.labels is not None else None
    line = ProgressLine()
    try:
        page = render_page(
            source.engine,
            target,
            format,
            labels=labels,
            trees=trees,
            redact=redact,
            also=also,
            progress=lambda what, done, of: line.show(f"{what}: {done:,} of {of:,}"),
        )
    finally:
        line.clear()
    if str(path) == "-":
        click.echo(page.text, nl=False)
        say(page.redaction)
        return
    say(f"{write_page(path, page, force=force)}: {page.redaction}")


def label_lines(rows: Sequence[LabelRow], word: str = "label") -> Iterator[str]:
    """Current labels as text lines, safe to print: what they are, name, value, source, annotator, reason."""
    from traceview.annotation.values import format_value
    from traceview.text.safe import safe_line

    for row in rows:
        reason = f"  {safe_line(row.reason)}" if row.reason else ""
        value = safe_line(format_value(row.value))
        yield f"{word} {safe_line(row.name)}  {value}  {row.source} {safe_line(row.annotator)}{reason}"


def _show_trace(detail: TraceDetail, engine: Engine, as_json: bool, target: Target | None = None) -> None:
    if as_json:
        click.echo(_trace_json(detail, engine))
        return
    from traceview.cli.output import cell
    from traceview.store.provenance import unsourced
    from traceview.store.span_links import kind_of, links_in
    from traceview.text import human
    from traceview.text.safe import safe_block, safe_line
    from traceview.tui.widgets.span_facts import SpanFacts

    trace = detail.trace
    click.echo(
        f"trace {safe_line(trace['trace_id'])}  {human.rfc3339(trace['start_ns'], digits=0) or ''}  {trace['status']}  "
        f"{human.duration(trace['duration_ms'])}  {trace['spans']:,} spans  {trace['errors']:,} errors  "
        f"{human.tokens(trace['input_tokens'], trace['output_tokens'])} tokens  "
        f"{human.money(trace['cost_usd'], unknown=trace.get('uncosted'))}"
    )
    if trace.get("thread_id"):
        click.echo(f"thread {safe_line(trace['thread_id'])}")
    if trace.get("prompt_versions"):
        from traceview.store.row_json import prompt_version

        pairs = [prompt_version(pair) for pair in trace["prompt_versions"]]
        click.echo(f"prompt {cell('prompt_versions', pairs)}")
    if wrong := SpanFacts(detail.spans).warnings():
        click.echo("tree " + "; ".join(wrong))
    payloads = engine.payloads(detail.spans)
    nowhere = unsourced(detail.spans, payloads)
    if nowhere:
        click.echo("unsourced " + "  ".join(safe_line(fact.text) for fact in nowhere))
    for line in tree_lines(detail.spans, target.id if target is not None else None):
        click.echo(line)
    for row, payload in zip(detail.spans, payloads, strict=True):
        for link in links_in((payload.raw or {}).get("links")):
            to = " ".join(filter(None, (link.get("trace_id"), link.get("span_id"))))
            click.echo(safe_line(f"{kind_of(link)} [{row['span_id']}] → {to}"))
    if target is not None and target.kind == "span":
        span = next((row for row in detail.spans if row["span_id"] == target.id), None)
        if span is not None:
            payload = engine.payloads([span])[0]
            for title, text in (("input", payload.input_text), ("output", payload.output_text)):
                click.echo(f"\n{title}\n{safe_block(text or '')}")
    click.echo()


def tree_lines(spans: Sequence[Row], asked: str | None = None) -> Iterator[str]:
    """The span tree as text lines with guides, kind, status, duration, tokens; safe to print.

    The span that was asked for, by its id, is marked.
    """
    from traceview.model.tree import build_tree
    from traceview.text import human
    from traceview.text.safe import safe_line

    tree = build_tree(spans)
    for position in range(len(tree)):
        span = spans[tree.rows[position]]
        guides = ""
        if tree.depth[position]:
            above = tree.ancestors(position)[1:]
            guides = "".join("   " if tree.is_last(one) else "│  " for one in above)
            guides += "└─ " if tree.is_last(position) else "├─ "
        facts = [span["kind"], safe_line(span["name"] or ""), human.duration(span["duration_ms"])]
        if span.get("model"):
            facts.append(safe_line(span["model"]))
        if span.get("input_tokens") is not None or span.get("output_tokens") is not None:
            facts.append(human.tokens(span["input_tokens"], span["output_tokens"]))
        if span["status"] == "error":
            facts.append("✗ error " + safe_line(span.get("error_message") or span.get("error_type") or ""))
        if span.get("duplicate_of"):
            facts.append("(the same call as " + safe_line(span["duplicate_of"]) + ")")
        facts += score_words(span.get("scores") or {})
        if position in tree.orphans:
            facts.append(f"(orphan: its parent {safe_line(span['parent_id'])} is not here)")
        if position in tree.cycles:
            facts.append("(a ring of parents was cut here)")
        mark = "  ← this span" if span["span_id"] == asked else ""
        yield f"{guides}{'  '.join(fact for fact in facts if fact)}  [{safe_line(span['span_id'])}]{mark}"


def score_words(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    """The scores of a row, one word each, safe to print: `grounded=fail`, `brevity·import=ok`."""
    from traceview.annotation.values import format_value
    from traceview.text.safe import safe_line

    for name, sources in scores.items():
        for source, values in sources.items():
            shown = name if source == "human" else f"{name}·{source}"
            for value in values.values():
                yield safe_line(f"{shown}={format_value(value)}")


def _trace_json(detail: TraceDetail, engine: Engine) -> str:
    from traceview.cli.facts import fact_json
    from traceview.cli.output import json_line
    from traceview.store.provenance import unsourced
    from traceview.store.row_json import COLUMNS, payload_json, row_json

    payloads = engine.payloads(detail.spans)
    spans = [
        row_json(row, COLUMNS["spans"]) | payload_json(payload)
        for row, payload in zip(detail.spans, payloads, strict=True)
    ]
    nowhere = [fact_json(fact) for fact in unsourced(detail.spans, payloads)]
    return json_line(
        {"trace": row_json(detail.trace, COLUMNS["traces"]), "spans": spans, "unsourced": nowhere}
    )


def _show_facts(engine: Engine, target: Target, as_json: bool) -> None:
    from traceview.cli.facts import fact_lines, facts_json, provenance_of
    from traceview.cli.output import print_json_lines
    from traceview.text.safe import safe_line

    trace_ids = [target.trace_id or target.id]
    if target.kind == "thread":
        trace_ids = [row["trace_id"] for row in engine.thread(target.id).traces]
    for trace_id in trace_ids:
        detail = engine.trace(trace_id)
        provenance = provenance_of(engine, detail)
        if as_json:
            print_json_lines({"trace_id": trace_id, **fact} for fact in facts_json(provenance))
            continue
        click.echo(f"trace {safe_line(trace_id)}")
        for line in fact_lines(detail, provenance):
            click.echo(line)


def _show_transcript(engine: Engine, target: Target, as_json: bool) -> None:
    from traceview.cli.output import jsonable, print_json_lines
    from traceview.store.transcript import transcript

    if target.kind == "thread":
        trace_ids = [row["trace_id"] for row in engine.thread(target.id).traces]
    else:
        trace_ids = [target.trace_id or target.id]
    details = [engine.trace(trace_id) for trace_id in trace_ids]
    turns = transcript([(detail.spans, engine.payloads(detail.spans)) for detail in details])
    if as_json:
        print_json_lines(jsonable(turn_json(turn)) for turn in turns)
        return
    for line in transcript_lines(turns):
        click.echo(line)


def turn_json(turn: Turn) -> dict[str, Any]:
    """A turn as `show --transcript --json` prints it, one a line."""
    from traceview.text.human import rfc3339

    shape: dict[str, Any] = to_builtins(turn)
    shape["start_time"] = rfc3339(shape.pop("start_ns"))
    return shape


def transcript_lines(turns: Sequence[Turn]) -> Iterator[str]:
    """Turns as text lines, safe to print: a divider per turn, then who said or did what."""
    from traceview.store.prompts import told
    from traceview.text import human
    from traceview.text.safe import safe_block, safe_line

    number = None
    for turn in turns:
        if turn.number != number:
            number = turn.number
            when = (
                "earlier in the conversation"
                if turn.earlier
                else human.rfc3339(turn.start_ns, digits=0) or ""
            )
            told_in = "told in" if turn.earlier else "trace"
            yield f"\n── {number} ── {when} ── {told_in} {safe_line(turn.trace_id)}"
        facts: list[str] = [turn.role]
        if turn.role in ("tool", "retrieval"):
            facts += [safe_line(turn.tool or ""), safe_line(one_line(turn.arguments))]
        else:
            facts.append(safe_line(turn.model or ""))
            if turn.prompt_version:
                facts.append(
                    safe_line(f"{turn.prompt_name or ''}@{told(turn.prompt_version, turn.prompt_inferred)}")
                )
            if turn.input_tokens is not None or turn.output_tokens is not None:
                facts.append(f"{human.tokens(turn.input_tokens, turn.output_tokens)} tokens")
        if turn.duration_ms is not None:
            facts.append(human.duration(turn.duration_ms))
        if turn.payload_state:
            facts.append(f"recorded: {safe_line(turn.payload_state)}")
        if turn.error:
            facts.append(f"✗ error {safe_line(turn.error)}")
        yield "\n" + "  ".join(fact for fact in facts if fact)
        for words in turn.attachments:
            yield f"  {safe_line(words)}"
        body = turn.text
        if turn.role == "tool":
            body = one_line(turn.result)
        elif turn.role == "retrieval":
            body = "\n".join(
                f"{'' if doc.score is None else f'{doc.score:.3g} '}{doc.id or ''} {doc.text or ''}".strip()
                for doc in turn.documents
            )
        for line in safe_block(body).splitlines():
            yield f"  {line}"


def one_line(value: Any) -> str:
    """A JSON value as one line of text; a text as it is."""
    from traceview.cli.output import json_line

    return "" if value is None else value if isinstance(value, str) else json_line(value)
