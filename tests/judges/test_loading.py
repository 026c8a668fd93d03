"""Judge files: what they say, what is refused with file and line, and that one bad file hides no other judge."""

from __future__ import annotations

import os
import re
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from traceview.definitions.document import Document
from traceview.definitions.judge_mistakes import mistakes
from traceview.definitions.judge_settings import judge_settings
from traceview.definitions.project import Project, load_project
from traceview.judges.loading import LoadedJudges, every_mistake, load_judges, parsed
from traceview.model.errors import BadInput
from traceview.model.judges import AskedPart, Criterion, ModelSettings, Redaction, ScoreShape

LLM = """\
name = "url_from_search"
metric = "links_grounded"
version_note = "v3: ignore tracking parameters"
kind = "llm"
scope = "trace"
[score]
type = "boolean"
pass_means = "Every URL in the final answer appears in a search result."
fail_means = "At least one URL in the answer is in no search result."
allow_na = true
[model]
id = "claude-haiku-5-5"
effort = "low"
[variables]
question = { path = "thread.user_messages[-1].text", max_chars = 4000 }
answer = "trace.output.text"
tools = { path = "spans[?name=='search_knowledge'].output", on_missing = "empty" }
[prompt]
system = '''You check one thing about an assistant's answer.'''
user = '''Question: {{question}}  Answer: {{ answer }}  Tool results: {{tools}}'''
[filter]
where = "status:ok"
[sampling]
rate = 0.10
[budget]
usd_per_run = 2.00
[rule]
enabled = true
settle = "10m"
"""
CODE = """\
kind = "code"
[check]
use = "python:checks/urls.py:check"
limit = 3
"""
PARTS = """\
kind = "llm"
[model]
id = "m"
[score]
type = "boolean"
[[parts]]
name = "short"
pass_means = "It has at most 250 words."
[[parts]]
name = "linked"
pass_means = "It links its source."
[variables]
answer = "trace.output.text"
[prompt]
system = "You check an answer."
"""
CODE_PARTS = """\
kind = "code"
[[parts]]
name = "short"
use = "format_rules"
max_words = 250
[[parts]]
name = "calm"
use = "no_loop"
repeats = 3
"""
PYTHON = "import os\n\n\ndef check(trace, *, limit):\n    return {'verdict': True}\n"


def judges_of(folder: Path, project: str = "", **files: str) -> LoadedJudges:
    (folder / "traceview.toml").write_text(project)
    (folder / "judges").mkdir(exist_ok=True)
    (folder / "checks").mkdir(exist_ok=True)
    (folder / "checks" / "urls.py").write_text(PYTHON)
    for name, text in files.items():
        (folder / "judges" / f"{name}.toml").write_text(text)
    return load_judges(load_project(folder / "traceview.toml"))


def error_of(folder: Path, text: str, project: str = "") -> BadInput:
    loaded = judges_of(folder, project, one=text)
    assert loaded.judges == ()
    return loaded.refused[folder / "judges" / "one.toml"]


def test_a_model_judge_is_read_whole(tmp_path: Path) -> None:
    (judge,) = judges_of(tmp_path, one=LLM).judges
    assert (judge.name, judge.metric, judge.kind, judge.scope) == (
        "url_from_search",
        "links_grounded",
        "llm",
        "trace",
    )
    assert judge.model == ModelSettings("claude-haiku-5-5", effort="low")
    assert [(one.name, one.max_chars, one.on_missing) for one in judge.variables] == [
        ("question", 4000, "skip"),
        ("answer", None, "skip"),
        ("tools", None, "empty"),
    ]
    assert (judge.rate, judge.usd_per_run, judge.where) == (0.1, 2.0, "status:ok")
    assert (judge.rule.enabled, judge.rule.settle_s) == (True, 600.0)
    assert judge.redaction == Redaction("standard")
    assert re.fullmatch(r"[0-9a-f]{64}", judge.hash) and re.fullmatch(r"[0-9a-f]{64}", judge.rule_hash)


