"""The SQL that turns feedback of whatever shape into canonical scores."""

from __future__ import annotations

from traceview.sources import sql


def scores(column: str, type_name: str, root: str) -> str:
    """Feedback in whatever shape (list of structs, JSON list, map of name to value) as canonical scores.

    Feedback on a root is about the whole trace.
    """
    feedback = sql.parsed_json(column, type_name)

    def pick(*keys: str) -> str:
        return sql.inside("item", [[key] for key in keys])

    # Each step is worked out once for an item and named: written out, the same text would stand in it forty times.
    found = {
        "target": f"lower({pick('target', 'level')} ->> '$')",
        "name": f"{pick('name', 'key', 'metric', 'assessment_name', 'criterion')} ->> '$'",
        "value": pick("score", "value", "numeric_value"),
        "label": f"{pick('label', 'string_value', 'category')} ->> '$'",
        "comment": f"{pick('comment', 'reason', 'explanation', 'rationale', 'note')} ->> '$'",
        "writer": pick("source", "annotator_kind", "source_type", "feedback_source"),
        "author": f"{pick('annotator', 'author', 'source_id', 'created_by', 'user', 'user_id')} ->> '$'",
        "correction": f"{pick('correction', 'corrected_output')} ->> '$'",
        "time": f"{pick('time', 'created_at', 'timestamp', 'updated_at')} ->> '$'",
    }
    told = {
        "picked": "item",
        "given": "item['value'] ->> '$'",
        "real": "TRY_CAST(item['value'] ->> '$' AS DOUBLE)",
        "written": "coalesce(item['writer'] ->> '$.type', item['writer'] ->> '$.source_type', item['writer'] ->> '$')",
    }
    known = {
        "picked": "item['picked']",
        "given": "item['given']",
        "number": (
            "CASE json_type(item['picked']['value']) WHEN 'BOOLEAN' THEN CASE item['given'] WHEN 'true' THEN 1.0 "
            "ELSE 0.0 END ELSE CASE WHEN isfinite(item['real']) THEN item['real'] END END"
        ),
        "written": "item['written']",
        "kind": _kind("lower(item['written'])"),
    }
    score = (
        "json_object('target', coalesce(CASE WHEN item['picked']['target'] IN ('span', 'trace', 'thread') "
        f"THEN item['picked']['target'] END, CASE WHEN {root} THEN 'trace' ELSE 'span' END), "
        "'name', item['picked']['name'], 'value', item['number'], "
        "'label', coalesce(item['picked']['label'], CASE WHEN item['number'] IS NULL THEN item['given'] END), "
        "'comment', item['picked']['comment'], 'source', item['kind'], "
        "'author', coalesce(item['picked']['author'], CASE WHEN item['kind'] IS NULL THEN item['written'] END), "
        "'correction', item['picked']['correction'], 'time', item['picked']['time'])"
    )
    one = "json_type(feedback) = 'OBJECT' AND json_extract_string(feedback, ['$.name', '$.key']) <> [NULL, NULL]"
    entry = "json_extract(feedback, '$.\"' || replace(name, '\"', '\\\"') || '\"')"
    merged = (
        f"CASE json_type({entry}) WHEN 'OBJECT' THEN json_merge_patch({entry}, json_object('name', name)) "
        f"WHEN 'NULL' THEN NULL ELSE json_object('name', name, 'value', {entry}) END"
    )
    items = (
        "CASE WHEN json_type(feedback) = 'ARRAY' THEN json_extract(feedback, '$[*]') "
        f"WHEN {one} THEN [feedback] "
        f"WHEN json_type(feedback) = 'OBJECT' THEN list_transform(json_keys(feedback), lambda name: {merged}) END"
    )
    listed = f"list_transform([{feedback}], lambda feedback: {items})[1]"
    made = f"list_filter({listed}, lambda item: json_type(item) = 'OBJECT')"
    for step in (found, told, known):
        made = f"list_transform({made}, lambda item: {_struct(step)})"
    whole = f"to_json(list_transform(items, lambda item: {score}))"
    return f"CAST(list_transform([{made}], lambda items: CASE WHEN len(items) > 0 THEN {whole} END)[1] AS VARCHAR)"


_KINDS = {
    "user": "'user', 'end_user', 'end-user', 'enduser', 'customer'",
    "human": "'human', 'annotation', 'annotator', 'manual', 'app', 'ui'",
    "llm": "'llm', 'llm_judge', 'judge', 'model', 'eval', 'ai'",
    "code": "'code', 'api', 'heuristic', 'auto', 'automatic'",
}
"""Who gave a score, and what writers call them."""


def _kind(written: str) -> str:
    cases = " ".join(f"WHEN {written} IN ({words}) THEN '{kind}'" for kind, words in _KINDS.items())
    return f"CASE {cases} END"


def _struct(fields: dict[str, str]) -> str:
    return "{" + ", ".join(f"'{name}': {value}" for name, value in fields.items()) + "}"
