"""New judge files: from a template, from a feedback definition, from a failure mode and what people noted of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from traceview.definitions.document import nearest, written_like
from traceview.definitions.judge_files import JUDGE_NAME, judges_folder
from traceview.definitions.project import Project
from traceview.files.atomic import atomic_write
from traceview.model.checks import CHECKS, PYTHON, CheckForm, CheckOption
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import TargetKind

FOLDER = Path(__file__).with_name("judge_templates")
MODEL = "claude-haiku-5-5"
OWN = "python"
"""The template of a judge with a check of the project's own."""
CHECKS_FOLDER = "checks"
MOST_NOTES = 12
LONGEST_NOTE = 300
_MODEL_TEMPLATES: dict[str, str] = {
    "grounded": "every factual claim is supported by what was found",
    "answers_question": "the answer deals with what was asked",
    "tool_args_right": "the arguments of tool calls follow from what came before",
    "honest_when_missing": "where the sources lack it, the answer says so",
    "goal_reached": "a conversation: the user has what they came for",
}
_BEGIN_WITH: Mapping[tuple[str, str], Any] = {("format_rules", "max_words"): 250}
"""Options that are set in a new judge though none of them is required: without any it would check nothing."""
_ALTERNATIVES: Mapping[TargetKind, Sequence[tuple[str, str]]] = {
    "span": (
        ("input", '{ path = "span.input.text", max_chars = 12000, on_missing = "empty" }'),
        ("output", '{ path = "span.output.text", max_chars = 12000 }'),
    ),
    "trace": (
        ("question", '{ path = "trace.input.text", max_chars = 4000 }'),
        ("answer", '{ path = "trace.output.text", max_chars = 8000 }'),
        ("tool_calls", '{ path = "tool_calls[].{tool: name, arguments: arguments, result: result}", max_chars = 16000, '
         'on_missing = "empty" }'),
    ),
    "thread": (("conversation", '{ path = "thread.transcript", max_chars = 60000 }'),),
}  # fmt: skip
"""What a new judge of each scope is shown."""


def templates() -> dict[str, str]:
    """The templates of model and of code judges, and what each checks."""
    checks = {name: form.about for name, form in CHECKS.items()}
    return {**_MODEL_TEMPLATES, **checks, OWN: "a check of your own, in Python: a function in checks/NAME.py"}


def from_template(name: str, template: str, metric: str | None, project: Project) -> str:
    """The text of a judge file. Raises BadInput for a template that there is not."""
    metric = metric or name
    if template == OWN:
        return _of_own(name, metric, project.definition(metric))
    if template in CHECKS:
        return _of_check(name, metric, CHECKS[template], project.definition(metric))
    if template not in _MODEL_TEMPLATES:
        raise BadInput(f"there is no template {template!r}", hint=nearest(template, templates()))
    text = (FOLDER / f"{template}.toml").read_text(encoding="utf-8")
    return _named(text, name, metric, defined=project.definition(metric) is not None)


def from_feedback(name: str, definition: FeedbackDefinition) -> str:
    """The text of a model judge that asks what a feedback definition asks people; its [score] stands there.

    Raises BadInput for one that is asked of retrieved documents only.
    """
    kinds: list[TargetKind] = [scope for scope in definition.scopes if scope != "document"]
    if not kinds:
        raise BadInput(
            f"{definition.name} is asked of retrieved documents, which no judge looks at one by one"
        )
    scope: TargetKind = "trace" if "trace" in kinds else kinds[0]
    asked = definition.description or definition.pass_means or definition.name
    return _draft(
        name,
        definition.name,
        scope,
        "",
        (f"You check one thing, which is called {definition.name}: {asked}",),
        f"Asks what [feedback.{definition.name}] of traceview.toml asks people, where its [score] stands.",
    )


def from_mode(
    name: str, mode: str, description: str, notes: Sequence[str], of: int, scope: TargetKind
) -> str:
    """The text of a model judge that looks for a failure mode: `notes` are what people wrote where they saw it.

    `of` is how many notes there are; they stand in the prompt, the first MOST_NOTES of them.
    """
    told = [" ".join(note.split())[:LONGEST_NOTE] for note in notes[:MOST_NOTES]]
    score = "\n".join(
        (
            "[score]",
            'type = "boolean"',
            f"pass_means = {_quoted(f'The failure {mode!r} is not there.')}",
            f"fail_means = {_quoted(f'The failure {mode!r} is there' + (f': {description}' if description else '.'))}",
            "allow_na = false",
        )
    )
    lines = [f"You look for one failure, which people call {mode!r}."]
    lines += [f"It is: {description}"] if description else []
    if told:
        lines += ["What people noted where they saw it:", *(f"- {note}" for note in told)]
    lines.append("Other failures are not your question: what does not have this one passes.")
    about = f"Looks for the failure mode {mode!r}; {len(told)} of {of} notes of people stand in the prompt."
    return _draft(name, name, scope, score, lines, about)


def write_judge(project: Project, name: str, text: str, *, force: bool = False) -> Path:
    """Write `judges/NAME.toml`; the folder is made if need be. Raises BadInput if there is one, unless `force`."""
    path = judges_folder(project) / f"{name}.toml"
    if path.exists() and not force:
        raise BadInput(
            f"{path} is there already", hint="edit it, choose another name, or --force to replace it"
        )
    try:
        path.parent.mkdir(exist_ok=True)
        atomic_write(path, written_like(path, text), mode=0o644)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    return path


