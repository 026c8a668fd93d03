"""Langfuse's exports: what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from traceview.sources.base import CanonicalRow, ConvertedFormat, Probe, ReadReport, ScoreRecord

_CONTAINERS = ("json", "csv", "parquet")
_PARENTS = frozenset(("parent_observation_id", "parentObservationId"))
_OF_OBSERVATION = frozenset(
    ("usage_details", "usageDetails", "provided_model_name", "model_parameters", "modelParameters")
)
_OF_TRACE = frozenset(("session_id", "sessionId", "user_id", "userId", "public", "bookmarked", "release"))


class LangfuseExport:
    """Observations, with or without a file of their traces, of a blob storage export, the UI or the API."""

    name = "langfuse"

    def recognise(self, probe: Probe) -> bool:
        """True for observations, for traces, and for traces that hold their observations."""
        if probe.container not in _CONTAINERS:
            return False
        names = names_of(probe)
        return is_observation(names) or is_trace(names)

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows of one file alone."""
        return self.together([probe], report).read(probe, report)

    def together(self, probes: Sequence[Probe], report: ReadReport) -> ConvertedFormat:
        """A reader that gives observations what the files of traces say of them."""
        from traceview.sources.langfuse.reading import LangfuseReader

        return LangfuseReader(self.name, probes)

    def related(self, probes: Sequence[Probe]) -> Sequence[Sequence[Probe]]:
        """All files together where one holds traces alone, else each file alone."""
        together = any(is_trace(names_of(probe)) for probe in probes)
        return [probes] if together else [[probe] for probe in probes]

    def is_by_line(self, probe: Probe) -> bool:
        """True for observations and for traces that hold theirs; files of traces alone complete others."""
        names = names_of(probe)
        return is_observation(names) or "observations" in names


class LangfuseScores:
    """Scores of a blob storage export, the UI or the API."""

    name = "langfuse scores"

    def recognise(self, probe: Probe) -> bool:
        """True for rows with a name, a value and the trace, observation or session that they are about."""
        names = names_of(probe)
        return (
            probe.container in _CONTAINERS
            and {"name", "value"} <= names
            and bool(names & {"data_type", "dataType", "string_value", "stringValue"})
            and bool(names & {"trace_id", "traceId", "session_id", "sessionId"})
        )

    def read_scores(self, probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
        """Batches of scores."""
        from traceview.sources.langfuse.scores import read_scores

        return read_scores(probe, report)


def names_of(probe: Probe) -> set[str]:
    """The keys of the first record; of a page of the API those of the records in it."""
    if probe.container != "json":
        return set(probe.columns)
    first = probe.first
    if isinstance(first, dict) and isinstance(first.get("data"), list) and first["data"]:
        first = first["data"][0]
        return set(first) if isinstance(first, dict) else set()
    return set(probe.top_keys)


def is_observation(names: Collection[str]) -> bool:
    """True for the keys of an observation."""
    return bool(_PARENTS & set(names)) or ("type" in names and len(_OF_OBSERVATION & set(names)) > 1)


def is_trace(names: Collection[str]) -> bool:
    """True for the keys of a trace: it holds its observations, or says what only traces do."""
    known = set(names)
    if "observations" in known and ("scores" in known or "htmlPath" in known):
        return True
    return {"id", "timestamp"} <= known and len(_OF_TRACE & known) > 2 and "type" not in known
