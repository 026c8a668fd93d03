"""The options of commands that ask models."""

from __future__ import annotations

import click

from traceview.cli.numbers import Finite
from traceview.cli.settings import (
    Command,
    json_option,
    label_options,
    prompt_file_option,
    source_options,
)

_OPTIONS = (
    click.option(
        "--concurrency",
        type=click.IntRange(1, 512),
        default=64,
        show_default=True,
        help="Calls at once, at most.",
    ),
    click.option(
        "--timeout",
        type=Finite(0.1),
        default=300.0,
        show_default=True,
        metavar="SECONDS",
        help="The longest that a call may take.",
    ),
    click.option(
        "--progress", type=click.Choice(("line", "json")), default="line", help="On stderr, how far it is."
    ),
    source_options,
    prompt_file_option,
    label_options,
    json_option,
)


def calling_options(command: Command) -> Command:
    """How many calls at once, how long, how progress is told; and the options of the source and its labels."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
