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

    value = pick("score", "value", "numeric_value")
    label = pick("label", "string_value", "category")
    given = f"({value} ->> '$')"
    number = (
        f"CASE json_type({value}) WHEN 'BOOLEAN' THEN CASE {given} WHEN 'true' THEN 1.0 ELSE 0.0 END "
        f"ELSE CASE WHEN isfinite(TRY_CAST({given} AS DOUBLE)) THEN TRY_CAST({given} AS DOUBLE) END END"
    )
    named_label = f"coalesce({label} ->> '$', CASE WHEN ({number}) IS NULL THEN {given} END)"
    writer = pick("source", "annotator_kind", "source_type", "feedback_source")
    written = f"coalesce({writer} ->> '$.type', {writer} ->> '$.source_type', {writer} ->> '$')"
    kind = (
        f"CASE WHEN lower({written}) IN ('user', 'end_user', 'end-user', 'enduser', 'customer') THEN 'user' "
        f"WHEN lower({written}) IN ('human', 'annotation', 'annotator', 'manual', 'app', 'ui') THEN 'human' "
        f"WHEN lower({written}) IN ('llm', 'llm_judge', 'judge', 'model', 'eval', 'ai') THEN 'llm' "
        f"WHEN lower({written}) IN ('code', 'api', 'heuristic', 'auto', 'automatic') THEN 'code' END"
    )
    who = pick("annotator", "author", "source_id", "created_by", "user", "user_id")
    author = f"coalesce({who} ->> '$', CASE WHEN ({kind}) IS NULL THEN {written} END)"
    target = (
        f"coalesce(CASE WHEN lower({pick('target', 'level')} ->> '$') IN ('span', 'trace', 'thread') "
        f"THEN lower({pick('target', 'level')} ->> '$') END, CASE WHEN {root} THEN 'trace' ELSE 'span' END)"
    )
    name = pick("name", "key", "metric", "assessment_name", "criterion")
    item = (
        f"json_object('target', {target}, 'name', {name} ->> '$', "
        f"'value', {number}, 'label', {named_label}, "
        f"'comment', {pick('comment', 'reason', 'explanation', 'rationale', 'note')} ->> '$', "
        f"'source', {kind}, 'author', {author}, 'correction', {pick('correction', 'corrected_output')} ->> '$', "
        f"'time', {pick('time', 'created_at', 'timestamp', 'updated_at')} ->> '$')"
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
    kept = f"list_filter({listed}, lambda item: json_type(item) = 'OBJECT')"
    return f"CAST(nullif(to_json(list_transform({kept}, lambda item: {item})), '[]') AS VARCHAR)"
