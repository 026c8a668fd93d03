"""Loads the receiver from several clients, kills it, fills its disk and takes its store's write permission away.

Usage: python -m benchmarks.listen [load] [kills] [disk] [--clients 4] [--requests 100] [--spans 200] [--kills 20]

Load: spans acknowledged a second, and CPU time of the receiver and of the process that writes parts, a span, next to
the floor of unpacking and parsing the same bodies once. Kills: SIGKILL under load, at random moments; every span of a
request that was answered with 200 is looked for afterwards. Disk: a small file system that fills up and is emptied
again, and a store that becomes read-only and writable again; needs root for a file system of its own.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

WORDS = (
    "order",
    "refund",
    "delivery",
    "the",
    "customer",
    "asks",
    "about",
    "a",
    "late",
    "parcel",
    "and",
    "wants",
)
HEADERS = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Receiver:
    """A running `traceview listen`."""

    process: subprocess.Popen[str]
    port: int

    def pids(self) -> list[int]:
        """The receiver and the process that writes parts."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu_seconds(self) -> list[float]:
        """User and system time of each process so far."""
        return [_cpu_seconds(pid) for pid in self.pids()]

    def health(self) -> dict[str, object]:
        """What the health page says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as answer:
            found: dict[str, object] = json.loads(answer.read())
        return found

    def kill(self) -> None:
        """SIGKILL for the receiver and, half of the time, for the process that writes too."""
        pids = self.pids()
        for pid in pids if random.random() < 0.5 else pids[:1]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def receiver(store: Path, *more: str) -> Iterator[Receiver]:
    """`traceview listen` on a port of its own, ended at the end of the block if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "traceview.cli.main", "listen", "--to", str(store), "--port", "0", *more],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if found:
                break
        else:
            raise RuntimeError("the receiver did not start")
        yield Receiver(process, int(found[1]))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            print("".join(process.stderr), end="")
        process.wait()


def body(spans: int, trace: int) -> tuple[bytes, list[str]]:
    """A gzip request of traces with eight spans each, like those of an agent; and the ids of its spans."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "support"
    scope = resource.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.openai"
    now = time.time_ns()
    ids = []
    for number in range(spans):
        if number % 8 == 0:
            trace_id, parent = random.randbytes(16), b""
        span_id = random.randbytes(8)
        ids.append(span_id.hex())
        span = scope.spans.add(
            trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=f"step {number % 8}"
        )
        parent = parent or span_id
        span.start_time_unix_nano = now + number * 1000
        span.end_time_unix_nano = now + number * 1000 + 900_000_000
        if number % 8 in (2, 5):
            _call(span.attributes)
    return gzip.compress(request.SerializeToString(), 1), ids


def _call(attributes: object) -> None:
    """The attributes of a model call."""
    texts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-2024-08-06",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": " ".join(random.choices(WORDS, k=150))}]}]
        ),
        "gen_ai.output.messages": json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [{"type": "text", "content": " ".join(random.choices(WORDS, k=80))}],
                }
            ]
        ),
    }
    for key, text in texts.items():
        attributes.add(key=key).value.string_value = text  # type: ignore[attr-defined]
    for key, number in {"gen_ai.usage.input_tokens": 210, "gen_ai.usage.output_tokens": 95}.items():
        attributes.add(key=key).value.int_value = number  # type: ignore[attr-defined]


@dataclass
class Sent:
    """What one client sent: ids of acknowledged spans, seconds an answer took, answers by status."""

    acknowledged: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)

    def count(self, answer: str) -> None:
        """Count one answer."""
        self.answers[answer] = self.answers.get(answer, 0) + 1


def send(port: int, bodies: Sequence[tuple[bytes, list[str]]], *, patient: bool = True) -> Sent:
    """Send bodies one after the other on one connection, again where the receiver says so; ends when it is gone."""
    sent = Sent()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for content, ids in bodies:
        while True:
            began = time.perf_counter()
            try:
                connection.request("POST", "/v1/traces", content, HEADERS)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                sent.count(type(error).__name__)
                return sent
            sent.count(str(answer.status))
            if answer.status == 200:
                sent.seconds.append(time.perf_counter() - began)
                sent.acknowledged += ids
            elif answer.status in (429, 503) and patient:
                time.sleep(0.2)
                continue
            break
    return sent


def _client(number: int, requests: int, spans: int, begin: Queue[int], done: Queue[Sent]) -> None:
    """A process that makes its requests first and sends them when it is told the port."""
    random.seed(f"{number} {os.getpid()} {time.time()}")
    bodies = [body(spans, at) for at in range(requests)]
    done.put(Sent())
    done.put(send(begin.get(), bodies))


class Clients:
    """Processes that send at the same time."""

    def __init__(self, count: int, requests: int, spans: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._begin: Queue[int] = context.Queue()
        self._done: Queue[Sent] = context.Queue()
        self._processes = [
            context.Process(target=_client, args=(number, requests, spans, self._begin, self._done))
            for number in range(count)
        ]
        for process in self._processes:
            process.start()
        for _ in self._processes:
            self._done.get()

    def begin(self, port: int) -> None:
        """Let all of them send."""
        for _ in self._processes:
            self._begin.put(port)

    def finish(self) -> list[Sent]:
        """What each of them sent."""
        found = [self._done.get() for _ in self._processes]
        for process in self._processes:
            process.join()
        return found


def stored_ids(store: Path) -> list[str]:
    """The span ids of every row in the store's parts."""
    import pyarrow.parquet as pq

    from traceview.sources.parts import parts_in

    return [
        one for part in parts_in(store) for one in pq.read_table(part, columns=["span_id"])[0].to_pylist()
    ]


