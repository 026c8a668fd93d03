"""Opens what a command names: the source, its label file, the definitions, the annotator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.cli.output import say, say_shown
from traceview.cli.settings import Settings, is_to_remember, parse_mapping

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.definitions.project import Project
    from traceview.definitions.prompt_files import PromptFiles
    from traceview.filters.ast import Node
    from traceview.store.interface import Engine, EngineStatus, Level
    from traceview.store.labels.location import LabelLocation, NoLabelPlace
    from traceview.store.labels.store import LabelStore


class Labels(Struct, frozen=True):
    """The label file of a source, the definitions in force, and who labels."""

    store: LabelStore
    location: LabelLocation
    project: Project
    annotator_name: str

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of where the labels are."""
        from traceview.store.labels.left_behind import count_left_behind
        from traceview.text.human import counted

        told = [self.store.notice] if self.store.notice is not None else []
        if self.location.aside:
            told.append(f"{self.location.aside}: labels are written to {self.location.path}")
        if self.location.earlier is not None:
            count = count_left_behind(self.store, self.location.earlier)
            if count:
                told.append(
                    f"{counted(count, 'row')} of labels of this source are in "
                    f"{self.location.earlier}, written when none could be beside it: "
                    f"traceview labels merge SOURCE {self.location.earlier} brings them here"
                )
        return tuple(told)

    def annotator(self) -> Annotator:
        """The service that sets labels in this annotator's name."""
        from traceview.annotation import Annotator

        return Annotator(self.store, self.project.definitions, self.annotator_name)


@dataclass(slots=True)
class Opened:
    """A source with its definitions, and its labels where they were wanted and are known."""

    engine: Engine
    project: Project
    labels: Labels | None
    unlabelled: str = ""
    """Why labels were wanted and are not there."""

    def say_unlabelled(self) -> None:
        """On stderr, once, why there are no labels, if they were wanted: for answers that would tell them."""
        if self.unlabelled:
            say(self.unlabelled)
            self.unlabelled = ""

    def check(self, node: Node | None, text: str, level: Level) -> None:
        """Raise FilterError for a score or label that is not called so here."""
        from traceview.store.names import asks_labels, check_names

        if asks_labels(node):
            self.say_unlabelled()
        check_names(self.engine, node, text, level, self.project.definitions)

    def say_matches(self, node: Node | None, level: Level, matching: int, shown: int | None = None) -> None:
        """On stderr how many match of how many, how many of them are shown, and which names there are none of."""
        from traceview.store.names import why_none

        if node is None:
            say_shown(matching if shown is None else shown, matching, level)
            return
        info = self.engine.info()
        of = {"traces": info.traces, "threads": info.threads, "spans": info.spans}[level]
        reasons = (
            "".join(f"; {reason}" for reason in why_none(self.engine, node, level)) if not matching else ""
        )
        if shown is None or shown == matching:
            say(f"{matching:,} of {of:,} {level}{reasons}")
        else:
            say(f"{shown:,} of {matching:,} {level} that match (of {of:,}); --limit shows more")


def parse_filter(text: str) -> Node | None:
    """The filter of `--filter`. Raises FilterError with the column."""
    if not text.strip():
        return None
    from traceview.filters import parse

    return parse(text)


def overrides_for(sources: Sequence[str], mapping: tuple[str, ...], project: Project) -> dict[str, str]:
    """What is remembered of these sources' columns, corrected by `--map`. Raises BadInput, click.BadParameter."""
    return project.mapping_of(sources) | parse_mapping(mapping)


def remember_mapping(sources: Sequence[str], mapping: tuple[str, ...], project: Project) -> None:
    """Write `--map` into traceview.toml if that was asked for; to be called once the sources could be opened."""
    given = parse_mapping(mapping)
    if not is_to_remember() or not given:
        return
    from traceview.definitions import edit

    path, _ = edit.remember_mapping(project.path, [one for one in sources if one != "-"], given)
    say(f"remembered in {path}: {', '.join(f'{field} = {column}' for field, column in given.items())}")


def load_definitions(settings: Settings, sources: Sequence[str]) -> Project:
    """The traceview.toml in force for these sources; no value in it may take a key of the app."""
    from traceview.definitions.project import load_project
    from traceview.definitions.user import load_user_config
    from traceview.tui.actions import keys_in_use

    paths = [Path(source) for source in sources if source != "-"]
    return load_project(settings.config, paths, reserved_keys=keys_in_use(load_user_config().keys))


def load_prompt_files(settings: Settings, project: Project) -> PromptFiles:
    """The files that tell versions of prompts: the project's, and those given by name. Raises BadInput."""
    from traceview.definitions.prompt_files import PromptFiles

    return PromptFiles.of(project.folder, settings.prompt_files, trusted=project.trusted)


