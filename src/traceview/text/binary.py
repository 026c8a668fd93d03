"""Images, audio and files inside of texts and JSON: told by type, size and hash, never as base64.

A data: URL, a part of a message as the APIs of Anthropic, OpenAI, Gemini and OpenTelemetry write it, and any string of
more than MIN_BASE64 characters of base64 that decodes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from traceview.text.human import size

MIN_BASE64 = 256
"""Characters of base64 from which a string is taken for binary, whatever stands around it."""
_LEVELS = 100

_DATA_URL = r"data:(?P<media>[\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,\s\"']*+)*+(?P<b64>;base64)?,"
_RUN = r"(?=[A-Za-z0-9+/_\\-]{%d})(?:[A-Za-z0-9+/_-]++|\\/)++={0,2}"
_WRAPPED = r"(?:[A-Za-z0-9+/]{56,80}(?:\r?\n|\\r\\n|\\n)){3,}+[A-Za-z0-9+/]{0,80}={0,2}"
_IN_TEXT = re.compile(
    rf"{_DATA_URL}(?P<data>(?:[A-Za-z0-9+/_=-]|\\/|%[0-9A-Fa-f]{{2}})++)"
    rf"|(?<![^\s\"'`,;:(\[{{<>])(?P<run>{_WRAPPED}|{_RUN % MIN_BASE64})(?![^\s\"'`,;.)\]}}<>\\])"
)
_GAPS = re.compile(r"\\r|\\n|\\|\s")
_HINT = re.compile(r"base64,|[A-Za-z0-9+/_-]{56}")

_TYPE_KEYS = ("media_type", "mime_type", "mimeType", "mediaType", "format", "modality")
_DATA_KEYS = frozenset({"data", "content", "file_data", "image", "bytes", "b64_json", "result", "blob"})
_NAME_KEYS = ("filename", "file_name", "displayName", "name")
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)


def without_binary(value: Any) -> Any:
    """A JSON value with what is binary in it replaced by words; the value itself where there is none."""
    return _walk(value, "", None, _LEVELS)


def text_without_binary(text: str) -> str:
    """A text, or JSON as text, with what is binary in it replaced by words."""
    if len(text) < 20 or _HINT.search(text) is None:
        return text
    return _IN_TEXT.sub(_said, text)


def binary_words(raw: Any) -> str:
    """A part of a message that is no text in a few words: its type, size and hash, or where it is."""
    shown = without_binary(raw)
    if isinstance(raw, Mapping):
        media = _media(raw)
        found = list(_strings(shown))
        told = next((text for text in found if text.startswith("⟨")), None)
        if told is not None:
            return told
        where = next(
            (text for key, text in _named(shown) if key in ("url", "uri", "file_uri", "fileUri", "file_id")),
            None,
        )
        if where is not None:
            kind = media or str(raw.get("type") or "part")
            return f"⟨{kind} at {where}⟩"
    if isinstance(shown, str):
        return shown
    return json.dumps(shown, ensure_ascii=False, default=str)


def told(data: bytes, media: str | None = None, name: str | None = None) -> str:
    """Bytes as `⟨image/png · 12.3 kB · sha256 0123456789ab⟩`."""
    facts = [name, media or _sniffed(data), size(len(data))]
    facts.append(f"sha256 {hashlib.sha256(data).hexdigest()[:12]}")
    return f"⟨{' · '.join(fact for fact in facts if fact)}⟩"


def _walk(value: Any, key: str, around: Mapping[str, Any] | None, levels: int) -> Any:
    if isinstance(value, str):
        return _string(value, key, around)
    if levels <= 0 or not isinstance(value, Mapping | list | tuple):
        return value
    if isinstance(value, Mapping):
        made = {name: _walk(one, str(name), value, levels - 1) for name, one in value.items()}
        same = all(made[name] is one for name, one in value.items())
        return value if same else made
    items = [_walk(one, key, around, levels - 1) for one in value]
    return value if all(new is old for new, old in zip(items, value, strict=True)) else items


def _string(text: str, key: str, around: Mapping[str, Any] | None) -> str:
    if around is not None and key in _DATA_KEYS and not text.startswith("data:"):
        media = _media(around)
        if media is not None or around.get("type") == "base64":
            data = _decoded(text, loose=True)
            if data is not None:
                name = next((str(around[k]) for k in _NAME_KEYS if isinstance(around.get(k), str)), None)
                return told(data, media, name)
    return text_without_binary(text)


def _media(around: Mapping[str, Any]) -> str | None:
    found = [around[key] for key in _TYPE_KEYS if isinstance(around.get(key), str)]
    full = next((media for media in found if "/" in media), None)
    return full or next(iter(found), None)


def _said(match: re.Match[str]) -> str:
    run = match["run"]
    if run is not None:
        data = _decoded(run)
        return told(data) if data is not None else match[0]
    if not match["b64"]:
        return match[0]
    data = _decoded(match["data"].replace("%2B", "+").replace("%2F", "/").replace("%3D", "="), loose=True)
    return told(data, match["media"]) if data is not None else match[0]


def _decoded(text: str, *, loose: bool = False) -> bytes | None:
    """The bytes of a base64 text; None if it is none. `loose` where what stands around it says that it is."""
    if not text.isalnum():
        text = _GAPS.sub("", text)
    if not text or not text.isascii():
        return None
    if not loose:
        head = text[:4096]
        if not (any(c.islower() for c in head) and any(c.isupper() for c in head)):
            return None
        if not any(c.isdigit() for c in head) or sum(c in "/_-" for c in head) * 12 > len(head):
            return None
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(bare) % 4 == 1:
        return None
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _sniffed(data: bytes) -> str:
    for magic, media in _MAGIC:
        if data.startswith(magic):
            return media
    if data[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(data[8:12], "binary")
    return "video/mp4" if data[4:8] == b"ftyp" else "binary"


def _strings(value: Any) -> list[str]:
    return [text for _, text in _named(value)]


def _named(value: Any, key: str = "") -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(key, value)]
    if isinstance(value, Mapping):
        return [pair for name, one in value.items() for pair in _named(one, str(name))]
    if isinstance(value, list | tuple):
        return [pair for one in value for pair in _named(one, key)]
    return []