def write_check(project: Project, name: str) -> Path | None:
    """Write `checks/NAME.py` for a judge with a check of its own; None where it is there already. Raises BadInput."""
    path = project.folder / CHECKS_FOLDER / f"{name}.py"
    if path.exists():
        return None
    try:
        path.parent.mkdir(exist_ok=True)
        atomic_write(path, (FOLDER / "check.py.txt").read_text(encoding="utf-8"), mode=0o644)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    return path


def checked_name(name: str) -> str:
    """A judge's name. Raises BadInput for one that cannot be."""
    if not JUDGE_NAME.fullmatch(name):
        raise BadInput(f"{name!r}: a judge's name has a-z, 0-9 and _, 40 at most")
    return name


def _named(text: str, name: str, metric: str, *, defined: bool) -> str:
    """A template under another name; without its [score] where the project says what the metric asks."""
    import tomlkit

    document = tomlkit.parse(text)
    document["name"] = name
    if defined:
        document.pop("score")
    text = tomlkit.dumps(document)
    if defined:
        text = (
            f"# The criterion is what [feedback.{metric}] of traceview.toml asks people. Make the prompt below ask\n"
            f"# the same, or begin with `traceview judge new NAME --from-feedback {metric}`, whose prompt does.\n{text}"
        )
    if metric != name:
        line = next(line for line in text.splitlines(keepends=True) if line.startswith("name ="))
        text = text.replace(line, f"{line}metric = {_quoted(metric)}\n", 1)
    return text


def _of_check(name: str, metric: str, form: CheckForm, defined: FeedbackDefinition | None) -> str:
    """A code judge with one built-in check; the options that are not set stand there as comments."""
    scope = form.scopes[0] if "trace" not in form.scopes else "trace"
    lines = [
        f"# {form.about}",
        f"name = {_quoted(name)}",
        *([f"metric = {_quoted(metric)}"] if metric != name else []),
        'kind = "code"',
        f"scope = {_quoted(scope)}",
        "",
    ]
    if defined is None:
        lines += [
            "[score]", 'type = "boolean"', f"pass_means = {_quoted(form.pass_means)}",
            f"fail_means = {_quoted(form.fail_means)}", "allow_na = true", "",
        ]  # fmt: skip
    lines += ["[check]", f"use = {_quoted(form.name)}"]
    for key, option in form.options.items():
        given = _BEGIN_WITH.get((form.name, key))
        value = _literal(option) if given is None else json.dumps(given)
        lines.append(
            f"{'' if option.required or given is not None else '# '}{key} = {value}   # {option.about}"
        )
    return "\n".join((*lines, ""))


def _of_own(name: str, metric: str, defined: FeedbackDefinition | None) -> str:
    """A code judge with a check of the project's own."""
    lines = [
        f"# What passes is said by `check` in {CHECKS_FOLDER}/{name}.py.",
        f"name = {_quoted(name)}",
        *([f"metric = {_quoted(metric)}"] if metric != name else []),
        'kind = "code"',
        'scope = "trace"                # span | trace | thread',
        "",
    ]
    if defined is None:
        lines += ["[score]", 'type = "boolean"', "allow_na = true", ""]
    lines += [
        "[check]",
        f"use = {_quoted(f'{PYTHON}{CHECKS_FOLDER}/{name}.py:check')}",
        "most_words = 200               # other keys are its keyword arguments",
    ]
    return "\n".join((*lines, ""))


def _literal(option: CheckOption) -> str:
    """A value that an option may have, as TOML."""
    if option.default is not None:
        return json.dumps(option.default, ensure_ascii=False)
    examples: Mapping[str, Any] = {
        "boolean": True, "integer": int(option.minimum or 1), "number": 1.0, "text": "...", "texts": ["..."],
        "regex": "...", "regexes": ["..."],
    }  # fmt: skip
    if option.type == "table":
        return "{}"
    return json.dumps(examples.get(option.type, option.choices[0] if option.choices else ""))


def _draft(name: str, metric: str, scope: TargetKind, score: str, lines: Iterable[str], about: str) -> str:
    variables = _ALTERNATIVES[scope]
    system = "\n".join(lines).replace("'''", "' ' '")
    user = "\n\n".join(f"{one}:\n{{{{{one}}}}}" for one, _ in variables)
    parts = [
        f"# {about}",
        "# Calibrate me first: `traceview judge calibrate SOURCE NAME` says how often I am right.",
        f"name = {_quoted(name)}",
        *([f"metric = {_quoted(metric)}"] if metric != name else []),
        'kind = "llm"',
        f"scope = {_quoted(scope)}",
        "enabled = false",
        "",
        *([score, ""] if score else []),
        "[model]",
        f"id = {_quoted(MODEL)}",
        'effort = "low"',
        "",
        "[variables]       # `traceview judge paths SOURCE` lists what there is",
        *(f"{one} = {value}" for one, value in variables),
        "",
        "[prompt]",
        f"system = '''\n{_without_places(system)}\n'''",
        f"user = '''\n{user}\n'''",
        "",
        "[budget]",
        "usd_per_run = 2.00",
        "",
    ]
    return "\n".join(parts)


def _without_places(text: str) -> str:
    """Foreign words for a prompt: nothing in them is a place of a variable, and TOML's literal text takes them."""
    kept = "".join(one for one in text if one.isprintable() or one in "\n\t")
    return kept.replace("{{", "{ {").replace("}}", "} }")


def _quoted(text: str) -> str:
    return json.dumps("".join(one for one in text if one.isprintable()), ensure_ascii=False)
