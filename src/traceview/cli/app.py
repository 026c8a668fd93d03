"""`open`, `annotate` and `demo`: the app."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import (
    Settings,
    filter_option,
    is_given,
    label_options,
    prompt_file_option,
    source_options,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceview.annotation.session_choosing import Plan
    from traceview.cli.opening import Labels
    from traceview.definitions.project import Project
    from traceview.definitions.prompt_files import PromptFiles
    from traceview.sources.open import OpenedSources
    from traceview.store.interface import Engine
    from traceview.tui.copying import Invocation
    from traceview.tui.looks import Looks

WITHOUT_TERMINAL = (
    "without one: traceview info, traces, spans, threads, show, sql, export (see traceview --help)"
)
DUMB = ("dumb", "unknown")
"""Terminals by name that only write one line after another."""
DEMO_FILES = ("traces.parquet", "traceview.toml", "labels.jsonl", "truth.jsonl", "README.md")


@click.command("open")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@filter_option
@click.option(
    "--screen", type=click.Choice(("traces", "threads", "prompts", "stats")), help="The list to begin with."
)
@source_options
@prompt_file_option
@label_options
@click.pass_obj
def command_open(settings: Settings, /, sources: tuple[str, ...], **options: Any) -> None:
    """Open files, directories or globs in the app. `traceview FILE` does the same."""
    open_app(settings, sources, **options)


@click.command("annotate")
@click.argument("source")
@filter_option
@click.option(
    "--level",
    type=click.Choice(("trace", "thread", "span", "document")),
    default="trace",
    show_default=True,
    help="What an item is. Documents come by the spans that retrieved them: the rule and the filter choose spans.",
)
@click.option("--screen", type=click.Choice(("traces", "threads")), help="The list that is behind it.")
@click.option(
    "--sample",
    "rule",
    metavar="RULE",
    default="unlabelled",
    show_default=True,
    help="Which of the items that match: all, unlabelled, random:N, stratified:N:FIELD, outliers:N, "
    "disagreement:N:JUDGE, next:N (what is worth most), re-review (labelled under an older wording), "
    "conflicts or conflicts:NAME (people differ).",
)
@click.option("--name", metavar="NAME", default="", help="What the session is called (default: the rule).")
@click.option(
    "--define", metavar="A,B", default="", help="Ask for these definitions only (default: all that fit)."
)
@click.option(
    "--seed", type=click.IntRange(min=0), help="Decides what chance picks (default: another one each time)."
)
@click.option("--blind", is_flag=True, help="Hide what others said, the model and the prompt version.")
@source_options
@label_options
@click.pass_obj
def command_annotate(
    settings: Settings,
    /,
    source: str,
    level: str,
    rule: str,
    name: str,
    define: str,
    seed: int | None,
    blind: bool,
    **options: Any,
) -> None:
    """Label items one after another: a session, whose list is fixed and which goes on where it was left.

    The same command again goes on with the session of yours that it began, unless that is done or closed.
    """
    from traceview.annotation.session_choosing import Plan, check_rule

    check_rule(rule)
    of_threads = level == "thread" or (options["screen"] == "threads" and not is_given("level"))
    plan = Plan(
        level="threads" if of_threads else "spans" if level in ("span", "document") else "traces",
        rule=rule,
        filter=options["filter_text"],
        name=name,
        define=tuple(one.strip() for one in define.split(",") if one.strip()),
        seed=seed,
        blind=blind,
        documents=level == "document",
    )
    open_app(settings, (source,), plan=plan, **options)


@click.command("demo")
@click.option("--fresh", is_flag=True, help="Begin again: set the earlier copy and its labels aside.")
@click.pass_obj
def command_demo(settings: Settings, fresh: bool) -> None:
    """Open the sample data: an assistant of a goal-tracking product, with planted problems.

    Works on a copy in your data directory, so that what you label there is kept.
    """
    require_terminal()
    source = prepare_demo(fresh)
    open_app(Settings(settings.offline, source.parent / "traceview.toml"), (str(source),))


def require_terminal() -> None:
    """Raise BadInput unless the app can read keys and paint."""
    from traceview.model.errors import BadInput

    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise BadInput(
            "the app needs a terminal to read keys and to paint",
            hint=WITHOUT_TERMINAL,
        )
    if os.environ.get("TERM") in DUMB:
        raise BadInput(
            f"this terminal cannot place text on the screen (TERM={os.environ['TERM']}), and the app needs that",
            hint=f"set TERM to what your terminal is, xterm-256color say; {WITHOUT_TERMINAL}",
        )


def read_keys_from_terminal() -> None:
    """Make the controlling terminal the standard input, once `-` has been read to its end. Raises BadInput."""
    from traceview.model.errors import BadInput

    try:
        descriptor = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        raise BadInput(f"there is no terminal to read keys from: {error.strerror}") from error
    os.dup2(descriptor, 0)
    os.close(descriptor)
    sys.stdin = os.fdopen(0, closefd=False)


def ask_annotator(option: str | None) -> str:
    """Who labels; a name that says nothing (root and the like) is asked for once and kept in config.toml."""
    from traceview.definitions.user import load_user_config, remember_annotator, resolve_annotator

    found = resolve_annotator(option, load_user_config())
    if not found.needs_asking:
        return found.name
    name = str(click.prompt("Who labels? Your name or address", default=found.name)).strip()
    click.echo(f"kept in {remember_annotator(name)}", err=True)
    return name


def prepare_demo(fresh: bool = False) -> Path:
    """A copy of the sample data in the user's data directory, with its labels imported; the traces' path."""
    import shutil
    import time

    from traceview.annotation.transfer import import_labels
    from traceview.cli.output import say
    from traceview.definitions.project import load_project
    from traceview.files.dirs import data_dir, private_dir
    from traceview.model.errors import BadInput
    from traceview.store.labels.location import label_location
    from traceview.store.labels.store import LabelStore

    directory = data_dir() / "demo"
    if fresh and directory.exists():
        aside = directory.with_name(f"demo-{time.strftime('%Y%m%d-%H%M%S')}")
        directory.rename(aside)
        say(f"the earlier copy is in {aside}")
    origin = sample_data()
    if not (origin / "traces.parquet").exists():
        raise BadInput(f"the sample data is missing: {origin}", hint="reinstall traceview")
    private_dir(directory)
    for name in DEMO_FILES:
        if not (directory / name).exists():
            shutil.copyfile(origin / name, directory / name)
    if not (directory / "judges").exists():
        shutil.copytree(origin / "judges", directory / "judges")
    source = directory / "traces.parquet"
    if fresh:
        _state_file((str(source),)).unlink(missing_ok=True)
    project = load_project(directory / "traceview.toml", [source])
    store = LabelStore.open(label_location((str(source),), project_labels=project.labels).path)
    try:
        # Every row has an id, so a second start adds nothing.
        with (directory / "labels.jsonl").open("rb") as lines:
            import_labels(store, lines, project.definitions)
    finally:
        store.close()
    return source


def sample_data() -> Path:
    """The sample data inside the installed package, else in the checkout that this runs from."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "sample_data"
    return installed if installed.is_dir() else package.parents[1] / "sample_data"


