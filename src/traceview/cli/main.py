"""The entry point: the group of commands, `traceview FILE`, exit codes and errors for people."""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from traceview import __version__
from traceview.cli.settings import Settings
from traceview.model.errors import BadInput, TraceviewError

COMMANDS: dict[str, str] = {
    "open": "app",
    "demo": "app",
    "annotate": "app",
    "info": "lists",
    "traces": "lists",
    "spans": "lists",
    "threads": "lists",
    "stats": "stats",
    "prompts": "prompts",
    "show": "show",
    "sql": "sql",
    "import": "ingest",
    "store": "store",
    "listen": "listen",
    "init": "feedback",
    "feedback": "feedback",
    "score": "labels",
    "sessions": "sessions",
    "labels": "labels",
    "judge": "judges",
    "export": "export",
    "dataset": "dataset",
    "index": "indexing",
    "cache": "upkeep",
    "prices": "prices",
}
"""Command name to the module of this package that defines it (as `command_NAME`)."""

INTERNAL_ERROR = 70
INTERRUPTED = 130


class Commands(click.Group):
    """Loads a command's module when the command is asked for, and reads `traceview FILE` as open."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(importlib.import_module(f"traceview.cli.{module}"), f"command_{cmd_name}")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, except that a first argument that is a source means `open`."""
        if args[0] not in COMMANDS and _is_source(args[0]):
            args = ["open", *args]
        if args[0] not in COMMANDS and (near := get_close_matches(args[0], COMMANDS, n=1)):
            ctx.fail(f"No such command {args[0]!r}; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)


def _is_source(argument: str) -> bool:
    """True for what can only be a path: it exists, or it has a separator, wildcard or suffix."""
    return argument == "-" or any(mark in argument for mark in "/*.?[") or Path(argument).exists()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="traceview")
@click.option(
    "--offline", is_flag=True, help="Refuse whatever others could reach, or that needs the network."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The traceview.toml to use instead of the one found upwards from here.",
)
@click.pass_context
def main(ctx: click.Context, offline: bool, config: Path | None) -> None:
    """Read, label and export traces of LLM agents, on local files.

    `traceview FILE` opens FILE in the app.
    """
    ctx.obj = Settings(offline=offline, config=config)


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with design's codes: 0, 1, 2, 3, 4, 130."""
    if sys.getfilesystemencoding().lower() not in ("utf-8", "utf8"):
        _begin_again_with_utf8()
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _begin_again_with_utf8() -> None:
    """Start this process anew in Python's UTF-8 mode: DuckDB and SQLite take names of files as UTF-8 only."""
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONUTF8": "1"})


def _run(arguments: list[str]) -> int:
    try:
        _check_text(arguments)
        result: Any = main.main(arguments, prog_name="traceview", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TraceviewError as error:
        _say_error(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader has gone: what is still buffered goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:
            return _crashed(error)
        # A place that the user, the disk or the system refuses, met where nobody had better words for it.
        _say_error(TraceviewError(f"cannot use {os.fsdecode(error.filename)}: {error.strerror}"))
        return TraceviewError.exit_code
    except Exception as error:  # noqa: BLE001 - the last handler: a report for us, a sentence for the user
        return _crashed(error)
    return result if isinstance(result, int) else 0


def _check_text(arguments: list[str]) -> None:
    """Raise BadInput for an argument that is no UTF-8: neither DuckDB nor a label file can hold it."""
    for number, argument in enumerate(arguments, start=1):
        if not argument.isascii() and any("\ud800" <= one <= "\udfff" for one in argument):
            raise BadInput(
                f"argument {number} is not UTF-8: {argument}", hint="a file with such a name can be renamed"
            )


def _crashed(error: Exception) -> int:
    """Say where the report of an unexpected error is; the exit code."""
    from traceview.cli.crash import report_crash

    click.echo(f"traceview: unexpected error: {type(error).__name__}. {report_crash(error)}", err=True)
    return INTERNAL_ERROR


def _say_error(error: TraceviewError) -> None:
    """One error on stderr, safe to print, with its hint on a line of its own."""
    from traceview.text.safe import safe_block

    click.echo(f"traceview: {safe_block(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {safe_block(error.hint)}", err=True)


if __name__ == "__main__":
    run()
