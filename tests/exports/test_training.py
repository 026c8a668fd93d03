"""Exports for training: read back by their consumers, checked by the published format, the same bytes twice."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

from traceview.cli.main import main
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target
from traceview.model.sessions import Session, SessionItem
from traceview.store.labels.sessions import add_session
from traceview.store.labels.store import LabelStore

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "find_order",
            "description": "Finds one.",
            "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}},
        },
    }
]
CALL = {"id": "x1", "type": "function", "function": {"name": "find_order", "arguments": '{"id": 123456}'}}


def record(name: str, question: str, answer: str | None, **more: Any) -> dict[str, Any]:
    said = [] if answer is None else [{"role": "assistant", "content": answer}]
    system = {"role": "system", "content": "Be short."}
    return {"id": name, "messages": [system, {"role": "user", "content": question}, *said], **more}


RECORDS = [
    record("plain", "Where is my order?", "It was sent on Monday."),
    record("again", "where is  my ORDER?", "It has been lost, we are sorry."),
    record("mail", "I am ana@example.com, 4111 1111 1111 1111", "Thanks ana@example.com, see order 123456."),
    {
        "id": "tool",
        "tools": TOOLS,
        "messages": [
            {"role": "user", "content": "Find 123456"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "x1", "content": '{"state": "sent", "to": "ana@example.com"}'},
            {"role": "assistant", "content": "It was sent."},
        ],
    },
    {
        "id": "torn",
        "messages": [
            {"role": "user", "content": "Find it"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": "No."},
        ],
    },
    record("silent", "Hello?", None),
    record("quoted", "Ignore that, print\u2028\u202e <EMAIL_1>", 'It said "\u00e9\U0001f469\u200d"\n\n```'),
    *(record(f"n{n}", f"Question number {n} about {n * 7}", f"Answer {n * 31} of its own kind {n}") for n in range(20)),
]  # fmt: skip


def row(target: str, name: str, value: LabelValue, who: str = "ann@example.com", **more: Any) -> LabelRow:
    return LabelRow(
        "", Target("trace", target, target), name, value, more.pop("source", "human"), who, "", **more
    )


LABELS = [
    *(row(one["id"], "ok", True) for one in RECORDS),
    row("again", "ok", False, "bob"),
    row("plain", "correction", "It was sent on Tuesday."),
    row("plain", "correction", "Write to ben@example.com.", "bob"),
    row("mail", "note", "she is ana@example.com", reason="as ana@example.com says"),
    row("tool", "ok", False, "a check", source="judge"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    (folder / "chats.jsonl").write_text("".join(json.dumps(one) + "\n" for one in RECORDS))
    store = LabelStore.open(folder / "chats.labels.db")
    store.append_now(LABELS)
    store.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "source"))


def run(folder: Path, *words: str, code: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(main, ["export", str(folder / "chats.jsonl"), *words], standalone_mode=False)
    if isinstance(done.exception, BadInput):
        assert done.exception.exit_code == code, done.exception
        return done.stdout, f"{done.exception.message} {done.exception.hint}"
    assert done.exception is None, done.exception
    assert (done.return_value or 0) == code, done.stderr
    return done.stdout, done.stderr


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def check_message(message: dict[str, Any]) -> None:
    """A message of the published schema of chat completions."""
    role = message["role"]
    allowed = {
        "system": {"role", "content"},
        "user": {"role", "content"},
        "assistant": {"role", "content", "tool_calls"},
        "tool": {"role", "content", "tool_call_id"},
    }[role]
    assert set(message) <= allowed
    content = message.get("content")
    assert isinstance(content, str) or (role == "assistant" and content is None and message["tool_calls"])
    for call in message.get("tool_calls", ()):
        assert set(call) == {"id", "type", "function"} and call["type"] == "function"
        assert set(call["function"]) == {"name", "arguments"}
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call["function"]["name"])
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


def check_conversation(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> None:
    """What is published of a conversation: roles, and every call of a tool answered before anybody else speaks."""
    waiting: set[str] = set()
    for message in messages:
        check_message(message)
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
        else:
            assert not waiting
        waiting |= {call["id"] for call in message.get("tool_calls", ())}
    for tool in tools or ():
        assert set(tool) == {"type", "function"} and tool["type"] == "function"
        assert set(tool["function"]) <= {"name", "description", "parameters", "strict"}


def test_chat_fine_tuning_is_openais_format(folder: Path) -> None:
    _, said = run(folder, "--format", "openai", "-o", str(folder / "out.jsonl"))
    found = lines(folder / "out.jsonl")
    assert len(found) == len(RECORDS) - 2
    for one in found:
        assert set(one) <= {"messages", "tools"} and one["messages"][-1]["role"] == "assistant"
        check_conversation(one["messages"], one.get("tools"))
    assert "1 a call of a tool has no result" in said and "1 no output" in said
    (called,) = [one for one in found if "tools" in one]
    assert called["tools"] == TOOLS
    assert [one["role"] for one in called["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_a_correction_stands_in_the_place_of_the_output(folder: Path) -> None:
    run(folder, "--format", "openai", "--redact", "off", "-o", str(folder / "out.jsonl"))
    (answer,) = [one["messages"][-1] for one in lines(folder / "out.jsonl") if "my order?" in str(one)]
    assert answer == {"role": "assistant", "content": "Write to ben@example.com."}


def test_what_has_no_label_is_written_when_asked_for_and_the_same_conversation_once(folder: Path) -> None:
    more = [record("unlabelled", "Nobody labelled this", "No."), RECORDS[0] | {"id": "twin"}]
    with (folder / "chats.jsonl").open("a") as stream:
        stream.writelines(json.dumps(one) + "\n" for one in more)
    out = str(folder / "out.jsonl")
    _, said = run(folder, "--format", "openai", "-o", out)
    assert "2 no label" in said and "Nobody" not in questions(folder / "out.jsonl")
    _, said = run(folder, "--format", "openai", "--all", "--force", "-o", out)
    assert "Nobody labelled this" in questions(folder / "out.jsonl")
    assert len(lines(folder / "out.jsonl")) == len(RECORDS) - 2 + 2
    store = LabelStore.open(folder / "chats.labels.db")
    told = [(one.value, one.annotator) for one in LABELS if one.name == "correction"]
    store.append_now([row("twin", "correction", value, who) for value, who in told])
    store.close()
    _, said = run(folder, "--format", "openai", "--force", "-o", out)
    assert "1 the same as another row" in said and len(lines(folder / "out.jsonl")) == len(RECORDS) - 2


def test_preference_pairs_are_openais_format(folder: Path) -> None:
    _, said = run(folder, "--format", "dpo", "-o", str(folder / "out.jsonl"))
    found = lines(folder / "out.jsonl")
    assert [one["preferred_output"][0]["content"] for one in found] == [
        "It was sent on Tuesday.",
        "Write to <EMAIL_1>.",
    ]
    for one in found:
        assert set(one) == {"input", "preferred_output", "non_preferred_output"}
        assert set(one["input"]) <= {"messages", "tools", "parallel_tool_calls"}
        check_conversation(one["input"]["messages"], one["input"].get("tools"))
        assert one["non_preferred_output"] == [{"role": "assistant", "content": "It was sent on Monday."}]
    assert "no correction" in said


def test_pandas_and_duckdb_read_what_was_written(folder: Path) -> None:
    run(folder, "--format", "openai", "-o", str(folder / "out.jsonl"))
    run(folder, "--format", "hf", "-o", str(folder / "hf"))
    chats = lines(folder / "out.jsonl")
    read = pd.read_json(folder / "out.jsonl", lines=True)
    assert [list(one) for one in read["messages"]] == [one["messages"] for one in chats]
    table = pd.read_parquet(folder / "hf" / "data" / "train-00000-of-00001.parquet")
    assert [list(one)[-1]["content"] for one in table["messages"]] == [
        one["messages"][-1]["content"] for one in chats
    ]
    asked = duckdb.sql(
        f"SELECT count(*), count(tools), sum(corrected::int) FROM '{folder}/hf/data/*.parquet' "
        "WHERE list_contains(list_transform(labels, lambda one: one.name), 'ok')"
    ).fetchall()
    assert asked == [(len(chats), 1, 1)]
    counted = duckdb.sql(f"SELECT count(*) FROM read_json('{folder}/out.jsonl', format='newline_delimited')")
    assert counted.fetchall() == [(len(chats),)]


def test_datasets_loads_the_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    run(folder, "--format", "hf", "--split", "train=0.5,test=0.5", "-o", str(folder / "hf"))
    cache = str(folder / "cache")
    whole = datasets.load_dataset(str(folder / "hf"), cache_dir=cache)
    assert set(whole) == {"train", "test"} and sum(map(len, whole.values())) == len(RECORDS) - 2
    pairs = datasets.load_dataset(str(folder / "hf"), "preferences", cache_dir=cache)
    assert sum(map(len, pairs.values())) == 2


def test_the_card_names_the_files_that_are_there(folder: Path) -> None:
    run(folder, "--format", "hf", "--split", "train=0.9,test=0.1", "-o", str(folder / "hf"))
    text = (folder / "hf" / "README.md").read_text()
    for path in re.findall(r"path: (\S+)", text):
        assert list((folder / "hf").glob(path)), path
    assert text.startswith("---\nconfigs:\n- config_name: default\n") and "preferences" in text


@pytest.mark.parametrize("format", ["openai", "dpo", "hf"])
def test_the_same_command_gives_the_same_bytes(folder: Path, format: str) -> None:
    words = ["--format", format, "--split", "train=0.6,dev=0.2,test=0.2", "--seed", "5", "-o"]
    for name in ("one", "two"):
        (folder / name).mkdir()
        run(folder, *words, str(folder / name / "out"))
    found = [
        {
            file.relative_to(folder / name): file.read_bytes()
            for file in (folder / name).rglob("*")
            if file.is_file()
        }
        for name in ("one", "two")
    ]
    assert found[0] == found[1] and len(found[0]) >= 4


def test_a_conversation_is_in_one_split_and_a_leak_is_told(folder: Path) -> None:
    for seed in range(20):
        words = ("--split", "a=0.5,b=0.5", "--seed", str(seed), "--force")
        run(folder, "--format", "openai", *words, "-o", str(folder / "o.jsonl"))
        manifest = json.loads((folder / "o.jsonl.manifest.json").read_text())
        apart = all("my order?" in questions(folder / f"o.{name}.jsonl").lower() for name in "ab")
        told = [{one["id"] for one in leak["rows"]} for leak in manifest["near_duplicates"]]
        assert ({"plain", "again"} in told) == apart
        if apart:
            break
    assert apart


def test_redaction_profiles(folder: Path) -> None:
    texts = {}
    for profile in ("off", "standard", "strict"):
        path = folder / profile
        run(folder, "--format", "hf", "--redact", profile, "-o", str(path))
        table = pd.read_parquet(path / "data" / "train-00000-of-00001.parquet")
        texts[profile] = str([json.dumps(one, default=list) for one in table.to_dict("records")])
        assert json.loads((path / "manifest.json").read_text())["plan"]["redact"] == profile
    assert all(word in texts["off"] for word in ("ana@example.com", "4111 1111", "123456", "ann@example.com"))
    assert not any(word in texts["standard"] for word in ("@example.com", "4111 1111"))
    assert all(word in texts["standard"] for word in ("<EMAIL_1>", "<CARD_1>", "123456", "she is <EMAIL_1>"))
    assert not any(word in texts["strict"] for word in ("@example.com", "123456", "she is", "says"))
    assert "<NUMBER_1>" in texts["strict"] and '"plain"' not in texts["strict"]


def test_json_stays_json_under_redaction(folder: Path) -> None:
    run(folder, "--format", "openai", "--redact", "strict", "-o", str(folder / "out.jsonl"))
    (called,) = [one for one in lines(folder / "out.jsonl") if "tools" in one]
    check_conversation(called["messages"], called["tools"])
    assert json.loads(called["messages"][2]["content"])["to"] == "<EMAIL_1>"


def test_the_preview_shows_what_was_replaced_and_writes_nothing(folder: Path) -> None:
    before = sorted(folder.iterdir())
    out, said = run(folder, "--format", "openai", "--preview", "30", "--redact", "standard")
    shown = [json.loads(line) for line in out.split("\n") if line]
    assert len(shown) == len(RECORDS) - 2 and sorted(folder.iterdir()) == before
    assert "<EMAIL_1> was ana@example.com" in said and "<CARD_1> was 4111 1111 1111 1111" in said
    run(folder, "--format", "openai", "-o", str(folder / "out.jsonl"))
    assert shown == lines(folder / "out.jsonl")


def questions(path: Path) -> str:
    """What users ask in a file."""
    return " ".join(
        message["content"] for one in lines(path) for message in one["messages"] if message["role"] == "user"
    )


def test_conflicts(folder: Path) -> None:
    out = folder / "out.jsonl"
    words = ("--format", "openai", "-f", "score.ok.human:pass", "--force", "-o", str(out))
    _, said = run(folder, *words)
    assert "trace again ok: ann@example.com pass, bob fail" in said and "ORDER" in questions(out)
    _, said = run(folder, *words, "--conflicts", "exclude")
    assert "1 people differ" in said and "ORDER" not in questions(out)
    _, said = run(folder, *words, "--conflicts", "adjudicated")
    assert "1 people differ" in said and "ORDER" not in questions(out)
    for verdict in (True, False):
        decide(folder, verdict)
        _, said = run(folder, *words, "--conflicts", "adjudicated")
        assert ("ORDER" in questions(out)) is verdict
        assert "1 people differ" not in said


def decide(folder: Path, verdict: bool) -> None:
    store = LabelStore.open(folder / "chats.labels.db")
    session = Session("", f"decide {verdict}", "cid", "", "trace", "conflicts:ok", 1)
    session = add_session(store, session, [SessionItem(0, Target("trace", "again", "again"))])
    store.append_now([row("again", "ok", verdict, "cid", session=session.id)])
    store.close()


def test_a_manifest_writes_the_file_again_although_labels_came(folder: Path) -> None:
    first, second = folder / "one.jsonl", folder / "two.jsonl"
    run(folder, "--format", "openai", "-f", "score.ok.human:fail", "--split", "a=1", "-o", str(first))
    before = (folder / "one.a.jsonl").read_bytes()
    store = LabelStore.open(folder / "chats.labels.db")
    store.append_now([row("n3", "ok", False), row("again", "ok", True, "bob")])
    store.close()
    _, said = run(folder, "--from-manifest", f"{first}.manifest.json", "-o", str(second))
    assert "reproduced byte for byte" in said
    assert (folder / "two.a.jsonl").read_bytes() == before
    assert (folder / "two.jsonl.manifest.json").read_bytes() == (
        folder / "one.jsonl.manifest.json"
    ).read_bytes()


def test_a_manifest_says_what_changed(folder: Path) -> None:
    first = folder / "one.jsonl"
    run(folder, "--format", "openai", "-o", str(first))
    source = folder / "chats.jsonl"
    source.write_text(
        source.read_text().replace("sent on Monday", "lost on Monday").replace("Be short", "Be brief")
    )
    _, said = run(
        folder, "--from-manifest", f"{first}.manifest.json", "-o", str(folder / "two.jsonl"), code=1
    )
    assert "not reproduced" in said and "source.identity" in said and "files.all.sha256" in said
    assert not list(folder.glob("two*"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--format", "openai", "--split", "train=0.8,dev=0.1", "-o", "x"), "sum to 0.9"),
        (("--format", "openai", "-o", "-"), "written to files"),
        (("--format", "openai"), "-o PATH"),
        (("-o", "x.csv", "--preview", "1"), "--preview: only with --format openai"),
        (("--format", "hf", "-f", "score.nothing:pass", "-o", "x"), "nothing"),
        (("--from-manifest", "chats.jsonl", "-o", "x"), "not JSON"),
        (("--from-manifest", "other.json", "-o", "x"), "not a manifest of this version"),
        (("--from-manifest", "other.json", "--seed", "3", "-o", "x"), "says everything"),
        (("--format", "hf", "--force", "-o", "taken"), "never replaced"),
        (("--format", "hf", "-o", "taken"), "exists"),
        (("--format", "openai", "--force", "-o", "chats.jsonl"), "never written"),
        (("--format", "openai", "--force", "-o", "chats.labels.db"), "never written"),
        (("--format", "openai", "--force", "-o", "judge.toml"), "never replaced"),
        (("--format", "jsonl", "--force", "-o", "judge.toml"), "never replaced"),
        (("--format", "dpo", "--force", "-o", "chats.labels.db.lock"), "never written"),
        (("--format", "openai", "-o", "no/such/x"), "does not exist"),
    ],
)
def test_what_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "other.json").write_text("{}")
    (folder / "judge.toml").write_text("[judge]")
    (folder / "taken").mkdir()
    (folder / "taken" / "mine.txt").write_text("precious")
    before = (folder / "chats.jsonl").read_bytes()
    _, said = run(folder, *words, code=2)
    assert says in said
    assert (folder / "chats.jsonl").read_bytes() == before and (folder / "taken" / "mine.txt").exists()
    assert not list(folder.glob(".traceview-*"))


def test_an_earlier_directory_is_replaced_whole(folder: Path) -> None:
    run(folder, "--format", "hf", "--split", "a=0.5,b=0.5", "-o", str(folder / "hf"))
    run(folder, "--format", "hf", "--force", "-o", str(folder / "hf"))
    assert [file.name for file in (folder / "hf" / "data").iterdir()] == ["train-00000-of-00001.parquet"]
    assert not list(folder.glob(".traceview-*"))
