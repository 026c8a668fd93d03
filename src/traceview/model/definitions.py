"""Feedback definitions as the rest of the program sees them, whatever file they came from."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from traceview.model.labels import Scope

FeedbackType = Literal["boolean", "categorical", "numerical", "text"]


class FeedbackDefinition(Struct, frozen=True):
    """One thing that is judged.

    `hash` is the SHA-256 (first 16 hex digits) of the definition's meaning: type, scope, choices, bounds, and
    the description, pass and fail texts, not of its keys or comments. `keys` maps a choice to a key of its own.
    """

    name: str
    type: FeedbackType
    scopes: tuple[Scope, ...]
    hash: str
    pass_means: str | None = None
    fail_means: str | None = None
    description: str | None = None
    choices: tuple[str, ...] = ()
    multi: bool = False
    ordered: bool = False
    minimum: float | None = None
    maximum: float | None = None
    direction: Literal["higher", "lower", "none"] = "none"
    allow_na: bool = True
    required: bool = False
    keys: dict[str, str] = field(default_factory=dict)