@contextmanager
def opened_labels(
    settings: Settings,
    sources: Sequence[str],
    labels: Path | None = None,
    annotator: str | None = None,
    project: Project | None = None,
) -> Iterator[Labels]:
    """The label file of sources, open while the block runs. Raises NoLabelPlace where it must be named."""
    from traceview.definitions.user import resolve_annotator
    from traceview.store.labels.location import label_location
    from traceview.store.labels.store import LabelStore

    project = project or load_definitions(settings, sources)
    location = label_location(sources, labels=labels, project_labels=project.labels)
    store = LabelStore.open(location.path, base=location.base, on_wait=_say_waiting)
    try:
        found = Labels(store, location, project, resolve_annotator(annotator).name)
        for notice in found.notices:
            say(notice)
        yield found
    finally:
        store.close()


def without_labels(error: NoLabelPlace) -> str:
    """What is said when sources are opened without their labels."""
    return f"{error.message}: {error.hint}"


def _say_waiting(process: int) -> None:
    """Who holds the label file, while a write of ours waits for it."""
    from traceview.cli.output import say

    say(f"not saved yet: waiting for {f'process {process}' if process else 'another process'}")


@contextmanager
def opened(
    settings: Settings,
    sources: Sequence[str],
    *,
    mapping: tuple[str, ...] = (),
    labels: Path | None = None,
    annotator: str | None = None,
    want_labels: bool = True,
    need_labels: bool = False,
) -> Iterator[Opened]:
    """Sources opened and ready: every answer is exact. Progress of long waits goes to stderr.

    Several sources without a named label file are opened without labels, and `unlabelled` says why; with `need_labels`
    NoLabelPlace is raised.
    """
    from traceview.store.labels.location import NoLabelPlace

    project = load_definitions(settings, sources)
    with ExitStack() as stack:
        found: Labels | None = None
        unlabelled = ""
        if want_labels:
            try:
                found = stack.enter_context(opened_labels(settings, sources, labels, annotator, project))
            except NoLabelPlace as error:
                if need_labels:
                    raise
                unlabelled = without_labels(error)
        overrides = overrides_for(sources, mapping, project)
        engine = stack.enter_context(
            _engine(settings, sources, overrides, found.store if found else None, project)
        )
        remember_mapping(sources, mapping, project)
        yield Opened(engine, project, found, unlabelled)


@contextmanager
def engine_when_asked(
    settings: Settings, sources: Sequence[str], mapping: tuple[str, ...], found: Labels
) -> Iterator[Callable[[], Engine]]:
    """What opens the sources of a label file at its first call, for commands that may not need them."""
    with ExitStack() as stack:
        engines: list[Engine] = []

        def engine() -> Engine:
            if not engines:
                overrides = overrides_for(sources, mapping, found.project)
                engines.append(
                    stack.enter_context(_engine(settings, sources, overrides, found.store, found.project))
                )
                remember_mapping(sources, mapping, found.project)
            return engines[0]

        yield engine


@contextmanager
def _engine(
    settings: Settings,
    sources: Sequence[str],
    overrides: Mapping[str, str],
    store: LabelStore | None,
    project: Project,
) -> Iterator[Engine]:
    """An engine that has read everything, closed at the end."""
    from traceview.store.open import open_engine

    prompt_files = load_prompt_files(settings, project)
    with saying_that_files_are_looked_at():
        engine = open_engine(
            sources, overrides=overrides, labels=store, prices=project.prices, prompt_files=prompt_files
        )
    try:
        engine.wait_ready(Progress())
        for notice in prompt_files.notices:
            say(notice)
        if overrides:
            for one in engine.info().skipped:
                if one.reason.startswith("--map "):
                    say(f"{one.where}: {one.reason}")
        yield engine
    finally:
        engine.close()


@contextmanager
def saying_that_files_are_looked_at(after: float = 1.0) -> Iterator[None]:
    """Say on a terminal, once this takes longer than so many seconds, what goes on: thousands of files take a while."""
    import sys
    from threading import Timer

    if not sys.stderr.isatty():
        yield
        return
    timer = Timer(after, say, ("looking at the files …",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Progress:
    """Says on a terminal's stderr how far a long wait is, at most once per percent."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, status: EngineStatus) -> None:
        """Print the phase and its progress if they changed."""
        import sys

        if not sys.stderr.isatty():
            return
        if status.phase == "ready":
            text = ""
        elif status.progress is None:
            text = f"{status.phase} …"
        else:
            text = f"{status.phase} {status.progress:.0%}"
        if text != self._last:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self._last = text
