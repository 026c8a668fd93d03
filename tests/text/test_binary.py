"""Binary parts are told by type, size and hash; what only looks like them stays as it is."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from benchmarks.clock import spent
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.binary import binary_words, text_without_binary, without_binary

PNG = b"\x89PNG\r\n\x1a\n" + hashlib.sha512(b"png").digest() * 8
B64 = base64.b64encode(PNG).decode()
SHA = hashlib.sha256(PNG).hexdigest()[:12]
TOLD = f"⟨image/png · 520 B · sha256 {SHA}⟩"
SMALL = base64.b64encode(b"\x00\x01\x02\x03").decode()
SMALL_SHA = hashlib.sha256(b"\x00\x01\x02\x03").hexdigest()[:12]

PARTS: dict[str, tuple[Any, str]] = {
    "anthropic image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": B64}}, TOLD),
    "anthropic small": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": SMALL}},
        f"⟨image/gif · 4 B · sha256 {SMALL_SHA}⟩"),
    "anthropic url": (
        {"type": "image", "source": {"type": "url", "url": "https://x.org/p.png"}}, "⟨image at https://x.org/p.png⟩"),
    "openai image": ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{B64}"}}, TOLD),
    "openai responses": ({"type": "input_image", "image_url": f"data:image/png;base64,{B64}"}, TOLD),
    "openai audio": (
        {"type": "input_audio", "input_audio": {"data": SMALL, "format": "wav"}},
        f"⟨wav · 4 B · sha256 {SMALL_SHA}⟩"),
    "openai file": (
        {"type": "file", "file": {"filename": "a.png", "file_data": f"data:image/png;base64,{B64}"}}, TOLD),
    "openai file id": ({"type": "file", "file": {"file_id": "file-12"}}, "⟨file at file-12⟩"),
    "gemini": ({"inline_data": {"mime_type": "image/png", "data": B64}}, TOLD),
    "gemini camel": ({"inlineData": {"mimeType": "image/png", "data": B64}}, TOLD),
    "gemini file": (
        {"fileData": {"mimeType": "audio/mp3", "fileUri": "gs://b/a.mp3"}}, "⟨part at gs://b/a.mp3⟩"),
    "otel blob": ({"type": "blob", "mime_type": "image/png", "modality": "image", "content": B64}, TOLD),
    "otel uri": (
        {"type": "uri", "mime_type": "image/png", "uri": "https://x.org/p"}, "⟨image/png at https://x.org/p⟩"),
    "no type": ({"type": "blob", "content": B64}, TOLD),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "words"), PARTS.values(), ids=PARTS.keys())
def test_parts_of_messages(raw: Any, words: str) -> None:
    assert binary_words(raw) == words
    assert B64 not in json.dumps(without_binary(raw))


WRAPPED = "\n".join(B64[at : at + 76] for at in range(0, len(B64), 76))
TEXTS: dict[str, tuple[str, str]] = {
    "alone": (B64, TOLD),
    "in words": (f"see {B64} there", f"see {TOLD} there"),
    "in JSON": (json.dumps({"a": [B64]}), '{"a": ["' + TOLD + '"]}'),
    "escaped slashes": ('"' + B64.replace("/", "\\/") + '"', f'"{TOLD}"'),
    "in JSON in JSON": (json.dumps(json.dumps({"a": B64})), '"{\\"a\\": \\"' + TOLD + '\\"}"'),
    "url safe": (B64.replace("+", "-").replace("/", "_").rstrip("="), TOLD),
    "in lines": (WRAPPED, TOLD),
    "data url": (f"![p](data:image/png;base64,{B64})", f"![p]({TOLD})"),
    "data url with a parameter": (f"data:image/png;charset=x;base64,{B64}", TOLD),
    "short data url": (
        f"data:image/png;base64,{SMALL}", f"⟨image/png · 4 B · sha256 {SMALL_SHA}⟩"),
    "short": (B64[:200], B64[:200]),
    "hex": ("0123456789abcdef" * 40, "0123456789abcdef" * 40),
    "one letter": ("a" * 4_000, "a" * 4_000),
    "a path": ("/Usr/lib/a1/" * 40, "/Usr/lib/a1/" * 40),
    "a long address": ("https://x.org/" + B64, "https://x.org/" + B64),
    "data url of text": ("data:text/plain,hello", "data:text/plain,hello"),
    "words": ("the quick Brown fox 1 " * 40, "the quick Brown fox 1 " * 40),
}  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), TEXTS.values(), ids=TEXTS.keys())
def test_texts(text: str, shown: str) -> None:
    assert text_without_binary(text) == shown


@given(st.binary(min_size=400, max_size=2_000), st.sampled_from([" ", "\n", '"', ",", ""]))
def test_random_bytes_are_never_shown_as_base64(data: bytes, around: str) -> None:
    encoded = base64.b64encode(hashlib.sha256(data).digest() + data).decode()
    if sum(char in "/" for char in encoded[:4096]) * 12 <= min(4096, len(encoded)):
        assert encoded not in text_without_binary(around + encoded + around)


@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_not_binary_is_the_same_object(value: Any) -> None:
    assert without_binary(value) is value


def test_a_megabyte_takes_no_long_time() -> None:
    texts = [
        "a1B" * 400_000 + " ",
        "ab cD1 " * 150_000,
        ("a" * 70 + "\n") * 15_000,
        "data:" * 200_000,
        "\\n" * 500_000,
    ]
    with spent() as taken:
        for text in texts:
            text_without_binary(text)
    assert taken.seconds < 3
