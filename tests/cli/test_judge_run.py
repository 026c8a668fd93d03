"""`judge run`, `judge runs`, `judge call` as a person and as a program use them, with the worker as a process."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from traceview.cli.main import run as main_run
from traceview.judges.fake_server.script import answering, failing
from traceview.judges.fake_server.server import KEY, FakeServer

JUDGE = """
kind = "llm"
scope = "trace"
[score]
type = "boolean"
pass_means = "Every URL of the answer is in a result."
fail_means = "A URL of the answer is in no result."
[model]
id = "claude-haiku-4-5"
[variables]
answer = { path = "trace.output.text" }
[prompt]
system = "You check links."
user = "{{answer}}"
"""
CODE = """
kind = "code"
scope = "trace"
metric = "short"
[check]
use = "format_rules"
max_words = 4
"""
TRACES = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    spans = []
    for number in range(1, TRACES + 1):
        given = {"output.value": f"see https://x.io/{number}", "openinference.span.kind": "AGENT"}
        spans.append(
            {
                "traceId": f"{number:032x}",
                "spanId": f"{number:016x}",
                "name": "agent",
                "startTimeUnixNano": str(1795968000_000000000 + number * 10**9),
                "endTimeUnixNano": str(1795968000_500000000 + number * 10**9),
                "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in given.items()],
            }
        )
    found = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "x"}, "spans": spans}]}]}
    (tmp_path / "traces.json").write_text(json.dumps(found))
    (tmp_path / "traceview.toml").write_text("")
    (tmp_path / "judges").mkdir()
    (tmp_path / "judges/links.toml").write_text(JUDGE)
    return tmp_path


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as found:
        yield found


def environment(server: FakeServer | None, **changed: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    given = {} if server is None else {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
    return kept | given | changed


class Done(NamedTuple):
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def traceview(folder: Path, server: FakeServer | None, *arguments: str, **changed: str) -> Done:
    """The command in the folder, in this process; only its worker is one of its own."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "stdin", io.StringIO())
        for name in list(os.environ):
            if name.startswith("ANTHROPIC_"):
                patch.delenv(name)
        for name, value in environment(server, **changed).items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main_run(list(arguments))
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def run(folder: Path, server: FakeServer | None, *options: str) -> list[dict[str, Any]]:
    """`judge run --yes --json`: its reports."""
    done = traceview(folder, server, "judge", "run", "traces.json", "links", "--yes", "--json", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_judged_shown_and_not_judged_again(folder: Path, server: FakeServer, user_directories: Path) -> None:
    (report,) = run(folder, server, "--limit", "5", "--budget", "0.5")
    assert {key: report[key] for key in ("judge", "planned", "scored", "unknown", "calls", "stopped_by")} == {
        "judge": "links",
        "planned": 5,
        "scored": 5,
        "unknown": 0,
        "calls": 5,
        "stopped_by": None,
    }
    assert 0 < report["usd"] < 0.5 and report["skipped"] == report["unscored"] == report["errors"] == {}
    (report,) = run(folder, server)
    assert (report["already_done"], report["scored"], report["calls"]) == (5, TRACES - 5, TRACES - 5)
    assert server.paid.total() == TRACES and max(server.paid.values()) == 1
    # what was agreed to is kept by the person, not by the project
    kept = (user_directories / "config/config.toml").read_text()
    assert server.url in kept and str(folder) in kept
    assert server.url not in (folder / "traceview.toml").read_text()
    labels = traceview(folder, None, "labels", "list", "traces.json", "--json")
    rows = [json.loads(line) for line in labels.stdout.splitlines()]
    assert len(rows) == TRACES
    assert {(row["source"], row["annotator"], row["name"]) for row in rows} == {("judge", "links", "links")}
    assert {row["definition_hash"] for row in rows} == {report["judge_hash"]}
    for id in (rows[0]["id"], rows[0]["id"][:8], rows[0]["target_id"]):
        call = json.loads(traceview(folder, None, "judge", "call", "traces.json", id, "--json").stdout)
        assert call["target_id"] == rows[0]["target_id"] and call["label"] == rows[0]["id"]
        assert "https://x.io/" in call["user"] and call["attempts"][0]["reply"]["content"]
        assert call["attempts"][0]["usd"] > 0 and KEY not in json.dumps(call)
    done = traceview(folder, None, "judge", "call", "traces.json", "0" * 31)
    assert done.returncode == 2 and f"{TRACES} items begin with" in done.stderr
    shown = traceview(folder, None, "judge", "call", "traces.json", rows[0]["id"]).stdout
    assert "You check links." in shown and "see https://x.io/" in shown
    missing = traceview(folder, None, "judge", "call", "traces.json", "nothing")
    assert missing.returncode == 2 and "no model was asked" in missing.stderr
    listed = traceview(folder, None, "judge", "runs", "traces.json", "--json").stdout.splitlines()
    assert [json.loads(line)["planned"] for line in listed] == [TRACES - 5, 5]
    spend = json.loads(traceview(folder, None, "judge", "runs", "traces.json", "--spend", "--json").stdout)
    assert spend["judge"] == "links" and spend["usd"] > 0


def test_nothing_is_sent_unless_somebody_agrees(
    folder: Path, server: FakeServer, user_directories: Path
) -> None:
    done = traceview(folder, server, "judge", "run", "traces.json", "links")
    assert done.returncode == 2 and "--yes begins without asking" in done.stderr
    assert f"{TRACES} to judge" in done.stderr and "about $" in done.stderr
    assert server.calls == [] and not (user_directories / "config/config.toml").exists()
    # nor are tokens counted for a plan that nobody can agree to, whatever was agreed to before
    assert (
        traceview(folder, server, "judge", "run", "traces.json", "links", "--yes", "--limit", "1").returncode
        == 0
    )
    assert (len(server.calls), server.counted) == (1, 1) and (
        user_directories / "config/config.toml"
    ).exists()
    again = traceview(folder, server, "judge", "run", "traces.json", "links")
    assert again.returncode == 2 and "nothing was sent" in again.stderr
    assert (len(server.calls), server.counted) == (1, 1)


@pytest.mark.parametrize(
    ("before", "changed", "said"),
    [
        (["--offline"], {}, "--offline refuses to ask a model"),
        ([], {"ANTHROPIC_API_KEY": ""}, "no credentials for"),
    ],
)
def test_code_judges_run_where_models_may_not(
    folder: Path, server: FakeServer, before: list[str], changed: dict[str, str], said: str
) -> None:
    (folder / "judges/short.toml").write_text(CODE)
    arguments = [*before, "judge", "run", "traces.json", "links", "short", "--yes", "--json"]
    done = traceview(folder, server, *arguments, **changed)
    assert done.returncode == 3
    assert said in done.stderr and "1 code judge ran" in done.stderr and "Traceback" not in done.stderr
    assert [json.loads(line)["judge"] for line in done.stdout.splitlines()] == ["short"]
    assert server.calls == []


def test_a_project_beside_the_source_sends_nothing(
    folder: Path, server: FakeServer, tmp_path_factory: Any
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    source = str(folder / "traces.json")
    done = traceview(elsewhere, server, "judge", "run", source, "links", "--yes")
    assert done.returncode == 3 and "found beside the source" in done.stderr and server.calls == []
    trusted = [
        "--config",
        str(folder / "traceview.toml"),
        "judge",
        "run",
        source,
        "links",
        "--yes",
        "--limit",
        "1",
    ]
    assert traceview(elsewhere, server, *trusted).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "there is no judge 'nothing'"),
        (["links", "--filter", "nofield:1"], "nofield"),
        (["links", "--budget", "-1"], "--budget"),
        (["links", "--budget", "nan"], "--budget"),
        (["links", "--budget", "inf"], "--budget"),
        (["links", "--timeout", "nan"], "--timeout"),
    ],
)
def test_mistakes_are_told(folder: Path, server: FakeServer, arguments: list[str], said: str) -> None:
    done = traceview(folder, server, "judge", "run", "traces.json", *arguments)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert server.calls == []


