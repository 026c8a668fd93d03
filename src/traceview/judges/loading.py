"""The judges of a project: every file by itself, so that a mistake in one hides no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from traceview.definitions.document import Document, Keys, nearest, read_document
from traceview.definitions.judge_files import judge_files, judges_folder, parse_judge
from traceview.definitions.judge_mistakes import mistakes
from traceview.definitions.judge_settings import JudgeSettings, judge_settings
from traceview.definitions.project import Project
from traceview.filters import FilterError, parse
from traceview.judges.asked import asking
from traceview.judges.hashing import hashed
from traceview.model.checks import PYTHON
from traceview.model.errors import BadInput
from traceview.model.judges import Check, JudgeDefinition


class LoadedJudges(NamedTuple):
    """The judges that can be used, by file, and what is wrong with the other files."""

    judges: tuple[JudgeDefinition, ...]
    refused: Mapping[Path, BadInput]

    def named(self, names: Sequence[str]) -> list[JudgeDefinition]:
        """The judges of these names, in this order, all of them without names.

        Raises BadInput: what is wrong with the file of a judge that was asked for, or that there is none of a name.
        """
        known = {judge.name: judge for judge in self.judges}
        found = []
        for name in dict.fromkeys(names):
            if name in known:
                found.append(known[name])
                continue
            for path, error in self.refused.items():
                if path.stem == name:
                    raise error
            hint = nearest(name, known) if known else "`traceview judge new NAME --template ...` makes one"
            raise BadInput(f"there is no judge {name!r}", hint=hint)
        return found if names else list(self.judges)


def load_judges(project: Project) -> LoadedJudges:
    """The judges of a project with their hashes, and by file what is wrong with the others.

    Raises BadInput where the project's [judges] cannot be used, which all of them depend on.
    """
    settings = judge_settings(project)
    judges: dict[str, JudgeDefinition] = {}
    refused: dict[Path, BadInput] = {}
    for path in judge_files(project):
        try:
            document = read_document(path)
            judge = parsed(document, project, settings)
            if judge.name in judges:
                other = judges[judge.name].path
                assert other is not None
                if path.stem == judge.name:
                    # a copy under another name does not refuse the file that is called like its judge
                    refused[other] = _taken(read_document(other), judge.name, path)
                else:
                    raise _taken(document, judge.name, other)
            judges[judge.name] = judge
        except BadInput as error:
            refused[path] = error
    known = dict(judges)
    for judge in known.values():
        assert judge.path is not None
        try:
            judges[judge.name] = asking(judge, known)
        except BadInput as error:
            del judges[judge.name]
            refused[judge.path] = error
    return LoadedJudges(tuple(judges.values()), refused)


def every_mistake(project: Project, path: Path, error: BadInput) -> tuple[BadInput, ...]:
    """What is wrong with a refused file, as far as one thing does not hide another; `error` was told of it first."""
    try:
        found = mistakes(read_document(path), project, judge_settings(project))
    except BadInput:
        return (error,)
    return found or (error,)


def _taken(document: Document, name: str, other: Path) -> BadInput:
    hint = f'name = "{document.path.stem}", or leave name out: it is the file\'s then'
    return document.error(("name",), f"{other.name} has a judge {name} already", hint)


def parsed(document: Document, project: Project, settings: JudgeSettings | None = None) -> JudgeDefinition:
    """The judge of one file with its hashes. Raises BadInput with file and line."""
    judge = parse_judge(document, project, judge_settings(project) if settings is None else settings)
    if judge.where:
        try:
            parse(judge.where)
        except FilterError as error:
            raise document.error(("filter", "where"), str(error)) from error
    for number, check in enumerate(judge.checks):
        if not check.use.startswith(PYTHON):
            _try(document, judge, check, ("check",) if "check" in document.data else ("parts", number))
    return hashed(judge)


def _try(document: Document, judge: JudgeDefinition, check: Check, place: Keys) -> None:
    """Raise BadInput for what only the check itself knows of its options, such as that it is given no rule."""
    from traceview.judges.checks.registry import make, make_for_text

    try:
        (make_for_text if judge.scope == "span" else make)(check.use, check.options)
    except BadInput as error:
        raise document.error(place, error.message, error.hint) from error


def no_judges(project: Project) -> str:
    """What is said where a project has no judge."""
    return f"no judges in {judges_folder(project)}; `traceview judge new NAME --template ...` makes one"