def test_a_code_judge_of_ones_own_takes_its_name_from_the_file_and_its_hash_from_its_python(
    tmp_path: Path,
) -> None:
    (judge,) = judges_of(tmp_path, mine=CODE).judges
    assert (judge.name, judge.metric, judge.scope) == ("mine", "mine", "trace")
    assert judge.checks[0].options == {"limit": 3}
    assert judge.score == ScoreShape("boolean", allow_na=True)
    (tmp_path / "checks" / "urls.py").write_text(PYTHON.replace("True", "False"))
    (changed,) = load_judges(load_project(tmp_path / "traceview.toml")).judges
    assert changed.hash != judge.hash


@pytest.mark.parametrize(
    "score",
    [
        'type = "numerical"\nmin = 0\nmax = 10',
        'type = "categorical"\nchoices = ["a", "b"]',
        'type = "numerical"',
    ],
)
def test_a_check_of_ones_own_may_give_any_score_that_no_project_defines(tmp_path: Path, score: str) -> None:
    loaded = judges_of(tmp_path, one=f"{CODE}[score]\n{score}\n")
    assert loaded.refused == {}
    assert loaded.judges[0].score.type == tomllib.loads(score)["type"]
    built_in = f'kind = "code"\n[check]\nuse = "format_rules"\nmax_words = 3\n[score]\n{score}\n'
    assert "format_rules passes or fails" in error_of(tmp_path, built_in).message


def test_parts_of_a_model_judge_are_criteria_that_code_combines(tmp_path: Path) -> None:
    (judge,) = judges_of(tmp_path, one=PARTS).judges
    assert judge.criteria == (
        Criterion("short", "It has at most 250 words."),
        Criterion("linked", "It links its source."),
    )
    assert judge.user == "{{answer}}"


ASKING = CODE_PARTS + "[[parts]]\nname = 'kind'\nuse = 'judge:other'\n"


def test_a_part_may_be_what_another_judge_says_whose_version_counts(tmp_path: Path) -> None:
    def hash_of(other: str) -> str:
        loaded = judges_of(tmp_path, one=ASKING, other=other)
        assert not loaded.refused
        one, said = loaded.judges
        assert (one.name, one.asked) == ("one", (AskedPart("kind", "other", "other", "judge", said.hash),))
        return one.hash

    first = hash_of(PARTS)
    assert first == hash_of(PARTS + "\n") != hash_of(PARTS.replace("250", "300"))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ('scope = "thread"\n' + CODE_PARTS, "other judges a thread, not a trace"),
        (CODE.replace("[check]", '[score]\ntype = "numerical"\nmin = 0\nmax = 3\n[check]'), "is numerical"),
        (ASKING.replace("judge:other", "judge:third"), "has parts of other judges itself"),
    ],
)
def test_a_judge_that_cannot_say_a_part_is_told_with_the_line(
    tmp_path: Path, other: str, message: str
) -> None:
    loaded = judges_of(tmp_path, one=ASKING, other=other, third=PARTS)
    assert list(loaded.refused) == [tmp_path / "judges" / "one.toml"]
    (error,) = loaded.refused.values()
    assert re.search(rf"one\.toml:12: parts\.\w+\.use: .*{message}", error.message), error.message


