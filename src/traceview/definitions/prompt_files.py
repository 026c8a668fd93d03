"""Prompts as a project keeps them: the files of its `prompts` folder and those named, each with its versions."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from traceview.definitions.git_history import Committed, Limits, NoHistory, history
from traceview.model.errors import BadInput
from traceview.text.prompt_template import LEAST_LITERAL, PromptTemplate, parse_template

FOLDER = "prompts"
ENDINGS = (".md", ".txt", ".jinja", ".jinja2", ".j2", ".prompt", ".mustache", ".hbs", ".tmpl", ".template")
MAX_FILES = 200
MAX_BYTES = 1_000_000
MAX_COMMITS = 200
"""Versions of one file: the newest."""
MAX_HISTORY_BYTES = 32_000_000
"""Committed texts of all files: in a folder the newest of each file first."""
MAX_SECONDS = 10.0
"""Time for git, for all folders."""


class FileVersion(Struct, frozen=True):
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
        limits = Limits(MAX_COMMITS, MAX_BYTES, MAX_HISTORY_BYTES, time.monotonic() + MAX_SECONDS)
        late = 0
        for folder, paths in by_folder.items():
            committed: dict[str, list[Committed]] = {}
            own = self._trusted or folder in {path.absolute().parent for path in self._named}
            if own and late:
                late += 1
            elif own:
                try:
                    committed = history(folder, [path.name for path in paths], limits)
                    read = {one.content for versions in committed.values() for one in versions if one.content}
                    limits = replace(limits, bytes_in_all=limits.bytes_in_all - sum(map(len, read)))
                except NoHistory as error:
                    # the files as they are now tell what they can
                    late += error.late
                    if not error.plain and not error.late:
                        self._notices.append(f"{folder}: without the history of its files: {error}")
            for path in dict.fromkeys(paths):
                earlier = committed.get(path.name, [])
                self._note_unread(path, earlier)
                for one in earlier:
                    if one.content is not None:
                        yield path.stem, one.commit, str(path), one.content
                now = self._content(path)
                if now is not None and (not earlier or earlier[-1].content != now):
                    yield path.stem, str(len(earlier) + 1), str(path), now
        if late:
            self._notices.append(
                f"without the history of the prompt files in {late:,} of {len(by_folder):,} folders: "
                f"git did not answer in {MAX_SECONDS:g} s"
            )

    def _note_unread(self, path: Path, earlier: Sequence[Committed]) -> None:
        large = sum(one.size > MAX_BYTES for one in earlier)
        beyond = sum(one.content is None for one in earlier) - large
        for count, why in (
            (large, f"are larger than {MAX_BYTES // 1_000_000} MB"),
            (beyond, f"are beyond the first {MAX_HISTORY_BYTES // 1_000_000} MB of all prompt files"),
        ):
            if count:
                self._notices.append(
                    f"{path}: {count:,} of {len(earlier):,} committed versions {why}: not read"
                )

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
