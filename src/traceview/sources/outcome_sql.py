"""The SQL of a span's outcome in a generic table: whether it failed, and what is told of that."""

from __future__ import annotations

from collections.abc import Mapping

from traceview.sources import sql
from traceview.sources.field_source import FieldSource

_OK = (
    "ok",
    "success",
    "succeeded",
    "successful",
    "completed",
    "complete",
    "done",
    "passed",
    "true",
    "finished",
)
_ERROR = (
    "error", "err", "failed", "failure", "fail", "exception", "false", "timeout", "crashed", "critical", "fatal",
    "aborted",
)  # fmt: skip
_NO_ERROR = ("", "null", "none", "false", "0", "0.0", "[]", "{}", "nan", "no", "n", "ok", '""')

_ERROR_HEAD = (
    r"^\s*((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Timeout|Warning|Interrupt|Failure|Fault|Exit|Iteration"
    r"|NotFound|Exceeded|Denied|Refused|Unavailable|Forbidden|Unauthorized|Aborted|Cancelled|Limited|Request)"
    r"|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|E(?:CONN|TIME|PIPE|HOST|NET|ADDR)[A-Z]*|(?:HTTP )?[1-5]\d\d):\s+"
)
"""An exception class or an error code before a colon; prose such as `failed: ...` is none."""


def outcome(made: dict[str, str], words: dict[str, str], sources: Mapping[str, FieldSource]) -> None:
    """status, error_type, error_message and error_stack from whatever tells of failure."""
    status, level, error, message = (sources.get(n) for n in ("status", "level", "error", "error_message"))
    evidence: list[str] = []
    texts: list[str] = []
    if level is not None:
        evidence.append(f"lower({sql.as_text(level.sql, level.type)}) IN ('error', 'critical', 'fatal')")
    if error is not None:
        kind = sql.type_class(error.type)
        if kind in ("bool", "integer", "real"):
            evidence.append(f"coalesce({sql.as_real(error.sql, error.type)}, 0) > 0")
        else:
            whole = _present(sql.as_text(error.sql, error.type))
            evidence.append(f"{whole} IS NOT NULL")
            if not _says_yes_or_no(error.words):
                texts.append(_error_part(whole, ("message", "exception_message", "error", "detail")))
                for field, keys in (
                    ("error_type", ("type", "exception_type", "name", "code")),
                    ("error_stack", ("traceback", "stack", "stacktrace")),
                ):
                    found = _error_part(whole, keys, otherwise="NULL")
                    made[field] = sql.first_of(made[field], found) if field in made else found
                    words.setdefault(field, f"{error.words}: {keys[0]}")
    if message is not None:
        text = f"nullif({sql.as_text(message.sql, message.type)}, '')"
        texts.insert(0, text)
        if not message.words.lower().endswith(("status_message", "statusmessage", "description")):
            evidence.append(f"{_present(text)} IS NOT NULL")
    told = _status(status) if status is not None else "'unset'"
    if status is None and error is not None and sql.type_class(error.type) == "bool":
        told = f"CASE WHEN {error.sql} = false THEN 'ok' ELSE 'unset' END"
    made["status"] = f"CASE WHEN {' OR '.join(evidence)} THEN 'error' ELSE {told} END" if evidence else told
    if texts:
        given = [source.sql for source in (error, message) if source is not None]
        _error_texts(made, words, sql.first_of(*texts), " OR ".join(f"{item} IS NOT NULL" for item in given))
    said = [source.words for source in (status, level, error, message) if source is not None]
    words["status"] = " and ".join(said) or "nothing tells"
    if error is not None and message is None and texts:
        words["error_message"] = error.words


