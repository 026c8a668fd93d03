"""The code judges of `judge run`: free and offline, in this process and its children."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceview.cli.settings import Settings

if TYPE_CHECKING:
    from traceview.judges.report import RunReport
    from traceview.model.judges import JudgeDefinition


def run_code(
    settings: Settings,
    source: str,
    judges: Sequence[JudgeDefinition],
    *,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    filter_text: str,
    limit: int | None,
    as_json: bool,
) -> int:
    """Run code judges over a source and print their reports; the exit code. Raises TraceviewError."""
    from traceview.cli.judge_words import print_report
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import ProgressLine, say
    from traceview.judges.code_run import run_code_judges
    from traceview.judges.run_words import end_lines, has_failed
    from traceview.store.interface import CancelToken

    token = CancelToken()
    line = ProgressLine()

    def tell(done: float, reports: Sequence[RunReport]) -> None:
        line.show(f"{done:.0%}  {', '.join(one.progress for one in reports)}")

    def stop(*_: Any) -> None:
        line.clear()
        say("stopping: what was judged so far is kept")
        token.cancel()

    where = parse_filter(filter_text)
    with opened(
        settings, (source,), mapping=mapping, labels=labels, annotator=annotator, need_labels=True
    ) as found:
        assert found.labels is not None
        before = signal.signal(signal.SIGINT, stop)
        try:
            reports = run_code_judges(
                found.engine,
                found.labels.store,
                judges,
                project=found.project,
                where=where,
                limit=limit,
                token=token,
                tell=tell,
            )
        finally:
            signal.signal(signal.SIGINT, before)
            line.clear()
        told = [report.json() for report in reports]
        for one in told:
            print_report(one, as_json)
            with suppress(BrokenPipeError):
                for words in end_lines(one):
                    say(words)
    if any(one["stopped_by"] == "cancel" for one in told):
        return 130
    return 1 if any(map(has_failed, told)) else 0