def test_what_the_project_says_of_a_metric_need_not_stand_twice(tmp_path: Path) -> None:
    project = """\
[feedback.tone]
type = "categorical"
choices = ["rude", "plain", "kind"]
[judges]
redaction = "strict"
fields = ["email"]
names = ["Acme"]
[judges.model]
id = "claude-haiku-5-5"
base_url = "https://gateway.example/anthropic/"
key_env = "GATEWAY_KEY"
max_tokens = 4000
"""
    text = LLM.replace('metric = "links_grounded"', 'metric = "tone"')
    text = re.sub(
        r"\[score\].*\[model\]\nid[^\n]*", '[score]\npass = ["plain", "kind"]\n[model]', text, flags=re.S
    )
    (judge,) = judges_of(tmp_path, project, one=text).judges
    assert judge.score == ScoreShape(
        "categorical", choices=("rude", "plain", "kind"), pass_choices=("plain", "kind"), allow_na=True
    )
    assert judge.score.passes("rude") is False and judge.score.passes("kind") is True
    assert judge.redaction == Redaction("strict", ("email",), ("Acme",))
    assert judge.model == ModelSettings(
        "claude-haiku-5-5",
        effort="low",
        max_tokens=4000,
        base_url="https://gateway.example/anthropic",
        key_env="GATEWAY_KEY",
    )


def test_the_hash_of_a_check_is_also_of_what_it_imports_from_its_project(tmp_path: Path) -> None:
    checks = tmp_path / "checks"
    (checks / "tools" / "deep").mkdir(parents=True)
    files = {
        "urls.py": "import json\nimport tools.deep\n\ndef check(item, limit=1):\n    from helper import limit\n",
        "helper.py": "import urls\nfrom tools import words\n",
        "tools/__init__.py": "",
        "tools/words.py": "from . import more\nfrom .deep.inner import x\nfrom ... import above\n",
        "tools/more.py": "not python",
        "tools/deep/__init__.py": "",
        "tools/deep/inner.py": "from ..other import y\n",
        "tools/other.py": "",
        "unused.py": "",
    }
    judges_of(tmp_path, mine=CODE)
    for name, text in files.items():
        (checks / name).write_text(text)

    def version() -> str:
        (judge,) = load_judges(load_project(tmp_path / "traceview.toml")).judges
        return judge.hash

    seen = {version()}
    (checks / "unused.py").write_text("x = 1\n")
    (checks / "helper.py").write_bytes(files["helper.py"].replace("\n", "\r\n").encode())
    assert {version()} == seen
    for name in files.keys() - {"unused.py", "urls.py"}:
        with (checks / name).open("a") as file:
            file.write("# changed\n")
        assert version() not in seen, name
        seen.add(version())
    (checks / "helper.py").unlink()
    (checks / "helper.py").symlink_to("/etc/hostname")
    assert version() not in seen


def test_the_hash_is_of_what_can_change_a_verdict(tmp_path: Path) -> None:
    (judge,) = judges_of(tmp_path, one=LLM).judges
    outside = LLM.replace('"url_from_search"', '"other"').replace("v3:", "v4:").replace("= 2.00", "= 9.0")
    outside = outside.replace("[model]", '[model]\nbase_url = "http://127.0.0.1:8000"\nkey_env = "K"')
    (same,) = judges_of(tmp_path, one=outside + "# a comment\r\n").judges
    assert (same.hash, same.rule_hash) == (judge.hash, judge.rule_hash)
    (sampled,) = judges_of(tmp_path, one=LLM.replace("0.10", "0.2")).judges
    assert sampled.hash == judge.hash and sampled.rule_hash != judge.rule_hash
    inside = (
        ('effort = "low"', 'effort = "high"'),
        ("Every URL", "Each URL"),
        ("max_chars = 4000", "max_chars = 4001"),
        ("You check one thing", "You check a thing"),
        ("allow_na = true", "allow_na = false"),
        ('"claude-haiku-5-5"', '"claude-sonnet-5-5"'),
        ('scope = "trace"', 'scope = "span"'),
        ("[examples]", "[examples]")
        if "[examples]" in LLM
        else ("[filter]", '[examples]\npinned = ["t"]\n[filter]'),
    )
    hashes = {judge.hash}
    for old, new in inside:
        (changed,) = judges_of(tmp_path, one=LLM.replace(old, new)).judges
        hashes.add(changed.hash)
    assert len(hashes) == len(inside) + 1
    (strict,) = judges_of(tmp_path, '[judges]\nredaction = "strict"\n', one=LLM).judges
    assert strict.hash not in hashes


