"""What a worker is told to do, by the command line or by the app; and the worker as its parent sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

import msgspec
from msgspec import Struct, field

from traceview.judges.running.pace import CEILING
from traceview.model.labels import Target

TIMEOUT_SECONDS = 300.0
DAY_SECONDS = 86_400.0


class Job(Struct, frozen=True):
    """Model judges over one selection. Paths are absolute, or as typed if the worker starts in the same directory.

    `targets` are judged instead of what matches the filter. `consented` are endpoints that text may be sent to
    already: tokens are counted there before the plan is told. `go` begins without asking, `behind` lets other programs
    have the processor first. With `watch` the source is looked at every so many seconds for what has settled, `back`
    seconds back, until the worker is stopped.
    """

    sources: tuple[str, ...]
    judges: tuple[str, ...]
    config: str | None = None
    overrides: dict[str, str] = field(default_factory=dict)
    prompt_files: tuple[str, ...] = ()
    labels: str | None = None
    filter: str = ""
    targets: tuple[Target, ...] | None = None
    limit: int | None = None
    batch: bool = False
    unknown: str = "hold"
    budget_usd: float | None = None
    timeout: float = TIMEOUT_SECONDS
    concurrency: int = CEILING
    consented: tuple[str, ...] = ()
    go: bool = False
    behind: bool = False
    watch: float | None = None
    back: float = DAY_SECONDS

    def as_line(self) -> bytes:
        """As the first line of a worker's standard input."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Job:
        """The job of such a line. Raises msgspec.DecodeError."""
        return msgspec.json.decode(line, type=cls)


class Worker:
    """A worker process. It goes on by itself after `detach`; otherwise it stops when its parent is gone."""

    def __init__(self, job: Job) -> None:
        # -P: a module that lies in the working directory is not ours. A session of its own: Ctrl-C comes from here.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "traceview.judges.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._send(job.as_line())

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def events(self) -> Iterator[dict[str, Any]]:
        """What the worker tells, until it ends: objects with an `event` and its fields."""
        assert self._process.stdout is not None
        stream: IO[bytes] = self._process.stdout
        for line in stream:
            with suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict):
                    yield told

    def tell(self, word: str) -> None:
        """`go` or `no` to the plan; `stop`, `abort`, `pause`, `resume`; `detach`: go on without this process."""
        self._send(word.encode() + b"\n")

    def wait(self) -> int:
        """Wait for the end; its exit code."""
        return self._process.wait()

    def close(self) -> None:
        """Let go of the pipes: a worker that was not detached stops."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(line)
            self._process.stdin.flush()
