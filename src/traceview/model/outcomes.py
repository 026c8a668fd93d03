"""How spans end, beyond ok and error: what providers call an answer that was cut off or held back."""

from __future__ import annotations

OUTCOMES: tuple[str, ...] = ("ok", "error", "truncated", "filtered", "unset")

TRUNCATED = frozenset(
    (
        "length", "max_tokens", "max_output_tokens", "max_token", "model_length", "token_limit", "incomplete",
        "model_context_window_exceeded", "context_length_exceeded", "max_length",
    )
)  # fmt: skip
"""Finish reasons of an answer that was cut off, as OpenAI, Anthropic, Google, Mistral, Cohere and Bedrock name them."""

FILTERED = frozenset(
    (
        "content_filter", "content_filtered", "contentfilter", "safety", "recitation", "blocklist",
        "prohibited_content", "spii", "refusal", "guardrail_intervened", "error_toxic", "image_safety",
        "malformed_content_blocked",
    )
)  # fmt: skip
"""Finish reasons of an answer that was held back by the provider's filter, or refused."""
