"""`[check]` and `[[parts]]` of a judge file: which checks a code judge runs, with which options."""

from __future__ import annotations

import ast
import re
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from traceview.definitions.document import MOST_BYTES, Document, Keys, nearest
from traceview.definitions.judge_settings import filled, texts_of
from traceview.definitions.python_imports import imported_hashes
from traceview.files.small import small_bytes
from traceview.model.checks import ASKED, CHECKS, PYTHON, CheckForm, CheckOption
from traceview.model.errors import BadInput
from traceview.model.judges import AskedPart, Check, Criterion
from traceview.model.labels import TargetKind

PART_NAME = re.compile(r"[a-z0-9_]{1,40}")
_LONGEST_EXPRESSION = 2_000


def parse_checks(document: Document, scope: TargetKind, folder: Path) -> tuple[Check, ...]:
    """The checks of a code judge: one of `[check]`, or several `[[parts]]`. Raises BadInput with file and line.

    `folder` is the project's: a check of its own, `python:FILE:FUNCTION`, stands below it. Nothing of it is run.
    """
    data = document.data
    if "check" in data and "parts" in data:
        raise document.error(("parts",), "a judge has either [check] or [[parts]]")
    if "check" not in data and "parts" not in data:
        raise document.error((), "a judge of kind code needs [check] with use = ..., or [[parts]]", _known())
    if "check" in data:
        table = document.typed(data["check"], ("check",), dict, "a table [check]")
        return (parse_check(document, ("check",), table, scope, folder, ""),)
    found = tuple(
        parse_check(document, ("parts", place), table, scope, folder, name)
        for place, (name, table) in enumerate(named_parts(document))
        if not is_asked(table)
    )
    if not found:
        raise document.error(
            ("parts",), "at least one part is a check: the others may be said by other judges"
        )
    return found


def parse_asked(document: Document) -> tuple[AskedPart, ...]:
    """The `[[parts]]` of a code judge that other judges say: `use = "judge:NAME"`. Raises BadInput."""
    if "parts" not in document.data:
        return ()
    return tuple(
        parse_asked_part(document, ("parts", place), name, table)
        for place, (name, table) in enumerate(named_parts(document))
        if is_asked(table)
    )


def parse_asked_part(document: Document, keys: Keys, name: str, table: dict[str, Any]) -> AskedPart:
    """One of them. Raises BadInput."""
    document.only(table, keys, ("name", "use"))
    judge = str(table["use"]).removeprefix(ASKED)
    if not PART_NAME.fullmatch(judge):
        raise document.error((*keys, "use"), f"{judge!r}: expected {ASKED}NAME, the name of another judge")
    return AskedPart(name, judge)


def is_asked(table: dict[str, Any]) -> bool:
    """Whether another judge says a part."""
    return str(table.get("use", "")).startswith(ASKED)


def parse_criteria(document: Document) -> tuple[Criterion, ...]:
    """The `[[parts]]` of a model judge: a name and what passes. Raises BadInput with file and line."""
    if "parts" not in document.data:
        return ()
    criteria = []
    for number, (name, table) in enumerate(named_parts(document)):
        place = ("parts", number)
        if name in ("explanation", "evidence", "verdict"):
            raise document.error((*place, "name"), f"{name} is a key of every reply, and no name of a part")
        if "use" in table:
            raise document.error(
                (*place, "use"),
                "a check of code does not go with kind llm",
                f'put it into a judge of kind code, which may have a part use = "{ASKED}NAME" of this one',
            )
        document.only(table, place, ("name", "pass_means"))
        if "pass_means" not in table:
            raise document.error(place, "pass_means is missing: a sentence")
        text = filled(document, table["pass_means"], (*place, "pass_means"), "a sentence")
        criteria.append(Criterion(name, text))
    if len(criteria) < 2:
        raise document.error(("parts",), "a judge with parts has two at least")
    return tuple(criteria)


