"""What the screen of judges does with files: a new one, an edit, what would be sent, a variable mapped, versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from traceview.definitions import judge_edit
from traceview.definitions.document import parse_document, read_document
from traceview.definitions.judge_making import (
    OWN,
    checked_name,
    from_feedback,
    from_template,
    templates,
    write_check,
    write_judge,
)
from traceview.judges.checking import warnings_of
from traceview.judges.loading import parsed
from traceview.judges.versions import SHORT_HASH
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition
from traceview.store.interface import CancelToken
from traceview.text.human import ABSENT
from traceview.text.safe import safe_block, safe_line
from traceview.tui.external import edit_file
from traceview.tui.panels.name_field import NameScreen
from traceview.tui.panels.pick import Pick, PickScreen
from traceview.tui.screens.programs import ProgramsScreen
from traceview.tui.scrolled import Scrolled
from traceview.tui.widgets.lines import Line, wrapped

if TYPE_CHECKING:
    from traceview.definitions.project import Project
    from traceview.judges.overview import JudgeOverview

Made = tuple[Literal["template", "feedback"], str]
Told = tuple[str, str | None]
"""A text of one or more lines, and the part of the style it is drawn in."""
LONGEST_NAME = 40


class ToldScreen(Scrolled[None]):
    """A window of texts that scroll."""

    def __init__(self, title: str, told: Sequence[Told]) -> None:
        super().__init__()
        self._title = title
        self._told = told

    def on_mount(self) -> None:
        """Say what it is, and how to leave."""
        frame = self.query_one("#dialog")
        frame.border_title, frame.border_subtitle = safe_line(self._title), "Esc closes"

    def lines_for(self, cells: int) -> list[Line]:
        """The texts, wrapped."""
        return [
            line
            for text, part in self._told
            for line in wrapped(safe_block(text), cells, part) or [[("", None)]]
        ]


def short_problem(error: Exception, path: Path) -> str:
    """What is wrong with a judge file without its folder, the line first."""
    said = error.message if isinstance(error, BadInput) else str(error)
    return said.replace(f"{path}:", "line ", 1) if said.startswith(f"{path}:") else said


def _line_of(problem: BadInput | None, path: Path) -> int | None:
    """The line that a refusal of a file names."""
    said = problem.message.removeprefix(f"{path}:").partition(":")[0] if problem is not None else ""
    return int(said) if said.isdigit() else None


class JudgeFilesScreen(ProgramsScreen):
    """Adds the keys and commands that are about the file of the judge under the cursor."""

    @property
    def judge_here(self) -> JudgeOverview | None:
        """The judge under the cursor."""
        raise NotImplementedError

    def action_refresh(self) -> None:
        """Read the files again."""
        raise NotImplementedError

    @property
    def _definition(self) -> JudgeDefinition | None:
        return self.judge_here.definition if self.judge_here is not None else None

    @property
    def _project(self) -> Project:
        assert self.context.project is not None
        return self.context.project

    # A new judge.

    def action_judge_new(self) -> None:
        """Make a judge from a template or from a feedback definition."""
        if self.context.project is None:
            self.say("There is no project to make a judge in.", error=True)
            return
        picks: list[Pick[Made]] = [
            Pick(name, about, ("template", name)) for name, about in templates().items()
        ]
        picks += [
            Pick(f"ask {one.name}", one.pass_means or one.description or one.type, ("feedback", one.name))
            for one in self._project.definitions
        ]
        self.app.push_screen(
            PickScreen("a new judge: what does it check?", picks, narrow="type to narrow, Enter takes it"),
            self._name_new,
        )

    def _name_new(self, made: Made | None) -> None:
        if made is None:
            return
        note: Line = [(f"a-z, 0-9 and _; {safe_line(made[1])} is the usual one", "dim")]
        self.app.push_screen(
            NameScreen("what is it called?", note, (), LONGEST_NAME, "Enter writes judges/NAME.toml"),
            lambda name: self._write_new(made, name) if name else None,
        )

    def _write_new(self, made: Made, name: str) -> None:
        project = self._project

        def write(token: CancelToken) -> str:
            kind, what = made
            checked_name(name)
            if kind == "template":
                text = from_template(name, what, None, project)
                if what == OWN:
                    write_check(project, name)
            else:
                definition = project.definition(what)
                assert definition is not None
                text = from_feedback(name, definition)
            return str(write_judge(project, name, text))

        def written(path: str) -> None:
            self.say(f"✓ wrote {path}; {self._key('editor')} edits it")
            self.action_refresh()

        self.ask("new", write, written)

    # Its file in an editor.

    def text_for_programs(self) -> tuple[str, str]:
        """The file of the judge."""
        here = self.judge_here
        if here is None or here.path is None:
            raise BadInput("There is no judge file here.")
        try:
            return here.path.name, here.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"cannot read {here.path}: {error}") from error

    def action_editor(self) -> None:
        """Edit the file of the judge, at the line of what is wrong with it; what was saved is checked at once."""
        here = self.judge_here
        if here is None or here.path is None:
            self.say("There is no judge file here.", error=True)
            return
        path = here.path
        with self._saying_errors():
            try:
                changed = edit_file(self.app, path, _line_of(here.problem, path), self._writes_held())
            except OSError as error:
                raise BadInput(f"{path.name} cannot be read: {error.strerror}") from error
            if changed:
                self._check(path)
            else:
                self.say("Nothing was changed.")

    def _check(self, path: Path) -> None:
        project = self._project

        def check(token: CancelToken) -> list[str]:
            return list(warnings_of(parsed(read_document(path), project)))

        def checked(warnings: list[str]) -> None:
            self.say(f"✓ saved {path.name}" + (f"; careful: {warnings[0]}" if warnings else ""))
            self.action_refresh()

        def refused(error: Exception) -> None:
            self.say(f"refused: {short_problem(error, path)}", error=True)
            self.action_refresh()

        self.ask("save", check, checked, failed=refused)

    # What would be sent.

    def action_preview(self) -> None:
        """Exactly what the judge would be sent for the trace under the cursor of the list."""
        judge = self._definition
        if judge is None or judge.kind != "llm":
            self.say("Only judges that ask a model send anything.")
            return
        context, project, wanted = self.context, self._project, self._row_of_list(judge)

        def look(token: CancelToken) -> list[Told]:
            from traceview.filters import parse
            from traceview.judges.hits import hits_in
            from traceview.judges.previewing import facts_of, preview, previewed_target

            where = parse(judge.where) if judge.where else None
            target = previewed_target(context.engine, judge, wanted, where)
            told = preview(context.engine, judge, target, project.prices, token)
            lines: list[Told] = [(line, "accent") for line in facts_of(judge, told)]
            for hit in hits_in(context.engine, judge, where, token):
                part = None if hit.found else "error"
                lines.append((f"{{{{{hit.name}}}}} = {hit.path}: {hit.found:,} of the last {hit.of:,}", part))
            if told.call is not None:
                for heading, text in (("system", told.call.system), ("user", told.call.user)):
                    lines += [("", None), (heading, "title"), (text, None)]
                lines += [("", None), ("schema of the reply", "title"), (str(dict(told.call.schema)), "dim")]
            return lines

        self.say("Finding out what would be sent …")
        self.ask("preview", look, lambda lines: self._show_told(f"{judge.name}: what would be sent", lines))

    def _row_of_list(self, judge: JudgeDefinition) -> str | None:
        """The id of the row under the cursor of the list, if the judge looks at such."""
        app: Any = self.app
        screen = app.lists[app.root_level]
        row = screen.rows.row if screen.is_mounted else None
        fits = judge.scope == {"traces": "trace", "threads": "thread"}[screen.level]
        return str(row[f"{judge.scope}_id"]) if fits and row is not None else None

    def _show_told(self, title: str, lines: Sequence[Told]) -> None:
        self.app.push_screen(ToldScreen(title, lines))

    # Commands without a key.

    def more_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """Paths that traces have, and the versions of a judge."""
        return [
            ("judge: map a variable to what the traces have", self._ask_paths),
            ("judge: versions of this judge", self._show_versions),
        ]

    def _ask_paths(self) -> None:
        judge = self._definition
        if judge is None or judge.kind != "llm":
            self.say("Only judges that ask a model have variables.")
            return
        engine = self.context.engine

        def look(token: CancelToken) -> list[Pick[str]]:
            from traceview.filters import parse
            from traceview.judges.hits import paths_in

            where = parse(judge.where) if judge.where else None
            return [
                Pick(one.path, f"{one.found:,} of {one.of:,}  {one.sample}", one.path)
                for one in paths_in(engine, judge.scope, where, token=token)
            ]

        def pick(picks: list[Pick[str]]) -> None:
            heading = safe_line(f"{judge.name}: which of {len(picks):,} paths?")
            self.app.push_screen(
                PickScreen(heading, picks, narrow="type to narrow, Enter maps it"),
                lambda path: self._name_variable(judge, path) if path is not None else None,
            )

        self.say("Looking at the last traces …")
        self.ask("paths", look, pick)

    def _name_variable(self, judge: JudgeDefinition, path: str) -> None:
        taken = [one.name for one in judge.variables]
        note: Line = [
            (safe_line(f"has: {', '.join(taken) or 'none'}; a new one is put at the prompt's end"), "dim")
        ]
        self.app.push_screen(
            NameScreen(safe_line(f"{path} fills which variable?"), note, (), LONGEST_NAME, "Enter writes it"),
            lambda name: self._map(judge, name, path) if name else None,
        )

    def _map(self, judge: JudgeDefinition, name: str, path: str) -> None:
        project = self._project

        def write(token: CancelToken) -> str:
            assert judge.path is not None
            document = read_document(judge.path)
            text = judge_edit.with_variable(document, name, path)
            parsed(parse_document(judge.path, text), project)
            judge_edit.save(judge.path, text)
            return judge.path.name

        def written(file: str) -> None:
            self.say(f"✓ {{{{{name}}}}} = {path} in {file}")
            self.action_refresh()

        self.ask("map", write, written)

    def _show_versions(self) -> None:
        judge, annotator = self._definition, self.context.annotator
        if judge is None or annotator is None:
            self.say("There is no judge file here.")
            return
        project, store = self._project, annotator.store

        def look(token: CancelToken) -> list[Told]:
            from traceview.judges.history import entries, file_versions
            from traceview.store.labels.judged import versions_of

            files, why = file_versions(judge, project)
            lines: list[Told] = []
            for one in reversed(entries(judge, files, versions_of(store, judge.name, judge.metric))):
                now = ", the one of now" if one.current else ""
                lines.append((f"{one.judge_hash[:SHORT_HASH] or '(none)'}{now}  {one.note or ''}", "title"))
                rate = ABSENT if one.k is None else f"{one.k:,} of {one.n:,} pass"
                when = (
                    f"{(one.first or '')[:16]} to {(one.last or '')[:16]}" if one.scored else "scored nothing"
                )
                lines.append((f"{one.scored:,} scored, {rate}; {when}".replace("T", " "), None))
                lines += [(line, "good" if line.startswith("+") else "dim") for line in one.diff]
                lines.append(("", None))
            if why is not None:
                lines.append((f"the history of the file is not known: {why}", "warning"))
            return lines

        self.ask("versions", look, lambda lines: self._show_told(f"versions of {judge.name}", lines))

    def _key(self, action: str) -> str:
        return next(one.keys[0] for one in self.registry if one.id == action)