def test_a_model_without_a_price_needs_one_for_a_budget(folder: Path, server: FakeServer) -> None:
    path = folder / "judges/links.toml"
    path.write_text(JUDGE.replace("claude-haiku-4-5", "our-own"))
    done = traceview(folder, server, "judge", "run", "traces.json", "links", "--yes", "--budget", "1")
    assert done.returncode == 2 and 'prices."our-own"' in done.stderr and server.calls == []
    (folder / "traceview.toml").write_text('[prices."our-own"]\ninput = 1000.0\noutput = 1000.0\n')
    done = traceview(
        folder, server, "judge", "run", "traces.json", "links", "--yes", "--json", "--budget", "0.5"
    )
    report = json.loads(done.stdout)
    assert (report["stopped_by"], report["scored"], report["usd"]) == ("budget", 0, 0)
    assert "might exceed --budget" in done.stderr


def test_consent_is_noted_only_where_there_is_a_key(folder: Path, user_directories: Path) -> None:
    done = traceview(folder, None, "judge", "run", "traces.json", "links", "--yes", HOME=str(folder))
    assert done.returncode == 3 and "noted in" not in done.stderr, done.stderr
    assert not (user_directories / "config/config.toml").exists()


def test_what_the_endpoint_refuses_is_said(folder: Path, server: FakeServer) -> None:
    server.script = lambda _: failing(401, "authentication_error", "invalid x-api-key")
    done = traceview(folder, server, "judge", "run", "traces.json", "links", "--yes", "--json")
    assert done.returncode == 3 and "invalid x-api-key" in done.stderr
    report = json.loads(done.stdout)
    assert report["stopped_by"] == "credentials" and report["errors"]["auth"] >= 1
    assert report["left"] == TRACES - report["errors"]["auth"]


def test_errors_of_most_calls_end_with_one_and_the_cause_is_said(folder: Path, server: FakeServer) -> None:
    server.script = lambda _: failing(413, "request_too_large", "too much of it")
    done = traceview(folder, server, "judge", "run", "traces.json", "links", "--yes", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["stopped_by"], report["errors"]) == (1, None, {"too_large": TRACES})
    assert "too_large" in report["last_error"] and "too much of it" in report["last_error"]
    assert "too much of it" in done.stderr and "12 failed of 12" in done.stderr


def test_ctrl_c_keeps_what_was_judged(folder: Path, server: FakeServer) -> None:
    server.script = answering(0.4)
    arguments = [
        "judge",
        "run",
        "traces.json",
        "links",
        "--yes",
        "--json",
        "--concurrency",
        "2",
        "--progress",
        "json",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "traceview.cli.main", *arguments],
        cwd=folder,
        env=environment(server),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while len(server.calls) < 3 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    report = json.loads(out)
    assert (report["stopped_by"], report["unknown"]) == ("cancel", 0)
    assert report["scored"] == len(server.calls) and report["scored"] + report["left"] == TRACES
    names = [json.loads(line)["event"] for line in err.splitlines() if line.startswith("{")]
    assert {"planned", "progress", "report"} <= set(names)
    assert max(server.paid.values()) == 1


def test_the_start_of_the_commands_imports_no_sdk() -> None:
    names = "('anthropic', 'textual', 'duckdb', 'pyarrow', 'numpy')"
    code = f"import sys; import traceview.cli.judges; print([one for one in {names} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
