"""What decides the bytes of an export, written beside it, and what differs between two of them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import Struct, to_builtins

from traceview import __version__
from traceview.annotation.splitting import Ratios, parse_ratios
from traceview.exports.training.redaction import PROFILES
from traceview.model.errors import BadInput
from traceview.model.judges import RedactionProfile

VERSION = 1
KEY = "traceview_manifest"
Conflicts = Literal["report", "exclude", "adjudicated"]
CONFLICTS: tuple[Conflicts, ...] = ("report", "exclude", "adjudicated")
FORMATS = ("openai", "dpo", "hf")
TARGETS = ("labelled", "traces", "threads", "spans")


class ExportPlan(Struct, frozen=True):
    """What is asked for: with the source and the labels it decides every byte.

    `filter` is the text of one; `targets` labelled, traces, threads or spans; with `unlabelled` also what has no label.
    `dataset` names a frozen data set by its id instead of a filter.
    """

    format: str
    filter: str = ""
    targets: str = "labelled"
    unlabelled: bool = False
    split: Ratios | None = None
    seed: int = 0
    conflicts: Conflicts = "report"
    redact: RedactionProfile = "standard"
    dataset: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The plan as a manifest holds it."""
        return {**to_builtins(self), "split": str(self.split) if self.split else None}


def plan_of(manifest: Mapping[str, Any], place: Path) -> ExportPlan:
    """The plan of a manifest. Raises BadInput if something in it is not what this version writes."""
    told = manifest.get("plan")
    if manifest.get(KEY) != VERSION or not isinstance(told, Mapping):
        raise BadInput(
            f"{place} is not a manifest of this version ({KEY}: {VERSION})",
            hint="name the file that `traceview export` wrote beside the data",
        )
    allowed: dict[str, tuple[object, ...]] = {
        "format": FORMATS,
        "targets": TARGETS,
        "conflicts": CONFLICTS,
        "redact": tuple(PROFILES),
        "unlabelled": (True, False),
    }
    for field, values in allowed.items():
        if told.get(field) not in values:
            raise BadInput(
                f"{place}: {field} is {told.get(field)!r}, expected one of {', '.join(map(str, values))}"
            )
    seed, split, filter_, dataset = (told.get(name) for name in ("seed", "split", "filter", "dataset"))
    if not isinstance(seed, int) or isinstance(seed, bool) or not isinstance(filter_, str):
        raise BadInput(f"{place}: seed is a whole number and filter a text")
    return ExportPlan(
        str(told["format"]),
        filter_,
        str(told["targets"]),
        bool(told["unlabelled"]),
        parse_ratios(str(split)) if split is not None else None,
        seed,
        cast(Conflicts, told["conflicts"]),
        cast(RedactionProfile, told["redact"]),
        str(dataset) if dataset is not None else None,
    )


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in a file. Raises BadInput."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path} is not a manifest")
    return found


def manifest_of(plan: ExportPlan, **told: Any) -> dict[str, Any]:
    """The manifest of an export; it says no time and no place, so that the same export has the same one."""
    return {KEY: VERSION, "traceview_version": __version__, "plan": plan.as_json(), **told}


def manifest_text(manifest: Mapping[str, Any]) -> str:
    """The manifest as it is written."""
    return json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What two manifests say differently, a sentence each, the reasons before the counts and the files."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    found = []
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            was, is_ = (json.dumps(one.get(name), ensure_ascii=False) for one in (old, new))
            found.append(f"{name}: was {was}, is {is_}")
    return found


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _leaves(entry, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
