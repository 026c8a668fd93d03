"""The versions of a judge: in the history of its file, and in the scores that it has given."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from traceview.analysis.intervals import wilson
from traceview.definitions.document import parse_document
from traceview.definitions.git_history import Limits, NoHistory, history
from traceview.definitions.project import Project
from traceview.judges.calibration import UNSCORED_BELOW
from traceview.judges.ledger.failures import Failures
from traceview.judges.loading import parsed
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition
from traceview.store.labels.judged import Version

NO_FAILURES = Failures()
MOST_COMMITS, MOST_BYTES, MOST_BYTES_IN_ALL, MOST_SECONDS = 200, 1_000_000, 20_000_000, 5.0


@dataclass(frozen=True, slots=True)
class FileVersion:
    """The file as a commit left it (`commit` None: as it is now). `diff` is against the version before.

    `judge_hash` is None where the file could not be used then, and `wrong` says why.
    """

    commit: str | None
    judge_hash: str | None
    note: str | None
    diff: tuple[str, ...]
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a judge. `k` of `n` pass; `n` counts scores to which the criterion applies, `scored` all.

    `first` and `last` are times of its scores, None where it gave none.
    """

    judge_hash: str
    note: str | None
    commits: tuple[str, ...]
    current: bool
    first: str | None
    last: str | None
    scored: int
    k: int | None
    n: int
    ci95: tuple[float, float] | None
    diff: tuple[str, ...]
    failures: Failures = NO_FAILURES

    @property
    def without_score(self) -> int:
        """How many of its checks and calls gave no score, as far as that was kept."""
        return sum(self.failures.reasons.values())

    @property
    def unreliable(self) -> bool:
        """Whether so many have no score that its rate says little."""
        every = self.scored + self.without_score
        return bool(every) and self.without_score / every >= UNSCORED_BELOW


def file_versions(judge: JudgeDefinition, project: Project) -> tuple[tuple[FileVersion, ...], str | None]:
    """What the file of a judge was, the oldest first, and why its history is not known, if it is not."""
    assert judge.path is not None
    texts: list[tuple[str | None, str]] = []
    why: str | None = None
    if not project.trusted:
        why = "the history of a file beside a source is not read"
    else:
        limits = Limits(MOST_COMMITS, MOST_BYTES, MOST_BYTES_IN_ALL, time.monotonic() + MOST_SECONDS)
        try:
            committed = history(judge.path.parent, [judge.path.name], limits)[judge.path.name]
            texts = [
                (one.commit, one.content.decode("utf-8", "replace"))
                for one in committed
                if one.content is not None
            ]
        except NoHistory as error:
            # where git keeps nothing there is nothing to say
            why = None if error.plain else str(error)
    now = judge.path.read_bytes().decode("utf-8", "replace")
    if not texts or _lines(texts[-1][1]) != _lines(now):
        texts.append((None, now))
    found: list[FileVersion] = []
    before: str | None = None
    for commit, text in texts:
        found.append(_version(judge, project, commit, text, before))
        before = text
    return tuple(found), why


def entries(
    judge: JudgeDefinition,
    files: Sequence[FileVersion],
    versions: Mapping[str, Version],
    failures: Mapping[str, Failures] = MappingProxyType({}),
) -> list[Entry]:
    """Every version: those that gave scores and that the file's history does not know, then those of the file."""
    by_hash: dict[str, list[FileVersion]] = {}
    for one in files:
        if one.judge_hash is not None:
            by_hash.setdefault(one.judge_hash, []).append(one)
    unknown = sorted((one for one in versions if one not in by_hash), key=lambda one: versions[one].first)
    return [
        _entry(judge, one, by_hash.get(one, ()), versions.get(one), failures.get(one, NO_FAILURES))
        for one in (*unknown, *by_hash)
    ]


def _entry(
    judge: JudgeDefinition,
    judge_hash: str,
    files: Sequence[FileVersion],
    version: Version | None,
    failures: Failures,
) -> Entry:
    values = [] if version is None else list(version.values.values())
    passes = [judge.score.passes(value) for value in values]
    k, n = sum(one is True for one in passes), sum(one is not None for one in passes)
    return Entry(
        judge_hash,
        next((one.note for one in reversed(files) if one.note), None),
        tuple(one.commit for one in files if one.commit is not None),
        judge_hash == judge.hash,
        version.first if version else None,
        version.last if version else None,
        len(values),
        k if n else None,
        n,
        wilson(k, n) if n else None,
        tuple(line for one in files for line in one.diff),
        failures,
    )


def _version(
    judge: JudgeDefinition, project: Project, commit: str | None, text: str, before: str | None
) -> FileVersion:
    assert judge.path is not None
    diff = tuple(
        difflib.unified_diff(_lines(before), _lines(text), n=1, lineterm="") if before is not None else ()
    )[2:]
    try:
        then = parsed(parse_document(judge.path, text), project)
    except BadInput as error:
        return FileVersion(commit, None, None, diff, error.message)
    # the contents of examples are those of now: a version that had others shows as its own
    return FileVersion(commit, then.hash, then.version_note, diff)


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
