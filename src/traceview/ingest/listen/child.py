"""The receiver's side of the process that writes parts: it is started, woken, and started anew when it dies."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from traceview.ingest.listen.worker import FINISH, WAKE

_LINE_BYTES = 1 << 20
_AGAIN_SECONDS = 2.0


class PartWriter:
    """The writing process of one store."""

    def __init__(self, store: Path, flush_seconds: float, tell: Callable[[dict[str, Any]], object]) -> None:
        """`tell` gets what the process says: `drained` or `error`."""
        # -P: a module that lies in the working directory is not ours
        self._arguments = ("-P", "-m", "traceview.ingest.listen.worker", str(store), str(flush_seconds))
        self._tell = tell
        self._process: Process | None = None
        self._finishing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the process and keep it running."""
        self._task = asyncio.create_task(self._keep())

    def wake(self) -> None:
        """Something is in the inbox."""
        self._send(WAKE)

    async def finish(self) -> None:
        """Have everything that waits written, and the process end."""
        self._finishing = True
        self._send(FINISH)
        if self._task is not None:
            await self._task

    def abandon(self) -> None:
        """End the process at once; what waits stays in the inbox."""
        self._finishing = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _send(self, word: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            return
        # a pipe that is full of wake-ups needs no more of them
        if word == WAKE and process.stdin.transport.get_write_buffer_size():
            return
        with suppress(ConnectionError, RuntimeError):
            process.stdin.write(word)

    async def _keep(self) -> None:
        while True:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._arguments, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES
            )
            if self._finishing:
                self._send(FINISH)
            await self._hear(self._process)
            code = await self._process.wait()
            if self._finishing:
                return
            if code < 0:
                self._tell(
                    {"error": f"the process that writes parts was ended by signal {-code}; it starts again"}
                )
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _hear(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            with suppress(ValueError):
                self._tell(json.loads(line))
