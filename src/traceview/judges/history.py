"""The versions of a judge: in the history of its file, and in the scores that it has given."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct, field

from traceview.analysis.intervals import wilson
from traceview.definitions.document import parse_document
from traceview.definitions.git_history import Limits, NoHistory, history
from traceview.definitions.project import Project
from traceview.judges.asked import asking
from traceview.judges.calibration import UNSCORED_BELOW
from traceview.judges.ledger.failures import Failures
from traceview.judges.loading import load_judges, parsed
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


class _Texts(Struct, frozen=True):
    """The file of a judge as a commit left it, and those of the judges that say parts of it, by file."""

    commit: str | None
    text: str
    others: Mapping[Path, str] = field(default_factory=dict)

    def says(self, other: _Texts) -> bool:
        """Whether both say the same, but for how lines end."""
        return _lines(self.text) == _lines(other.text) and all(
            _lines(self.others.get(path, "")) == _lines(text) for path, text in other.others.items()
        )


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
    texts: list[_Texts] = []
    why: str | None = None
    if not project.trusted:
        why = "the history of a file beside a source is not read"
    else:
        try:
            texts = _committed(judge.path, project)
        except NoHistory as error:
            # where git keeps nothing there is nothing to say
            why = None if error.plain else str(error)
    now = _as_now(judge, project)
    if not texts or not texts[-1].says(now):
        texts.append(now)
    found: list[FileVersion] = []
    before: _Texts | None = None
    for one in texts:
        found.append(_version(judge.path, project, one, before))
        before = one
    return tuple(found), why


def _committed(path: Path, project: Project) -> list[_Texts]:
    """What commits left of the file of a judge, and of those of the judges that say parts of it. Raises NoHistory."""
    limits = Limits(MOST_COMMITS, MOST_BYTES, MOST_BYTES_IN_ALL, time.monotonic() + MOST_SECONDS)
    alone = history(path.parent, [path.name], limits)[path.name]
    asked: dict[str, Path] = {}
    for one in alone:
        if one.content is not None:
            asked |= _asked_files(path, one.content.decode("utf-8", "replace"), project)
    if not asked:
        return [
            _Texts(one.commit, one.content.decode("utf-8", "replace"))
            for one in alone
            if one.content is not None
        ]
    names = [path.name, *(other.name for other in asked.values())]
    every = history(path.parent, list(dict.fromkeys(names)), limits, together=True)
    then = {
        (file, one.commit): one.content.decode("utf-8", "replace")
        for file, versions in every.items()
        for one in versions
        if one.content is not None
    }
    return [
        _Texts(
            one.commit,
            then[path.name, one.commit],
            {
                other: then[other.name, one.commit]
                for other in asked.values()
                if (other.name, one.commit) in then
            },
        )
        for one in every[path.name]
        if (path.name, one.commit) in then
    ]


def _as_now(judge: JudgeDefinition, project: Project) -> _Texts:
    assert judge.path is not None
    text = _read(judge.path)
    others = {
        other: _read(other) for other in _asked_files(judge.path, text, project).values() if other.exists()
    }
    return _Texts(None, text, others)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _asked_files(path: Path, text: str, project: Project) -> dict[str, Path]:
    """The files of the judges that say parts of a judge with this text, by their names."""
    try:
        asked = {part.judge for part in parsed(parse_document(path, text), project).asked}
    except BadInput:
        return {}
    known = {one.name: one.path for one in load_judges(project).judges} if asked else {}
    return {name: known.get(name) or path.with_name(f"{name}.toml") for name in sorted(asked)}


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


def _version(path: Path, project: Project, texts: _Texts, before: _Texts | None) -> FileVersion:
    diff: list[str] = []
    if before is not None:
        diff = _diff(before.text, texts.text)
        for other, text in texts.others.items():
            changed = _diff(before.others.get(other, ""), text)
            diff += [f"+++ {other.name}", *changed] if changed else []
    try:
        document = parse_document(path, texts.text)
        then = parsed(document, project)
        others = [parsed(parse_document(other, text), project) for other, text in texts.others.items()]
        then = asking(then, {one.name: one for one in others}, document)
    except BadInput as error:
        return FileVersion(texts.commit, None, None, tuple(diff), error.message)
    # the contents of examples are those of now: a version that had others shows as its own
    return FileVersion(texts.commit, then.hash, then.version_note, tuple(diff))


def _diff(before: str, after: str) -> list[str]:
    return list(difflib.unified_diff(_lines(before), _lines(after), n=1, lineterm=""))[2:]


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