def written(running: Receiver) -> None:
    """Wait until nothing waits in the inbox any more."""
    while running.health()["waiting_spans"]:
        time.sleep(0.1)


def floor(requests: int, spans: int) -> float:
    """Seconds of CPU a span for unpacking and parsing bodies like those that are sent, and nothing else."""
    bodies = [body(spans, at)[0] for at in range(requests)]
    began = time.process_time()
    for content in bodies:
        ExportTraceServiceRequest.FromString(gzip.decompress(content))
    return (time.process_time() - began) / (requests * spans)


def load(clients: int, requests: int, spans: int) -> None:
    """Print rates, waiting times and CPU time under load."""
    bare = floor(20, spans)
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "store")
        senders = Clients(clients, requests, spans)
        with receiver(store) as running:
            while len(running.pids()) < 2:
                time.sleep(0.05)
            before = running.cpu_seconds()
            senders.begin(running.port)
            began = time.perf_counter()
            sent = senders.finish()
            acknowledged_seconds = time.perf_counter() - began
            written(running)
            written_seconds = time.perf_counter() - began
            used = [after - earlier for after, earlier in zip(running.cpu_seconds(), before, strict=True)]
            memory = [_peak_mib(pid) for pid in running.pids()]
        acknowledged = [one for client in sent for one in client.acknowledged]
        missing = set(acknowledged) - set(stored_ids(store))
    count = len(acknowledged)
    waits = sorted(one * 1000 for client in sent for one in client.seconds)
    print(f"{clients} clients, {requests} requests of {spans} spans each (protobuf, gzip)")
    print(f"  acknowledged        {count / acknowledged_seconds:>10,.0f} spans/s")
    print(f"  written to parts    {count / written_seconds:>10,.0f} spans/s")
    print(
        f"  answer p50 / p95    {waits[len(waits) // 2]:>10,.1f} ms / {waits[int(len(waits) * 0.95)]:,.1f} ms"
    )
    print(
        f"  CPU, receiver       {used[0] / count * 1e6:>10,.1f} µs a span, {used[0] / count / bare:,.1f} x the floor"
    )
    print(
        f"  CPU, writer         {used[1] / count * 1e6:>10,.1f} µs a span, {used[1] / count / bare:,.1f} x the floor"
    )
    print(f"  floor               {bare * 1e6:>10,.1f} µs a span (unpack and parse)")
    print(f"  peak memory         {memory[0]:>10,.0f} MiB receiver, {memory[1]:,.0f} MiB writer")
    print(f"  acknowledged and not in the parts: {len(missing)} of {count:,}")


