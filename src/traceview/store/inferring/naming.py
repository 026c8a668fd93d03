"""What a prompt without a recorded name is called: after its spans, else after its first words."""

from __future__ import annotations

import re

from traceview.text.prompt_masks import OPEN

SIGN = "~"
"""What the version of a prompt begins with if it was not recorded but inferred."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GENERIC = frozenset((
    "a", "an", "the", "of", "to", "with", "ai", "llm", "llms", "lm", "model", "models", "chat", "chats",
    "completion", "completions", "acompletion", "text", "message", "messages", "create", "created", "stream",
    "streaming", "streamed", "async", "open", "sync", "astream", "ainvoke", "invoke", "invocation", "run", "runs",
    "request", "requests", "response", "responses", "generation", "generations", "generate", "generated",
    "generator", "content", "call", "calls", "calling", "client", "api", "sdk", "openai", "azure", "anthropic",
    "claude", "gpt", "gemini", "google", "vertex", "bedrock", "converse", "mistral", "cohere", "ollama", "groq",
    "litellm", "langchain", "runnable", "sequence", "inference", "predict", "prediction", "do", "step", "span",
    "turn", "base", "default", "main", "unknown", "opus", "sonnet", "haiku", "mini", "nano", "turbo", "flash",
    "pro", "llama", "deepseek", "qwen", "v",
))  # fmt: skip
_MODEL = re.compile(
    r"^(?:gpt|claude|gemini|mistral|llama|command|deepseek|qwen|o\d)[\w.:/-]*\d[\w.:/-]*$", re.IGNORECASE
)
_LEADS = re.compile(
    r"^(?:hello|hi)?\W*(?:you\s+are|you're|you\s+will\s+act\s+as|act\s+as|your\s+(?:task|job|role|goal)\s+is\s+to|"
    r"your\s+name\s+is|i\s+want\s+you\s+to|please|system\s*:)\s+(?:(?:an?|the|to|our|called|named)\s+)*",
    re.IGNORECASE,
)
_ENDS = frozenset(
    ("for", "of", "that", "who", "which", "and", "or", "in", "on", "at", "with", "by", "to", "from")
)
_SLUG = re.compile(r"\w+", re.UNICODE)
_LONGEST = 40


def span_name_without_model(name: str, model: str | None) -> str:
    """`chat gpt-4o` is `chat`: calls of one prompt may ask several models, and answers name them in other ways."""
    words = name.replace(model, " ").split() if model else name.split()
    return " ".join(word for word in words if not _MODEL.match(word)) or name


def telling(span_name: str) -> bool:
    """Whether the name of a span says more than that a model was called."""
    words = [word.lower() for word in _WORDS.findall(span_name)]
    return any(word not in _GENERIC and not word.isdigit() for word in words)


def first_words(template: tuple[str, ...]) -> str:
    """A name out of the first words of a prompt: `You are a support agent for Acme.` is `support-agent`."""
    for segment in template:
        found: list[str] = []
        for word in _LEADS.sub("", segment.lstrip("#*-> ")).split():
            if OPEN in word or (found and word.lower() in _ENDS) or len(found) == 4:
                break
            found += _SLUG.findall(word.lower())
            if word[-1:] in ".,;:!?":
                break
        if found:
            return "-".join(found)[:_LONGEST].strip("-")
    return "prompt"
