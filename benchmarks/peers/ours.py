"""The same work with traceview: the app in a terminal until rows are there, and its queries with the index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from benchmarks.app import environment, has_rows, open_app
from benchmarks.budgets.memory import Peak, end_children
from benchmarks.peers.work import Task, Work

ANSWERS = """
import json, resource, sys, time
from traceview.filters.parser import parse
from traceview.store.interface import ListQuery
from traceview.store.open import open_engine

path, trace_id, word, spans = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
begun = time.perf_counter()
engine = open_engine([path])
engine.wait_ready()
found = {"ready": time.perf_counter() - begun}

def least(ask):
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begun)
    return min(times)

found["list"] = least(lambda: engine.first_page(ListQuery("spans"), 50))
found["filter"] = least(lambda: engine.first_page(ListQuery("spans", parse("status:error")), 50))
found["substring"] = least(lambda: engine.first_page(ListQuery("spans", parse(f'input:"{word}"')), 50))

def tree():
    detail = engine.trace(trace_id)
    assert len(detail.spans) == spans
    engine.payloads(detail.spans)

found["tree"] = least(tree)
unit = 1 if sys.platform == "darwin" else 1024
own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
found["megabytes"] = max(own, children) * unit / 1e6
engine.close()
print(json.dumps(found))
"""


def work(task: Task) -> Work:
    """The queries in a process of its own with an empty cache; the app in a terminal."""
    done = Work("traceview")
    with tempfile.TemporaryDirectory() as home:
        env = environment(home)
        with open_app(task.path, env) as terminal, Peak(terminal.process.pid) as peak:
            shown = terminal.wait(has_rows, 120) - terminal.started
            peak.look()
            end_children(terminal.process.pid)
        done.notes.append(f"first rows on the screen after {shown:.1f} s, {peak.megabytes:.0f} MB")
    with tempfile.TemporaryDirectory() as home:
        command = [
            sys.executable,
            "-c",
            ANSWERS,
            str(task.path),
            task.trace_id,
            task.word,
            str(task.trace_spans),
        ]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, **environment(home)}
        )
    found = json.loads(answer.stdout)
    done.megabytes = found.pop("megabytes")
    done.seconds = found
    return done
