"""The built-in checks of code judges as a judge file may name them: their options, and which targets they are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from traceview.model.labels import TargetKind

OptionType = Literal["boolean", "integer", "number", "text", "texts", "regex", "regexes", "choice", "table"]


@dataclass(frozen=True, slots=True)
class CheckOption:
    """One option of a check. `choices` are the values of a `choice`, `about` says in a few words what it does."""

    type: OptionType
    about: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None


@dataclass(frozen=True, slots=True)
class CheckForm:
    """What a judge file may say of a check. `parts` are the values that it gives beside its verdict."""

    name: str
    about: str
    options: Mapping[str, CheckOption] = field(default_factory=dict)
    scopes: tuple[TargetKind, ...] = ("trace",)
    parts: tuple[str, ...] = ()
    pass_means: str = ""
    fail_means: str = ""


CHECKS: dict[str, CheckForm] = {}
"""The built-in checks by name."""
