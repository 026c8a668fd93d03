"""Judges as the rest of the program sees them, whatever file they came from, and what can come of judging."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from traceview.model.labels import NOT_APPLICABLE, LabelValue, Target, TargetKind

JudgeKind = Literal["code", "llm"]
ScoreType = Literal["boolean", "categorical", "numerical"]
RedactionProfile = Literal["off", "standard", "strict"]

OBJECT_KEYS: Mapping[TargetKind, tuple[str, ...]] = {
    "span": ("span", "trace", "thread", "spans", "tool_calls", "retrieved"),
    "trace": ("trace", "thread", "spans", "tool_calls", "retrieved"),
    "thread": ("thread", "traces", "spans", "tool_calls", "retrieved"),
}
"""What the object that a judge of each scope looks at has: where a variable's path may begin."""

_SIDE = ("text", "messages")
FIXED_KEYS: Mapping[str, tuple[str, ...]] = {
    "trace": (
        "id", "trace_id", "thread_id", "name", "start_time", "duration_ms", "spans", "errors", "leaf_errors", "status",
        "input_tokens", "output_tokens", "cost_usd", "uncosted", "models", "prompt_versions", "user_id", "tags",
        "input", "output", "system", "messages",
    ),
    "trace.input": ("text",),
    "trace.output": ("text",),
    "span": (
        "id", "trace_id", "span_id", "parent_id", "thread_id", "name", "kind", "start_time", "end_time",
        "duration_ms", "status", "error_type", "error_message", "model", "provider", "prompt_name", "prompt_version",
        "prompt_inferred", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
        "reasoning_tokens", "cost_usd", "ttft_ms", "user_id", "tags", "duplicate_of", "input", "output", "tool",
        "documents", "metadata", "attributes",
    ),
    "span.input": _SIDE,
    "span.output": _SIDE,
    "thread": (
        "id", "traces", "left_out", "user_messages", "messages", "earlier_messages", "transcript",
        "next_user_message",
    ),
    "thread.next_user_message": ("text",),
}  # fmt: skip
"""The keys of what always has the same ones, by the path of it."""

OutcomeKind = Literal["scored", "not_applicable", "skipped", "unscored", "error", "unknown", "cancelled"]
"""A closed set; only `scored` has a value, `not_applicable` is a judgement too, the others are none."""

OUTCOME_REASONS: Mapping[OutcomeKind, tuple[str, ...]] = {
    "skipped": ("missing_variable", "filtered", "not_sampled", "too_long", "redaction_blocked"),
    "unscored": ("parse_error", "refusal", "truncated", "context_exceeded", "no_majority"),
    "error": (
        "auth", "billing", "bad_request", "not_found", "too_large", "rate_limited", "overloaded", "server", "timeout",
        "network", "check_failed", "check_timeout",
    ),
}  # fmt: skip
"""Why there is no value, for the outcomes that have reasons; `check_...` are a user's own Python check."""


class ScoreShape(Struct, frozen=True):
    """What a judge answers: pass or fail, one of the choices, or an integer within bounds.

    `pass_choices` and `pass_at_least` say which values pass; None where the judge does not tell.
    """

    type: ScoreType
    pass_means: str | None = None
    fail_means: str | None = None
    allow_na: bool = False
    choices: tuple[str, ...] = ()
    pass_choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    pass_at_least: int | None = None

    def passes(self, value: LabelValue) -> bool | None:
        """Whether a value is a pass; None for `does not apply`, and where the shape does not tell."""
        if value is None or value == NOT_APPLICABLE:
            return None
        if self.type == "boolean":
            return value if isinstance(value, bool) else None
        if self.type == "categorical":
            return value in self.pass_choices if self.pass_choices else None
        if isinstance(value, bool) or not isinstance(value, int | float) or self.pass_at_least is None:
            return None
        return value >= self.pass_at_least


class ModelSettings(Struct, frozen=True):
    """The model of a judge of kind `llm`. There is no temperature: the API refuses one.

    `base_url` is another endpoint that speaks the same protocol, `key_env` the environment variable that holds its key;
    neither is part of judge_hash. `thinking` is `auto` (as the model does by itself) or `off`.
    """

    id: str
    effort: str | None = None
    thinking: str = "auto"
    max_tokens: int = 2048
    repeats: int = 1
    base_url: str | None = None
    key_env: str | None = None


class Variable(Struct, frozen=True):
    """How `{{name}}` is filled: a JMESPath over the object `{span, trace, thread, spans, ...}`."""

    name: str
    path: str
    required: bool = True
    max_chars: int | None = None
    on_missing: Literal["skip", "empty"] = "skip"