def open_app(
    settings: Settings,
    sources: Sequence[str],
    *,
    filter_text: str = "",
    screen: Any = None,
    mapping: tuple[str, ...] = (),
    labels: Path | None = None,
    annotator: str | None = None,
    plan: Plan | None = None,
    resume: str | None = None,
) -> None:
    """Look at the source in a thread while textual is imported, then paint while its engine opens.

    Whatever is wrong with the arguments is raised before anything is painted.
    """
    from traceview.cli.opening import (
        load_definitions,
        load_prompt_files,
        opened_labels,
        overrides_for,
        parse_filter,
        remember_mapping,
        without_labels,
    )
    from traceview.definitions.user import load_user_config, resolve_annotator
    from traceview.store.labels.location import NoLabelPlace, label_location

    parse_filter(filter_text)
    project = load_definitions(settings, sources)
    if plan is not None:
        from traceview.annotation.asking import chosen

        chosen(project.definitions, plan.scope, plan.define)
    prompt_files = load_prompt_files(settings, project)
    overrides = overrides_for(sources, mapping, project)
    no_labels = ""
    try:
        label_location(sources, labels=labels, project_labels=project.labels)
    except NoLabelPlace as error:
        if plan is not None or resume is not None:
            raise
        no_labels = without_labels(error)
    files = sources
    if not all(Path(source).exists() for source in sources):
        from traceview.sources.locate import locate

        if "-" in sources:
            files = [str(path) for path in locate(sources).files]
            read_keys_from_terminal()
        else:
            locate(sources)  # names what is missing, with or without a terminal
    config = load_user_config()
    if config.keys:
        from traceview.tui.user_keys import check_keys

        check_keys(config)
    require_terminal()
    os.environ.setdefault("ESCDELAY", "25")
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        found: Labels | None = None
        if no_labels:
            name = resolve_annotator(annotator).name
        else:
            name = ask_annotator(annotator)
            found = stack.enter_context(opened_labels(settings, sources, labels, name, project))
        located = pool.submit(_look_at, files, overrides)
        from traceview.store.late import LateEngine
        from traceview.tui.actions import keys_in_use
        from traceview.tui.app import run_app
        from traceview.tui.context import AppContext

        engine = LateEngine(
            pool.submit(_open_engine, located.result(), overrides, found, project, prompt_files)
        )
        remember_mapping(sources, mapping, project)
        try:
            looks = _looks(project, keys_in_use(config.keys))
            left_out = [f"A view is left out: {said}" for said in islice(looks.refused.values(), 1)]
            if len(looks.refused) > 1:
                left_out = [f"{left_out[0]}; {len(looks.refused) - 1:,} more: see the list of views"]
            context = AppContext(
                engine=engine,
                annotator=found.annotator() if found is not None else None,
                definitions=project.definitions,
                modes=project.modes,
                project=project,
                overrides=overrides,
                prompt_files=settings.prompt_files,
                annotator_name=name,
                source_title=_title(sources),
                label_sentence=found.location.sentence if found is not None else no_labels,
                label_short=found.location.short if found is not None else "",
                notices=tuple(
                    one for one in (no_labels, *(found.notices if found else ()), *left_out) if one
                ),
                state_file=_state_file(sources),
                looks=looks,
                offline=settings.offline,
                initial_filter=filter_text,
                initial_screen=screen,
                invocation=_invocation(settings, sources, mapping, labels),
                theme=config.theme,
                ascii_signs=config.ascii_signs,
                keys=dict(config.keys),
                plan=plan,
                resume=resume,
            )
            code = run_app(context)
        finally:
            engine.close()
    if code:
        click.get_current_context().exit(code)


