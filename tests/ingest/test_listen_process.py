"""The receiver as a process: killed, begun again, ended by Ctrl-C, alone on its store."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from listening import request, rows, span


@contextmanager
def listening(store: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A receiver and its port; killed at the end if it is still there."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "traceview.cli.main",
            "listen",
            "--to",
            str(store),
            "--port",
            "0",
            *more,
        ],
        cwd=store.parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stderr.readline())
        assert found is not None
        yield process, int(found[1])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def post(port: int, *numbers: int) -> int:
    """Send spans; the status of the answer."""
    body = json.dumps(request(*(span(1, number) for number in numbers))).encode()
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/traces", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return int(answer.status)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ids(*numbers: int) -> set[str]:
    return {f"{number:016x}" for number in numbers}


def test_killed_and_begun_again(tmp_path: Path) -> None:
    store = tmp_path / "store"
    # a module beside the traces is not ours
    (tmp_path / "queue.py").write_text("raise SystemExit(3)")
    with listening(store) as (process, port):
        assert post(port, 1, 2) == 200
        process.kill()
        process.wait()
    with listening(store) as (process, port):
        until(lambda: set(rows(store)) == ids(1, 2))
        assert post(port, 3) == 200
        refused = subprocess.run(
            [sys.executable, "-m", "traceview.cli.main", "listen", "--to", str(store), "--port", "0"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode == 2
        assert f"another receiver (process {process.pid})" in refused.stderr
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert set(rows(store)) == ids(1, 2, 3)
    assert "1 spans received, " in told
    assert "Traceback" not in told


def test_garbage_slow_senders_and_a_writer_that_dies(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with listening(store) as (process, port), socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n")
        for garbage in (
            b"\0" * 5000,
            b"GET\r\n\r\n",
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 99_999,
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(garbage)
                assert connection.recv(100).startswith(b"HTTP/1.1 400")
        # what anyone can have it warn of without end is the last error, not a line each
        assert process.stderr is not None
        assert "Ctrl-C ends" in process.stderr.readline()
        until(lambda: bool(select.select([process.stderr], [], [], 5)[0]))
        assert "last error" in process.stderr.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if children.exists():
            until(lambda: bool(children.read_text()))
            os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        assert post(port, 1) == 200
        until(lambda: set(rows(store)) == ids(1))


def test_a_store_that_is_gone_at_the_end_is_said(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with listening(store) as (process, port):
        assert post(port, 1) == 200
        until(lambda: set(rows(store)) == ids(1))
        shutil.rmtree(store)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "the store is not there any more" in told
    assert "1 spans were received" in told


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = subprocess.run(
            [sys.executable, "-m", "traceview.cli.main", "listen", "--to", str(tmp_path / "store"), "--port",
             str(other.getsockname()[1])],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "something else listens there" in done.stderr
    assert "--port" in done.stderr
