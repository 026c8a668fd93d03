"""The page about judges: its files are judges that can be used, and what a judge looks at is what stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jmespath

from traceview.definitions.document import parse_document
from traceview.definitions.judge_settings import parse_settings
from traceview.definitions.project import Project, parse_project
from traceview.judges.items import Item, items_of
from traceview.judges.loading import parsed
from traceview.judges.paths import found
from traceview.judges.rendering import is_missing, render
from traceview.model.judges import RenderedCall
from traceview.model.labels import Target
from traceview.sources.parts import write_part
from traceview.store.open import open_engine

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "judges.md").read_text()
BLOCKS = dict(re.findall(r"^```toml\n# (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
OBJECT = json.loads(re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0])
START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


def spans(
    name: str, at: int, question: str, answer: str, result: str, documents: str | None
) -> list[dict[str, Any]]:
    def span(
        end: str, kind: str, after: int, title: str, given: str, told: str, **more: Any
    ) -> dict[str, Any]:
        start = START + (at * 100 + after) * SECOND
        parent = None if end == "r" else f"{name}.r"
        return {
            "source": "test", "trace_id": name, "span_id": f"{name}.{end}", "parent_id": parent,
            "thread_id": "c1", "name": title, "kind": kind, "status": "ok", "start_ns": start, "end_ns": start + SECOND,
            "input_text": given, "output_text": told, **more,
        }  # fmt: skip

    asked = json.dumps({"q": question})
    said = json.dumps([{"role": "user", "content": question}])
    tool = {"tool_name": "search_knowledge", "tool_args": asked, "tool_result": result}
    call = {"model": "claude-x", "input_messages": said, "input_tokens": 10, "output_tokens": 5}
    found = (
        []
        if documents is None
        else [span("d", "retriever", 2, "retrieve", question, documents, documents=documents)]
    )
    return [
        span("r", "agent", 0, "assistant", question, answer),
        *found,
        span("t", "tool", 1, "search_knowledge", asked, result, **tool),
        span("m", "llm", 3, "llm", said, answer, **call),
    ]


def item(folder: Path) -> Item:
    """The second trace of the conversation that the page shows."""
    document = json.dumps([{"id": "d1", "text": "The price is 4 euros.", "score": 0.5}])
    rows = [
        *spans("t1", 0, "Where is the guide?", "See https://d.io/guide", "https://d.io/guide", None),
        *spans("t2", 1, "And the price?", "It is 4 euros.", '{"price": 4}', document),
        *spans("t3", 2, "That is wrong.", "Sorry, it is 5 euros.", '{"price": 5}', None),
    ]
    engine = open_engine([str(write_part(rows, folder, "part"))])
    try:
        engine.wait_ready()
        (found,) = items_of(engine, [Target("trace", "t2", "t2")])
    finally:
        engine.close()
    return found


def bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items() if one is not None and one != [] and one != {}}
    return [bare(one) for one in value] if isinstance(value, list) else value


def test_the_object_is_the_one_that_stands_there(tmp_path: Path) -> None:
    assert bare(item(tmp_path).object) == OBJECT


def test_the_files_are_judges_that_can_be_used(tmp_path: Path) -> None:
    judges = {name: text for name, text in BLOCKS.items() if name.startswith("judges/")}
    assert len(judges) == 3
    for name, text in judges.items():
        judge = parsed(parse_document(Path(name), text), Project(()))
        assert judge.name == Path(name).stem
        if judge.kind == "llm":
            call = render(judge, item(tmp_path))
            assert isinstance(call, RenderedCall) and "And the price?" in call.user


def test_the_table_of_the_project_is_one(tmp_path: Path) -> None:
    document = parse_document(Path("traceview.toml"), BLOCKS["traceview.toml"])
    parse_project(document, "cwd")
    settings = parse_settings(document)
    assert settings.redaction.fields and settings.redaction.names and settings.model["key_env"]


def test_the_paths_of_the_table_can_be_asked_and_the_common_ones_find_something() -> None:
    paths = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    paths = [path for path in paths if path not in ("off", "standard", "strict")]
    assert len(paths) == 11
    for path in paths:
        jmespath.compile(path)
    for path in paths[:5]:
        assert not is_missing(found(path, OBJECT)), path
