"""Judges, calls and a fake server in a process of its own, for benchmarks and tests of the runner."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traceview.definitions.prices import Band, Price
from traceview.judges.fake_server.server import KEY
from traceview.judges.hashing import call_key, hashed
from traceview.model.judges import JudgeDefinition, ModelSettings, RenderedCall, ScoreShape
from traceview.model.labels import Target

PRICE = Price("m", (Band(0, 1.0, 5.0, 0.1, 1.25),), 0.5)
KEY_VARIABLE = "FAKE_KEY"
SCHEMA = {
    "type": "object",
    "properties": {
        "explanation": {"type": "string"},
        "evidence": {"type": "array", "items": {"type": "string"}},
        "verdict": {"type": "string", "enum": ["pass", "fail"]},
    },
    "required": ["explanation", "evidence", "verdict"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Server:
    """A fake server that runs."""

    url: str

    def figures(self) -> dict[str, Any]:
        """What it counted."""
        with urllib.request.urlopen(f"{self.url}/calls", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def a_server(*options: str, nice: int = 0) -> Iterator[Server]:
    """`traceview judge fake-server` on a free port; `nice` where what it takes must not count, as of one elsewhere."""
    command = [
        "nice",
        "-n",
        str(nice),
        sys.executable,
        "-P",
        "-m",
        "traceview.cli.main",
        "judge",
        "fake-server",
        "--port",
        "0",
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield Server(line.split("ANTHROPIC_BASE_URL=")[1].split()[0])
        finally:
            process.kill()


def a_judge(url: str, **changed: Any) -> JudgeDefinition:
    """A judge of traces that asks the model behind `url`."""
    model = {"id": "claude-haiku-4-5", "base_url": url, "key_env": KEY_VARIABLE} | changed.pop("model", {})
    given: dict[str, Any] = {
        "name": "links",
        "metric": "grounded",
        "kind": "llm",
        "scope": "trace",
        "score": ScoreShape("boolean", "it is", "it is not"),
        "model": ModelSettings(**model),
        "system": "You check links.",
        "user": "{{answer}}",
    }
    return hashed(JudgeDefinition(**(given | changed)))


def rendered(judge: JudgeDefinition, count: int, first: int = 0, size: int = 50) -> Iterator[RenderedCall]:
    """What would be sent for the traces `t<first>` to `t<first + count - 1>`, with `size` bytes of text."""
    for number in range(first, first + count):
        target = Target("trace", f"t{number}", f"t{number}")
        text = f"<answer_k7f3>answer {number} {'x' * size}</answer_k7f3>"
        key = call_key(judge.hash, target, f"input {number}")
        yield RenderedCall(target, judge.system, text, SCHEMA, f"input {number}", key)


def run(folder: Path, url: str, count: int, size: int, **options: Any) -> dict[str, Any]:
    """Judge so many traces in this process: the report, with the wall and CPU seconds of the sending."""
    from traceview.judges.client import JudgeClient
    from traceview.judges.ledger.ledger import Ledger
    from traceview.judges.running.judge_run import JudgeRun, RunOptions
    from traceview.store.labels.store import LabelStore

    os.environ[KEY_VARIABLE] = KEY
    judge = a_judge(url)
    with (
        closing(Ledger(folder / "x.calls.db")) as ledger,
        closing(LabelStore.open(folder / "x.labels.db")) as labels,
    ):
        one = JudgeRun(
            ledger,
            labels,
            judge,
            RunOptions(**options),
            price=PRICE,
            endpoint=url,
            tell=lambda *_: None,
        )
        one.begin()
        one.make_plan(rendered(judge, count, size=size))
        print("planned", flush=True)

        async def send() -> dict[str, Any]:
            assert judge.model is not None
            client = JudgeClient(judge.model, timeout=60)
            began, before = time.monotonic(), _cpu()
            try:
                report = await one.send(client)
            finally:
                await client.close()
            return report | {"wall": time.monotonic() - began, "cpu": _cpu() - before}

        return asyncio.run(send())


def bare(url: str, count: int, size: int) -> dict[str, Any]:
    """The same calls by the SDK alone, 64 at once, nothing written down."""
    import anthropic

    judge = a_judge(url)
    print("planned", flush=True)

    async def send() -> dict[str, Any]:
        began, before = time.monotonic(), _cpu()
        room = asyncio.Semaphore(64)
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client:

            async def one(call: RenderedCall) -> None:
                async with room:
                    await client.messages.create(
                        model="claude-haiku-4-5",
                        max_tokens=2048,
                        system=call.system,
                        messages=[{"role": "user", "content": call.user}],
                        output_config={"format": {"type": "json_schema", "schema": dict(call.schema)}},
                    )

            await asyncio.gather(*(one(call) for call in rendered(judge, count, size=size)))
        return {"wall": time.monotonic() - began, "cpu": _cpu() - before}

    return asyncio.run(send())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """`python -m benchmarks.judge_runs FOLDER URL COUNT SIZE [OPTIONS as JSON]`: a run in a process of its own."""
    folder, url, count, size = sys.argv[1:5]
    options = json.loads(sys.argv[5]) if len(sys.argv) > 5 else {}
    if options.pop("bare", False):
        print(json.dumps(bare(url, int(count), int(size))))
    else:
        print(json.dumps(run(Path(folder), url, int(count), int(size), **options)))


if __name__ == "__main__":
    main()
