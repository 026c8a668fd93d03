"""Tools that are a server with a SQLite file: Arize Phoenix and MLflow, fed over OTLP/HTTP and asked over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.budgets.memory import Peak
from benchmarks.peers.otlp import requests
from benchmarks.peers.work import Task, Work, installed, version

START_SECONDS = 180.0
INGEST_SECONDS = 900.0
"""A file that is not ingested by then is cut there, and that is said."""
PAGE = 50


@contextmanager
def serving(
    command: Sequence[str], env: dict[str, str], port: int, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers on a port, ended with everything it started. Raises TimeoutError with its last words."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(command),
            env={**os.environ, **env},
            stdout=out,
            stderr=out,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace").strip().splitlines()
                raise TimeoutError(words[-1] if words else "no answer")
            time.sleep(0.2)
        yield process
    finally:
        try:
            os.killpg(process.pid, 15)
            process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, 9)


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def asked(url: str, body: bytes | dict[str, Any] | None = None, **headers: str) -> Any:
    """The answer to a request, JSON parsed. Raises OSError, and ValueError for an answer with errors."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, dict):
        named["content-type"] = "application/json"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=120) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        raise ValueError(f"{error.code} {error.read()[:200].decode(errors='replace')}") from error
    found = json.loads(content) if content[:1] in (b"{", b"[") else content
    if isinstance(found, dict) and found.get("errors"):
        raise ValueError(str(found["errors"])[:200])
    return found


def _ingest(task: Task, done: Work, url: str, arrived: Callable[[], int], **headers: str) -> None:
    """Send every span and wait until they are there; or as many as there is time for."""
    begun = time.perf_counter()
    sent = 0
    for body in requests(task.path):
        asked(url, body, content_type="application/x-protobuf", **headers)
        sent += 500
        if time.perf_counter() - begun > INGEST_SECONDS:
            done.notes.append(f"ingest cut after {min(sent, task.spans):,} spans")
            break
    wanted = min(sent, task.spans)
    while arrived() < wanted and time.perf_counter() - begun < 2 * INGEST_SECONDS:
        time.sleep(0.2)
    done.seconds["ready"] = time.perf_counter() - begun


def phoenix(task: Task, venvs: Path) -> Work:
    """Arize Phoenix: `phoenix serve` with SQLite, asked by GraphQL as its own pages ask."""
    python = installed(venvs, "phoenix", "arize-phoenix")
    done = Work(f"Arize Phoenix {version(python, 'arize-phoenix')}")
    port, grpc = free_port(), free_port()
    with tempfile.TemporaryDirectory() as home:
        env = {
            "PHOENIX_WORKING_DIR": home,
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(grpc),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        command = [str(python), "-m", "phoenix.server.main", "serve"]
        with (
            serving(command, env, port, Path(home, "log")) as process,
            Peak(process.pid, children=True) as peak,
        ):
            base = f"http://127.0.0.1:{port}"

            def graphql(query: str) -> Any:
                return asked(f"{base}/graphql", {"query": query})["data"]

            def project() -> Any:
                edges = graphql("{projects{edges{node{id name recordCount}}}}")["projects"]["edges"]
                return next((edge["node"] for edge in edges if edge["node"]["name"] == "default"), None)

            def arrived() -> int:
                return int((project() or {}).get("recordCount") or 0)

            _ingest(task, done, f"{base}/v1/traces", arrived)
            found = project()["id"]

            def spans(condition: str = "") -> Any:
                where = f", filterCondition: {json.dumps(condition)}" if condition else ""
                return graphql(
                    f'{{node(id: "{found}") {{... on Project {{spans(first: {PAGE}, '
                    f"sort: {{col: startTime, dir: desc}}{where}) {{edges {{node {{name statusCode startTime "
                    "latencyMs input {truncatedValue} output {truncatedValue} context: spanId} } } } } }"
                )["node"]["spans"]["edges"]

            def tree() -> None:
                rows = asked(f"{base}/v1/projects/default/spans?limit=1000&trace_id={task.trace_id}")["data"]
                assert len(rows) == task.trace_spans, f"{len(rows)} of {task.trace_spans} spans"

            done.step("list", spans)
            done.step("filter", lambda: spans("status_code == 'ERROR'"))
            done.step("substring", lambda: spans(f"'{task.word}' in input.value"))
            done.step("tree", tree)
        done.megabytes = peak.megabytes
    return done


def mlflow(task: Task, venvs: Path) -> Work:
    """MLflow: `mlflow server` with SQLite, fed at its OTLP address and asked by its own client."""
    python = installed(venvs, "mlflow", "mlflow")
    done = Work(f"MLflow {version(python, 'mlflow')}")
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        store = f"sqlite:///{home}/mlflow.db"
        command = [str(python), "-m", "mlflow", "server", "--backend-store-uri", store]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        env = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
        with (
            serving(command, env, port, Path(home, "log")) as process,
            Peak(process.pid, children=True) as peak,
        ):
            base = f"http://127.0.0.1:{port}"
            made = asked(f"{base}/api/2.0/mlflow/experiments/create", {"name": "bench"})
            experiment = made["experiment_id"]
            # it has no count of spans: a request is answered when its spans are stored
            _ingest(task, done, f"{base}/v1/traces", lambda: task.spans, x_mlflow_experiment_id=experiment)
            answers = subprocess.run(
                [str(python), "-c", MLFLOW, base, experiment, task.trace_id, task.word, str(task.trace_spans)],
                capture_output=True, text=True, env={**os.environ, **env}, check=False,
            )  # fmt: skip
            for line in answers.stdout.splitlines():
                if line.startswith("{"):
                    found = json.loads(line)
                    done.seconds |= found["seconds"]
                    done.notes += found["notes"]
            if answers.returncode:
                done.notes.append(answers.stderr.strip().splitlines()[-1][:160])
        done.megabytes = peak.megabytes
    return done


MLFLOW = """
import json, sys, time
import mlflow
base, experiment, trace_id, word, spans = sys.argv[1:6]
client = mlflow.MlflowClient(base)
found, notes = {}, []

def step(name, ask):
    times = []
    try:
        for _ in range(3):
            begun = time.perf_counter()
            ask()
            times.append(time.perf_counter() - begun)
    except Exception as error:
        notes.append(name + ": " + (str(error).strip().split(chr(10))[0] or type(error).__name__)[:120])
        found[name] = None
        return
    found[name] = min(times)

def search(condition=None):
    return client.search_traces(
        locations=[experiment], filter_string=condition, max_results=50, include_spans=False)

def tree():
    got = len(client.get_trace("tr-" + trace_id).data.spans)
    assert got == int(spans), f"{got} of {spans} spans"

step("list", search)
step("filter", lambda: search("trace.status = 'ERROR'"))
step("substring", lambda: search(f"trace.text LIKE '%{word}%'"))
step("tree", tree)
print(json.dumps({"seconds": found, "notes": notes}))
"""
