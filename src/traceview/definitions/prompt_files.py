"""Prompts as a project keeps them: the files of its `prompts` folder and those named, each with its versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from traceview.definitions.git_history import NoHistory, history
from traceview.model.errors import BadInput
from traceview.text.prompt_template import LEAST_LITERAL, PromptTemplate, parse_template

FOLDER = "prompts"
ENDINGS = (".md", ".txt", ".jinja", ".jinja2", ".j2", ".prompt", ".mustache", ".hbs", ".tmpl", ".template")
MAX_FILES = 200
MAX_BYTES = 1_000_000
MAX_COMMITS = 200
"""Versions of one file: the newest."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A version of a prompt's file: the short name of the commit that changed it, else its position in the history."""

    name: str
    version: str
    path: str
    template: str
    parsed: PromptTemplate

    @property
    def literal(self) -> int:
        """How many characters of it are no placeholders."""
        return self.parsed.literal

    def matches(self, text: str) -> bool:
        """Whether a text, its blanks put together, was made from it."""
        return self.parsed.matches(text)


class PromptFiles:
    """The prompts of a project. Nothing is read before `versions` is asked for; what cannot be is in `notices`.

    `folder` may not be there; `named` are files given by name; `trusted` says that the folder's repository is the
    user's own, whose history may be read.
    """

    def __init__(
        self, folder: Path | None = None, named: Sequence[Path] = (), *, trusted: bool = True
    ) -> None:
        self._folder = folder
        self._named = tuple(named)
        self._trusted = trusted
        self._notices: list[str] = []

    @classmethod
    def of(cls, folder: Path, named: Sequence[Path] = (), *, trusted: bool = True) -> PromptFiles:
        """Those of the project in a folder, and some named. Raises BadInput for a name that is no file."""
        for path in named:
            if not path.is_file():
                raise BadInput(f"--prompt-file {path}: no such file")
        return cls(folder / FOLDER, named, trusted=trusted)

    @cached_property
    def versions(self) -> tuple[FileVersion, ...]:
        """Every version of every file, each text once: the first that had it counts."""
        found: list[FileVersion] = []
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for name, version, path, content in self._texts():
            text = content.decode("utf-8", "replace")
            parsed = parse_template(text)
            if (name, parsed.pieces) in seen:
                continue
            seen.add((name, parsed.pieces))
            if parsed.literal < LEAST_LITERAL:
                self._notices.append(
                    f"{path} ({version}): nearly all of it is placeholders: it tells no version"
                )
                continue
            found.append(FileVersion(name, version, path, text, parsed))
        return tuple(found)

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left out and why, in sentences."""
        _ = self.versions
        return tuple(self._notices)

    @cached_property
    def hash(self) -> str:
        """Changes whenever a call may be told another version; empty without files."""
        if not self.versions:
            return ""
        told = json.dumps([[one.name, one.version, one.path, one.template] for one in self.versions])
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    def __reduce__(self) -> tuple[object, ...]:
        """As what it found, for a child process: the files may change meanwhile."""
        return _loaded, (self.versions, self.notices)

    def _texts(self) -> Iterator[tuple[str, str, str, bytes]]:
        """Name, version, path and content of every version, the oldest of a file first."""
        by_folder: dict[Path, list[Path]] = {}
        for path in [*self._in_folder(), *(path.absolute() for path in self._named)]:
            by_folder.setdefault(path.parent, []).append(path)
        for folder, paths in by_folder.items():
            committed: dict[str, list[tuple[str, bytes]]] = {}
            own = self._trusted or folder in {path.absolute().parent for path in self._named}
            if own:
                try:
                    committed = history(folder, [path.name for path in paths], MAX_COMMITS)
                except NoHistory as error:
                    # the files as they are now tell what they can
                    if not error.plain:
                        self._notices.append(f"{folder}: without the history of its files: {error}")
            for path in dict.fromkeys(paths):
                earlier = committed.get(path.name, [])
                for commit, content in earlier:
                    if len(content) <= MAX_BYTES:
                        yield path.stem, commit, str(path), content
                now = self._content(path)
                if now is not None and (not earlier or earlier[-1][1] != now):
                    yield path.stem, str(len(earlier) + 1), str(path), now

    def _in_folder(self) -> list[Path]:
        folder = self._folder
        if folder is None or not folder.is_dir():
            return []
        try:
            found = sorted(
                path
                for path in folder.absolute().rglob("*")
                if path.suffix.lower() in ENDINGS and path.is_file() and path.stem.lower() != "readme"
            )
        except OSError as error:
            self._notices.append(f"{folder} cannot be read: {error.strerror or error}")
            return []
        if len(found) > MAX_FILES:
            self._notices.append(f"{folder}: {MAX_FILES} of {len(found):,} prompt files are read")
        return found[:MAX_FILES]

    def _content(self, path: Path) -> bytes | None:
        try:
            if path.stat().st_size > MAX_BYTES:
                self._notices.append(f"{path} is larger than {MAX_BYTES // 1_000_000} MB: no prompt")
                return None
            return path.read_bytes()
        except OSError as error:
            self._notices.append(f"{path} cannot be read: {error.strerror or error}")
            return None


def _loaded(versions: tuple[FileVersion, ...], notices: tuple[str, ...]) -> PromptFiles:
    found = PromptFiles()
    found.__dict__["versions"] = versions
    found._notices = list(notices)
    return found
