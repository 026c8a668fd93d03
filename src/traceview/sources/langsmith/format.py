"""LangSmith's runs and feedback: what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import CanonicalRow, Probe, ReadReport, ScoreRecord

_RUN = frozenset(("run_type", "trace_id"))
_FEEDBACK = frozenset(("run_id", "key", "feedback_source"))


class LangSmithRuns:
    """Runs of `client.list_runs()` as JSON, and the Parquet files of a bulk export."""

    name = "langsmith"

    def recognise(self, probe: Probe) -> bool:
        """True for runs that say their order in the tree, or their type and their trace."""
        names = probe.top_keys if probe.container == "json" else frozenset(probe.columns)
        if probe.container not in ("json", "csv", "parquet"):
            return False
        return "dotted_order" in names or (
            names >= _RUN and bool(names & {"parent_run_id", "parent_run_ids", "inputs"})
        )

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows."""
        from traceview.sources.langsmith.reading import read

        return read(probe, report)

    def is_by_line(self, probe: Probe) -> bool:
        """True: a line is a run."""
        return True


class LangSmithFeedback:
    """Feedback of `client.list_feedback()`."""

    name = "langsmith feedback"

    def recognise(self, probe: Probe) -> bool:
        """True for feedback on runs."""
        names = probe.top_keys if probe.container == "json" else frozenset(probe.columns)
        return probe.container in ("json", "csv", "parquet") and names >= _FEEDBACK

    def read_scores(self, probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
        """Batches of scores."""
        from traceview.sources.langsmith.feedback import read_scores

        return read_scores(probe, report)
