"""The options that every command shares."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class Settings(NamedTuple):
    """What was given before the command's name."""

    offline: bool = False
    config: Path | None = None
    prompt_files: tuple[Path, ...] = ()
    """Given behind the command's name, to any command that reads a source."""


def _note_prompt_files(context: click.Context, option: click.Parameter, paths: tuple[Path, ...]) -> None:
    """Keep the files of `--prompt-file` in the settings: whatever opens a source needs them."""
    if paths:
        context.obj = context.ensure_object(Settings)._replace(prompt_files=paths)


_REMEMBER = "traceview.remember"


def source_options(command: Command) -> Command:
    """`--map` and `--remember`, for commands that read a source."""
    command = click.option(
        "--remember",
        is_flag=True,
        expose_value=False,
        callback=lambda context, _, value: context.meta.__setitem__(_REMEMBER, value),
        help="Keep --map for this source in traceview.toml.",
    )(command)
    return click.option(
        "--map",
        "mapping",
        multiple=True,
        metavar="FIELD=COLUMN,...",
        help="Read a field from this column of a table (or COLUMN.KEY); FIELD= leaves it out. May be repeated.",
    )(command)


def prompt_file_option(command: Command) -> Command:
    """`--prompt-file`, for commands that show or filter by versions of prompts."""
    return click.option(
        "--prompt-file",
        "prompt_files",
        multiple=True,
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_note_prompt_files,
        metavar="PATH",
        help="A prompt's text, by which versions are told where none is recorded (besides prompts/). May be repeated.",
    )(command)


def label_options(command: Command) -> Command:
    """`--labels` and `--annotator`, for commands that touch labels."""
    command = click.option(
        "--annotator",
        metavar="NAME",
        help="Who labels (default: your config, git's user.email, the system user).",
    )(command)
    return click.option(
        "--labels",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="PATH",
        help="The label file (default: NAME.labels.db beside the source).",
    )(command)


def filter_option(command: Command) -> Command:
    """`--filter`, in the filter language of every list."""
    return click.option(
        "-f", "--filter", "filter_text", metavar="F", default="", help="Only what matches this filter."
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: one object, or one object per line for lists."""
    return click.option("--json", "as_json", is_flag=True, help="JSON on stdout: one object, or one a line.")(
        command
    )


def is_to_remember() -> bool:
    """Whether `--remember` was given to the command that runs."""
    return bool(click.get_current_context().meta.get(_REMEMBER))


def is_given(name: str) -> bool:
    """Whether a parameter of the command that runs was given on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def parse_mapping(mapping: tuple[str, ...]) -> dict[str, str]:
    """`("field=column,field=column", ...)` as a dict. Raises click.BadParameter without an equals sign."""
    from traceview.sources.names import FIELD_ALIASES, FIELDS

    overrides: dict[str, str] = {}
    # a comma may be part of a column's name: only one before a further FIELD= separates
    further = re.compile(rf",\s*(?=(?:{'|'.join((*FIELDS, *FIELD_ALIASES))})\s*=)")
    for entry in (one for given in mapping for one in further.split(given)):
        field, equals, column = entry.partition("=")
        if not equals or not field:
            raise click.BadParameter(f"{entry!r}: expected FIELD=COLUMN", param_hint="--map")
        overrides[field.strip()] = column.strip()
    return overrides


def assignment(text: str) -> tuple[str, str]:
    """Name and value of `NAME=VALUE`; click.BadParameter for anything else."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r}: expected NAME=VALUE", param_hint="NAME=VALUE")
    return name.strip(), value
