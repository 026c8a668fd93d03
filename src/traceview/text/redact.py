"""Personal data and secrets in texts replaced by typed placeholders: deterministic patterns with checksums.

The same value becomes the same placeholder (`<EMAIL_1>`) within one Redactor, so that who is who can still be
followed; what stood there is kept in memory only. Addresses on the web keep their host and path. Names of people
and what no pattern knows stay: `also` takes texts of one's own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple

_HOST = r"[A-Za-z0-9\[][A-Za-z0-9.\-:\]]{0,255}"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_KEY_SHAPES = (
    r"(?:sk|pk|rk)-[A-Za-z0-9_-]{16,200}",
    r"(?:sk|pk|rk|whsec|gsk|pplx|r8|secret|ntn|figd)[_-](?:live_|test_)?[A-Za-z0-9_-]{16,200}",
    r"xai-[A-Za-z0-9]{16,200}",
    r"lsv2_(?:pt|sk)_[A-Za-z0-9_]{16,200}",
    r"lin_api_[A-Za-z0-9]{16,100}",
    r"gh[pousr]_[A-Za-z0-9]{20,255}",
    r"github_pat_[A-Za-z0-9_]{20,255}",
    r"gl(?:pat|rt|dt|ptt)-[A-Za-z0-9_-]{16,100}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"AIza[0-9A-Za-z_-]{30,60}",
    r"ya29\.[A-Za-z0-9_-]{16,400}",
    r"GOCSPX-[A-Za-z0-9_-]{16,100}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,200}",
    r"xapp-[A-Za-z0-9-]{10,200}",
    r"SG\.[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{16,60}",
    r"(?:SK|AC)[0-9a-f]{32}",
    r"key-[0-9a-f]{32}",
    r"pypi-[A-Za-z0-9_-]{16,300}",
    r"dckr_pat_[A-Za-z0-9_-]{16,100}",
    r"dop_v1_[0-9a-f]{32,80}",
    r"shp(?:at|ca|pa|ss)_[A-Za-z0-9]{16,80}",
    r"dapi[0-9a-f]{32}",
    r"hv[sb]\.[A-Za-z0-9_-]{16,200}",
    r"hf_[A-Za-z0-9]{20,100}",
    r"npm_[A-Za-z0-9]{30,60}",
    r"\d{8,10}:AA[A-Za-z0-9_-]{30,40}",
    r"eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{4,8000}\.[A-Za-z0-9_-]{4,1000}",
)
_KEYS = (
    r"api[ _-]?key|(?:encryption|signing|private|account|secret|shared|access|secretaccess|storage)[_-]?key|"
    r"secret(?:[_-]?(?:access[_-]?)?key(?:[_-]?base)?)?"
)
_QUOTED_NAMES = rf"(?:{_KEYS}|token|pass(?:wor[dt]|wd|phrase)|(?<=[_-])pass|pwd)"
"""How names of secrets end that stand in quotes."""
_SECRET_NAMES = (
    rf"(?:{_KEYS}|(?:access|auth|refresh|id|session|security|bearer|private|bot)?[_-]?token|client[_-]?secret|"
    r"[a-z]{0,10}pass(?:wor[dt]|wd|phrase)|(?<=[_-])pass|pwd)"
)
"""Names of secrets, without the words before an underscore or a hyphen."""
_QUOTE = r"(?:\\{0,3}[\"'])"
_CARD_STARTS = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6(?:011|4[4-9]|5)|3(?:0[0-5]|[68])|35")


_KEY_WORDS = (
    *(f"{word}{end}" for word in ("sk", "pk", "rk", "whsec", "pplx", "r8", "secret", "ntn", "figd") for end in "-_"),
    "xai-", "lsv2_", "lin_api_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glrt-", "gldt-",
    "glptt-", "AKIA", "ASIA", "AIza", "ya29.", "GOCSPX-", "xox", "xapp-", "SG.", "SK", "AC", "key-", "pypi-",
    "dckr_pat_", "dop_v1_", "shp", "dapi", "hvs.", "hvb.", "hf_", "npm_", ":AA", "eyJ",
)  # fmt: skip
_SECRET_WORDS = ("key", "secret", "token", "pass", "pwd")
DIGIT = ("a digit of any script",)
_ANY_DIGIT = re.compile(r"\d")


class _Pattern(NamedTuple):
    """What is looked for: the match, or its group `value`, becomes a placeholder of `type` if `accept` agrees.

    `needs` are words of which every match has one, or DIGIT: to look for those first takes a tenth of the time.
    """

    type: str
    needs: tuple[str, ...]
    expression: re.Pattern[str]
    accept: Callable[[str], bool] = lambda _: True

    def may_be_in(self, text: str, folded: str, has_digit: bool) -> bool:
        """False if the text, given in folded case too, holds no match for certain."""
        if self.needs is DIGIT:
            return has_digit
        searched = folded if self.expression.flags & re.IGNORECASE else text
        return any(word in searched for word in self.needs)


def _luhn(text: str) -> bool:
    digits = [int(one) for one in text if one.isdigit()]
    if not 13 <= len(digits) <= 19 or _CARD_STARTS.match("".join(map(str, digits))) is None:
        return False
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * one, 10)) for one in digits[-2::-2])
    return total % 10 == 0


def _mod97(text: str) -> bool:
    compact = re.sub(r"\s", "", text)
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(one, 36)) for one in compact[4:] + compact[:4])) % 97 == 1


def _address(text: str) -> bool:
    if len(text) < 6:
        return False
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified)


def _telephone(text: str) -> bool:
    digits = sum(one.isdigit() for one in text)
    return 7 <= digits <= 15


_PATTERNS = (
    _Pattern(
        "PRIVATE_KEY", ("-----BEGIN",),
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[A-Za-z0-9+/=\s:,.()\\]|-(?!-)){0,20000}(?:-----END [A-Z ]{0,40}KEY(?: BLOCK)?-----)?"
        ),
    ),
    _Pattern(
        "LOGIN", ("://",),
        re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://(?P<value>[^\s:\"'<>/]{0,200}:[^\s\"'<>]{1,200})@(?=[\w\[])")
    ),
    _Pattern(
        "LOGIN", ("-u",),
        re.compile(r"(?<!\w)(?:-u|--user)[ =]\s?(?P<value>[^\s:\"'-][^\s:\"']{0,100}:[^\s\"']{1,200})"),
    ),
    _Pattern(
        "WEBHOOK", ("hooks",),
        re.compile(r"(?i)https://(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/(?P<value>[\w/-]{8,300})"),
    ),
    _Pattern("KEY", _KEY_WORDS, re.compile(rf"(?:{'|'.join(_KEY_SHAPES)})(?![A-Za-z0-9])")),
    _Pattern("KEY", ("bearer",), re.compile(r"(?i)\bbearer\s{1,4}(?P<value>[a-z0-9._~+/=-]{8,4000})")),
    _Pattern(
        "KEY", ("author",),
        re.compile(r"(?i)\b(?:authorization|proxy-authorization)\\{0,3}[\"']?\s{0,4}[:=]\s{0,4}\\{0,3}[\"']?(?:basic|token|digest|apikey)\s{1,4}(?P<value>[^\s\"',;]{4,4000})"),
    ),
    _Pattern("COOKIE", ("cook",), re.compile(r"(?i)\b(?:set-)?cookie:\s{0,4}(?P<value>[^\n\r\"']{3,4000})")),
    _Pattern(
        "SECRET", _SECRET_WORDS,
        re.compile(
            rf"(?i){_QUOTED_NAMES}{_QUOTE}\s{{0,4}}[:=]\s{{0,4}}\[?\s{{0,4}}"
            rf"(?:\\{{0,3}}\"(?P<value>[^\"\\\n]{{3,400}}))"
        ),
    ),
    _Pattern(
        "SECRET", _SECRET_WORDS,
        re.compile(
            rf"(?i)(?<![a-z0-9]){_SECRET_NAMES}{_QUOTE}?\s{{0,4}}[:=]\s{{0,4}}{_QUOTE}?"
            rf"(?P<value>[^\s\"'<>\\&;]{{4,400}})"
        ),
    ),
    _Pattern(
        "SECRET", ("--",),
        re.compile(
            r"(?i)(?<!\w)--(?:password|passwd|token|secret|api-?key|access-?key)[ =]"
            r"(?P<value>[^\s\"'-][^\s\"']{2,200})"
        ),
    ),
    _Pattern(
        "SECRET", ("</",),
        re.compile(r"(?i)<(?:password|passwd|secret|token|apikey)>(?P<value>[^<\n]{3,200})</"),
    ),
    _Pattern("QUERY", ("://",), re.compile(rf"(?i)\bhttps?://(?:[^\s/@\"'<>]{{1,400}}@)?{_HOST}(?:/[^\s\"'<>?#]{{0,2000}})?\?(?P<value>[^\s\"'<>]{{1,4000}})")),
    _Pattern(
        "EMAIL", ("@",), re.compile(rf"(?<![\w.%+-])[\w.%+-]{{1,64}}@(?:{_LABEL}\.){{1,8}}[^\W\d_]{{2,24}}(?![\w-])")
    ),
    _Pattern(
        "IBAN", DIGIT,
        re.compile(r"\b(?:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?|[a-z]{2}\d{13,30})\b"),
        _mod97,
    ),
    _Pattern("CARD", DIGIT, re.compile(r"(?<![\w.-])\d(?:[ .-]?\d){12,18}(?![\w-])"), _luhn),
    _Pattern("SSN", DIGIT, re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")),
    _Pattern("MAC", (":", "-"), re.compile(r"(?i)(?<![\w:-])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:-])")),
    _Pattern("IP", DIGIT, re.compile(r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)"), _address),
    _Pattern("IP", (":",), re.compile(r"(?<![\w.:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"), _address),
    _Pattern("PHONE", ("+",), re.compile(r"(?<![\w+.-])\+[1-9](?:[ ()./-]{0,2}\d){6,14}(?![\w-])"), _telephone),
    _Pattern(
        "PHONE", DIGIT,
        re.compile(r"(?<![\w+.$€£-])\(?0\d{1,4}\)?[ /-]\d{2,8}(?:[ -]\d{2,6}){0,3}(?![\w%-])"),
        _telephone,
    ),
    _Pattern("PHONE", DIGIT, re.compile(r"(?<![\w+.$€£-])\(?[2-9]\d{2}\)?[ .-]\d{3}[.-]\d{4}(?![\w-])"), _telephone),
)  # fmt: skip

_STRICT = (
    _Pattern("URL", ("://",), re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>]{1,4000}")),
    _Pattern("HANDLE", ("@",), re.compile(r"(?<![\w@.])@[\w.-]{2,64}")),
    _Pattern("NUMBER", DIGIT, re.compile(r"\d(?:[ .,:/-]?\d){3,60}")),
)
"""What may point to a person without being about one: whole addresses, handles, numbers of four digits and more."""


class Redactor:
    """Replaces what the patterns find, the same value by the same placeholder in every text it is given.

    `also` are texts that are replaced wherever they stand, whatever their case, by `<REDACTED_n>`. `strict` replaces
    whole addresses on the web, handles and every number of four digits or more (dates, order numbers) too.
    """

    def __init__(self, also: Iterable[str] = (), *, strict: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        """How many places were replaced, by type."""
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        names = sorted({name for name in also if name}, key=len, reverse=True)
        own = re.compile("|".join(map(re.escape, names)), re.IGNORECASE) if names else None
        self._patterns = (
            *([_Pattern("REDACTED", ("",), own)] if own else ()),
            *_PATTERNS,
            *(_STRICT if strict else ()),
        )

    def text(self, text: str) -> str:
        """The text with placeholders."""
        found: list[tuple[int, int, str]] = []
        folded, has_digit = text.casefold(), _ANY_DIGIT.search(text) is not None
        for pattern in self._patterns:
            if not pattern.may_be_in(text, folded, has_digit):
                continue
            for match in pattern.expression.finditer(text):
                group = "value" if "value" in pattern.expression.groupindex else 0
                if pattern.accept(match[group]):
                    found.append((*match.span(group), pattern.type))
        if not found:
            return text
        pieces: list[str] = []
        position = 0
        for begin, end, type_ in _apart(found):
            pieces += (text[position:begin], self._placeholder(type_, text[begin:end]))
            position = end
        return "".join((*pieces, text[position:]))

    def replaced(self) -> dict[str, str]:
        """What stood where each placeholder is now, in folded case; for the eyes of whoever may see the text itself."""
        return {placeholder: value for (_, value), placeholder in self._placeholders.items()}

    def sentence(self) -> str:
        """What was replaced, in words: `3 redacted: 2 EMAIL, 1 PHONE`; `nothing to redact found`."""
        if not self.counts:
            return "nothing to redact found"
        told = ", ".join(f"{number:,} {type_}" for type_, number in self.counts.most_common())
        return f"{self.counts.total():,} redacted: {told}"

    def _placeholder(self, type_: str, value: str) -> str:
        self.counts[type_] += 1
        key = (type_, value.casefold())
        if key not in self._placeholders:
            self._numbers[type_] += 1
            self._placeholders[key] = f"<{type_}_{self._numbers[type_]}>"
        return self._placeholders[key]


def _apart(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """The places that do not overlap, in order; of overlapping ones that of the earlier pattern, grown to hold both."""
    kept: list[tuple[int, int, str]] = []
    for begin, end, type_ in sorted(found, key=lambda one: one[0]):
        if kept and begin < kept[-1][1]:
            before = kept[-1]
            kept[-1] = (before[0], max(before[1], end), before[2])
        else:
            kept.append((begin, end, type_))
    return kept
