"""The earlier texts of a file in its git repository, read and nothing else.

Git is asked with its plumbing, which runs no hooks, pagers, filters or helpers that a repository's configuration may
name, and without access to the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_SECONDS = 10.0
_OPTIONS = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never",
    "-c", "safe.bareRepository=explicit", "-c", "log.showSignature=false",
)  # fmt: skip


class NoHistory(Exception):
    """Git is not there, or has no history of a folder; says why. `plain`: there is none, and nothing is wrong."""

    def __init__(self, words: str, *, plain: bool = False) -> None:
        super().__init__(words)
        self.plain = plain


def history(folder: Path, names: list[str], limit: int) -> dict[str, list[tuple[str, bytes]]]:
    """For each file of a folder the commits that changed it, the oldest first: short name and content.

    At most the `limit` newest of each. Raises NoHistory.
    """
    if shutil.which("git") is None:
        raise NoHistory("git is not installed", plain=True)
    prefix = _git(folder, "rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
    if not _has_commit(folder):
        raise NoHistory("the repository has no commit", plain=True)
    found: dict[str, list[str]] = {}
    for name in names:
        listed = _git(folder, "rev-list", f"--max-count={limit:d}", "HEAD", "--", f":(literal){name}")
        found[name] = listed.decode("ascii", "replace").split()[::-1]
    wanted = [(name, commit) for name, commits in found.items() for commit in commits]
    contents = _contents(folder, [f"{commit}:{prefix}{name}" for name, commit in wanted])
    told: dict[str, list[tuple[str, bytes]]] = {name: [] for name in names}
    for (name, commit), content in zip(wanted, contents, strict=True):
        if content is not None:
            told[name].append((commit[:7], content))
    return told


def _has_commit(folder: Path) -> bool:
    try:
        _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except NoHistory:
        return False
    return True


def _contents(folder: Path, objects: list[str]) -> list[bytes | None]:
    """What the objects hold, None for one that is not there; a name with a line break is none."""
    asked = [one for one in objects if "\n" not in one]
    output = _git(folder, "cat-file", "--batch", given="".join(f"{one}\n" for one in asked)) if asked else b""
    found: dict[str, bytes | None] = {}
    at = 0
    for one in asked:
        end = output.index(b"\n", at)
        header, at = output[at:end].split(b" "), end + 1
        if len(header) == 3 and header[2].isdigit():
            size = int(header[2])
            found[one] = output[at : at + size] if header[1] == b"blob" else None
            at += size + 1
    return [found.get(one) for one in objects]


def _git(folder: Path, *arguments: str, given: str | None = None) -> bytes:
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
            cwd=folder,
            env=environment,
            input=given.encode("utf-8", "surrogateescape") if given is not None else b"",
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoHistory(f"git did not answer in {_SECONDS:.0f} s") from error
    except (OSError, ValueError) as error:
        raise NoHistory(f"git cannot be run: {error}") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        plain = "not a git repository" in words
        raise NoHistory(words or f"git ended with exit code {done.returncode}", plain=plain)
    return done.stdout