def _error_texts(made: dict[str, str], words: dict[str, str], text: str, given: str) -> None:
    """error_message and error_type; `RateLimitError: slow down` without a type of its own is split in two."""
    head = f"nullif(regexp_extract(line, {sql.literal(_ERROR_HEAD)}, 1), '')"
    rest = f"regexp_replace(line, {sql.literal(_ERROR_HEAD)}, '')"
    # of a traceback only the last line is the message
    last = r"trim(regexp_extract(said, '([^\n]*\S)\s*$', 1))"
    line = f"CASE WHEN starts_with(said, 'Traceback (') THEN {last} ELSE said END"

    def told(value: str, own: str | None = None) -> str:
        # a list of one gives a text its name, so that it is computed once; most rows have none at all
        inner = f"list_transform([{line}], lambda line: {value})[1]"
        found = f"list_transform([{text}], lambda said: {inner})[1]"
        if own is not None:
            # a name here too: a lambda copies every column that it mentions for all rows
            found = f"list_transform([{own}], lambda own: {found})[1]"
        return f"CASE WHEN {given} THEN {found} END"

    own = made.get("error_type")
    if own is None:
        made["error_type"] = told(head)
        words["error_type"] = "head of the error's text"
        made["error_message"] = told(f"CASE WHEN {head} IS NULL THEN line ELSE {rest} END")
        return
    made["error_type"] = sql.first_of(own, told(head))
    made["error_message"] = told(f"CASE WHEN coalesce(own, {head}) = {head} THEN {rest} ELSE line END", own)


def _says_yes_or_no(words: str) -> bool:
    return (
        words.lower().replace("_", "").startswith(("iserror", "haserror", "errored", "failed", "errorflag"))
    )


def _present(text: str) -> str:
    absent = ", ".join(sql.literal(word) for word in _NO_ERROR)
    return f"CASE WHEN lower(trim({text})) NOT IN ({absent}) THEN {text} END"


def _error_part(text: str, keys: tuple[str, ...], otherwise: str | None = None) -> str:
    """A text under one of the keys if the error is a JSON object, else all of it."""
    paths = ", ".join(sql.json_path(key) for key in keys)
    rest = text if otherwise is None else otherwise
    chosen = f"list_filter(json_extract_string({text}, [{paths}]), lambda item: item <> '')[1]"
    whole = f"coalesce({chosen}, {text})" if otherwise is None else chosen
    return f"CASE WHEN starts_with({text}, '{{') AND json_valid({text}) THEN {whole} ELSE {rest} END"


def _status(source: FieldSource) -> str:
    kind = sql.type_class(source.type)
    if kind == "bool":
        return f"CASE {source.sql} WHEN true THEN 'ok' WHEN false THEN 'error' ELSE 'unset' END"
    if kind in ("integer", "real"):
        number = source.sql
        return _status_number(number, "'unset'")
    if kind == "nested" or kind == "json":
        parsed = sql.parsed_json(source.sql, source.type)
        fields = ("'$.status_code'", "'$.code'", "'$'")
        text = sql.first_of(*(f"({parsed} ->> {field})" for field in fields))
    else:
        text = sql.as_text(source.sql, source.type)
    # the last word tells: StatusCode.ERROR, STATUS_CODE_OK, internal_error
    word = f"regexp_extract(lower({text}), '[a-z]+[^a-z]*$')"
    word = f"rtrim({word}, ' .!_-0123456789')"
    good, bad = (", ".join(sql.literal(item) for item in words) for words in (_OK, _ERROR))
    number = f"TRY_CAST({text} AS DOUBLE)"
    return (
        f"CASE WHEN {word} IN ({bad}) OR lower({text}) IN ('timed out', 'timed_out') THEN 'error' "
        f"WHEN {word} IN ({good}) THEN 'ok' ELSE {_status_number(number, chr(39) + 'unset' + chr(39))} END"
    )


def _status_number(number: str, otherwise: str) -> str:
    return (
        f"CASE WHEN {number} = 1 OR {number} BETWEEN 200 AND 399 THEN 'ok' "
        f"WHEN {number} = 2 OR {number} BETWEEN 400 AND 599 THEN 'error' ELSE {otherwise} END"
    )
