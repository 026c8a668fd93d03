"""`judge`: what gives scores by code or by a model, and how often it is right."""

from __future__ import annotations

import click

from traceview.cli.judge_calibrate import judge_calibrate, judge_diff
from traceview.cli.judge_notes import judge_dispute, judge_notes


@click.group("judge")
def command_judge() -> None:
    """Judges: code or models that give scores, measured against people."""


for _command in (judge_calibrate, judge_diff, judge_dispute, judge_notes):
    command_judge.add_command(_command)
