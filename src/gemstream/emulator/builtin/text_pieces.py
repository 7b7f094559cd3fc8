"""Text cut into the pieces of a stream, never inside what a reader sees as one character.

Promises: the pieces joined are the text; a combining mark, a joined emoji, a flag or CR LF is
never cut in two. It approximates Unicode's grapheme clusters (UAX #29) with the rules that occur
in chat text; a rare script may stay together longer than it must.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ("graphemes", "pieces", "shortened")

# About the longest English word: what has no spaces still streams in several chunks.
_LONGEST_PIECE = 24
_ASCII_PIECE = re.compile(rf"\S{{1,{_LONGEST_PIECE}}}\s*|\s+")
_JOINER = "\u200d"


def pieces(text: str) -> list[str]:
    """Return ``text`` as pieces of about a word, at least two when it has two characters."""
    found = _ASCII_PIECE.findall(text) if text.isascii() else list(_words(text))
    if len(found) == 1:
        return _halves(text)
    return found


def shortened(text: str, limit: int) -> str:
    """Return the longest beginning of ``text`` with at most ``limit`` code points."""
    if len(text) <= limit:
        return text
    if text.isascii():  # 4 MB of a long answer: 4 ms against 2 s
        return text[: limit - (text[max(0, limit - 1) : limit + 1] == "\r\n")]
    length = 0
    for cluster in graphemes(text[: limit + 1]):
        if length + len(cluster) > limit:
            break
        length += len(cluster)
    return text[:length]


def graphemes(text: str) -> Iterator[str]:
    """Yield what a reader sees as single characters."""
    start = 0
    for position in range(1, len(text)):
        if not _belongs_together(text, start, position):
            yield text[start:position]
            start = position
    if text:
        yield text[start:]


def _words(text: str) -> Iterator[str]:
    word: list[str] = []
    for cluster in graphemes(text):
        word_ended = bool(word) and word[-1].isspace() and not cluster.isspace()
        if word_ended or (len(word) >= _LONGEST_PIECE and not cluster.isspace()):
            yield "".join(word)
            word = []
        word.append(cluster)
    yield "".join(word)


def _halves(text: str) -> list[str]:
    clusters = list(graphemes(text))
    middle = len(clusters) // 2
    halves = ("".join(clusters[:middle]), "".join(clusters[middle:]))
    return [half for half in halves if half]


def _belongs_together(text: str, start: int, position: int) -> bool:
    """True when the character at ``position`` belongs to the cluster that began at ``start``."""
    before, char = text[position - 1], text[position]
    if char.isascii():
        return (before == "\r" and char == "\n") or before == _JOINER
    if before == _JOINER or char == _JOINER:
        return True
    if _is_flag_letter(char):  # two of them make a flag, a third begins the next
        return position - start == 1 and _is_flag_letter(before)
    return unicodedata.category(char).startswith("M") or _extends(ord(char))


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _extends(code: int) -> bool:
    is_skin_tone = 0x1F3FB <= code <= 0x1F3FF
    is_tag = 0xE0020 <= code <= 0xE007F
    is_trailing_jamo = 0x1160 <= code <= 0x11FF
    return is_skin_tone or is_tag or is_trailing_jamo