def _peak_mib(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def kills(times: int) -> None:
    """Kill the receiver under load, and look for every acknowledged span in the end."""
    acknowledged: list[str] = []
    answered: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "store")
        for _ in range(times):
            loads = [[body(32, at) for at in range(40)] for _ in range(3)]
            with receiver(store) as running, ThreadPoolExecutor(len(loads)) as pool:
                sending = [pool.submit(send, running.port, one) for one in loads]
                time.sleep(random.uniform(0.1, 3.0))
                running.kill()
                for one in sending:
                    sent = one.result()
                    acknowledged += sent.acknowledged
                    for answer, count in sent.answers.items():
                        answered[answer] = answered.get(answer, 0) + count
        with receiver(store) as running:
            written(running)
        found = stored_ids(store)
    missing = set(acknowledged) - set(found)
    print(f"{times} kills -9 under load, answers {answered}")
    print(f"  acknowledged spans that are missing: {len(missing)} of {len(acknowledged):,}")
    print(f"  spans in the store: {len(set(found)):,}, rows {len(found):,}")


@contextmanager
def small_disk(mib: int) -> Iterator[Path]:
    """A file system of its own with so much room. Raises OSError without the right to mount one."""
    with tempfile.TemporaryDirectory() as directory:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", directory],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise OSError(made.stderr.strip())
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", "-l", directory], check=False)


def disk() -> None:
    """Fill the disk under the receiver and empty it again; take the right to make files away, and give it back."""
    acknowledged: list[str] = []
    with small_disk(24) as place:
        store, ballast = place / "store", place / "ballast"
        ballast.write_bytes(os.urandom(16 << 20))
        with receiver(store) as running:
            for _ in range(100):
                sent = send(running.port, [body(400, at) for at in range(5)], patient=False)
                acknowledged += sent.acknowledged
                if "503" in sent.answers:
                    break
            print(f"full disk: {sent.answers}, health says: {running.health()['last_error']}")
            ballast.unlink()
            sent = send(running.port, [body(400, 0)])
            acknowledged += sent.acknowledged
            written(running)
            print(f"with room again: {sent.answers}")
        print(f"  acknowledged spans that are missing: {len(set(acknowledged) - set(stored_ids(store)))}")
        before = len(acknowledged)
        with receiver(store) as running:
            subprocess.run(["chattr", "+i", str(store)], check=True)
            sent = send(running.port, [body(400, at) for at in range(5)], patient=False)
            acknowledged += sent.acknowledged
            time.sleep(3)
            print(f"no new files in the store: {sent.answers}, health says: {running.health()['last_error']}")
            subprocess.run(["chattr", "-i", str(store)], check=True)
            written(running)
        missing = set(acknowledged) - set(stored_ids(store))
        print(f"  acknowledged spans that are missing: {len(missing)} of {len(acknowledged) - before:,} more")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        done = subprocess.run(
            [sys.executable, "-m", "traceview.cli.main", "listen", "--to", str(store), "--port", "0"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        print(f"read-only from the start: exit {done.returncode}, {done.stderr.strip()}")


def main() -> None:
    """Run the parts that are named, all of them otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="load|kills|disk")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--spans", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    parts = options.parts or ["load", "kills", "disk"]
    if "load" in parts:
        load(options.clients, options.requests, options.spans)
    if "kills" in parts:
        kills(options.kills)
    if "disk" in parts:
        try:
            disk()
        except OSError as error:
            print(f"disk: left out, it needs the right to mount: {error}")


if __name__ == "__main__":
    main()
