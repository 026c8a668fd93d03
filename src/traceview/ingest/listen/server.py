"""The receiver while it runs: its socket, the HTTP server, the process that writes parts, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import ipaddress
import logging
import os
import signal
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from msgspec import Struct

from traceview.files.dirs import private_dir
from traceview.ingest.directory import NO_STORE
from traceview.ingest.listen.append import Appender
from traceview.ingest.listen.application import Receiver
from traceview.ingest.listen.child import PartWriter
from traceview.ingest.listen.connection import impatient
from traceview.ingest.listen.figures import Figures
from traceview.ingest.listen.inbox import Backlog, backlog, open_inbox, try_again, unread, waiting_messages
from traceview.ingest.listen.limits import Limits
from traceview.model.errors import BadInput, sentence_of

_LOCK = ".traceview-listen.lock"
_GRACE_SECONDS = 5
"""How long requests that are being received may take once the receiver ends."""
_TICK_SECONDS = 1.0
_QUEUE = 256


class Console(Protocol):
    """What people see of the receiver."""

    def began(self, url: str, store: Path, left: Backlog) -> None:
        """It listens; `left` is what an earlier one left in the inbox."""

    def tick(self, figures: Figures) -> None:
        """A second has passed."""

    def ending(self, figures: Figures) -> None:
        """It takes no more, and writes what waits."""

    def ended(self, figures: Figures, left: Backlog, unread: int, messages: int) -> None:
        """Everything has ended; `left` is what still waits.

        `unread` is how many requests cannot be read, `messages` how many messages wait for their span.
        """


class Place(Struct, frozen=True):
    """Where the receiver listens, and the token that it wants."""

    host: str = "127.0.0.1"
    port: int = 4318
    token: str | None = None


def listen(store: Path, place: Place, console: Console, limits: Limits | None = None) -> None:
    """Receive until SIGINT or SIGTERM; a second one ends at once. What waits then is in the inbox.

    Raises BadInput if the store cannot be written, another receiver has it, or the address cannot be taken.
    """
    store = private_dir(store.expanduser().absolute(), hint=NO_STORE)
    with _alone(store), _bound(place) as bound:
        asyncio.run(_serve(store, place, bound, console, limits or Limits()))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(store: Path, place: Place, bound: socket.socket, console: Console, limits: Limits) -> None:
    loop = asyncio.get_running_loop()
    figures = Figures()
    try:
        with contextlib.closing(open_inbox(store)) as connection:
            try_again(store, connection)
            left = backlog(connection)
        figures.waiting_spans, figures.waiting_bytes = left.spans, left.bytes

        def tell(told: dict[str, Any]) -> None:
            if "drained" in told:
                figures.drained(told["drained"])
            elif "waiting" in told:
                figures.waiting_spans, figures.waiting_bytes = told["waiting"]
            else:
                figures.error(told["error"])

        writer = PartWriter(store, limits.flush_seconds, tell)
        appender = Appender(store, lambda: loop.call_soon_threadsafe(writer.wake))
    except (sqlite3.Error, OSError) as error:
        raise BadInput(f"the store {store} cannot be written: {error}") from error
    _tell_warnings(figures)
    server = _Server(
        uvicorn.Config(
            Receiver(appender, limits, figures, place.token),
            http=impatient(limits.head_seconds, limits.connections),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=round(limits.idle_seconds),
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    ended = asyncio.Event()

    def stop() -> None:
        if server.should_exit:
            ended.set()
        server.should_exit = True

    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop)
    writer.start()
    host, port = bound.getsockname()[:2]
    console.began(f"http://{f'[{host}]' if ':' in host else host}:{port}", store, left)
    ticking = asyncio.create_task(_tick(console, figures))
    await server.serve(sockets=[bound])
    appender.close()
    console.ending(figures)
    finishing = asyncio.create_task(writer.finish())
    await asyncio.wait((finishing, asyncio.create_task(ended.wait())), return_when=asyncio.FIRST_COMPLETED)
    ticking.cancel()
    if not finishing.done():
        writer.abandon()
        await finishing
    try:
        with contextlib.closing(open_inbox(store)) as connection:
            left, failed = backlog(connection), unread(connection)
            messages = waiting_messages(connection)
    except (sqlite3.Error, OSError, BadInput) as error:
        raise BadInput(
            f"the inbox of {store} cannot be read at the end: "
            f"{'the store is not there any more' if not store.is_dir() else sentence_of(error)[0]}",
            hint=f"{figures.spans:,} spans were received and {figures.written:,} of them written to parts",
        ) from error
    console.ended(figures, left, failed, messages)


async def _tick(console: Console, figures: Figures) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        console.tick(figures)


def _tell_warnings(figures: Figures) -> None:
    """What the HTTP server warns of is the last error, one line that keeps up: anyone can have it warn without end."""

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            figures.error(record.getMessage())

    for name in ("uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [Told(logging.WARNING)]
        logger.propagate = False


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: they would raise the signal once more at the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the receiver."""
        yield


@contextlib.contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Hold the store against other receivers. Raises BadInput if there is one."""
    path = store / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BadInput(f"the store {store} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            raise BadInput(
                f"another receiver (process {holder or 'unknown'}) writes to {store}",
                hint="one receiver takes any number of senders; give this one another --to",
            ) from error
        os.ftruncate(descriptor, 0)
        with contextlib.suppress(OSError):
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _bound(place: Place) -> Iterator[socket.socket]:
    """The listening socket. Raises BadInput if the address is taken or is none of this machine."""
    try:
        family = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((place.host, place.port), family=family, backlog=_QUEUE)
    except (OSError, OverflowError) as error:
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        reason = "something else listens there" if taken else getattr(error, "strerror", None) or str(error)
        raise BadInput(
            f"cannot listen on {place.host} port {place.port}: {reason}",
            hint="an OpenTelemetry Collector, perhaps; --port takes another one" if taken else None,
        ) from error
    with bound:
        yield bound
