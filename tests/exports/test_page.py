"""A shared page: nothing foreign acts in it, nothing is loaded, what is left out is said."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.cli.main import main
from traceview.exports.page.content import TEXT_LIMIT, Entry, PageContent, Section, SpanEntry
from traceview.exports.page.html import to_html
from traceview.exports.page.markdown import to_markdown
from traceview.exports.page.write import render_page
from traceview.model.errors import BadInput, Cancelled
from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.store.open import open_engine

SAMPLE = Path(__file__).parents[2] / "sample_data" / "traces.parquet"
ALLOWED = frozenset(
    """
    html head meta title style body h1 h2 h3 h4 h5 h6 dl div dt dd ul ol li section header b small p pre code a em
    strong blockquote table thead tbody tr th td hr br details summary span i footer
    """.split()  # noqa: SIM905
)
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "[click](javascript:alert(1))",
    "</pre></section><script>1</script>",
    '" onmouseover="alert(1)',
    "```\n# out of the fence\n````\n",
    "<style>*{display:none}</style>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "\x1b[31m\u202e\x00",
]


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def page(text: str) -> PageContent:
    section = Section(text, text, code=True)
    return PageContent(
        title=text,
        facts=((text, text),),
        labels=(text,),
        conversation=(
            Entry("user", (text,), text, (section,), error=text, turn=1),
            Entry("assistant", (text,), text, (section,), depth=1, turn=1),
        ),
        trees=((text, (SpanEntry(0, "llm", text, (text,), text, 0.0, 1.0, (section,)),)),),
        left_out=text,
    )


def check(text: str) -> None:
    seen = Seen()
    seen.feed(to_html(page(text), text))
    assert seen.tags <= ALLOWED
    assert seen.attributes <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "style", "id", "href", "title", "start",
    }  # fmt: skip
    for link in seen.links:
        assert not re.match(r"(?i)\s*(javascript|vbscript|data|file):", link)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_stay_texts(text: str) -> None:
    check(text)


@given(st.text(alphabet=st.sampled_from("<>&\"'`[]()!/\\#=:;abcjs \n\t\x00"), max_size=80))
@settings(max_examples=300)
def test_no_text_becomes_a_tag_of_its_own(text: str) -> None:
    check(text)


@given(st.text(alphabet=st.sampled_from("`~\nab# "), max_size=60))
def test_no_text_closes_the_fence_it_stands_in(text: str) -> None:
    lines = to_markdown(page(text), "").split("\n")
    inside = None
    for line in lines:
        if inside is None:
            opened = re.match(r"(`{3,})(text|json)?$", line)
            inside = opened[1] if opened else None
            if inside is None:
                assert not line.lstrip().startswith(("```", "~~~"))
        elif line == inside:
            inside = None
    assert inside is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("thr_aaf_1", "thr_aaf_1"),
        ("costs $0.046", "costs $0.046"),
        ("_so_ and __init__", r"\_so\_ and \_\_init\_\_"),
        ("$x$1$", r"\$x$1\$"),
        ("a*b*c", r"a\*b\*c"),
    ],
)
def test_only_what_marks_up_is_escaped(text: str, shown: str) -> None:
    assert to_markdown(page(text), "").splitlines()[0] == f"# {shown}"


def show(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["show", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def trace_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("CACHE", "CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"TRACEVIEW_{name}_DIR", str(tmp_path / name.lower()))
    found = CliRunner().invoke(
        main, ["traces", str(SAMPLE), "-n", "1", "--filter", "kind:retriever", "--json"]
    )
    return re.findall(r'"trace_id":"([0-9a-f]+)"', found.stdout)[0]


def test_a_page_of_a_trace_holds_its_conversation_and_spans(trace_id: str, tmp_path: Path) -> None:
    whole = show(str(SAMPLE), trace_id, "--html", "-")
    assert trace_id in whole and "<h2>Conversation</h2>" in whole and 'class="span retriever"' in whole
    assert "<h2>Spans" not in show(str(SAMPLE), trace_id, "--html", "-", "--transcript")
    assert "## Conversation" in show(str(SAMPLE), trace_id, "--markdown", "-")
    path = tmp_path / "page.html"
    show(str(SAMPLE), trace_id, "--html", str(path))
    assert path.read_text(encoding="utf-8") == whole
    with pytest.raises(BadInput, match="exists"):
        CliRunner().invoke(
            main,
            ["show", str(SAMPLE), trace_id, "--html", str(path)],
            catch_exceptions=False,
            standalone_mode=False,
        )


def test_redaction_is_on_and_can_be_added_to_or_left_out(trace_id: str) -> None:
    assert "goal-assistant" not in show(str(SAMPLE), trace_id, "--html", "-", "--redact", "goal-assistant")
    assert "not redacted" in show(str(SAMPLE), trace_id, "--markdown", "-", "--no-redact")


def test_how_far_a_page_is_is_told_and_it_can_be_stopped(trace_id: str) -> None:
    told: list[tuple[str, int, int]] = []
    token = CancelToken()

    def stop(what: str, done: int, of: int) -> None:
        told.append((what, done, of))
        if done == 2 and what == "writing turns and spans":
            token.cancel()

    engine = open_engine([str(SAMPLE)])
    try:
        engine.wait_ready()
        target = Target("trace", trace_id, trace_id)
        with pytest.raises(Cancelled):
            render_page(engine, target, "html", progress=stop, token=token)
        assert [done for what, done, _ in told if what.startswith("writing")] == [0, 1, 2]
        told.clear()
        render_page(engine, target, "html", progress=lambda *one: told.append(one))
        written = [(done, of) for what, done, of in told if what.startswith("writing")]
        assert written == [(number, len(written)) for number in range(len(written))]
    finally:
        engine.close()


def test_a_long_text_says_how_much_is_left_out() -> None:
    from traceview.exports.page.content import _Texts

    shown = _Texts(str).block("x" * (TEXT_LIMIT + 10))
    assert shown.endswith(f"[10 of {TEXT_LIMIT + 10:,} characters left out]")
