"""The earlier texts of a file in its git repository, read and nothing else.

Git is asked with its plumbing, which runs no hooks, pagers, filters or helpers that a repository's configuration may
name, and without access to the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

_OPTIONS = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never",
    "-c", "safe.bareRepository=explicit", "-c", "log.showSignature=false",
)  # fmt: skip


class NoHistory(Exception):
    """Git is not there, or has no history of a folder; says why. `plain`: there is none, and nothing is wrong.

    `late`: git did not answer in time.
    """

    def __init__(self, words: str, *, plain: bool = False, late: bool = False) -> None:
        super().__init__(words)
        self.plain = plain
        self.late = late


class Limits(Struct, frozen=True):
    """How much is read: the newest `commits` of a file, texts of `bytes_each` and `bytes_in_all`; and until when.

    `until` is a time of `time.monotonic`.
    """

    commits: int
    bytes_each: int
    bytes_in_all: int
    until: float


class Committed(Struct, frozen=True):
    """A file as a commit left it: the commit's short name and the content, None if that was not read.

    `size` in bytes.
    """

    commit: str
    size: int
    content: bytes | None


def history(
    folder: Path, names: Sequence[str], limits: Limits, *, together: bool = False
) -> dict[str, list[Committed]]:
    """For each file of a folder the commits that changed it, the oldest first. Raises NoHistory.

    With `together` the commits that changed any of the files, as far as the file was there.

    No content is read before its size is known: neither one that is larger than the limit, nor those with which all
    would be; of these the newest are read.
    """
    if shutil.which("git") is None:
        raise NoHistory("git is not installed", plain=True)
    git = _Git(folder, limits.until)
    prefix = git.said("rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
    if not _has_commit(git):
        raise NoHistory("the repository has no commit", plain=True)
    # a name with a line break cannot be asked for
    askable = [name for name in names if "\n" not in name]
    wanted: dict[str, tuple[str, str]] = {}
    for some in [askable] if together and askable else [[name] for name in askable]:
        paths = (f":(literal){name}" for name in some)
        listed = git.said("rev-list", f"--max-count={limits.commits:d}", "HEAD", "--", *paths)
        for commit in listed.decode("ascii", "replace").split()[::-1]:
            for name in some:
                wanted[f"{commit}:{prefix}{name}"] = (name, commit)
    blobs = dict(_blobs(git, list(wanted)))
    found: dict[str, list[tuple[str, _Blob]]] = {name: [] for name in names}
    for one, (name, commit) in wanted.items():
        if one in blobs:
            found[name].append((commit[:7], blobs[one]))
    contents = _contents(git, _readable(list(found.values()), limits))
    return {
        name: [Committed(commit, blob.size, contents.get(blob.name)) for commit, blob in versions]
        for name, versions in found.items()
    }


class _Blob(Struct, frozen=True):
    name: str
    size: int


def _readable(files: Sequence[Sequence[tuple[str, _Blob]]], limits: Limits) -> dict[str, int]:
    """Names and sizes of the blobs to be read: the newest of each file first."""
    chosen: dict[str, int] = {}
    left = limits.bytes_in_all
    for back in range(1, max(map(len, files), default=0) + 1):
        for versions in files:
            if back > len(versions):
                continue
            blob = versions[-back][1]
            if blob.name not in chosen and blob.size <= min(left, limits.bytes_each):
                chosen[blob.name] = blob.size
                left -= blob.size
    return chosen


def _has_commit(git: _Git) -> bool:
    try:
        git.said("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except NoHistory as error:
        if error.late:
            raise
        return False
    return True


def _blobs(git: _Git, objects: Sequence[str]) -> Iterator[tuple[str, _Blob]]:
    """Name and size of the blob that each of the objects is; none of those that are no blobs."""
    if not objects:
        return
    lines = git.said("cat-file", "--batch-check", given=objects).split(b"\n")
    for one, line in zip(objects, lines, strict=False):
        match line.split(b" "):
            case [name, b"blob", size] if size.isdigit():
                yield one, _Blob(name.decode("ascii", "replace"), int(size))


def _contents(git: _Git, blobs: Mapping[str, int]) -> dict[str, bytes]:
    """What blobs hold, by their names."""
    if not blobs:
        return {}
    output = git.said("cat-file", "--batch", given=list(blobs))
    found: dict[str, bytes] = {}
    at = 0
    for name in blobs:
        end = output.find(b"\n", at)
        if end < 0:
            break
        header, at = output[at:end].split(b" "), end + 1
        if len(header) == 3 and header[2].isdigit():
            size = int(header[2])
            found[name] = output[at : at + size]
            at += size + 1
    return found


class _Git:
    """Git in a folder, asked until a time of `time.monotonic`."""

    def __init__(self, folder: Path, until: float) -> None:
        self._folder = folder
        self._until = until

    def said(self, *arguments: str, given: Sequence[str] = ()) -> bytes:
        """What git prints, given some lines. Raises NoHistory."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "LC_ALL": "C",
        }
        try:
            done = subprocess.run(
                ["git", "--no-pager", "--no-replace-objects", *_OPTIONS, *arguments],
                cwd=self._folder,
                env=environment,
                input="".join(f"{line}\n" for line in given).encode("utf-8", "surrogateescape"),
                capture_output=True,
                timeout=max(0.0, self._until - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NoHistory("git did not answer in time", late=True) from error
        except (OSError, ValueError) as error:
            raise NoHistory(f"git cannot be run: {error}") from error
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            plain = "not a git repository" in words
            raise NoHistory(words or f"git ended with exit code {done.returncode}", plain=plain)
        return done.stdout