def test_one_bad_file_hides_no_other_judge(tmp_path: Path) -> None:
    loaded = judges_of(
        tmp_path,
        good=CODE,
        bad="kind = [",
        twice='name = "good"\n' + CODE,
        filtered=LLM.replace("status:ok", "statsu:ok"),
    )
    assert [judge.name for judge in loaded.judges] == ["good"]
    assert {path.name for path in loaded.refused} == {"bad.toml", "twice.toml", "filtered.toml"}
    assert "bad.toml:1" in str(loaded.refused[tmp_path / "judges" / "bad.toml"])
    assert loaded.named(["good"])[0].name == "good"
    with pytest.raises(BadInput, match=r"bad\.toml:1"):
        loaded.named(["bad"])
    with pytest.raises(BadInput, match="did you mean good"):
        loaded.named(["god"])


def test_a_copy_under_another_name_is_the_one_that_is_refused(tmp_path: Path) -> None:
    loaded = judges_of(tmp_path, good='name = "good"\n' + CODE, a_copy='name = "good"\n' + CODE)
    assert [(judge.name, judge.path and judge.path.name) for judge in loaded.judges] == [
        ("good", "good.toml")
    ]
    ((path, error),) = loaded.refused.items()
    assert path.name == "a_copy.toml" and "a_copy.toml:1: name: good.toml has a judge good already" in str(
        error
    )
    assert error.hint is not None and 'name = "a_copy"' in error.hint


