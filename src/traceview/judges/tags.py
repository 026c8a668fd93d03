"""What in a text looks like one of the tags between which a judge's variables stand, and the text without it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

DEFUSED = "&lt;"
"""What stands for the sign with which a look-alike began."""
_OPENING = (
    r"(?:[<\uff1c\ufe64\u2039\u3008\u2329\u27e8\u276c\u276e\u29fc\u300a\u226a\u00ab\u02c2\u1438\u227a]"
    r"|\\+u003c|\\+x3c|%3c|&\#0*60;|&\#x0*3c;)"
)
"""Signs that look like `<`, and how JSON, addresses and HTML write it; `&lt;` is what is left of a look-alike."""
_QUOTES = "\u00ab\u2039\u300a"
"""Those of them that also open a quotation, such as of a variable's name: then only its ending tells a tag."""
_SLASHES = "/\uff0f\u2215\u2044\u29f8\u2571"
_BETWEEN = rf"(?:[\s\\{_SLASHES}]|⟦U\+[0-9A-F]{{4,6}}⟧)"
_CLOSING = r"[>\u203a\u3009\u232a\u27e9\u276d\u276f\u29fd\u300b\u226b\u00bb\u02c3\u1433\u227b]"
_WINDOW = 400
"""Characters after the sign that are looked at."""
_LEFT_OUT = re.compile(r"⟦U\+[0-9A-F]{4,6}⟧|[\s\\]")
_OF_HTML = frozenset({
    "a", "b", "i", "p", "q", "s", "u", "em", "code", "pre", "table", "title", "label", "form", "body", "head", "link",
    "time", "data", "text", "section", "article", "summary", "details",
})  # fmt: skip
"""Names of variables whose bare tags stand in honest texts; with an ending they are look-alikes all the same."""
_ALIKE = {
    "a": "аαɑ", "b": "ьβƅ", "c": "сϲᴄ", "d": "ԁɗ", "e": "еҽєε", "f": "ƒϝ", "g": "ɡց", "h": "һհ", "j": "јϳ",
    "k": "кκᴋ", "l": "іιıɩӏi1|ǀ", "m": "мᴍ", "n": "ոпη", "o": "оοօ0", "p": "рρ", "q": "ԛ", "r": "гᴦ", "s": "ѕꜱ",
    "t": "тτᴛ", "u": "υսᴜ", "v": "νѵᴠ", "w": "ԝѡᴡ", "x": "хχ", "y": "уүγ", "z": "ᴢ", "_": "‿⁔ˍ",
}  # fmt: skip
"""Letters, as `casefold` leaves them, and those of other scripts that look like them (after Unicode's TR 39)."""
_TO_LATIN = {ord(other): letter for letter, others in _ALIKE.items() for other in others}


def defused(text: str, names: Collection[str]) -> str:
    """The text without tags that look like those of variables of these names: their first sign becomes `&lt;`.

    Letters of other scripts and widths, other brackets, backslashes, blanks and hidden characters make no difference.
    """
    opening, ended, bare = _patterns(tuple(names))

    def harmless(match: re.Match[str]) -> str:
        looked_at = skeleton(text[match.end() : match.end() + _WINDOW])
        between = match[0][len(match[1]) :]
        quotes = match[1] in _QUOTES and not any(slash in between for slash in _SLASHES)
        is_tag = ended.match(looked_at) or (not quotes and bare.match(looked_at))
        return DEFUSED + between if is_tag else match[0]

    return opening.sub(harmless, text)


def skeleton(text: str) -> str:
    """A text by how it looks: in NFKC without marks, blanks and backslashes, in small Latin letters."""
    text = _LEFT_OUT.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(one for one in text if unicodedata.category(one) not in ("Mn", "Me", "Cf"))
    return _LEFT_OUT.sub("", text).casefold().translate(_TO_LATIN)


@lru_cache(maxsize=256)
def _patterns(names: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What begins a look-alike with all that may stand before the name; the skeletons of `name_x` and of `name>`."""
    known = [skeleton(name) for name in names]
    alone = [look for look, name in zip(known, names, strict=True) if name not in _OF_HTML]
    letters = {letter for look in known for letter in (look[0], *_ALIKE.get(look[0], ""))}
    first = "".join(re.escape(letter) for letter in sorted(letters))
    opening = rf"({_OPENING}){_BETWEEN}*+(?=[{first}]|[^\x00-\x7f])"
    ended, bare = rf"(?:{'|'.join(known)})_+\w", rf"(?:{'|'.join(alone)})/?{_CLOSING}" if alone else r"(?!)"
    return re.compile(opening, re.IGNORECASE), re.compile(ended), re.compile(bare)
