"""From arguments to files: paths, directories, globs and standard input; what cannot be one is refused in words."""

from __future__ import annotations

import difflib
import errno
import glob
import hashlib
import os
import re
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from traceview.files.dirs import cache_dir, expanded, private_dir
from traceview.model.errors import BadInput
from traceview.sources.superseding import current
from traceview.text.safe import safe_line

_REMOTE = {
    "s3": "aws s3 cp --recursive {url} traces/",
    "gs": "gcloud storage cp -r {url} traces/",
    "gcs": "gcloud storage cp -r {url} traces/",
    "az": "az storage blob download-batch -d traces/ -s {url}",
    "abfss": "azcopy copy {url} traces/ --recursive",
    "http": "curl -LO {url}",
    "https": "curl -LO {url}",
    "hf": "hf download {repository} --repo-type dataset --local-dir traces/",
    "ftp": "curl -O {url}",
}
_TEMPORARY = re.compile(r"(^~\$|~$|\.(tmp|temp|part|partial|crdownload|swp|wal|lock)$)", re.IGNORECASE)
_OWN = re.compile(
    r"(^\.traceview-|\.labels\.db(\.lock|-wal|-shm|-journal|\.v\d+-[^.]*\.bak)?$|^traceview\.toml$)"
)
_NOT_TRACES = re.compile(
    r"(\.calls\.db|\.(md|rst|py|ipynb|toml|ya?ml|ini|cfg|sh|html?|css|js|ts|pdf|png|jpe?g|gif|svg|sql"
    r"|db-wal|db-shm|db-journal|bak)|^_SUCCESS|^README|^LICENSE|^Makefile)$",
    re.IGNORECASE,
)
_SPOOLED = "stdin"
_STDIN_CHUNK = 1 << 20


@dataclass
class Located:
    """The files of some arguments, and how many others were passed over, by reason.

    `named` are the files that an argument named itself, rather than a directory or glob around them. `missing` are
    the arguments that no file was found for, and why.
    """

    files: list[Path] = field(default_factory=list)
    named: set[Path] = field(default_factory=set)
    ignored: Counter[str] = field(default_factory=Counter)
    missing: list[tuple[str, BadInput]] = field(default_factory=list)


def locate(
    arguments: Sequence[str], stdin: IO[bytes] | None = None, *, some_missing: bool = False
) -> Located:
    """Absolute paths of all files, each once, directories sorted; `-` is standard input, spooled into the cache.

    Raises BadInput for a missing path (with the nearest name), a remote one (with the command that downloads
    it), a directory without files, or a glob that nothing matches; with `some_missing` these are told in `missing`.
    """
    located = Located()
    seen: set[Path] = set()
    if not arguments:
        raise BadInput(
            "no source given", hint="give a file, a directory, a quoted glob, or - for standard input"
        )
    for argument in arguments:
        try:
            files = _files(argument, located, stdin)
        except BadInput as error:
            if not some_missing:
                raise
            located.missing.append((argument, error))
            continue
        for path in files:
            try:
                real = path.resolve()
            except OSError as error:
                raise BadInput(f"{safe_line(argument)}: {error.strerror}") from error
            if real in seen:
                located.ignored["named twice"] += 1
            else:
                seen.add(real)
                located.files.append(path)
    return located


def absolute(argument: str) -> Path:
    """The absolute path that an argument names; links stay as they are."""
    # resolve would follow links, and the name says where labels go
    return Path(os.path.abspath(expanded(Path(argument))))  # noqa: PTH100


def shown(path: Path) -> str:
    """How a file is called for people: its path, and `-` for what came through standard input."""
    return "-" if path.parent == cache_dir() / _SPOOLED else str(path)


def _files(argument: str, located: Located, stdin: IO[bytes] | None) -> list[Path]:
    if argument == "-":
        path = _spool(stdin or sys.stdin.buffer)
        located.named.add(path)
        return [path]
    _refuse_remote(argument)
    path = absolute(argument)
    try:
        path.stat()
    except FileNotFoundError:
        if glob.has_magic(argument):
            return _glob(argument, located)
        raise BadInput(f"{safe_line(argument)} does not exist", hint=_nearest(path)) from None
    except OSError as error:
        raise BadInput(f"{safe_line(argument)} cannot be read: {error.strerror}") from error
    if path.is_dir():
        return _directory(path, located)
    if not path.is_file():
        return _special(path, argument, located)
    if not os.access(path, os.R_OK):
        raise BadInput(
            f"{safe_line(argument)} may not be read", hint=f"its permissions forbid it: chmod u+r {argument}"
        )
    if path.stat().st_size == 0:
        raise BadInput(f"{safe_line(argument)} is empty")
    located.named.add(path)
    return [path]


def _special(path: Path, argument: str, located: Located) -> list[Path]:
    """A pipe such as the shell's <(...) is read to its end; sockets and devices are refused."""
    if path.is_fifo():
        with path.open("rb") as stream:
            spooled = _spool(stream)
        located.named.add(spooled)
        return [spooled]
    raise BadInput(f"{safe_line(argument)} is neither a file nor a directory")