REFUSED: tuple[tuple[str, str, str, str], ...] = (
    # what is replaced in LLM, by what, a pattern of the message, of the hint
    ('kind = "llm"', "", r"one\.toml: kind is missing", ""),
    ('kind = "llm"', 'kind = "lm"', r"one\.toml:4: kind: expected code, llm, found 'lm'", "did you mean llm"),
    ('scope = "trace"', 'scope = "traces"', r":5: scope", "did you mean trace"),
    ("name =", "nme =", r":1: nme: unknown key", "did you mean name"),
    ('"url_from_search"', '"URL"', r":1: name: 'URL'", ""),
    ('"links_grounded"', '"note"', r":2: metric: note is kept", ""),
    ("allow_na = true", "alow_na = true", r":10: score\.alow_na: unknown key", "did you mean allow_na"),
    ("pass_means =", "# pass_means =", r":6: score: pass_means is missing", ""),
    ('"At least one URL in the answer is in no search result."', '"  "', r":9: score.fail_means: .*empty", ""),
    ('type = "boolean"', 'type = "text"', r":7: score.type: expected boolean, categorical", ""),
    ('type = "boolean"', 'type = "boolean"\nmin = 1', r":8: score.min: does not go with type boolean", ""),
    ('effort = "low"', "temperature = 0.0", r":13: model.temperature: the API takes no temperature", "effort"),
    ('effort = "low"', 'effort = "lo"', r":13: model.effort", "did you mean low"),
    ('effort = "low"', "max_tokens = 20_000", r":13: model.max_tokens: .*256 to 16,000.*20,000", ""),
    ('effort = "low"', "max_tokens = 100", r":13: model.max_tokens", ""),
    ('effort = "low"', "repeats = true", r":13: model.repeats: .*found true", ""),
    ('effort = "low"', 'key_env = "sk-ant-REDACT-ME"', r":13: model.key_env: expected the name of", "never stands"),
    ('effort = "low"', 'base_url = "ftp://x"', r":13: model.base_url: expected an address", ""),
    ('effort = "low"', 'base_url = "https://u:p@x.io"', r":13: model.base_url: .*no name, key", "key_env"),
    ("id =", "# id =", r":11: .*id is missing", ""),
    ("question = {", "questions = {", r":20: prompt.user: \{\{question\}\} has no", "did you mean questions"),
    ("{{tools}}", "none", r":17: variables.tools: .*stands nowhere", ""),
    ("one thing", "{{answer}}", r":19: prompt.system: \{\{answer\}\} may not stand in system", "instruct"),
    ("one thing", "how good it is on a scale from 1 to 5", r":19: prompt.system: asks for a number", "numerical"),
    ('"trace.output.text"', '"trace.output["', r":16: variables.answer: .*no JMESPath", ""),
    ('"trace.output.text"', '"trce.output.text"', r":16: variables.answer: .*no 'trce'", "did you mean trace"),
    ('"trace.output.text"', '"trace.outptu.text"', r":16: variables.answer: trace has no 'outptu'", "mean output"),
    ('"trace.output.text"', '"trace.output.txt"', r":16: variables.answer: trace.output has no 'txt'", "mean text"),
    ('"trace.output.text"', '"thread.user_message[-1].text"', r":16: .*thread has no 'user_message'", "user_messages"),
    ('"trace.output.text"', '"span.output.text"', r":16: variables.answer: a trace has no 'span'", "spans"),
    ("max_chars = 4000", "max_chars = 0", r":15: variables.question.max_chars", ""),
    ("max_chars = 4000", "max_char = 4000", r":15: variables.question.max_char: unknown", "max_chars"),
    ("rate = 0.10", "rate = 10", r":24: sampling.rate: expected a share", "0.1"),
    ("status:ok", "statsu:ok", r":22: filter.where: .*did you mean status", ""),
    ("usd_per_run = 2.00", "usd_per_run = -1", r":26: budget.usd_per_run", ""),
    ('"10m"', '"10 parsecs"', r":29: rule.settle", ""),
    ("[filter]", '[examples]\npinned = ["a", "a"]\n[filter]', r":22: examples.pinned: .*twice", ""),
    ("[filter]", '[check]\nuse = "x"\n[filter]', r":21: check: does not go with kind llm", ""),
    ("[filter]", 'combine = "any"\n[filter]', r":21: prompt.combine: unknown key", ""),
    ('[variables]', '[variable]', r":14: variable: unknown key", "variables"),
    ("[prompt]", "[[prompt]]", r":18: prompt: expected a table \[prompt\]", ""),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message", "hint"), REFUSED)
def test_what_is_wrong_is_said_with_file_and_line(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    assert LLM.count(old) >= 1
    error = error_of(tmp_path, LLM.replace(old, new, 1))
    assert error.exit_code == 2
    assert re.search(message, error.message), error.message
    assert re.search(hint, error.hint or ""), error.hint
    assert "REDACT-ME" not in str(error)


def test_what_is_no_file_or_too_large_is_refused_and_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "judges"
    folder.mkdir()
    os.mkfifo(folder / "pipe.toml")
    (folder / "zero.toml").symlink_to("/dev/zero")
    (folder / "large.toml").write_text("# " + "x" * 1_000_000)
    (folder / "deep.toml").write_text('kind = "llm"\n' + "a." * 50_000 + "a = 1\n")
    (folder / "spaced.toml").write_text('"a" . ' * 50_000 + "a = 1\n")
    text = CODE.replace("urls.py", "pipe.py")
    (tmp_path / "checks").mkdir()
    os.mkfifo(tmp_path / "checks" / "pipe.py")
    began = time.process_time()
    loaded = judges_of(tmp_path, fine=CODE, piped=text)
    assert time.process_time() - began < 3
    assert [one.name for one in loaded.judges] == ["fine"]
    said = {path.stem: error.message for path, error in loaded.refused.items()}
    assert "no regular file" in said["pipe"] and "no regular file" in said["zero"]
    assert "1,000,002 bytes, 1,000,000 at most" in said["large"]
    assert "deep.toml:2: a key has 64 dots at most" in said["deep"] and "64 dots" in said["spaced"]
    assert "piped.toml:3: check.use: cannot read" in said["piped"] and "pipe.py" in said["piped"]


def test_the_line_of_a_mistake_is_not_looked_for_forever(tmp_path: Path) -> None:
    lines = "One more line of a long prompt.\n" * 20_000
    began = time.process_time()
    error = error_of(tmp_path, f"version_note = '''\n{lines}'''\nkin = 1\n")
    assert "one.toml: kin: unknown key" in error.message
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("path", "times"),
    [
        ("trace | " + " | ".join(["[@, @]"] * 30), 2**30),
        ("spans" + "[].[@, @]" * 20, 2**20),
        ("spans.[@, @][] | " + " | ".join(["[@, @][]"] * 9), 2**10),
        ("trace." + "[@, @]." * 7 + "{a: @, b: @}", 2**8),
        ("trace" + " | to_string([@])" * 12, 2**12),
        ("map(&[@, @, @], map(&[@, @, @], map(&[@, @, @], map(&[@, @, @, @], spans))))", 108),
    ],
)
def test_paths_that_multiply_what_they_find_are_refused(tmp_path: Path, path: str, times: int) -> None:
    text = LLM.replace('answer = "trace.output.text"', f'answer = "{path}"')
    error = error_of(tmp_path, text)
    assert re.search(r"one.toml:16: variables.answer: .*", error.message), error.message
    assert f"can give back what it looks at {times:,} times, 100 at most" in error.message


@pytest.mark.parametrize(
    "path",
    [
        "spans[?kind=='tool'].{name: name, in: input.text, out: output.text, error: status}",
        "[trace, spans, thread]", "sort_by(spans, &start_time)[-1].output.text", "to_string(trace)",
        "join(', ', spans[].name)", "{a: spans[].{b: name, c: kind}, d: tool_calls[].{n: name, r: result}}",
    ],
)  # fmt: skip
def test_paths_that_people_write_are_taken(tmp_path: Path, path: str) -> None:
    loaded = judges_of(tmp_path, one=LLM.replace('answer = "trace.output.text"', f'answer = "{path}"'))
    assert loaded.refused == {}


CODE_REFUSED: tuple[tuple[str, str, str], ...] = (
    ('kind = "code"\n', r"needs \[check\]", r"python:"),
    (CODE.replace("python:checks/urls.py:check", "urls_from_tool"), r"one\.toml:3: check\.use: there is no check", ""),
    (CODE.replace("py:check", "py:chek"), r":3: check\.use: .*no function chek", "did you mean check"),
    (CODE.replace("urls.py", "gone.py"), r":3: check\.use: cannot read .*gone\.py", ""),
    (CODE.replace("checks/", "../"), r":3: check\.use: .*within the project", ""),
    (CODE.replace("checks/", "/tmp/"), r":3: check\.use: .*within the project", ""),
    ('kind = "code"\n[check]\nuse = "format_rules"\nno_table = false\n', r":2: check: .*no rule is given", "words"),
    (CODE + "[model]\nid = 'x'\n", r":5: model: does not go with kind code", ""),
    (CODE + "[[parts]]\nname = 'a'\n", r":5: parts: a judge has either", ""),
    ('kind = "code"\n[[parts]]\nuse = "python:checks/urls.py:check"\n', r":2: parts\.1: name is missing", ""),
    (
        'kind = "code"\n[[parts]]\nname = "a"\nuse = "python:checks/urls.py:check"\n' * 1
        + '[[parts]]\nname = "a"\nuse = "python:checks/urls.py:check"\n',
        r":6: parts\.a\.name: two parts are called a",
        "",
    ),
    ('kind = "code"\n[check]\nmax_words = 3\n', r":2: check: use is missing", "format_rules"),
    (CODE_PARTS.replace('use = "no_loop"', ""), r":6: parts\.calm: use is missing", "no_loop"),
    (CODE_PARTS.replace("no_loop", "noloop"), r":8: parts\.calm\.use: there is no check 'noloop'", "mean no_loop"),
    (CODE_PARTS.replace("repeats", "repeat"), r":9: parts\.calm\.repeat: unknown key", "did you mean repeats"),
    (CODE_PARTS.replace("= 3", "= 1"), r":9: parts\.calm\.repeats: expected 2 or more", ""),
    (CODE_PARTS.replace("max_words = 250", ""), r":2: parts\.short: .*no rule is given", "max_words"),
    (CODE_PARTS.replace('"calm"', '"Calm down"'), r":7: parts\.Calm down\.name: .*a part's name", ""),
    (CODE_PARTS + "[[parts]]\nuse = 'no_loop'\n", r":10: parts\.3: name is missing", ""),
    (CODE_PARTS + "[[parts]]\nname = 'kind'\nuse = 'judge:kin'\n", r":12: parts\.\w+\.use: .*no other judge", ""),
    (CODE_PARTS + "[[parts]]\nname = 'kind'\nuse = 'judge:one'\n", r":12: parts\.\w+\.use: .*no other judge", ""),
    (CODE_PARTS + "[[parts]]\nname = 'kind'\nuse = 'judge:'\n", r":12: parts\.kind\.use: .*expected judge:NAME", ""),
    (CODE_PARTS + "[[parts]]\nname = 'kind'\nuse = 'judge:a'\nmax = 1\n", r":13: parts\.kind\.max: unknown key", ""),
    ('kind = "code"\n[[parts]]\nname = "a"\nuse = "judge:b"\n', r":2: parts: at least one part is a check", ""),
    (CODE_PARTS.replace('"code"', '"model"'), r":1: kind: expected code, llm, found 'model'", "llm"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "message", "hint"), CODE_REFUSED)
def test_what_is_wrong_with_a_code_judge(tmp_path: Path, text: str, message: str, hint: str) -> None:
    error = error_of(tmp_path, text)
    assert re.search(message, error.message), error.message
    assert re.search(hint, error.hint or ""), error.hint


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ('type = "boolean"\npass_means = "Another question."', r"pass_means: differs from \[feedback.links_grounded\]"),
        ('type = "categorical"\nchoices = ["a", "b"]', r"type: differs from"),
        ('type = "text"', r":2: metric: links_grounded is a free text"),
        ('type = "boolean"\nscope = "thread"', r":5: scope: .*given to a thread"),
        ('type = "categorical"\nchoices = ["a", "b"]\nmulti = true', r":2: metric: .*several choices"),
    ],
)  # fmt: skip
def test_a_metric_that_asks_something_else_is_refused(tmp_path: Path, definition: str, message: str) -> None:
    error = error_of(tmp_path, LLM, f"[feedback.links_grounded]\n{definition}\n")
    assert re.search(message, error.message), error.message


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ('type = "categorical"\nchoices = ["a", "a"]', "choices: a choice stands there twice"),
        ('type = "categorical"\nchoices = ["a"]', "choices: expected choices"),
        ('type = "categorical"\nchoices = ["a", "n/a"]', "choices: 'n/a' is kept"),
        ('type = "categorical"\nchoices = ["a", "b"]\npass = ["c"]', "pass: 'c' is none of the choices"),
        ('type = "numerical"\nmin = 0\nmax = 100', "max: 0 to 100 are 101 values, 11 at most"),
        ('type = "numerical"\nmin = 5\nmax = 1', "min: min 5 is not below max 1"),
        ('type = "numerical"\nmin = 1.5\nmax = 4', "min: expected an integer"),
        ('type = "numerical"\nmin = 1', "max is missing"),
        ('type = "numerical"\nmin = 1\nmax = 5\npass_at_least = 6', "pass_at_least: 6 is not between"),
    ],
)
def test_scores_that_nobody_can_give_are_refused(tmp_path: Path, score: str, message: str) -> None:
    text = re.sub(r"\[score\].*\[model\]", f"[score]\n{score}\n[model]", LLM, flags=re.S)
    assert message in error_of(tmp_path, text).message


