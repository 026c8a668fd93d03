"""`listen`: receive traces over OTLP/HTTP into a store."""

from __future__ import annotations

import os
from pathlib import Path

import click

from traceview.cli.settings import Settings

TOKEN_VARIABLE = "TRACEVIEW_LISTEN_TOKEN"
NEEDED = ("uvicorn", "h11", "google.protobuf", "google.rpc", "opentelemetry.proto")


@click.command("listen")
@click.option(
    "--to",
    "store",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="STORE",
    help="The directory of Parquet parts to write to; made if it is not there.",
)
@click.option(
    "--port", default=4318, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where to listen; anything but this machine's own loopback lets others write into the store.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="PATH",
    help=f"Take only requests with `Authorization: Bearer TOKEN`; also {TOKEN_VARIABLE}.",
)
@click.option(
    "--max-request",
    default=64,
    show_default=True,
    type=click.IntRange(1, 1024),
    metavar="MIB",
    help="The largest request, as sent and decompressed.",
)
@click.option(
    "--max-backlog",
    default=1024,
    show_default=True,
    type=click.IntRange(1),
    metavar="MIB",
    help="How much may wait on disk to be written as parts; beyond, senders are told to come back.",
)
@click.pass_obj
def command_listen(
    settings: Settings,
    store: Path,
    port: int,
    host: str,
    token_file: Path | None,
    max_request: int,
    max_backlog: int,
) -> None:
    """Receive traces over OTLP/HTTP into a store, until Ctrl-C. An app that has the store open shows them as they come.

    A request is answered 200 once it is on disk.
    """
    token = _token(token_file)
    _require_extra()
    from traceview.cli.listening import TerminalConsole
    from traceview.ingest.listen.limits import MIB, Limits
    from traceview.ingest.listen.server import Place, is_loopback, listen
    from traceview.model.errors import Refused

    if settings.offline and not is_loopback(host):
        raise Refused(
            f"--offline refuses to listen on {host}: others could reach it", hint="leave --host out"
        )
    limits = Limits(request_bytes=max_request * MIB, backlog_bytes=max_backlog * MIB)
    console = TerminalConsole(open_to_others=not is_loopback(host), with_token=token is not None)
    listen(store, Place(host, port, token), console, limits)


def _token(path: Path | None) -> str | None:
    from traceview.model.errors import BadInput

    try:
        token = path.read_text().strip() if path is not None else os.environ.get(TOKEN_VARIABLE, "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    if path is not None and not token:
        raise BadInput(f"{path} is empty", hint="write a token into it: openssl rand -hex 16")
    return token or None


def _require_extra() -> None:
    """Raise BadInput if what only `listen` needs is not installed."""
    from importlib.util import find_spec

    from traceview.model.errors import BadInput

    for name in NEEDED:
        try:
            found = find_spec(name) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            raise BadInput(
                f"listen needs packages that are not installed ({name.partition('.')[0]})",
                hint="in the folder of traceview: pip install '.[listen]'",
            )
