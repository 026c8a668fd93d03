"""What each family of attributes gives: one span of each writer, and the columns that it fills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from source_reading import FIXTURES, read
from test_plain import otlp_row

VERCEL_CALL = {
    "operation.name": "ai.generateText.doGenerate support", "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.id": "gpt-6-mini", "ai.model.provider": "openai.chat", "ai.settings.temperature": 0.2,
    "ai.prompt.messages": json.dumps(
        [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "Where is it?"}]},
            {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c0", "toolName": "f",
                                          "output": {"type": "json", "value": {"ok": 1}}}]},
        ]
    ),
    "ai.response.text": "One moment",
    "ai.response.toolCalls": json.dumps(
        [{"toolCallType": "function", "toolCallId": "c1", "toolName": "get_order", "args": '{"id":7}'}]
    ),
    "ai.response.finishReason": "tool-calls", "ai.response.model": "gpt-6-mini-1", "ai.response.id": "resp_1",
    "ai.response.msToFirstChunk": 80.5, "ai.usage.inputTokens": 30, "ai.usage.outputTokens": 9,
    "ai.usage.cachedInputTokens": 10, "ai.usage.reasoningTokens": 2, "ai.telemetry.functionId": "support",
    "ai.telemetry.metadata.sessionId": "s-1", "ai.telemetry.metadata.userId": "u-1",
}  # fmt: skip
MLFLOW_CALL = {
    "mlflow.spanType": '"CHAT_MODEL"', "mlflow.llm.provider": '"openai"', "mlflow.trace.session": '"s-1"',
    "mlflow.spanInputs": json.dumps(
        {"model": "gpt-6-mini", "temperature": 0.1, "messages": [{"role": "user", "content": "Where is it?"}]}
    ),
    "mlflow.spanOutputs": json.dumps(
        {"id": "chatcmpl-1", "model": "gpt-6-mini-1",
         "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "There"}}]}
    ),
    "mlflow.chat.tokenUsage": '{"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}',
    "mlflow.llm.cost": '{"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}',
}  # fmt: skip


LANGSMITH_CALL = {
    "langsmith.span.kind": "llm", "gen_ai.operation.name": "chat", "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-6-mini", "gen_ai.response.model": "gpt-6-mini-1",
    "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 5, "langsmith.metadata.thread_id": "s-1",
    "gen_ai.prompt": json.dumps({"messages": [{"role": "user", "content": "Where is it?"}], "model": "gpt-6-mini"}),
    "gen_ai.completion": json.dumps(
        {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "There"}}]}
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        (
            "ChatOpenAI",
            LANGSMITH_CALL,
            {
                "kind": "llm", "provider": "openai", "model": "gpt-6-mini-1", "input_tokens": 12,
                "output_tokens": 5, "thread_id": "s-1", "input_text": "Where is it?", "output_text": "There",
            },
        ),
        (
            "chat gpt-6-mini",
            {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12, "gen_ai.usage.cost": 0.0},
            {"kind": "llm", "input_tokens": 12, "cost_usd": None},
        ),
        (
            "answer",
            {"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain", "gen_ai.prompt": '{"q":"Where?"}',
             "gen_ai.completion": '{"output":"There"}'},
            {"source": "otlp/langsmith", "kind": "chain", "input_text": "Where?", "output_text": "There"},
        ),
        (
            "get_order",
            {"langsmith.span.kind": "tool", "gen_ai.prompt": '{"id":7}', "gen_ai.completion": '{"output":"sent"}'},
            {"kind": "tool", "tool_name": "get_order", "tool_args": '{"id":7}'},
        ),
        (
            "ai.generateText.doGenerate",
            VERCEL_CALL,
            {
                "source": "otlp/vercel", "kind": "llm", "operation": "chat", "provider": "openai",
                "model": "gpt-6-mini-1", "model_requested": "gpt-6-mini", "temperature": 0.2,
                "finish_reason": "tool-calls", "call_id": "resp_1", "ttft_ms": 80.5, "input_tokens": 30,
                "output_tokens": 9, "cache_read_tokens": 10, "reasoning_tokens": 2, "feature": "support",
                "thread_id": "s-1", "user_id": "u-1", "input_text": "Where is it?", "output_text": "One moment",
            },
        ),
        (
            "ai.generateText",
            {"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt":"Where is it?"}',
             "ai.response.text": "There"},
            {"kind": "chain", "input_text": "Where is it?", "output_text": "There"},
        ),
        (
            "ai.toolCall",
            {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "get_order", "ai.toolCall.id": "c1",
             "ai.toolCall.args": '{"id":7}', "ai.toolCall.result": '{"status":"sent"}'},
            {"kind": "tool", "tool_name": "get_order", "tool_call_id": "c1", "tool_args": '{"id":7}',
             "tool_result": '{"status":"sent"}', "operation": "execute_tool"},
        ),
        (
            "ai.embed.doEmbed",
            {"ai.operationId": "ai.embed.doEmbed", "ai.model.id": "e", "ai.usage.tokens": 4,
             "ai.values": '["Where is it?"]'},
            {"kind": "embedding", "model": "e", "input_tokens": 4, "operation": "embeddings"},
        ),
        (
            "Completions",
            MLFLOW_CALL,
            {
                "source": "otlp/mlflow", "kind": "llm", "provider": "openai", "model": "gpt-6-mini-1",
                "model_requested": "gpt-6-mini", "temperature": 0.1, "finish_reason": "stop", "call_id": "chatcmpl-1",
                "input_tokens": 12, "output_tokens": 5, "cost_usd": 0.3, "thread_id": "s-1",
                "input_text": "Where is it?", "output_text": "There",
            },
        ),
        (
            "search",
            {"mlflow.spanType": '"RETRIEVER"', "mlflow.spanInputs": '{"query": "range"}',
             "mlflow.spanOutputs": '[{"page_content": "60 km", "metadata": {"a": 1}, "id": "kb-1"}]'},
            {"kind": "retriever", "input_text": "range", "output_text": "60 km"},
        ),
        (
            "openai.chat",
            {
                "llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-6-mini",
                "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Where is it?",
                "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "There",
                "gen_ai.completion.0.finish_reason": "stop", "gen_ai.usage.prompt_tokens": 12,
                "gen_ai.usage.completion_tokens": 5, "gen_ai.request.temperature": 0.2,
            },
            {
                "source": "otlp/openllmetry", "kind": "llm", "operation": "chat", "provider": "openai",
                "finish_reason": "stop", "temperature": 0.2, "input_tokens": 12, "output_tokens": 5,
                "input_text": "Where is it?", "output_text": "There",
            },
        ),
        (
            "completion",
            {
                "llm.request.type": "completion", "llm.vendor": "Cohere", "llm.request.model": "command",
                "llm.temperature": 0.5, "llm.prompts.0.content": "Where is it?", "llm.prompts.0.role": "user",
                "llm.completions.0.content": "There", "llm.usage.prompt_tokens": 3,
                "llm.response.finish_reason": "length",
            },
            {"kind": "llm", "operation": "text_completion", "provider": "cohere", "model": "command",
             "temperature": 0.5, "finish_reason": "length", "input_tokens": 3, "output_text": "There"},
        ),
        (
            "ChatCompletion",
            {
                "openinference.span.kind": "LLM", "llm.provider": "openai", "llm.model_name": "gpt-6-mini",
                "llm.invocation_parameters": '{"temperature": 0.7}',
                "output.value": '{"id":"c1","choices":[{"finish_reason":"length"}]}',
            },
            {"source": "otlp/openinference", "temperature": 0.7, "finish_reason": "length", "call_id": "c1"},
        ),
        (
            "chat",
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.model.parameters": '{"temperature": 0.3}',
                "langfuse.observation.metadata.finish_reason": '"stop"', "langfuse.environment": "staging",
                "langfuse.release": "2026.11", "langfuse.observation.metadata.ls_provider": '"anthropic"',
            },
            {"source": "otlp/langfuse", "temperature": 0.3, "finish_reason": "stop", "provider": "anthropic",
             "environment": "staging", "release": "2026.11"},
        ),
        (
            "chat gpt",
            {"gen_ai.operation.name": "chat",
             "gen_ai.output.messages": '[{"role":"assistant","parts":[],"finish_reason":"content_filter"}]'},
            {"operation": "chat", "finish_reason": "content_filter"},
        ),
        (
            "negative",
            {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": -7, "gen_ai.usage.output_tokens": 5},
            {"input_tokens": None, "output_tokens": 5},
        ),
    ],
)  # fmt: skip
def test_columns(tmp_path: Path, name: str, attributes: dict[str, Any], expected: dict[str, Any]) -> None:
    row = otlp_row(tmp_path, name, attributes)
    assert {column: row.get(column) for column in expected} == expected


def test_messages_of_vercels_sdk(tmp_path: Path) -> None:
    row = otlp_row(tmp_path, "ai.generateText.doGenerate", VERCEL_CALL)
    asked, answered = json.loads(row["input_messages"]), json.loads(row["output_messages"])
    assert [message["role"] for message in asked] == ["system", "user", "tool"]
    assert asked[2]["parts"] == [{"type": "tool_call_response", "id": "c0", "response": {"ok": 1}}]
    assert answered[0]["parts"][1] == {
        "type": "tool_call", "id": "c1", "name": "get_order", "arguments": {"id": 7},
    }  # fmt: skip


FILLED = ("provider", "finish_reason", "temperature", "service", "environment", "release")
HAS = {
    "openinference/openai": {"provider", "finish_reason", "temperature", "service", "release"},
    "otel_genai/openai-latest": {"provider", "finish_reason", "temperature", "service", "environment"},
    "openllmetry/anthropic-current": {"provider", "finish_reason", "service"},
    "openllmetry/anthropic-legacy-0.40": {"provider", "finish_reason", "service"},
    "openlit/anthropic": {"provider", "finish_reason", "temperature", "service", "environment"},
    "langfuse/sdk-openai": {"finish_reason", "temperature", "service", "environment", "release"},
    "pydantic_ai_logfire/anthropic": {"provider", "finish_reason", "service", "environment", "release"},
}


@pytest.mark.parametrize("name", HAS)
def test_calls_of_the_sample_files_have_what_their_writers_tell(name: str) -> None:
    rows, _ = read(FIXTURES / f"{name}.otlp.jsonl")
    calls = [row for row in rows if row["kind"] == "llm" and row.get("output_messages")]
    assert {column for column in FILLED if sum(bool(row.get(column)) for row in calls) >= 4} == HAS[name]