class Criterion(Struct, frozen=True):
    """A part of a judge of kind `llm` that has several: the model says for each whether it is met, code combines them.

    `METRIC_NAME` is the feedback that it gives beside the whole one.
    """

    name: str
    pass_means: str


class PinnedExample(Struct, frozen=True):
    """An example that a model judge is shown before it judges: the variables as they would be sent, and the answer.

    `id` is the target it was made of, `value` what people said of it.
    """

    id: str
    variables: Mapping[str, str]
    value: LabelValue
    explanation: str = ""
    evidence: tuple[str, ...] = ()


class Redaction(Struct, frozen=True):
    """What is replaced before anything is sent: a profile (`off`, `standard`, `strict`), and the project's own.

    `fields` are keys whose values are replaced wherever they stand, `names` are texts that are.
    """

    profile: RedactionProfile = "standard"
    fields: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Check(Struct, frozen=True):
    """What a judge of kind `code` runs: a built-in check, or `python:FILE:FUNCTION` of the project; its options."""

    use: str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    """Of a part of a judge that has several: `METRIC_NAME` is the feedback that it gives beside the whole one."""
    version: str = "1"
    """Changes with what the check does: of a built-in one its version, of the project's own a hash.

    That is of its file and of what it imports from the project.
    """


class AskedPart(Struct, frozen=True):
    """A part of a judge of kind `code` that another judge says: its current score of the same item.

    `metric`, `source` and `hash` (judge_hash) are those of that judge, known once all files were read.
    """

    name: str
    judge: str
    metric: str = ""
    source: str = ""
    hash: str = ""


class Rule(Struct, frozen=True):
    """Judging as traces arrive: `settle_s` seconds after the last span of a trace, or turn of a thread."""

    enabled: bool = False
    settle_s: float = 600.0


class JudgeDefinition(Struct, frozen=True):
    """One judge: it gives one score, `metric`, to spans, traces or threads.

    `checks` has one entry for a single check and several for parts that must `combine`, with those of other judges,
    `asked`; `model`, `system`, `user`,
    `variables`, `criteria` (parts, which `combine` too), `examples` are of kind `llm`. `pinned` is what the file of
    examples holds of `examples`, in that order. `hash` (judge_hash) is the SHA-256 of what can change a verdict,
    `rule_hash` adds the filter and the sampling. `path` is None for a judge that no file holds.
    """

    name: str
    metric: str
    kind: JudgeKind
    scope: TargetKind
    score: ScoreShape
    hash: str = ""
    rule_hash: str = ""
    version_note: str | None = None
    checks: tuple[Check, ...] = ()
    asked: tuple[AskedPart, ...] = ()
    combine: Literal["all", "any"] = "all"
    model: ModelSettings | None = None
    system: str = ""
    user: str = ""
    variables: tuple[Variable, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    examples: tuple[str, ...] = ()
    pinned: tuple[PinnedExample, ...] = ()
    redaction: Redaction = Redaction()
    where: str = ""
    rate: float = 1.0
    max_per_day: int | None = None
    usd_per_run: float | None = None
    usd_per_day: float | None = None
    enabled: bool = True
    rule: Rule = Rule()
    path: Path | None = None

    @property
    def source(self) -> Literal["code", "judge"]:
        """The source of its label rows."""
        return "code" if self.kind == "code" else "judge"


class Judgement(Struct, frozen=True):
    """What came of judging one target. `value` is set where it was scored, NOT_APPLICABLE where it does not apply.

    `reason` is one of OUTCOME_REASONS where the outcome has some. `explanation` and `evidence` are for people; `parts`
    are the values of the parts of a judge that has several, by their names.
    """

    target: Target
    outcome: OutcomeKind
    value: LabelValue = None
    reason: str | None = None
    explanation: str = ""
    evidence: tuple[str, ...] = ()
    parts: Mapping[str, LabelValue] = field(default_factory=dict)


class RenderedCall(Struct, frozen=True):
    """Exactly what would be sent for one target, before a model sees it.

    `system` holds instructions, rubric and few-shots and is the same for every target of a judge; `user` holds what
    is not trusted. `schema` is the JSON schema of the reply. `call_key` is the SHA-256 of judge_hash, entity, input
    and repeat number: what has the same key is never paid twice. Texts are redacted already.
    """

    target: Target
    system: str
    user: str
    schema: Mapping[str, Any]
    input_hash: str
    call_key: str
    truncated: tuple[str, ...] = ()
    """Variables of which something was cut."""
    injection_suspected: bool = False
    redactions: Mapping[str, int] = field(default_factory=dict)
    """How many texts of each kind were replaced."""
