"""`[judges]` of traceview.toml: what is replaced before text is sent, and which model judges ask by default."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast, get_args
from urllib.parse import urlsplit

from msgspec import Struct, field

from traceview.definitions.document import Document, Keys, read_document
from traceview.definitions.project import Project
from traceview.model.errors import BadInput
from traceview.model.judges import Redaction, RedactionProfile

PROFILES: tuple[RedactionProfile, ...] = get_args(RedactionProfile)
EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING = ("auto", "off")
LEAST_TOKENS, MOST_TOKENS, MOST_REPEATS = 256, 16_000, 25
MODEL_KEYS = ("id", "effort", "thinking", "max_tokens", "repeats", "base_url", "key_env")
SAMPLING_KNOBS = ("temperature", "top_p", "top_k")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_KEY_SHAPE = re.compile(r"(?i)^(?:sk|pk|rk|key|ghp|xai|gsk)[-_]|^eyJ|[a-z0-9]{32}")


class JudgeSettings(Struct, frozen=True):
    """What a project says of all its judges. `model` are keys of `[model]` that a judge's own file may override."""

    redaction: Redaction = field(default_factory=Redaction)
    model: Mapping[str, Any] = field(default_factory=dict)
    usd_per_day: float | None = None
    """The most that all judges together may cost in a day."""


def judge_settings(project: Project) -> JudgeSettings:
    """The `[judges]` of a project's traceview.toml. Raises BadInput with file and line."""
    return parse_settings(read_document(project.path)) if project.path is not None else JudgeSettings()


def parse_settings(document: Document) -> JudgeSettings:
    """The `[judges]` of a file. Raises BadInput with file and line."""
    table = document.typed(document.data.get("judges", {}), ("judges",), dict, "a table [judges]")
    document.only(table, ("judges",), ("redaction", "fields", "names", "model", "usd_per_day"))
    profile = document.one_of(table.get("redaction", "standard"), ("judges", "redaction"), PROFILES)
    redaction = Redaction(
        cast(RedactionProfile, profile),
        *(texts_of(document, ("judges", key), table.get(key, [])) for key in ("fields", "names")),
    )
    for name in redaction.names:
        if len(name.strip()) < 2:
            raise document.error(
                ("judges", "names"), f"{name!r} is too short: it would be replaced within words"
            )
    a_day = table.get("usd_per_day")
    return JudgeSettings(
        redaction,
        model_table(document, ("judges", "model"), table.get("model", {})),
        None if a_day is None else amount(document, ("judges", "usd_per_day"), a_day),
    )


def amount(document: Document, keys: Keys, value: Any) -> float:
    """Dollars that may be spent. Raises BadInput."""
    number = float(document.typed(value, keys, (int, float), "dollars"))
    if not 0 <= number < 1e9:
        raise document.error(keys, f"expected dollars, 0 or more, found {number}")
    return number


def model_table(document: Document, keys: Keys, value: Any) -> dict[str, Any]:
    """The keys of a `[model]`, each checked. Raises BadInput with file and line."""
    table = document.typed(value, keys, dict, "a table [model]")
    for knob in SAMPLING_KNOBS:
        if knob in table:
            raise no_knob(document, (*keys, knob))
    document.only(table, keys, MODEL_KEYS)
    checks: dict[str, Callable[[Any, Keys], Any]] = {
        "id": lambda one, place: filled(document, one, place, "the name of a model"),
        "effort": lambda one, place: document.one_of(one, place, EFFORTS),
        "thinking": lambda one, place: document.one_of(one, place, THINKING),
        "max_tokens": lambda one, place: within(document, one, place, LEAST_TOKENS, MOST_TOKENS),
        "repeats": lambda one, place: within(document, one, place, 1, MOST_REPEATS),
        "base_url": lambda one, place: _endpoint(document, one, place),
        "key_env": lambda one, place: _environment_name(document, one, place),
    }
    return {key: checks[key](one, (*keys, key)) for key, one in table.items()}


def no_knob(document: Document, keys: Keys) -> BadInput:
    """The error for a temperature and its like."""
    return document.error(
        keys,
        f"the API takes no {keys[-1]} any more, so a judge has none",
        'effort = "low" ... "max" in [model] says how much it thinks, repeats = 3 how often it changes its mind',
    )


def filled(document: Document, value: Any, keys: Keys, expected: str) -> str:
    """A text that is not blank. Raises BadInput."""
    text = str(document.typed(value, keys, str, expected))
    if not text.strip():
        raise document.error(keys, f"expected {expected}, found an empty text")
    return text


def within(document: Document, value: Any, keys: Keys, least: int, most: int) -> int:
    """An integer within bounds. Raises BadInput."""
    number = int(document.typed(value, keys, int, f"an integer from {least} to {most:,}"))
    if not least <= number <= most:
        raise document.error(keys, f"expected an integer from {least} to {most:,}, found {number:,}")
    return number


def texts_of(document: Document, keys: Keys, value: Any) -> tuple[str, ...]:
    """An array of texts that are not blank, each once. Raises BadInput."""
    listed = document.typed(value, keys, list, "an array of texts")
    return tuple(dict.fromkeys(filled(document, one, keys, "texts") for one in listed))


def _endpoint(document: Document, value: Any, keys: Keys) -> str:
    text = filled(document, value, keys, "an address such as https://gateway.example/anthropic")
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0 and text.isprintable() and " " not in text
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or parts.scheme not in ("http", "https"):
        raise document.error(keys, "expected an address such as https://gateway.example/anthropic")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise document.error(
            keys,
            "an address of the endpoint alone: no name, key or query in it",
            "key_env names where the key is",
        )
    return text.rstrip("/")


def _environment_name(document: Document, value: Any, keys: Keys) -> str:
    name = filled(document, value, keys, "the name of an environment variable")
    if not _ENVIRONMENT_NAME.fullmatch(name) or _KEY_SHAPE.search(name):
        # What stands there may be the key itself: it is not repeated.
        raise document.error(
            keys,
            "expected the name of the environment variable that holds the key, such as ANTHROPIC_API_KEY",
            "a key itself never stands in a file",
        )
    return name
