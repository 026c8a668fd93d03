"""`judge runs`, `judge call`: what model judges did, cost and said; `judge fake-server` to try them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from traceview.cli.numbers import Finite
from traceview.cli.settings import Settings, json_option, label_options

COLUMNS = ("started", "judge", "model", "mode", "phase", "planned", "usd", "run", "outcomes")
HELD_COLUMNS = ("sent", "judge", "target_kind", "target_id", "usd_at_most", "failure")
SPEND_COLUMNS = ("day", "judge", "usd")
_RUN_SHOWN = 13
"""Characters of a run's id that are shown: they tell runs apart, and name one."""
_WORDS = {"stop": "stop", "pause": "pause", "resume": "run"}


@click.command("runs")
@click.argument("source")
@click.option("--held", is_flag=True, help="The calls that may have been paid and were never answered.")
@click.option("--spend", is_flag=True, help="What was spent, by day and judge.")
@click.option("--stop", "stop", metavar="RUN", help="Have a run begin no more calls.")
@click.option("--pause", "pause", metavar="RUN", help="Have a run wait.")
@click.option("--resume", "resume", metavar="RUN", help="Have a run that waits go on.")
@label_options
@json_option
@click.pass_obj
def judge_runs(
    settings: Settings,
    source: str,
    held: bool,
    spend: bool,
    stop: str | None,
    pause: str | None,
    resume: str | None,
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """The runs of model judges over SOURCE, the newest first, with what came of their calls and what they cost."""
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.judges.ledger.listing import held_rows, run_rows, spend_rows
    from traceview.judges.ledger.telling import ask_ledger

    place = _label_file(settings, source, labels)
    asked = {"stop": stop, "pause": pause, "resume": resume}
    for word, run in asked.items():
        if run is not None:
            _ask(place, run, word)
            return
    nothing: list[dict[str, Any]] = []
    if held or spend:
        rows = ask_ledger(place, held_rows if held else spend_rows, nothing)
        if as_json:
            print_json_lines(rows)
        elif rows:
            print_table([_shown(row) for row in rows], HELD_COLUMNS if held else SPEND_COLUMNS)
        else:
            say("no call is held" if held else "nothing was spent")
        return
    rows = ask_ledger(place, run_rows, nothing)
    if as_json:
        print_json_lines(rows)
        return
    if not rows:
        say("no model judge ran here yet: `traceview judge run SOURCE NAME`")
        return
    print_table([_shown_run(row) for row in rows], COLUMNS)
    count = len(ask_ledger(place, held_rows, nothing))
    if count:
        say(
            f"{count:,} calls are held: they may have been paid (--held lists them; `judge run --unknown retry` sends "
            "them again)"
        )


@click.command("call")
@click.argument("source")
@click.argument("id")
@label_options
@json_option
@click.pass_obj
def judge_call(
    settings: Settings, source: str, id: str, labels: Path | None, annotator: str | None, as_json: bool
) -> None:
    """What was sent and answered for a score: its prompt, every reply, tokens and price.

    ID is that of a score (`traceview labels list`), of a call, or of an item, or what only one item begins with.
    """
    from traceview.cli.output import print_json_lines
    from traceview.judges.ledger.listing import shown_calls
    from traceview.judges.ledger.telling import ask_ledger
    from traceview.model.errors import BadInput

    place = _label_file(settings, source, labels)
    nothing: list[dict[str, Any]] = []
    found = ask_ledger(place, partial(shown_calls, id=id), nothing)
    if not found:
        raise BadInput(
            f"no model was asked for {id}", hint="scores of code judges and of people have no call"
        )
    if as_json:
        print_json_lines(found)
        return
    for number, call in enumerate(found):
        if number:
            click.echo("")
        _print_call(call)


@click.command("fake-server")
@click.option(
    "--port", default=8317, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option("--seconds", default=0.2, show_default=True, type=Finite(0), help="How long an answer takes.")
@click.option(
    "--rate",
    type=Finite(0.1),
    metavar="N",
    help="Refuse more than so many requests a second (429).",
)
@click.option(
    "--batch-seconds",
    default=2.0,
    show_default=True,
    type=Finite(0),
    help="How long a batch takes.",
)
def judge_fake_server(port: int, seconds: float, rate: float | None, batch_seconds: float) -> None:
    """A stand-in for the Messages API on this machine, to try model judges without a key, until Ctrl-C.

    Its verdicts come from the text alone: links in an answer that stand in nothing else that was sent fail, and some of
    a hundred verdicts are turned round, so that there is something to calibrate.
    """
    import asyncio

    from traceview.cli.output import say
    from traceview.judges.fake_server.script import answering
    from traceview.judges.fake_server.server import KEY, FakeServer, RateLimit

    async def serve() -> None:
        limit = None if rate is None else RateLimit(rate)
        server = FakeServer(answering(seconds), limit=limit, batch_seconds=batch_seconds, port=port)
        try:
            await server.start()
        except OSError as error:
            from traceview.model.errors import BadInput

            hint = "--port 0 takes a free one"
            raise BadInput(f"cannot listen on port {port}: {error.strerror}", hint=hint) from error
        say(f"answering on {server.url}; in another terminal:")
        click.echo(f"export ANTHROPIC_BASE_URL={server.url} ANTHROPIC_API_KEY={KEY}")
        try:
            await asyncio.Event().wait()
        finally:
            await server.close()
            figures = server.figures()
            say(
                f"{figures['calls']:,} calls answered, {len(figures['paid_twice']):,} of them asked for twice"
            )

    asyncio.run(serve())


def _label_file(settings: Settings, source: str, labels: Path | None) -> Path:
    """The label file of a source, beside which the ledger lies."""
    from traceview.cli.opening import load_definitions
    from traceview.store.labels.location import label_location

    project = load_definitions(settings, (source,))
    return label_location((source,), labels=labels, project_labels=project.labels).path


def _ask(place: Path, run: str, word: str) -> None:
    """Ask something of a run by the beginning of its id. Raises BadInput."""
    from traceview.cli.output import say
    from traceview.judges.ledger.runs import ask_of_run
    from traceview.judges.ledger.telling import RunState, ask_ledger, runs, tell_ledger
    from traceview.model.errors import BadInput

    nothing: tuple[RunState, ...] = ()
    found = [one for one in ask_ledger(place, partial(runs, active=True), nothing) if one.active]
    fitting = [one for one in found if one.id.startswith(run) or one.judge == run]
    if len(fitting) != 1:
        known = ", ".join(f"{one.id} ({one.judge})" for one in found) or "none"
        raise BadInput(f"{len(fitting)} runs are called {run}", hint=f"running now: {known}")
    tell_ledger(place, partial(ask_of_run, run=fitting[0].id, wanted=_WORDS[word]))
    say(f"asked {fitting[0].judge} to {word}")


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for people: money, and times to the second."""
    shown = {name: _dollars(value) if name.startswith("usd") else value for name, value in row.items()}
    for name, short in (("started_at", "started"), ("sent_at", "sent")):
        if name in shown:
            shown[short] = str(shown[name])[:19].replace("T", " ")
    return shown


def _dollars(value: Any) -> str:
    return "?" if value is None else f"${value:.4f}"


def _shown_run(row: Mapping[str, Any]) -> dict[str, Any]:
    told = []
    for name, count in sorted(row["calls"].items()):
        reasons = row["reasons"].get(name, {})
        inner = f" ({', '.join(sorted(reasons))})" if reasons else ""
        told.append(f"{name} {count:,}{inner}")
    phase = row["phase"] if row["stopped_by"] is None else f"{row['phase']}: {row['stopped_by']}"
    shown = {"outcomes": ", ".join(told), "phase": phase, "run": row["id"][:_RUN_SHOWN]}
    return _shown(row) | shown


def _print_call(call: Mapping[str, Any]) -> None:
    """One call for people: texts as they were sent, safe on a terminal."""
    import json

    from traceview.cli.output import print_fields
    from traceview.text.safe import safe_block

    value = "" if call["value"] is None else f" = {json.dumps(call['value'])}"
    reason = f" ({call['reason']})" if call["reason"] else ""
    outcome = f"{call['outcome'] or call['state']}{reason}: {call['metric']}{value}"
    print_fields(
        [
            ("judge", f"{call['judge']} ({call['judge_hash'][:12]})"),
            (call["target_kind"], call["target_id"]),
            ("outcome", outcome),
            ("call", call["call_key"]),
            ("score", call["label"] or "none"),
            *([("careful", "the text seems to address the judge")] if call["injection_suspected"] else []),
            *([("cut", ", ".join(call["truncated"]))] if call["truncated"] else []),
        ]
    )
    for heading, text in (("system", call["system"]), ("user", call["user"])):
        click.echo(f"\n--- {heading}")
        click.echo(safe_block(text))
    for attempt in call["attempts"]:
        _print_attempt(attempt)


def _print_attempt(attempt: Mapping[str, Any]) -> None:
    import json

    from traceview.text.safe import safe_block, safe_line

    click.echo(f"\n--- reply {attempt['attempt']}, sent {attempt['sent_at']}")
    price = attempt["usd"]
    told = [f"${price:.6f}" if price is not None else f"at most {_dollars(attempt['usd_at_most'])}"]
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    told += [
        f"{attempt[name]:,} {name.removesuffix('_tokens').replace('_', ' ')}"
        for name in names
        if attempt[name]
    ]
    told += [
        str(attempt[name])
        for name in ("model", "request_id", "status", "failure", "message")
        if attempt[name]
    ]
    click.echo(safe_line("; ".join(told)))
    reply = attempt["reply"]
    if reply is None:
        return
    blocks = reply.get("content") if isinstance(reply, dict) else None
    if isinstance(blocks, list):
        for block in blocks:
            if isinstance(block, dict):
                click.echo(safe_block(str(block.get("text") or block.get("thinking") or json.dumps(block))))
    else:
        click.echo(safe_block(reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)))
