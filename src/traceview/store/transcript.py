"""A thread or a trace as a person reads it: turns in order of time, every text once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from traceview.model.messages import Message, SpanPayload
from traceview.store.interface import Row
from traceview.store.sub_agents import none_of, sub_agents
from traceview.store.turns import (
    Turn,
    TurnRole,
    attached,
    error_of,
    given_messages,
    newest_question,
    normal,
    prompted,
    tool_name_of,
    whole_text,
)

MAX_NESTED = 20
"""Sub-agents within one another; what is deeper is told by the innermost of them."""


def transcript(traces: Sequence[tuple[Sequence[dict[str, Any]], Sequence[SpanPayload]]]) -> tuple[Turn, ...]:
    """The turns of traces in order of time; each trace is its span rows and their payloads, in the same order.

    User and assistant texts stand once each: the history that later calls repeat is not shown again. Duplicate
    spans of one model call are left out. One trace without a thread works the same.
    """
    whole = Transcript()
    for spans, payloads in traces:
        whole.read(spans, payloads)
    return tuple(whole.turns)


class Transcript:
    """A conversation whose traces are read one after the other, in order of time: `turns` are those so far."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._told = _Told()

    def read(self, spans: Sequence[Row], payloads: Sequence[SpanPayload]) -> None:
        """Add the turns of the next trace."""
        if spans:
            self.turns.extend(_Trace(self._told, spans, payloads).turns())


class _Told:
    """What the conversation has shown so far: how often each text of each role, which tool calls, which turn."""

    def __init__(self) -> None:
        self.texts: Counter[tuple[str, str]] = Counter()
        self.calls: set[str] = set()
        self.number = 0

    def tell(self, role: str, text: str) -> None:
        """Note that a text was shown."""
        self.texts[(role, normal(text))] += 1


