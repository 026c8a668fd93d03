"""The project: which traceview.toml holds, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from traceview.definitions.document import Document, read_document
from traceview.definitions.feedback import VERDICT, parse_feedback
from traceview.definitions.keys import NO_KEYS, check_keys
from traceview.definitions.mappings import RememberedMap, mapping_of, parse_mappings
from traceview.definitions.modes import FailureMode, parse_modes
from traceview.definitions.prices import PriceTable, project_prices
from traceview.definitions.views import SavedView, ViewLevel, parse_columns, parse_views
from traceview.files.dirs import expanded
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput

FILE_NAME = "traceview.toml"
Origin = Literal["config", "cwd", "source", "builtin"]

LATER_TABLES: tuple[str, ...] = ("judge", "judges", "alerts")
"""Tables that other readers of the file understand."""

_TOP_LEVEL: tuple[str, ...] = (
    "feedback",
    "labels",
    "modes",
    "views",
    "columns",
    "prices",
    "sources",
    *LATER_TABLES,
)


@dataclass(frozen=True)
class Project:
    """The definitions in force. `path` is None for the built-in ones.

    `labels` is absolute; `views` are by name, `refused_views` what is wrong with those that cannot be read;
    `columns` are those that a list begins with; `modes` is what it says of failure modes; `mappings` are
    remembered `--map`s; `prices` tell what calls cost;
    `tables` are the sections of later readers (judge, alerts), as they stand.
    """

    definitions: tuple[FeedbackDefinition, ...]
    path: Path | None = None
    origin: Origin = "builtin"
    labels: Path | None = None
    views: Mapping[str, SavedView] = field(default_factory=dict)
    refused_views: Mapping[str, BadInput] = field(default_factory=dict)
    columns: Mapping[ViewLevel, tuple[str, ...]] = field(default_factory=dict)
    mappings: tuple[RememberedMap, ...] = ()
    modes: Mapping[str, FailureMode] = field(default_factory=dict)
    prices: PriceTable = field(default_factory=PriceTable)
    tables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """False for a file found beside a source: it never runs code or sends text."""
        return self.origin != "source"

    @property
    def folder(self) -> Path:
        """The folder of the project: that of its traceview.toml, else the working directory."""
        return self.path.parent if self.path is not None else Path.cwd()

    @property
    def sentence(self) -> str:
        """Which definitions hold, in words."""
        if self.path is None:
            return "definitions: built in (verdict); `traceview feedback add` creates a traceview.toml"
        where = {"config": "--config", "cwd": "the working directory", "source": "beside the source"}[
            self.origin
        ]
        return f"definitions: {self.path} ({where})"

    def mapping_of(self, sources: Sequence[str]) -> dict[str, str]:
        """The mapping that is remembered for these sources. Raises BadInput where they differ."""
        return mapping_of(self.mappings, sources, self.path)

    def definition(self, name: str) -> FeedbackDefinition | None:
        """The definition of this name, or None."""
        return next((definition for definition in self.definitions if definition.name == name), None)


def load_project(
    config: Path | None = None,
    sources: Sequence[Path] = (),
    *,
    cwd: Path | None = None,
    reserved_keys: Mapping[str, str] = NO_KEYS,
) -> Project:
    """Find and read traceview.toml: `config`, else upwards from `cwd`, else from the first source's folder.

    `reserved_keys` are the app's own keys, which a choice may not take. Raises BadInput with file and line.
    """
    path, origin = find_project_file(config, sources, cwd=cwd)
    if path is None:
        return Project((VERDICT,))
    return parse_project(read_document(path), origin, reserved_keys=reserved_keys)


def find_project_file(
    config: Path | None = None, sources: Sequence[Path] = (), *, cwd: Path | None = None
) -> tuple[Path | None, Origin]:
    """The traceview.toml that holds, and where it was found. Raises BadInput if `config` does not exist.

    A `config` that is a folder means the file in it. The search upwards ends at the home folder and at the root.
    """
    if config is not None:
        config = expanded(config).absolute()
        path = config / FILE_NAME if config.is_dir() else config
        if not path.is_file():
            raise BadInput(f"--config {path}: no such file", hint="`traceview init` creates one")
        return path, "config"
    found = _upwards((cwd or Path.cwd()).absolute())
    if found is not None:
        return found, "cwd"
    for source in sources[:1]:
        absolute = expanded(source).absolute()
        found = _upwards(absolute if absolute.is_dir() else absolute.parent)
        if found is not None:
            return found, "source"
    return None, "builtin"


def parse_project(
    document: Document, origin: Origin, *, reserved_keys: Mapping[str, str] = NO_KEYS
) -> Project:
    """What a traceview.toml says. Raises BadInput with file and line."""
    data = document.data
    document.only(data, (), _TOP_LEVEL)
    definitions = parse_feedback(document)
    check_keys(document, definitions, reserved_keys)
    views, refused_views = parse_views(document)
    return Project(
        definitions=definitions or (VERDICT,),
        path=document.path,
        origin=origin,
        labels=_labels(document, data.get("labels")),
        views=views,
        refused_views=refused_views,
        columns=parse_columns(document),
        mappings=parse_mappings(document),
        modes=parse_modes(document),
        prices=PriceTable(project_prices(document)),
        tables={name: data[name] for name in LATER_TABLES if name in data},
    )


def _upwards(folder: Path) -> Path | None:
    """The nearest traceview.toml from a folder upwards; the home folder is the last one looked into."""
    home = _home()
    for place in (folder, *folder.parents):
        candidate = place / FILE_NAME
        if candidate.is_file():
            return candidate
        if place == home:
            return None
    return None


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _labels(document: Document, value: Any) -> Path | None:
    if value is None:
        return None
    text = document.typed(value, ("labels",), str, "the path of a label file")
    if not text.strip() or "\0" in text:
        raise document.error(("labels",), f"expected the path of a label file, found {text!r}")
    return (document.path.parent / expanded(Path(text))).absolute()
