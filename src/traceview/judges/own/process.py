"""One child process of a project's own check: asked with a time limit, killed and begun anew when it hangs."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import orjson
from msgspec import Struct

from traceview.judges.own.child import LENGTH, MOST_BYTES, frame
from traceview.model.errors import BadInput

SECONDS = 5.0
"""So long a check may take for one item."""
START_SECONDS = 60.0
"""So long it may take to import what it needs."""


class OwnCheck(Struct, frozen=True):
    """A function of a file of the project; `folder` is the project's, which the function runs in."""

    folder: Path
    file: str
    function: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.file


class TimedOut(Exception):
    """The check did not answer in time."""


class Failed(Exception):
    """The check raised something, or its process ended; the text says what and where."""


class _NoAnswer(Exception):
    """What came is no frame, or of no question that was asked."""


class OwnProcess:
    """A child process, started when it is first asked. Not for several threads."""

    def __init__(
        self, check: OwnCheck, seconds: float = SECONDS, errors: IO[bytes] | int | None = None
    ) -> None:
        """What the check prints goes to `errors`, None: to our stderr."""
        self._check = check
        self._seconds = seconds
        self._errors = errors
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self.started = 0

    def ask(self, item: Any, options: Mapping[str, Any]) -> dict[str, Any]:
        """What the check says of an item. Raises TimedOut, Failed; BadInput if the file cannot be used at all."""
        if self._stopped:
            raise Failed(f"{self._check.file}: stopped")
        if self._process is not None and _speaks(self._process):
            # what nobody asked for is not taken for an answer
            self._end()
        process = self._process or self._start()
        assert process.stdin is not None
        asked = secrets.token_hex(8)
        try:
            process.stdin.write(frame({"id": asked, "item": item, "options": dict(options)}))
            process.stdin.flush()
            answer = self._answer(process, self._seconds)
            if answer.pop("id", None) != asked:
                raise _NoAnswer
        except (BrokenPipeError, EOFError) as error:
            raise Failed(f"{self._check.file}: its process ended{self._end()}") from error
        except _NoAnswer as error:
            self._end()
            raise Failed(f"{self._check.file}: what came from its process is not the answer") from error
        except TimedOut:
            self._end()
            raise
        if "error" in answer:
            raise Failed(f"{answer['where']}: {answer['error']}")
        return answer

    def stop(self) -> None:
        """Answer no more; for any thread. What is being asked fails at once."""
        self._stopped = True
        process = self._process
        if process is not None:
            _kill(process)

    def close(self) -> None:
        """End the process."""
        self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        """A process that is ready. Raises BadInput."""
        check = self._check
        command = [sys.executable, "-P", "-m", "traceview.judges.own.child", str(check.path), check.function]
        self._process = process = subprocess.Popen(
            command,
            cwd=check.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self.started += 1
        if self._stopped:
            _kill(process)
        try:
            ready = self._answer(process, START_SECONDS)
        except TimedOut as error:
            self._end()
            raise BadInput(f"{check.path}: not ready after {START_SECONDS:.0f} s") from error
        except EOFError as error:
            raise BadInput(f"{check.path}: its process ended{self._end()}") from error
        except _NoAnswer as error:
            self._end()
            raise BadInput(f"{check.path}: what came from its process is not the answer") from error
        if "error" in ready:
            self._end()
            raise BadInput(f"{check.path.parent / ready['where']}: {ready['error']}")
        return process

    def _answer(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
        """The next frame, with nothing behind it. Raises TimedOut, EOFError, _NoAnswer."""
        assert process.stdout is not None
        until = time.monotonic() + seconds
        descriptor = process.stdout.fileno()
        data = bytearray()
        wanted: int | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while wanted is None or len(data) < wanted:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimedOut
                more = os.read(descriptor, 1 << 20)
                if not more:
                    raise EOFError
                data += more
                if wanted is None and len(data) >= LENGTH:
                    wanted = LENGTH + _length(data[:LENGTH])
        try:
            answer = orjson.loads(data[LENGTH:])
        except ValueError as error:
            raise _NoAnswer from error
        if not isinstance(answer, dict):
            raise _NoAnswer
        return answer

    def _end(self) -> str:
        """Kill the process, and what it started; how it ended in words."""
        process, self._process = self._process, None
        if process is None:
            return ""
        _kill(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        code = process.wait()
        return f" (signal {-code})" if code < 0 else f" (exit code {code})"


def _length(head: bytes | bytearray) -> int:
    """The length that a frame begins with. Raises _NoAnswer."""
    try:
        length = int(head, 16)
    except ValueError as error:
        raise _NoAnswer from error
    if not 0 < length <= MOST_BYTES:
        raise _NoAnswer
    return length


def _speaks(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process says something though it was asked nothing, or has ended."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