def _refuse_remote(argument: str) -> None:
    if "://" not in argument:
        return
    scheme = argument.split("://", 1)[0].lower()
    if scheme == "file":
        raise BadInput(f"{safe_line(argument)}: give the path without file://", hint=urlsplit(argument).path)
    command = _REMOTE.get(scheme)
    if command is None and not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        return
    rest = argument.split("://", 1)[1]
    repository = "/".join(rest.removeprefix("datasets/").split("/")[:2])
    raise BadInput(
        f"{safe_line(argument)} is not on this machine: download it first",
        hint=command.format(url=f"'{argument}'", repository=repository) if command else None,
    )


def _glob(pattern: str, located: Located) -> list[Path]:
    matches = sorted(glob.glob(str(Path(pattern).expanduser()), recursive=True))  # noqa: PTH207 (absolute patterns)
    if not matches:
        raise BadInput(f"nothing matches {safe_line(pattern)}")
    files: list[Path] = []
    for match in matches:
        path = Path(os.path.abspath(match))  # noqa: PTH100
        if path.is_dir():
            # with ** the directory's files match by themselves
            if "**" not in pattern:
                files.extend(_walk(path, located))
        elif _wanted(path, located):
            files.append(path)
    if not files:
        raise BadInput(f"nothing that matches {safe_line(pattern)} is a trace file{_passed_over(located)}")
    return current(files)


def _directory(path: Path, located: Located) -> list[Path]:
    try:
        files = _walk(path, located)
    except PermissionError as error:
        raise BadInput(f"{path} may not be read: {error.strerror}") from error
    if not files:
        raise BadInput(f"{path} has no trace files in it{_passed_over(located)}")
    return files


def _passed_over(located: Located) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in located.ignored.items())
    return f" (ignored: {told})" if told else ""


def _walk(root: Path, located: Located) -> list[Path]:
    """All files below, sorted by path; linked directories are followed once."""
    files: list[Path] = []
    visited: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        if error.filename == str(root):
            raise error
        located.ignored["unreadable directory"] += 1

    for directory, below, names in os.walk(root, followlinks=True, onerror=refuse):
        status = Path(directory).stat()
        if (status.st_dev, status.st_ino) in visited:
            below.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        hidden = [name for name in below if name.startswith(".")]
        if hidden:
            located.ignored["hidden directory"] += len(hidden)
        below[:] = sorted(name for name in below if not name.startswith("."))
        files.extend(path for name in names if _wanted(path := Path(directory) / name, located))
    return current(sorted(files))


def _wanted(path: Path, located: Located) -> bool:
    reason = None
    if _OWN.search(path.name):
        return False  # a store's manifest and lock, label files and what is beside them were not passed over
    if path.name.startswith("."):
        reason = "hidden file"
    elif _TEMPORARY.search(path.name):
        reason = "temporary file"
    elif _NOT_TRACES.search(path.name):
        reason = "not a trace file"
    else:
        try:
            if not path.is_file():
                reason = "not a regular file"
            elif path.stat().st_size == 0:
                reason = "empty file"
            elif not os.access(path, os.R_OK):
                reason = "unreadable file"
        except OSError:
            reason = "unreadable file"
    if reason is not None:
        located.ignored[reason] += 1
    return reason is None


def _nearest(path: Path) -> str | None:
    """The existing name that is most like the missing one, in the deepest directory that exists."""
    missing = path
    while not missing.parent.exists() and missing.parent != missing:
        missing = missing.parent
    try:
        names = [entry.name for entry in missing.parent.iterdir()]
    except OSError:
        return None
    # endings are alike in a folder of traces: it is the words before them that were misspelt
    stems = {_stem(name): name for name in sorted(names, reverse=True)}
    close = difflib.get_close_matches(_stem(missing.name), stems, n=1)
    if close:
        return f"did you mean {missing.parent / stems[close[0]]}?"
    return f"{missing.parent} has no {missing.name}" if missing != path else None


def _stem(name: str) -> str:
    return name.lstrip(".").partition(".")[0].lower()


def _spool(stream: IO[bytes]) -> Path:
    """Standard input as a file of the cache, named by its content, so that it is converted once only."""
    if stream.isatty():
        raise BadInput(
            "- reads standard input, and nothing is piped into it", hint="cat FILE | traceview info -"
        )
    directory = private_dir(cache_dir() / _SPOOLED)
    digest = hashlib.sha256()
    temporary = directory / f".{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with temporary.open("xb") as out:
            while chunk := stream.read(_STDIN_CHUNK):
                digest.update(chunk)
                out.write(chunk)
            size = out.tell()
        if size == 0:
            raise BadInput("standard input is empty")
        final = directory / digest.hexdigest()[:16]
        # the same content again keeps its old file, and with it the parts that were made of it
        if not final.exists():
            os.replace(temporary, final)  # noqa: PTH105
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise BadInput(
                f"no space left in {directory} for standard input",
                hint="TRACEVIEW_CACHE_DIR names another place",
            ) from error
        raise BadInput(f"standard input cannot be kept in {directory}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return final