class _Trace:
    """The turns of one trace."""

    def __init__(
        self, told: _Told, spans: Sequence[Row], payloads: Sequence[SpanPayload], within: tuple[str, ...] = ()
    ) -> None:
        self._told = told
        self._within = within
        self._subs, inner = sub_agents(spans) if len(within) < MAX_NESTED else none_of(spans)
        self._inner = {
            root: [
                (span, payload)
                for span, payload in zip(spans, payloads, strict=True)
                if inner[id(span)] == root
            ]
            for root in self._subs
        }
        self._all = [
            (span, payload)
            for span, payload in zip(spans, payloads, strict=True)
            if inner[id(span)] is None or span["span_id"] in self._subs
        ]
        self._kept = [(span, payload) for span, payload in self._all if not span.get("duplicate_of")]
        known = {span["span_id"] for span in spans}
        self._root, self._root_payload = next(
            ((span, payload) for span, payload in self._all if span.get("parent_id") not in known),
            self._all[0],
        )
        self._calls = [(span, payload) for span, payload in self._kept if span["kind"] == "llm"]
        self._tool_calls = {
            payload.tool.call_id
            for span, payload in self._kept
            if span["kind"] == "tool" and payload.tool is not None and payload.tool.call_id
        }
        self._tool_names = {
            name
            for span, payload in self._kept
            if span["kind"] == "tool" and (name := tool_name_of(span, payload))
        }
        # Tool spans that do not say which call they answer: each stands for one call of that name.
        self._unclaimed = Counter(
            tool_name_of(span, payload)
            for span, payload in self._kept
            if span["kind"] == "tool" and (payload.tool is None or not payload.tool.call_id)
        )
        self._turns: list[Turn] = []
        self._answered = False
        self._asked = False
        self._figured: set[str] = set()

    def turns(self) -> list[Turn]:
        """User and assistant texts, tools and retrievals, in order of time."""
        outer = self._root if self._root["kind"] != "llm" else None
        if not self._calls and outer is not None:
            self._ask(self._root, self._root_payload.input_text)
        self._told_earlier()
        for span, payload in self._kept:
            if span["kind"] == "agent" and span["span_id"] in self._subs:
                name = span.get("name") or ""
                self._add("agent", name, span, tool=name, error=error_of(span))
            elif span["kind"] == "llm":
                self._call(span, payload)
            elif span["kind"] == "tool":
                self._tool(span, payload)
            elif span["kind"] == "retriever":
                self._add(
                    "retrieval",
                    payload.input_text or "",
                    span,
                    documents=payload.documents,
                    error=error_of(span),
                )
            if span["span_id"] in self._subs:
                self._sub_agent(span["span_id"])
        text = self._root_payload.output_text
        # What a sub-agent answered in the place of its caller is the answer of the trace.
        handed_over = bool(
            self._subs and text and text.strip() and not self._told.texts[("assistant", normal(text))]
        )
        if outer is not None and (not self._answered or handed_over):
            error = None if any(turn.error for turn in self._turns) else error_of(self._root)
            if text or error:
                self._answer(self._root, text or "", error)
        return self._with_asides(text) if outer is not None else self._turns

    def _told_earlier(self) -> None:
        """The history before the question, where a call that knows only the question comes before one that knows it."""
        questions = [newest_question(given_messages(payload)) for _, payload in self._calls]
        if not questions or questions[0] is None or questions[0].history:
            return
        for (span, _), question in zip(self._calls, questions, strict=True):
            if question is not None and question.whole == questions[0].whole and question.history:
                self._add_history(span, question.history)
                return

    def _add_history(self, span: Row, messages: Sequence[Message]) -> None:
        seen: Counter[tuple[str, str]] = Counter()
        for message in messages:
            key = (message.role, whole_text(message))
            if message.role not in ("user", "assistant") or not key[1]:
                continue
            seen[key] += 1
            if seen[key] <= self._told.texts[key]:
                continue
            self._told.texts[key] += 1
            if message.role == "user":
                self._told.number += 1
            self._add(
                message.role, message.text, span, given=True, earlier=True, attachments=attached(message)
            )

    def _with_asides(self, output: str | None) -> list[Turn]:
        """The turns, with what was said beside the conversation told as such."""
        answer = normal(output or "")
        who = {span["span_id"]: prompted(span, payload) for span, payload in self._calls}
        spoken = [
            turn
            for turn in self._turns
            if turn.role == "assistant" and turn.within == self._within and turn.span_id in who
        ]
        answering = {who[turn.span_id] for turn in spoken if answer and normal(turn.text) == answer}
        if not answering:
            return self._turns
        told = {
            whole_text(message)
            for _, payload in self._calls
            for message in payload.input_messages
            if message.role == "assistant"
        }
        asides = {
            id(turn)
            for turn in spoken
            if who[turn.span_id] not in answering
            and not (turn.earlier or turn.error or turn.attachments)
            and normal(turn.text) not in told
        }
        names = {span["span_id"]: span.get("name") for span, _ in self._calls}
        return [
            replace(turn, role="aside", tool=names[turn.span_id]) if id(turn) in asides else turn
            for turn in self._turns
        ]

    def _sub_agent(self, root: str) -> None:
        """What a sub-agent was asked, did and answered: a conversation of its own."""
        told = _Told()
        inner = self._inner[root]
        # Its own root is no sub-agent of itself, and a tool that asks a model is asked like an agent.
        spans = [{**span, "kind": "agent"} if span["span_id"] == root else span for span, _ in inner]
        number = max(1, self._told.number)
        turns = _Trace(told, spans, [payload for _, payload in inner], (*self._within, root)).turns()
        self._turns += [replace(turn, number=number, earlier=False) for turn in turns]

    def _ask(self, span: Row, text: str | None, attachments: tuple[str, ...] = ()) -> None:
        if attachments or (text and text.strip()):
            self._asked = True
            self._told.number += 1
            self._told.tell("user", text or "")
            self._add("user", text or "", span, attachments=attachments)

    def _answer(
        self, span: Row, text: str, error: str | None = None, attachments: tuple[str, ...] = ()
    ) -> None:
        self._answered = self._answered or bool(text.strip())
        self._told.tell("assistant", text)
        self._add("assistant", text, span, error=error, attachments=attachments)

    def _call(self, span: Row, payload: SpanPayload) -> None:
        self._history(span, given_messages(payload))
        told_before = len(self._turns)
        for message in payload.output_messages:
            self._parts(span, message)
        error = error_of(span)
        if len(self._turns) == told_before and (
            error or (payload.output_text and not payload.output_messages)
        ):
            self._answer(span, payload.output_text or "", error)

    def _history(self, span: Row, messages: Sequence[Message]) -> None:
        """What the input of a call adds to what was said before."""
        newest = None
        if not self._asked:
            newest = max(
                (at for at, one in enumerate(messages) if one.role == "user" and whole_text(one)),
                default=None,
            )
        # What was answered before the newest question is history; the system prompt belongs to that question.
        own = max((at + 1 for at in range(newest or 0) if messages[at].role == "assistant"), default=0)
        prompts: list[str] = []
        seen: Counter[tuple[str, str]] = Counter()
        for at, message in enumerate(messages):
            if at >= own:
                self._prompts(span, prompts, newest is not None and at <= newest)
            if at == newest:
                self._ask(span, self._said(message.text), attached(message))
                # the prompt around the user's words counts as told as well
                whole = ("user", whole_text(message))
                self._told.texts[whole] = max(self._told.texts[whole], seen[whole] + 1)
                continue
            text = message.text
            key = (message.role, whole_text(message))
            seen[key] += 1
            if not key[1]:
                self._responses(span, message)
            elif message.role == "system":
                if not self._told.texts[key]:
                    self._told.texts[key] += 1
                    prompts.append(text)
            elif seen[key] > self._told.texts[key] and message.role in ("user", "assistant"):
                self._told.texts[key] += 1
                if message.role == "user":
                    self._told.number += 1
                self._add(
                    message.role, text, span, given=True, earlier=at < own, attachments=attached(message)
                )
            else:
                self._responses(span, message)
        self._prompts(span, prompts, False)

    def _prompts(self, span: Row, texts: list[str], before_question: bool) -> None:
        """Show system prompts that were held back, under the turn of the question that they precede."""
        for text in texts:
            number = self._told.number + 1 if before_question else max(1, self._told.number)
            self._add("system", text, span, number=number)
        texts.clear()

    def _said(self, text: str) -> str:
        """The user's own words: the root's input where the prompt of the call contains them."""
        root = self._root_payload.input_text
        if self._root["kind"] != "llm" and root and root.strip() and root.strip() in text:
            return root
        return text

    def _parts(self, span: Row, message: Message) -> None:
        texts = []
        for part in message.parts:
            if part.type == "reasoning" and part.content:
                self._add("reasoning", part.content, span)
            elif part.type == "text" and part.content:
                texts.append(part.content)
            elif part.type == "tool_call" and part.call_id not in self._tool_calls:
                if self._unclaimed[part.name] > 0:
                    self._unclaimed[part.name] -= 1
                    continue
                if part.call_id:
                    self._told.calls.add(part.call_id)
                elif part.name in self._tool_names:
                    continue
                if part.name not in self._tool_names or part.call_id:
                    self._add("tool", part.name or "", span, tool=part.name, arguments=part.arguments)
        attachments = attached(message)
        if texts or attachments:
            self._answer(span, "\n".join(texts), error_of(span), attachments)
            if attachments:
                self._told.tell("assistant", whole_text(message))

    def _responses(self, span: Row, message: Message) -> None:
        """Results of tools that have no span of their own, put to their calls."""
        for part in message.parts:
            if part.type != "tool_call_response" or part.call_id not in self._told.calls:
                continue
            self._told.calls.discard(part.call_id)
            for at in range(len(self._turns) - 1, -1, -1):
                turn = self._turns[at]
                if (
                    turn.role == "tool"
                    and turn.result is None
                    and turn.within == self._within
                    and turn.span_id != span["span_id"]
                ):
                    self._turns[at] = replace(turn, result=part.response)
                    break

    def _tool(self, span: Row, payload: SpanPayload) -> None:
        use = payload.tool
        name = tool_name_of(span, payload)
        self._add(
            "tool",
            name or "",
            span,
            tool=name,
            arguments=use.arguments if use is not None and use.arguments is not None else payload.input_text,
            result=use.result if use is not None and use.result is not None else payload.output_text,
            error=error_of(span),
        )

    def _add(
        self,
        role: TurnRole,
        text: str,
        span: Row,
        *,
        number: int | None = None,
        given: bool = False,
        earlier: bool = False,
        **more: Any,
    ) -> None:
        """Append a turn; `given` is a text that the span was given, so that its figures are not the text's."""
        figures: dict[str, Any] = {}
        speaks = role not in ("user", "system") and not given
        if speaks and span["span_id"] not in self._figured:
            self._figured.add(span["span_id"])
            figures = {
                name: span.get(name)
                for name in ("duration_ms", "input_tokens", "output_tokens", "cost_usd", "payload_state")
            }
        self._turns.append(
            Turn(
                role=role,
                text=text,
                trace_id=span["trace_id"],
                span_id=span["span_id"],
                number=number or max(1, self._told.number),
                start_ns=None if earlier else span.get("start_ns"),
                model=span.get("model") if speaks else None,
                prompt_name=None if earlier else span.get("prompt_name"),
                prompt_version=None if earlier else span.get("prompt_version"),
                prompt_inferred=None if earlier else span.get("prompt_inferred"),
                earlier=earlier,
                within=self._within,
                **figures,
                **more,
            )
        )
