"""`judge`: what gives scores by code or by a model, and how often it is right."""

from __future__ import annotations

import click

from traceview.cli.judge_calibrate import judge_calibrate, judge_diff
from traceview.cli.judge_check import judge_check
from traceview.cli.judge_examples import judge_examples, judge_log
from traceview.cli.judge_files import judge_list, judge_new
from traceview.cli.judge_notes import judge_dispute, judge_notes
from traceview.cli.judge_preview import judge_paths, judge_preview
from traceview.cli.judge_run import judge_run
from traceview.cli.judge_runs import judge_call, judge_fake_server, judge_runs
from traceview.cli.judge_watch import judge_watch


@click.group("judge")
def command_judge() -> None:
    """Judges: code or models that give scores, measured against people."""


for _command in (
    judge_list,
    judge_new,
    judge_check,
    judge_paths,
    judge_preview,
    judge_examples,
    judge_log,
    judge_run,
    judge_watch,
    judge_runs,
    judge_call,
    judge_calibrate,
    judge_diff,
    judge_dispute,
    judge_notes,
    judge_fake_server,
):
    command_judge.add_command(_command)