def named_parts(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """Each of the `[[parts]]` with its name. Raises BadInput."""
    listed = document.typed(document.data["parts"], ("parts",), list, "tables [[parts]]")
    if not listed:
        raise document.error(("parts",), "expected at least one part")
    found: dict[str, dict[str, Any]] = {}
    for number, one in enumerate(listed):
        place = ("parts", number)
        table = document.typed(one, place, dict, "tables [[parts]]")
        if "name" not in table:
            raise document.error(place, "name is missing: every part has one")
        name = filled(document, table["name"], (*place, "name"), "a name")
        if not PART_NAME.fullmatch(name):
            raise document.error((*place, "name"), f"{name!r}: a part's name has a-z, 0-9 and _, 40 at most")
        if name in found:
            raise document.error((*place, "name"), f"two parts are called {name}")
        found[name] = table
    return list(found.items())


def parse_check(
    document: Document,
    keys: Keys,
    table: dict[str, Any],
    scope: TargetKind,
    folder: Path,
    name: str,
) -> Check:
    """One check, with its options. Raises BadInput with file and line."""
    given = {key: value for key, value in table.items() if key not in ("use", "name")}
    if not name and "name" in table:
        raise document.error((*keys, "name"), "unknown key", "only the parts of [[parts]] have names")
    if "use" not in table:
        raise document.error(keys, "use is missing: the check", _known())
    use = filled(document, table["use"], (*keys, "use"), "the name of a check")
    if use.startswith(PYTHON):
        return Check(use, given, name, _own_check(document, (*keys, "use"), use, folder))
    form = CHECKS.get(use)
    if form is None:
        hint = f"{nearest(use, CHECKS)}; or {PYTHON}FILE:FUNCTION of your own"
        raise document.error((*keys, "use"), f"there is no check {use!r}", hint)
    if scope not in form.scopes:
        raise document.error(
            ("scope",) if "scope" in document.data else keys,
            f"{use} checks a {' or a '.join(form.scopes)}, not a {scope}",
        )
    return Check(use, _options(document, keys, given, form), name, str(form.version))


def _options(document: Document, keys: Keys, given: dict[str, Any], form: CheckForm) -> dict[str, Any]:
    document.only(given, keys, form.options)
    for key, option in form.options.items():
        if option.required and key not in given:
            raise document.error(keys, f"{form.name} needs {key}: {option.about}")
    told = {key: one.default for key, one in form.options.items() if one.default is not None}
    return told | {
        key: _option(document, (*keys, key), value, form.options[key]) for key, value in given.items()
    }


def _option(document: Document, keys: Keys, value: Any, option: CheckOption) -> Any:
    match option.type:
        case "boolean":
            return document.typed(value, keys, bool, "true or false")
        case "integer" | "number":
            kinds, words = (int, "an integer") if option.type == "integer" else ((int, float), "a number")
            number = document.typed(value, keys, kinds, words)
            if option.minimum is not None and number < option.minimum:
                raise document.error(keys, f"expected {option.minimum:g} or more, found {number}")
            return number
        case "choice":
            return document.one_of(value, keys, option.choices)
        case "text" | "regex":
            text = filled(
                document, value, keys, "a text" if option.type == "text" else "a regular expression"
            )
            return _expression(document, keys, text) if option.type == "regex" else text
        case "texts" | "regexes":
            texts = texts_of(document, keys, [value] if isinstance(value, str) else value)
            if option.type == "regexes":
                for one in texts:
                    _expression(document, keys, one)
            return texts
        case "table":
            return document.typed(value, keys, dict, "a table")


def _expression(document: Document, keys: Keys, text: str) -> str:
    if len(text) > _LONGEST_EXPRESSION:
        raise document.error(keys, f"a regular expression has {_LONGEST_EXPRESSION:,} characters at most")
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise document.error(keys, f"{text!r} is no regular expression: {error}") from error
    return text


def _own_check(document: Document, keys: Keys, use: str, folder: Path) -> str:
    """The hash of the file that defines a function, and of what it imports from the project; nothing of it is run.

    Raises BadInput.
    """
    file, _, function = use.removeprefix(PYTHON).rpartition(":")
    if not file or not function.isidentifier():
        raise document.error(
            keys, f"{use!r}: expected {PYTHON}FILE:FUNCTION, such as python:checks/urls.py:check"
        )
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or path.suffix != ".py" or "\0" in file or "\\" in file:
        raise document.error(keys, f"{file}: a check of your own is a .py file within the project's folder")
    place = folder / file
    try:
        inside = place.resolve().is_relative_to(folder.resolve())
        text = small_bytes(place, MOST_BYTES) if inside else b""
    except OSError as error:
        raise document.error(keys, f"cannot read {place}: {error.strerror}") from error
    except BadInput as error:
        raise document.error(keys, error.message, error.hint) from error
    if not inside:
        raise document.error(keys, f"{file} leads out of the project's folder")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        reason = getattr(error, "msg", None) or str(error)
        raise BadInput(f"{place}{f':{line}' if line else ''}: not valid Python: {reason}") from error
    names = [one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    if function not in names:
        hint = nearest(function, names) if names else "it defines no function"
        raise document.error(keys, f"{file} has no function {function}", hint)
    own = sha256(text.replace(b"\r\n", b"\n")).hexdigest()
    try:
        imported = imported_hashes(place, tree, folder, MOST_BYTES)
    except OSError as error:
        raise document.error(keys, f"{file} imports {error.filename}: {error.strerror}") from error
    except BadInput as error:
        raise document.error(keys, error.message, error.hint) from error
    if not imported:
        return own
    told = "\n".join(f"{name} {one}" for name, one in sorted(imported.items()))
    return sha256(f"{own}\n{told}".encode("utf-8", "surrogatepass")).hexdigest()


def _known() -> str:
    return f'checks: {", ".join(sorted(CHECKS))}; or use = "{PYTHON}FILE:FUNCTION"'
