"""What every screen gets: the opened source, the labels, the definitions, and who is looking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from traceview.definitions.modes import FailureMode
from traceview.model.definitions import FeedbackDefinition
from traceview.tui.copying import Invocation
from traceview.tui.looks import Looks

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.annotation.session_choosing import Plan
    from traceview.definitions.project import Project
    from traceview.model.labels import Target
    from traceview.store.interface import Engine

ScreenName = Literal["traces", "threads", "prompts", "stats"]


@dataclass
class AppContext:
    """One opened source and everything the app needs beside it.

    `annotator` is None where labels cannot be kept. `label_sentence` says in words where labels go.
    `state_file` holds the last position and filter of this source; None keeps nothing. `keys` is the user's
    rebinding: action id to key or keys. Nothing of it changes but what `redefine` changes, `dataset`, and `plan` and
    `resume`, which are taken once.
    """

    engine: Engine
    annotator: Annotator | None
    definitions: Sequence[FeedbackDefinition]
    annotator_name: str
    source_title: str
    label_sentence: str = ""
    label_short: str = ""
    """The same in few cells, where labels are in their usual place."""
    state_file: Path | None = None
    offline: bool = False
    initial_filter: str = ""
    initial_screen: ScreenName | None = None
    blind: bool = False
    plan: Plan | None = None
    """The session that is begun, or gone on with, once the list is there."""
    resume: str | None = None
    """The session that is opened once the list is there; empty for the one worked on last."""
    invocation: Invocation = field(default_factory=Invocation)
    """What of the command line shows the same things again."""
    theme: str | None = None
    ascii_signs: bool | None = None
    """Whether to draw with ASCII signs only; None finds out from the locale and the terminal."""
    keys: dict[str, str | Sequence[str]] = field(default_factory=dict)
    reading_places: dict[Target, Any] = field(default_factory=dict)
    """Where the reader left each transcript: the key of a block."""
    modes: Mapping[str, FailureMode] = field(default_factory=dict)
    """What the project says of failure modes, by name."""
    looks: Looks = field(default_factory=Looks)
    """Columns and saved views of the project."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Columns that fields are read from, as the command line or the project has them."""
    prompt_files: Sequence[Path] = ()
    project: Project | None = None
    """The project whose judges are shown; None shows none."""
    dataset: str | None = None
    """The data set that items are added to by a key, once one was chosen."""
    drafts: dict[str, str] = field(default_factory=dict)
    """Texts that were typed and are kept until the app ends, by where: `check`."""
    notices: Sequence[str] = ()
    """Sentences said once at start: what was skipped, where labels really are."""

    def redefine(self, project: Project) -> None:
        """Let other definitions hold from now on."""
        self.project = project
        self.definitions = project.definitions
        if self.annotator is not None:
            self.annotator.define(project.definitions)

    @property
    def begins_session(self) -> bool:
        """Whether the app opens a session at once."""
        return self.plan is not None or self.resume is not None

    @property
    def label_place(self) -> str:
        """Where labels go, for a status line."""
        return self.label_short or self.label_sentence
