"""Everything that an endpoint can do to a call, through the real SDK: it is said, and nothing unsaid is scored."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.judges.running import KEY, Place, a_judge, with_model

from traceview.judges.exchange import missing_key
from traceview.judges.fake_server.script import Answer, Call, Script, answering, failing, in_turn
from traceview.judges.fake_server.server import FakeServer
from traceview.judges.fake_server.verdicts import message_for
from traceview.judges.ledger import steps
from traceview.judges.ledger.file import unpacked
from traceview.model.errors import BadInput, Refused

GOOD = json.dumps({"explanation": "so", "evidence": ["a"], "verdict": "fail"})


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    found.close()


def text(said: str, **changed: Any) -> Script:
    """A whole reply whose text is this."""
    return lambda call: Answer(message_for(call.body, said, **changed))


def blocks(*content: dict[str, Any], **changed: Any) -> Script:
    """A whole reply of these blocks."""
    return lambda call: Answer(message_for(call.body, "", content=list(content), **changed))


def told(report: dict[str, Any]) -> dict[str, Any]:
    """What of a report says what came of the targets."""
    names = ("scored", "not_applicable", "unscored", "errors", "unknown", "left")
    return {name: report[name] for name in names if report[name]}


THINKING = {"type": "thinking", "thinking": '{"verdict": "pass"}', "signature": "s"}

REPLIES: dict[str, tuple[Script, dict[str, Any], int]] = {
    "a verdict": (text(GOOD), {"scored": 1}, 1),
    "thinking first": (blocks(THINKING, {"type": "text", "text": GOOD}), {"scored": 1}, 1),
    "thinking and nothing else": (blocks(THINKING), {"unscored": {"parse_error": 1}}, 2),
    "prose": (text("I would say this passes."), {"unscored": {"parse_error": 1}}, 2),
    "prose, then a verdict": (in_turn(text("Well: pass."), text(GOOD)), {"scored": 1}, 2),
    "a verdict in a fence": (text(f"```json\n{GOOD}\n```"), {"unscored": {"parse_error": 1}}, 2),
    "wrong JSON": (text(GOOD[:-1]), {"unscored": {"parse_error": 1}}, 2),
    "a number": (text("0.8"), {"unscored": {"parse_error": 1}}, 2),
    "a wrong choice": (text(GOOD.replace("fail", "maybe")), {"unscored": {"parse_error": 1}}, 2),
    "no choice": (text(GOOD.replace('"fail"', "null")), {"unscored": {"parse_error": 1}}, 2),
    "the choice as another type": (text(GOOD.replace('"fail"', "true")), {"unscored": {"parse_error": 1}}, 2),
    "a missing key": (text('{"verdict": "fail"}'), {"unscored": {"parse_error": 1}}, 2),
    "two verdicts": (text(GOOD[:-1] + ', "verdict": "pass"}'), {"unscored": {"parse_error": 1}}, 2),
    "n/a where the judge has none": (text(GOOD.replace("fail", "n/a")), {"unscored": {"parse_error": 1}}, 2),
    "empty": (text(""), {"unscored": {"parse_error": 1}}, 2),
    "no content": (blocks(), {"unscored": {"parse_error": 1}}, 2),
    "not JSON at all": (lambda _: Answer(b"<html>gateway</html>"), {"unscored": {"parse_error": 1}}, 2),
    "refused": (
        text("", stop_reason="refusal", stop_details={"category": "frontier_llm"}),
        {"unscored": {"refusal": 1}},
        1,
    ),
    "refused with a verdict": (text(GOOD, stop_reason="refusal"), {"unscored": {"refusal": 1}}, 1),
    "cut off twice": (text(GOOD[:20], stop_reason="max_tokens"), {"unscored": {"truncated": 1}}, 2),
    "cut off though whole": (text(GOOD, stop_reason="max_tokens"), {"unscored": {"truncated": 1}}, 2),
    "cut off once": (in_turn(text(GOOD[:9], stop_reason="max_tokens"), text(GOOD)), {"scored": 1}, 2),
    "too long for the model": (
        text("", stop_reason="model_context_window_exceeded"),
        {"unscored": {"context_exceeded": 1}},
        1,
    ),
    "too long, as an error": (
        lambda _: failing(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
        {"unscored": {"context_exceeded": 1}},
        1,
    ),
    "no usage": (text(GOOD, usage=None), {"scored": 1}, 1),
}


@pytest.mark.parametrize("case", REPLIES)
def test_what_a_reply_comes_to(place: Place, case: str) -> None:
    script, expected, calls = REPLIES[case]
    with FakeServer(script) as server:
        report = place.judge(a_judge(server.url), 1)
    assert told(report) == expected
    assert (report["calls"], report["stopped_by"]) == (calls, None)
    rows = place.scores()
    assert [row.value for row in rows] == [False] * expected.get("scored", 0)
    assert all(row.reason == "so\n- a" for row in rows)


def test_a_reply_that_cannot_be_read_is_kept_whole(place: Place) -> None:
    said = "prose " * 5_000
    with FakeServer(text(said)) as server:
        place.judge(a_judge(server.url), 1)
    kept = place.ledger.now(lambda c: c.execute("SELECT reply FROM attempts ORDER BY attempt").fetchall())
    assert [json.loads(unpacked(row["reply"]))["content"][0]["text"] for row in kept] == [said, said]


def test_a_reply_that_was_cut_off_is_asked_for_with_twice_the_room(place: Place) -> None:
    room: list[int] = []

    def script(call: Call) -> Answer:
        room.append(call.body["max_tokens"])
        return Answer(message_for(call.body, "{", stop_reason="max_tokens"))

    with FakeServer(script) as server:
        place.judge(a_judge(server.url), 1)
        judge = a_judge(server.url, name="wide", model={"max_tokens": 12_000})
        place.judge(judge, 1)
    assert room == [2048, 4096, 12_000, 16_000]


def again(status: int, kind: str, **headers: str) -> Script:
    """Twice an error, then verdicts."""
    error = failing(status, kind, headers={name.replace("_", "-"): one for name, one in headers.items()})
    return in_turn(error, error, then=text(GOOD))


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        (again(429, "rate_limit_error", retry_after="0"), 3),
        (again(429, "rate_limit_error", retry_after_ms="20"), 3),
        (again(529, "overloaded_error", retry_after="0"), 3),
        (again(500, "api_error"), 3),
        (again(502, "api_error"), 3),
        (again(409, "conflict_error"), 3),
        (again(408, "timeout_error"), 3),
    ],
)
def test_what_passes_is_waited_for(place: Place, script: Script, calls: int) -> None:
    with FakeServer(script) as server:
        report = place.judge(a_judge(server.url), 1, first_backoff=0.01)
        assert (told(report), report["calls"]) == ({"scored": 1}, calls)
        assert server.paid.total() == 1


@pytest.mark.parametrize(
    ("answer", "expected", "stopped_by", "most_calls"),
    [
        (failing(401, "authentication_error"), {"auth": 1}, "credentials", 1),
        (failing(403, "permission_error"), {"auth": 1}, "credentials", 1),
        (failing(402, "billing_error"), {"billing": 1}, "billing", 1),
        (failing(400, "billing_error", "Your credit balance is too low"), {"billing": 1}, "billing", 1),
        (failing(404, "not_found_error", "model: nothing-4"), {"not_found": 1}, "not_found", 1),
        (failing(400, "invalid_request_error", "effort: unknown"), {"bad_request": 3}, "bad_request", 3),
    ],
)
def test_what_no_call_would_survive_stops_the_run(
    place: Place, answer: Answer, expected: dict[str, int], stopped_by: str, most_calls: int
) -> None:
    with FakeServer(lambda _: answer) as server:
        report = place.judge(a_judge(server.url), 40, concurrency=1)
        assert (report["errors"], report["stopped_by"]) == (expected, stopped_by)
        assert report["left"] == 40 - most_calls and len(server.calls) == most_calls
        assert report["message"]
        assert (report["usd"], place.scores()) == (0, ())
        # nothing was paid, so another run sends what failed too
        server.script = text(GOOD)
        assert told(place.judge(a_judge(server.url), 40)) == {"scored": 40}


@pytest.mark.parametrize("told_to_wait", ["-5", "0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_time_that_is_past_is_no_leave_to_send_at_once(place: Place, told_to_wait: str) -> None:
    with FakeServer(again(429, "rate_limit_error", retry_after=told_to_wait)) as server:
        place.judge(a_judge(server.url), 1, first_backoff=0.01)
    waits = [fields["seconds"] for name, fields in place.events if name == "retry"]
    assert len(waits) == 2 and all(one > 0 for one in waits)


def test_requests_that_are_too_large_stop_nothing_else(place: Place) -> None:
    def script(call: Call) -> Answer:
        return failing(413, "request_too_large") if call.number == 2 else text(GOOD)(call)

    with FakeServer(script) as server:
        report = place.judge(a_judge(server.url), 5)
    assert told(report) == {"scored": 4, "errors": {"too_large": 1}}


LOST: dict[str, Callable[[Call], Answer]] = {
    "reset after it was paid": lambda call: Answer(message_for(call.body), reset=True),
    "cut within the body": lambda call: Answer(message_for(call.body), cut=40),
    "never answered": lambda _: Answer(hang=True),
    "answered too slowly": lambda call: Answer(message_for(call.body), drip=0.3),
}


@pytest.mark.parametrize("case", LOST)
def test_what_may_have_been_paid_is_held_and_counts_in_full(place: Place, case: str) -> None:
    lost = LOST[case]
    with FakeServer(lambda call: lost(call) if call.number == 2 else answering()(call)) as server:
        judge = a_judge(server.url)
        report = place.judge(judge, 6, timeout=1.5)
        assert told(report) == {"scored": 5, "unknown": 1}
        assert max(server.paid.values()) == 1 and len(place.scores()) == 5
        spent = place.ledger.now(lambda c: steps.spent(c, f"run:{report['run']}"))
        held = place.ledger.now(
            lambda c: c.execute("SELECT reserved_nanos FROM attempts WHERE nanos IS NULL").fetchone()[0]
        )
        assert spent > held > 2048 * 5 * 1000
        # it stays held until somebody says that it may be paid again
        before = len(server.calls)
        report = place.judge(judge, 6, timeout=1.5)
        assert (report["held"], report["unknown"], report["already_done"]) == (1, 1, 5)
        assert len(server.calls) == before
        report = place.judge(judge, 6, timeout=1.5, unknown="retry")
        assert told(report) == {"scored": 1} and len(server.calls) == before + 1
        assert len(place.scores()) == 6


def test_what_never_left_is_tried_again(place: Place) -> None:
    with FakeServer() as server:
        url = server.url
    report = place.judge(a_judge(url), 1, first_backoff=0.01)
    assert told(report) == {"errors": {"network": 1}}
    assert (report["usd"], report["calls"]) == (0, 6)


@pytest.mark.parametrize("batch", [False, True])
def test_an_endpoint_that_sends_its_callers_on_gets_nothing_sent_elsewhere(place: Place, batch: bool) -> None:
    with FakeServer() as other, FakeServer() as server:
        server.redirect = f"{other.url.replace('127.0.0.1', 'localhost')}/v1/messages"
        report = place.judge(a_judge(server.url), 5, batch=batch, concurrency=1)
        assert report["stopped_by"] == "bad_request" and report["usd"] == 0
        assert f"http://localhost:{other.port}" in report["message"]
        if not batch:
            assert report["errors"] == {"network": 3}
        assert other.figures()["calls"] == 0 and not other.statuses
        server.redirect = None
        assert place.judge(a_judge(server.url), 5, batch=batch)["scored"] == 5


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_without_end_is_not_read_to_its_end(
    place: Place, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceview.judges.transport.MOST_BYTES", 1 << 20)
    body = b"<html>" + b" " * (3 << 20)
    headers = {"content-encoding": "gzip"} if packed else {}
    flood = Answer(gzip.compress(body) if packed else body, headers=headers)
    with FakeServer(lambda call: flood if call.number < 3 else answering()(call)) as server:
        report = place.judge(a_judge(server.url), 3, concurrency=1)
    assert told(report) == {"scored": 2, "unscored": {"parse_error": 1}}
    kept = place.ledger.now(
        lambda c: c.execute(
            "SELECT message, reply FROM attempts WHERE reply IS NOT NULL AND failure IS NOT NULL"
        ).fetchall()
    )
    assert len(kept) == 2
    for row in kept:
        assert "longer than 1 MB" in row["message"]
        assert unpacked(row["reply"]).startswith("<html>")


def test_a_result_of_a_batch_without_end_is_held_and_the_others_are_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceview.judges.transport.MOST_BYTES", 1 << 20)
    monkeypatch.setattr("traceview.judges.running.batching.FIRST_POLL", 0.01)
    flood = text(GOOD + " " * (3 << 20))
    with FakeServer(lambda call: (flood if call.number == 2 else text(GOOD))(call)) as server:
        report = place.judge(a_judge(server.url), 3, batch=True)
    assert told(report) == {"scored": 2, "unknown": 1}
    (message,) = place.ledger.now(
        lambda c: c.execute("SELECT message FROM attempts WHERE failure = 'no_result'").fetchall()
    )
    assert "hold more than is read" in message["message"]


def escaped(**changed: Any) -> Script:
    """A verdict with what JSON can escape and no file can hold."""
    return text(json.dumps(json.loads(GOOD) | changed))


WILD: dict[str, Script] = {
    "half a character in the explanation": escaped(explanation="bad \ud800 end"),
    "half a character in the evidence": escaped(evidence=["x\udfff"]),
    "half a character in the model": text(GOOD, model="m\ud800"),
    "an id that is none": text(GOOD, id={"a": ["\ud800"]}),
    "usage in words": text(GOOD, usage={"input_tokens": "12", "output_tokens": "3"}),
    "usage in a list": text(GOOD, usage={"input_tokens": [1], "output_tokens": 3}),
    "usage that is endless": text(GOOD, usage={"input_tokens": 10**30, "output_tokens": 3}),
    "usage that is no number": text(
        GOOD, usage={"input_tokens": float("nan"), "output_tokens": float("inf")}
    ),
    "usage below nothing": text(GOOD, usage={"input_tokens": -5, "output_tokens": 3}),
    "no usage": text(GOOD, usage=None),
}


@pytest.mark.parametrize("batch", [False, True])
def test_what_was_paid_is_scored_and_written_down_whatever_else_is_in_the_reply(
    place: Place, batch: bool
) -> None:
    wild = list(WILD.values())
    with FakeServer(lambda call: replace(wild[call.number - 1](call), counts_cache=False)) as server:
        report = place.judge(a_judge(server.url), len(wild), batch=batch, concurrency=1)
    assert told(report) == {"scored": len(wild)} and len(place.scores()) == len(wild)
    rows = place.ledger.now(
        lambda c: c.execute("SELECT nanos, reserved_nanos, message, reply FROM attempts").fetchall()
    )
    assert all(GOOD[:10] in json.loads(unpacked(row["reply"]))["content"][0]["text"] for row in rows)
    worst = [row for row in rows if row["nanos"] is None]
    # of a batch the SDK reads "12" as the number
    assert len(worst) == sum("usage" in name for name in WILD) - batch
    assert all("the most that it could have cost" in row["message"] for row in worst)
    assert report["usd"] * 1e9 == pytest.approx(sum(row["nanos"] or row["reserved_nanos"] for row in rows))


@pytest.mark.parametrize("status", [200, 500])
def test_a_key_that_is_said_back_is_kept_nowhere(
    place: Place, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    secret = "gw/REDACTED+key"
    monkeypatch.setenv("FAKE_KEY", secret)
    said = json.dumps(json.loads(GOOD) | {"explanation": f"your header was Bearer {secret}"})

    def script(call: Call) -> Answer:
        if call.number % 2:
            return Answer(f"<html>Bearer {secret}</html>".encode(), status=status)
        return Answer(message_for(call.body, said, model=secret), headers={"request-id": secret})

    with FakeServer(script, key=secret) as server:
        report = place.judge(a_judge(server.url), 2, first_backoff=0.01)
        assert told(report) == {"scored": 2}
        assert place.judge(a_judge(server.url), 2, first=2, batch=True)["scored"] == 2
    assert all("<KEY>" in (row.reason or "") for row in place.scores())
    replies = place.ledger.now(
        lambda c: [unpacked(one[0]) for one in c.execute("SELECT reply FROM attempts")]
    )
    assert not any(secret in one for one in replies) and any("<KEY>" in one for one in replies)
    place.close()
    kept = b"".join(path.read_bytes() for path in place.folder.iterdir())
    assert secret.encode() not in kept


def test_a_key_is_in_no_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sk-ant-REDACTED"
    monkeypatch.setenv("FAKE_KEY", secret)
    error = failing(401, "authentication_error", f"the key {secret} is not valid")
    with FakeServer(lambda _: error, key=secret) as server:
        report = place.judge(a_judge(server.url), 2)
    place.close()
    assert "<KEY>" in report["message"] and secret not in json.dumps(report)
    kept = b"".join(path.read_bytes() for path in place.folder.iterdir())
    assert secret.encode() not in kept


def test_without_a_key_nothing_is_sent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAKE_KEY")
    with FakeServer() as server:
        with pytest.raises(Refused, match="FAKE_KEY is not set"):
            place.judge(a_judge(server.url), 1)
        bare = with_model(a_judge(server.url), key_env=None, base_url=None)
        with pytest.raises(Refused, match=r"ANTHROPIC_API_KEY.*profile.*key_env"):
            place.judge(bare, 1)
        assert server.calls == []


def test_a_key_goes_to_no_endpoint_that_it_was_not_meant_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with FakeServer() as server:
        judge = with_model(a_judge(server.url), key_env=None)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
        assert [missing_key(one.model) for one in (judge, a_judge(server.url)) if one.model] == [
            f"base_url is {server.url}, and no key_env says which key is for it: ANTHROPIC_API_KEY is not",
            None,
        ]
        with pytest.raises(Refused, match="no key_env says which key"):
            place.judge(judge, 1)
        assert not server.statuses
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer of-another")
        assert place.judge(a_judge(server.url), 1, first=2)["scored"] == 1
        monkeypatch.delenv("ANTHROPIC_CUSTOM_HEADERS")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{server.url}/")
        assert place.judge(judge, 1, first=1)["scored"] == 1


def test_a_profile_takes_text_to_no_host_that_was_not_agreed_to(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = {"authentication": {"type": "user_oauth"}, "base_url": "https://elsewhere.invalid"}
    for folder, content in (("configs", config), ("credentials", {"access_token": "t"})):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "other.json").write_text(json.dumps(content))
        (tmp_path / folder / "other.json").chmod(0o600)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "other")
    judge = with_model(a_judge("http://unused.invalid"), base_url=None, key_env=None)
    report = place.judge(judge, 1, first_backoff=0.01)
    assert (told(report), report["usd"]) == ({"errors": {"network": 1}}, 0)
    said = place.ledger.now(lambda c: c.execute("SELECT message FROM attempts").fetchone()[0])
    assert "https://elsewhere.invalid" in said and "nothing was sent there" in said


def test_a_model_without_a_price_costs_what_is_not_known(place: Place) -> None:
    with FakeServer() as server:
        judge = a_judge(server.url)
        with pytest.raises(BadInput, match="price of claude-haiku-4-5 is not known"):
            place.judge(judge, 2, price=None, budget_usd=1.0)
        report = place.judge(judge, 2, price=None)
    assert (report["scored"], report["usd"]) == (2, None)
