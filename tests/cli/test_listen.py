"""What `listen` says before it listens, and its console."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from traceview.cli.listening import TerminalConsole, status_line
from traceview.cli.main import main
from traceview.ingest.listen.figures import Figures
from traceview.ingest.listen.inbox import Backlog
from traceview.model.errors import TraceviewError

NOTHING = Backlog(0, 0, 0, None)


def refused(*arguments: str) -> TraceviewError:
    error = CliRunner().invoke(main, arguments).exception
    assert isinstance(error, TraceviewError)
    return error


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "uvicorn" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    error = refused("listen", "--to", str(tmp_path / "store"))
    assert "uvicorn" in error.message
    assert error.hint == "in the folder of traceview: pip install '.[listen]'"
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("--offline", "listen", "--to", "{0}/store", "--host", "0.0.0.0"), "others could reach it", 3),
        (("listen", "--to", "{0}/store", "--token-file", "{0}/empty"), "is empty", 2),
        (
            ("listen", "--to", "{0}/store", "--host", "192.0.2.7", "--port", "0"),
            "cannot listen on 192.0.2.7",
            2,
        ),
        (("listen", "--to", "{0}/empty/store"), "{0}/empty", 2),
    ],
)
def test_what_is_refused(tmp_path: Path, arguments: tuple[str, ...], words: str, code: int) -> None:
    (tmp_path / "empty").touch()
    error = refused(*(one.format(tmp_path) for one in arguments))
    assert words.format(tmp_path) in error.message
    assert error.exit_code == code


@pytest.mark.parametrize(
    ("to_others", "token", "words"),
    [(False, False, None), (True, False, "there is no authentication"), (True, True, "has the token")],
)
def test_listening_beyond_this_machine_says_what_that_means(
    to_others: bool, token: bool, words: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    console = TerminalConsole(open_to_others=to_others, with_token=token)
    console.began("http://0.0.0.0:4318", Path("store"), Backlog(2, 7, 100, 1))
    told = capsys.readouterr().err
    assert "listening on http://0.0.0.0:4318" in told
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://ADDRESS:4318 " in told
    assert "2 requests (7 spans) of an earlier receiver" in told
    assert words is None or words in told
    assert ("anyone" in told) == to_others


def test_the_end_says_what_is_where(capsys: pytest.CaptureFixture[str]) -> None:
    console = TerminalConsole(open_to_others=False, with_token=False)
    console.began("http://127.0.0.1:4318", Path("store"), NOTHING)
    figures = Figures(spans=12, written=10, parts=2, repeated=1, rejected=3, waiting_spans=2, messages=7)
    figures.skipped["log record of a span that did not come"] = 4
    figures.error("cannot write to \x1b[31mstore")
    console.tick(figures)
    console.ending(figures)
    console.ended(figures, Backlog(1, 2, 50, 1), 1, 5)
    told = capsys.readouterr().err
    assert "12 spans received, 10 written to 2 parts in store" in told
    assert "2 spans wait in the inbox of store; the next listen takes them up" in told
    assert "1 requests could not be read" in told
    assert "7 messages of model calls received" in told
    assert "5 messages of model calls wait in the inbox of store for spans" in told
    assert "4 x log record of a span that did not come" in told
    assert "\x1b" not in told
    assert status_line(figures, 3.4).startswith(
        "12 spans received · 7 messages · 3/s · 2 waiting · 2 parts · last error "
    )