def test_a_wrong_table_of_the_project_is_said_with_its_line(tmp_path: Path) -> None:
    for table, message in (
        ('redaction = "strickt"', r"traceview\.toml:2: judges\.redaction: .*"),
        ("[judges.model]\ntop_p = 1", r":3: judges\.model\.top_p: the API takes no top_p"),
        ("redact = true", r":2: judges\.redact: unknown key"),
        ("usd_per_day = -1", r":2: judges\.usd_per_day: expected dollars, 0 or more"),
        ('usd_per_day = "5"', r":2: judges\.usd_per_day: expected dollars, found '5'"),
    ):
        with pytest.raises(BadInput, match=message):
            judges_of(tmp_path, f"[judges]\n{table}\n", one=LLM)


def test_a_project_without_judges_has_none(tmp_path: Path) -> None:
    (tmp_path / "traceview.toml").write_text("")
    assert load_judges(load_project(tmp_path / "traceview.toml")) == LoadedJudges((), {})


def test_the_examples_that_are_pinned_count_by_their_contents(tmp_path: Path) -> None:
    text = LLM.replace("[filter]", '[examples]\npinned = ["t1"]\n[filter]')
    (bare,) = judges_of(tmp_path, one=text).judges
    held = tmp_path / "judges" / "one.examples.json"
    held.write_text('{"examples": [{"id": "t1", "variables": {"answer": "a"}, "value": true}]}')
    (told,) = judges_of(tmp_path, one=text).judges
    assert told.pinned[0].variables == {"answer": "a"} and told.hash != bare.hash
    held.write_text(held.read_text().replace('"a"}', '"b"}'))
    (other,) = judges_of(tmp_path, one=text).judges
    assert len({bare.hash, told.hash, other.hash}) == 3
    assert replace(other, hash="", rule_hash="", pinned=()) == replace(bare, hash="", rule_hash="")
    held.write_text("{")
    assert "not a file of examples" in error_of(tmp_path, text).message


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=30)
    | st.sampled_from(["llm", "trace", "{{x}}", "a[", "python:x.py:f", "9" * 400, "10m", "boolean", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places_in(data: object, here: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(data, dict):
        return [here]
    return [here, *(place for key, one in data.items() for place in places_in(one, (*here, key)))][not here :]


@pytest.mark.parametrize("text", [LLM, CODE, PARTS], ids=["llm", "code", "parts"])
@given(data=st.data())
def test_whatever_stands_in_a_file_is_a_judge_or_an_error_for_people(text: str, data: st.DataObject) -> None:
    whole = tomllib.loads(text)
    place = data.draw(st.sampled_from(places_in(whole)))
    table = whole
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = data.draw(values)
    try:
        judge = parsed(Document(Path("one.toml"), text, whole), Project(()))
    except BadInput as error:
        assert "one.toml" in error.message or "urls.py" in error.message
        document, project = Document(Path("one.toml"), text, whole), Project(())
        told = [one.message for one in mistakes(document, project, judge_settings(project))]
        assert not told or len(told) == len(set(told))
    else:
        assert re.fullmatch(r"[0-9a-f]{64}", judge.hash)


@pytest.mark.parametrize(("old", "new", "message", "hint"), REFUSED)
def test_the_mistake_that_refuses_a_file_is_among_all_of_them(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    text = LLM.replace(old, new, 1)
    error = error_of(tmp_path, text)
    project = Project((), tmp_path / "traceview.toml", "cwd")
    found = every_mistake(project, tmp_path / "judges" / "one.toml", error)
    assert error.message in [one.message for one in found]
    assert all(one.message.startswith(str(tmp_path / "judges" / "one.toml")) for one in found)
