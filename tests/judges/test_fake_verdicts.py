"""Replies of the fake server: what they explain fits what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from benchmarks.judge_runs import SCHEMA

from traceview.judges.fake_server.verdicts import message_for

PARTS = {
    "type": "object",
    "properties": {
        "explanation": {"type": "string"},
        "short": {"type": "object", "properties": {"met": {"type": "boolean"}}},
    },
}


def reply(number: int, link: str, schema: dict[str, Any]) -> dict[str, Any]:
    text = f"<answer_k7f3>answer {number} {link}</answer_k7f3>"
    body = {
        "model": "m",
        "system": "You check links.",
        "messages": [{"role": "user", "content": text}],
        "output_config": {"format": {"schema": schema}},
    }
    found: dict[str, Any] = json.loads(message_for(body)["content"][0]["text"])
    return found


@pytest.mark.parametrize("schema", [SCHEMA, PARTS], ids=["whole", "parts"])
@pytest.mark.parametrize("link", ["", "https://x.io/a"], ids=["none", "link"])
def test_no_reply_passes_what_it_explains_to_be_wrong(link: str, schema: dict[str, Any]) -> None:
    verdicts = []
    for number in range(200):
        told = reply(number, link, schema)
        passes = told["verdict"] == "pass" if "verdict" in told else told["short"]["met"]
        wrong = told["explanation"].startswith(("Not in any result", "Something in it is in no result"))
        assert passes is not wrong, told
        verdicts.append(passes)
    # some are turned round
    assert 0 < verdicts.count(bool(link)) < 30
