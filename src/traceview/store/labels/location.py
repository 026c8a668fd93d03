"""Where the labels of a source are kept."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from traceview.files.dirs import data_dir, expanded, private_dir
from traceview.model.errors import BadInput

SUFFIX = ".labels.db"
LONGEST = 180
"""Bytes of a label file's stem: what is made beside it (a lock, a copy before a migration) has longer names."""

_OCTAL = re.compile(r"\\([0-7]{3})")
"""How mountinfo writes blanks, line breaks and backslashes."""

FORMAT_SUFFIXES: tuple[str, ...] = (
    ".parquet",
    ".pq",
    ".duckdb",
    ".db",
    ".json",
    ".jsonl",
    ".ndjson",
    ".csv",
    ".tsv",
    ".otlp",
    ".sqlite",
    ".log",
    ".txt",
    ".gz",
    ".gzip",
    ".zst",
    ".zstd",
)
"""What a file name loses, from its end, to become the NAME of its label file."""

NETWORK_FILE_SYSTEMS: frozenset[str] = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)


class NoLabelPlace(BadInput):
    """The sources can be read, but have no one place for labels until a file is named."""


class LabelLocation(Struct, frozen=True):
    """A label file: `path` is written, `base` (if any) is only read and merged; `sentence` says it for people."""

    path: Path
    sentence: str
    base: Path | None = None
    short: str = ""
    """The sentence without the folder, where the file is beside its source; else empty."""
    aside: str = ""
    """Why the file is not beside its source, where nobody named it; else empty."""
    earlier: Path | None = None
    """A file that was written when nothing could be beside the source; its rows may not be in `path`."""


def label_location(
    sources: Sequence[str], *, labels: Path | None = None, project_labels: Path | None = None
) -> LabelLocation:
    """The label file of these sources: `--labels`, else traceview.toml's `labels`, else beside the one source.

    `sources` are the arguments as typed; files of scores alone do not count beside the one source of spans. Nothing is
    created but the user's data directory where it is needed.
    Raises NoLabelPlace where several sources, a glob or `-` need a file named.
    """
    if labels is not None:
        return _named(expanded(labels).absolute(), "--labels")
    if project_labels is not None:
        return _named(expanded(project_labels).absolute(), "labels in traceview.toml")
    source = _the_one(sources)
    beside = source.with_name(label_name(source))
    reason = _not_here(beside)
    if reason is None:
        shared = _shared(source, beside)
        earlier = _keyed(source)
        return LabelLocation(
            beside,
            f"labels: {beside}{shared}",
            short=f"labels: {beside.name}{shared}",
            earlier=earlier if earlier.is_file() else None,
        )
    path = _keyed(source)
    private_dir(path.parent)
    base = beside if beside.is_file() else None
    sentence = f"labels: {path} ({reason}"
    sentence += f"; those in {beside} are shown too and not changed)" if base else ")"
    return LabelLocation(path, sentence, base, aside=reason)


def label_name(source: Path) -> str:
    """The name of a source's label file: without its format suffixes, with `.labels.db`."""
    name = source.name
    while True:
        stem, dot, suffix = name.rpartition(".")
        if not stem or f"{dot}{suffix}".lower() not in FORMAT_SUFFIXES:
            return _shortened(name) + SUFFIX
        name = stem


def _shortened(stem: str) -> str:
    """A stem that file systems take: a very long one ends in a hash of the whole."""
    whole = os.fsencode(stem)
    if len(whole) <= LONGEST:
        return stem
    return f"{whole[:LONGEST].decode(errors='ignore')}-{hashlib.sha256(whole).hexdigest()[:16]}"


def _the_one(sources: Sequence[str]) -> Path:
    """The single path that labels can lie beside. Raises NoLabelPlace, BadInput."""
    hint = "name a file with --labels PATH, or with `labels = PATH` in traceview.toml"
    if len(sources) != 1:
        from traceview.sources.score_files import the_one_of_spans

        source = the_one_of_spans(sources) or ""
        if not source:
            raise NoLabelPlace("labels cannot be kept for several sources", hint=hint)
    else:
        source = sources[0]
    if source == "-":
        raise NoLabelPlace("labels cannot be kept for standard input", hint=hint)
    path = expanded(Path(source)).absolute()
    if not path.exists() and any(character in source for character in "*?["):
        raise NoLabelPlace("labels cannot be kept for several sources", hint=hint)
    if not path.name:
        raise BadInput(f"{path}: labels cannot lie beside it", hint=hint)
    # Resolves `..` and a trailing `.`, keeps symbolic links: labels lie beside what was named.
    return Path(os.path.normpath(path))


def _named(path: Path, by: str) -> LabelLocation:
    if path.is_dir():
        raise BadInput(f"{by}: {path} is a directory", hint="name a file, for example labels.db in it")
    if not path.parent.is_dir():
        raise BadInput(f"{by}: the folder {path.parent} does not exist", hint="create it first")
    sentence = f"labels: {path} ({by})"
    network = _network(path.parent)
    if network:
        sentence += f"; this is a network file system ({network}): use it from one machine at a time"
    return LabelLocation(path, sentence)


def _not_here(beside: Path) -> str | None:
    """Why a label file cannot be written at this place; None if it can."""
    folder = beside.parent
    if not os.access(folder, os.W_OK | os.X_OK) or (beside.exists() and not os.access(beside, os.W_OK)):
        return f"{folder} is read-only" if not beside.exists() else f"{beside} is read-only"
    network = _network(folder)
    return f"{folder} is on a network file system ({network})" if network else None


def _keyed(source: Path) -> Path:
    """The label file in the user's data directory, keyed by the source's absolute path."""
    key = hashlib.sha256(os.fsencode(source)).hexdigest()[:16]
    return data_dir() / "labels" / f"{label_name(source).removesuffix(SUFFIX)[:80]}-{key}{SUFFIX}"


def _shared(source: Path, beside: Path) -> str:
    """Which other files of the folder have the same label file, in words."""
    try:
        with os.scandir(source.parent) as entries:
            others = sorted(
                entry.name
                for entry in entries
                if entry.name != source.name
                and not entry.name.startswith((".", f"{beside.name}"))
                and (entry.is_dir() or Path(entry.name).suffix.lower() in FORMAT_SUFFIXES)
                and label_name(Path(entry.name)) == beside.name
            )
    except OSError:
        return ""
    if not others:
        return ""
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return f" (shared with {named})"


def _network(folder: Path) -> str | None:
    """The type of network file system that a folder is on; None for a local one or where it cannot be known."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        text = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
    except OSError:
        return None
    return network_type(text, folder.resolve())


def network_type(mountinfo: str, folder: Path) -> str | None:
    """The network file system of a folder by the text of /proc/self/mountinfo; None if it is a local one."""
    best, found = -1, ""
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split()
        if not separator or len(fields) < 5 or not after:
            continue
        mount = _OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[4])
        length = len(Path(mount).parts)
        if length >= best and folder.is_relative_to(mount):
            best, found = length, after.split()[0]
    return found if found in NETWORK_FILE_SYSTEMS else None
