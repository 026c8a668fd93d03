"""Addresses in a text: where they stand, and a key that is equal for two spellings of one address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote

from traceview.text.patterns import later

# One level of balanced brackets belongs to an address, as in https://d.io/a_(b). Possessive: never goes back.
_STOP = r"\s<>\"`\\^|()\[\]{}\x00-\x1f、。「」『』（）【】“”„«»"
_RUN = rf"(?:[^{_STOP}]|\([^{_STOP}]*+\)|\[[^{_STOP}]*+\]|\{{[^{_STOP}]*+\}})++"
_TOP_LEVEL = (
    "com|org|net|edu|gov|io|dev|app|ai|co|me|info|biz|example|eu|de|uk|fr|jp|us|ch|at|nl|es|it|se|no|dk|fi|pl|ca|au"
    "|in|cn|kr|br|be|cz|ie|cloud|tech|online|site|shop|blog|wiki|page"
)
_ADDRESS = later(
    rf"(?:(?<![A-Za-z0-9])(?P<scheme>https?|ftp|wss?)://{_RUN}"
    rf"|(?<![A-Za-z0-9@./_-])(?:www\.[A-Za-z0-9]|(?:[A-Za-z0-9-]{{1,63}}\.){{1,8}}(?:{_TOP_LEVEL})/){_RUN})",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'\">*_~…。，、！？：；’”"
_TRACKING = ("gclid", "fbclid")
_PORTS = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}


def find_urls(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every address: with a scheme, with `www.`, or a host and a path without a scheme.

    Punctuation that follows, and brackets that were not opened inside, do not belong to it.
    """
    if not _may_hold_one(text):
        return
    for match in _ADDRESS.finditer(text):
        start, end = match.span()
        while end > start and text[end - 1] in _TRAILING:
            end -= 1
        if text[start:end].partition("://")[2] or "://" not in match.group():
            yield start, end


def _may_hold_one(text: str) -> bool:
    """Whether it is worth looking: a tenth of the time, and most texts hold none."""
    if "://" in text:
        return True
    at = text.find("/")
    while at >= 0:
        if at and text[at - 1].isalpha():
            return True
        at = text.find("/", at + 1)
    return "www." in text.lower()


def url_key(url: str) -> str:
    """The whole address in one spelling: two addresses are the same if and only if their keys are.

    Scheme and host in lower case, http as https, without default port, fragment, one trailing slash and tracking
    parameters (utm_*, gclid, fbclid), unreserved characters decoded, the query sorted. Without a scheme: https.
    """
    scheme, sign, rest = url.strip().partition("://")
    if not sign:
        scheme, rest = "https", scheme
    scheme = scheme.lower()
    rest = rest.partition("#")[0]
    rest, _, query = rest.partition("?")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    host = host.lower().rstrip(".")
    name, colon, port = host.rpartition(":")
    if colon and port in ("", _PORTS.get(scheme)):
        host = name
    path = slash + path
    path = path.removesuffix("/")
    kept = sorted(
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)
        if not name.lower().startswith("utm_") and name.lower() not in _TRACKING
    )
    asked = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in kept)
    secure = {"http": "https", "ws": "wss"}.get(scheme, scheme)
    return f"{secure}://{user}{at}{host}{_decoded(path)}{'?' + asked if asked else ''}"


_ESCAPE = later(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = later(r"[A-Za-z0-9._~-]")


def _decoded(path: str) -> str:
    """Percent escapes of unreserved characters decoded, the others in upper case, characters beyond ASCII escaped."""

    def one(match: re.Match[str]) -> str:
        char = unquote(match.group(), errors="replace")
        return char if _UNRESERVED.fullmatch(char) else match.group().upper()

    if "%" in path:
        path = _ESCAPE.sub(one, path)
    return path if path.isascii() else _quoted(path, "%/:;=@!$&'()*+,~._-[]{}")


def _quoted(text: str, safe: str = "") -> str:
    """Percent-encoded, also what is no text in any encoding: lone surrogates out of escaped JSON."""
    return quote(text, safe=safe, errors="surrogatepass")
