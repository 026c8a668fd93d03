"""Turns written as spans: times, tokens, costs, messages."""

from __future__ import annotations

import datetime as dt
import json
from random import Random
from typing import Any

from story.plan import PlannedThread
from story.turns import Call, Turn
from story.world import World

PRICES = {
    "claude-sonnet-4-5": ("anthropic", 3.0, 15.0),
    "claude-opus-4-5": ("anthropic", 5.0, 25.0),
    "gpt-5.1": ("openai", 1.25, 10.0),
    "claude-haiku-4-5": ("anthropic", 1.0, 5.0),
    "text-embedding-3-small": ("openai", 0.02, 0.0),
}
"""Provider and dollars per million input and output tokens; cached input costs a tenth."""

ROUTER, EMBEDDER = "claude-haiku-4-5", "text-embedding-3-small"
SPEED = {"claude-sonnet-4-5": 68, "claude-opus-4-5": 48, "gpt-5.1": 82, "claude-haiku-4-5": 140}
TOOL_TOKENS = 4100
"""What the definitions of the tools cost in every call of the main model."""

Span = dict[str, Any]


def tokens(text: str) -> int:
    """A plausible token count: fewer characters a token for Japanese."""
    wide = sum(1 for char in text if ord(char) > 0x2E80)
    return max(1, round((len(text) - wide) / 3.9 + wide / 1.3))


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Recorder:
    """Writes the turns of one conversation as spans, one trace each, the clock going forward."""

    def __init__(self, world: World, thread: PlannedThread, rng: Random) -> None:
        self.world, self.thread, self.rng = world, thread, rng
        self.thread_id = f"thr_{rng.getrandbits(40):010x}"
        self.model = rng.choices(["claude-sonnet-4-5", "gpt-5.1", "claude-opus-4-5"], [72, 18, 10])[0]
        self.environment = "staging" if rng.random() < 0.04 else "production"
        surface = rng.choice(["sidebar", "sidebar", "goal-page", "slack"])
        self.tags = [f"surface:{surface}", f"lang:{thread.user.lang}"]
        self.clock = thread.start
        self.talked: list[dict[str, Any]] = []
        self.spans: list[Span] = []
        self.trace_id = ""

    # Spans.

    def span(self, parent: Span | None, name: str, kind: str, payload: Any, **more: Any) -> Span:
        """Open a span at the present time; `close` ends it."""
        user = self.thread.user
        span: Span = {
            "trace_id": self.trace_id,
            "span_id": f"{self.rng.getrandbits(64):016x}",
            "parent_span_id": parent["span_id"] if parent else None,
            "thread_id": self.thread_id,
            "name": name,
            "kind": kind,
            "start_time": self.clock,
            "end_time": None,
            "status": "ok",
            "error": None,
            "model": None,
            "provider": None,
            "prompt_name": "goal-assistant",
            "prompt_version": self.thread.version,
            "prompt_tokens": None,
            "completion_tokens": None,
            "cache_read_tokens": None,
            "cost_usd": None,
            "ttft_ms": None,
            "user_id": user.id,
            "environment": self.environment,
            "tags": self.tags,
            "input": payload if isinstance(payload, str) else dump(payload),
            "output": None,
            "attributes": {"gen_ai.tool.name": name} if kind in ("tool", "retriever") else {},
            "feedback": [],
            **more,
        }
        self.spans.append(span)
        return span

    def close(self, span: Span, output: Any) -> None:
        span["end_time"] = self.clock
        if output is not None:
            span["output"] = output if isinstance(output, str) else dump(output)

    def wait(self, low: float, high: float | None = None) -> None:
        """Let milliseconds pass."""
        self.clock += dt.timedelta(
            microseconds=round(1000 * (low if high is None else self.rng.uniform(low, high)))
        )

    # A turn.

    def record(self, turn: Turn) -> list[Span]:
        """The spans of one turn; the conversation then knows its words."""
        self.spans = []
        self.trace_id = f"{self.rng.getrandbits(128):032x}"
        root = self.span(None, "goal-assistant", "agent", turn.text)
        root["attributes"] = {
            "app.version": f"7.4{self.thread.version[1:]}.{self.thread.number % 4}",
            "account.plan": "enterprise",
            "cloud.region": "eu-central-1",
            "tools": list(self.world.tools),
        }
        self.wait(3, 12)
        if self.rng.random() < 0.12:
            self.guard(root, turn.text)
        if self.rng.random() < 0.22:
            self.route(root, turn)
        history = [{"role": "system", "content": self.world.prompts[self.thread.version]}, *self.talked]
        messages = [*history, {"role": "user", "content": turn.text}]
        for number, calls in enumerate(turn.steps):
            reply = self.tool_request(calls)
            self.llm(root, messages, reply, cached=number > 0 or bool(self.talked))
            messages = [*messages, reply]
            for call, request in zip(calls, reply["tool_calls"], strict=True):
                result = self.tool(root, call, request["id"])
                messages = [*messages, {"role": "tool", "tool_call_id": request["id"], "content": result}]
        answer = {"role": "assistant", "content": turn.answer}
        self.llm(root, messages, answer, cached=bool(turn.steps or self.talked))
        self.wait(2, 9)
        self.close(root, turn.answer)
        self.talked += [{"role": "user", "content": turn.text}, answer]
        spans, self.spans = self.spans, []
        self.wait(1000 * self.rng.choice([12, 25, 40, 60, 90, 150, 240, 420]), None)
        self.wait(0, 9000)
        return spans

    def guard(self, root: Span, text: str) -> None:
        span = self.span(root, "input_guardrail", "guardrail", text)
        self.wait(35, 120)
        self.close(span, {"allowed": True, "categories": []})

    def route(self, root: Span, turn: Turn) -> None:
        """The small model that sorts requests."""
        used = {call.name for step in turn.steps for call in step}
        if not used:
            intent = "chat"
        elif "search_docs" in used:
            intent = "docs"
        elif "run_workflow" in used:
            intent = "workflow"
        else:
            intent = (
                "write"
                if any(name.split("_")[0] in ("update", "create", "request", "jira") for name in used)
                else "lookup"
            )
        messages = [
            {"role": "system", "content": self.world.prompts["router"]},
            {"role": "user", "content": turn.text},
        ]
        reply = {"role": "assistant", "content": dump({"intent": intent, "language": self.thread.user.lang})}
        span = self.llm(root, messages, reply, cached=False, model=ROUTER, name="route")
        span["prompt_name"], span["prompt_version"] = "goal-router", "v1"

    def tool_request(self, calls: list[Call]) -> dict[str, Any]:
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": f"call_{self.rng.getrandbits(40):010x}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": dump(call.args)},
                }
                for call in calls
            ],
        }

    def llm(
        self,
        parent: Span,
        messages: list[dict[str, Any]],
        reply: dict[str, Any],
        cached: bool,
        model: str = "",
        name: str = "",
    ) -> Span:
        """One model call: time to first token, then as many tokens a second as the model writes."""
        model = model or self.model
        provider, price_in, price_out = PRICES[model]
        span = self.span(parent, name or f"chat {model}", "llm", messages, model=model, provider=provider)
        prefix = tokens(messages[0]["content"]) + (TOOL_TOKENS if not name else 0)
        prompt = prefix + sum(tokens(dump(message)) for message in messages[1:])
        completion = tokens(dump(reply)) + 4
        read = prefix // 64 * 64 if cached else 0
        ttft = (180 + prompt * 0.012) * self.rng.lognormvariate(0.0, 0.28) * (
            1.6 if "opus" in model else 1.0
        ) + (200 if not name else 0)
        duration = ttft + 1000 * completion / (SPEED[model] * self.rng.uniform(0.75, 1.2))
        self.wait(duration)
        self.close(span, reply)
        cost = ((prompt - read) * price_in + read * price_in / 10 + completion * price_out) / 1e6
        span |= {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "cache_read_tokens": read,
            "cost_usd": round(cost, 7),
            "ttft_ms": round(ttft, 1),
        }
        reason = "tool_use" if reply.get("tool_calls") else "stop"
        span["attributes"] |= {
            "gen_ai.request.temperature": 0.2,
            "gen_ai.response.finish_reasons": [reason],
            "stream": not name,
            "gen_ai.response.id": f"resp_{self.rng.getrandbits(48):012x}",
        }
        self.wait(1, 6)
        return span

    def tool(self, parent: Span, call: Call, call_id: str) -> str:
        """One tool call with its throttled attempts; gives what the model gets to read."""
        if call.documents is not None:
            return self.search(parent, call, call_id)
        for attempt in range(call.failures):
            last = attempt == call.failures - 1 and call.error is not None
            span = self.span(
                parent,
                call.name,
                "tool",
                call.args,
                status="error",
                error="RateLimitError: 429: too many requests, retry later",
            )
            pause = round(min(32, 4 * 2**attempt) * self.rng.uniform(0.8, 1.2), 1)
            span["attributes"] |= {
                "gen_ai.tool.call.id": call_id,
                "error.type": "RateLimitError",
                "http.status_code": 429,
                "retry_after_s": pause,
                "attempt": attempt + 1,
            }
            self.wait(500, 1800)
            self.close(span, {"error": "429: too many requests, retry later"})
            if last:
                return str(span["output"])
            self.wait(1000 * pause)
        span = self.span(parent, call.name, "tool", call.args)
        span["attributes"] |= {"gen_ai.tool.call.id": call_id}
        if call.inner:
            self.chain(span, call)
        self.wait(*call.ms)
        if call.error:
            span |= {"status": "error", "error": f"{call.error[0]}: {call.error[1]}"}
            span["attributes"]["error.type"] = call.error[0]
            self.close(span, {"error": call.error[1]})
        else:
            self.close(span, call.result)
        self.wait(1, 4)
        return str(span["output"])

    def search(self, parent: Span, call: Call, call_id: str) -> str:
        """A documentation search; half of them embed the query as a span of its own."""
        span = self.span(parent, "search_docs", "retriever", call.args["query"])
        span["attributes"] |= {
            "gen_ai.tool.call.id": call_id,
            "top_k": call.args["top_k"],
            "index": "help-centre",
        }
        self.wait(2, 6)
        if self.rng.random() < 0.4:
            self.embed(span, call.args["query"])
        self.wait(*call.ms)
        self.close(span, {"documents": call.documents})
        self.wait(1, 4)
        return str(span["output"])

    def embed(self, parent: Span, text: str) -> None:
        span = self.span(parent, "embed query", "embedding", text, model=EMBEDDER, provider="openai")
        count = tokens(text)
        self.wait(40, 110)
        self.close(span, {"dimensions": 1536})
        span |= {"prompt_tokens": count, "cost_usd": round(count * PRICES[EMBEDDER][1] / 1e6, 9)}

    def chain(self, parent: Span, call: Call) -> None:
        """The steps of a saved workflow under its tool call."""
        self.wait(5, 30)
        chain = self.span(parent, call.args["workflow"], "chain", call.args)
        for step in call.inner:
            self.tool(chain, step, f"step_{self.rng.getrandbits(32):08x}")
        self.close(chain, call.result)