def _invocation(
    settings: Settings, sources: Sequence[str], mapping: Sequence[str], labels: Path | None
) -> Invocation:
    """What of this command line others need to read the same things; paths hold in every directory."""
    from traceview.tui.copying import Invocation

    options = [word for entry in mapping for word in ("--map", entry)]
    options += [word for path in settings.prompt_files for word in ("--prompt-file", str(path.absolute()))]
    options += ["--labels", str(labels.absolute())] if labels is not None else []
    before = ["--config", str(settings.config.absolute())] if settings.config is not None else []
    paths = [source if source == "-" else str(Path(source).absolute()) for source in sources]
    return Invocation(paths, before, options)


def _look_at(sources: Sequence[str], overrides: dict[str, str]) -> OpenedSources:
    from traceview.sources.open import open_sources

    return open_sources(sources, overrides)


def _open_engine(
    sources: OpenedSources,
    overrides: dict[str, str],
    found: Labels | None,
    project: Project,
    prompt_files: PromptFiles,
) -> Engine:
    from traceview.store.open import engine_of

    store = found.store if found is not None else None
    return engine_of(
        sources, overrides=overrides, labels=store, prices=project.prices, prompt_files=prompt_files
    )


def _title(sources: Sequence[str]) -> str:
    names = [Path(source).name or source for source in sources]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _looks(project: Project, reserved: Mapping[str, str]) -> Looks:
    """Views and columns of a project; the columns that are chosen are kept by its traceview.toml, or by the directory.

    Views that cannot be read are left out; `refused` says why.
    """
    import hashlib

    from traceview.files.dirs import state_dir
    from traceview.tui.looks import Looks

    place = project.path or Path.cwd()
    name = hashlib.sha256(str(place).encode()).hexdigest()[:24]
    return Looks(project, state_dir() / "columns" / f"{name}.json", reserved)


def _state_file(sources: Sequence[str]) -> Path:
    """Where the last position and filter of these sources are kept."""
    import hashlib

    from traceview.files.dirs import state_dir

    absolute = "\n".join(str(Path(source).absolute()) for source in sources)
    return state_dir() / f"{hashlib.sha256(absolute.encode()).hexdigest()[:24]}.json"
