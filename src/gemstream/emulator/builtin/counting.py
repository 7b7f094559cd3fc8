"""`Count to ten`: the request understood, and the numbers in full."""

from __future__ import annotations

import re

__all__ = ("count_asked_for",)

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_WORDS = {word: value for value, word in enumerate(_UNITS.split())} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "a hundred": 100,
    "one hundred": 100,
    "thousand": 1000,
    "a thousand": 1000,
    "one thousand": 1000,
}
_NUMBER = rf"-?\d{{1,9}}|{'|'.join(sorted(_WORDS, key=len, reverse=True))}"
_ASKED = re.compile(
    rf"\bcount\b[^.?!\n]{{0,40}}?\s(?:(?:from\s+)?(?P<first>{_NUMBER})\s+)?"
    rf"(?:(?:up|down)\s+)?to\s+(?P<last>{_NUMBER})\b",
    re.IGNORECASE,
)


def count_asked_for(prompt: str, *, max_characters: int) -> str | None:
    """Return the numbers that ``prompt`` asks to count, None when it does not ask.

    Writing stops at the first number beyond ``max_characters``: nobody waits for a billion.
    """
    asked = _ASKED.search(prompt)
    if asked is None:
        return None
    last = _value(asked["last"])
    first = _value(asked["first"]) if asked["first"] else min(1, last)
    step = 1 if last >= first else -1
    numbers: list[str] = []
    size = 0
    for number in range(first, last + step, step):
        numbers.append(str(number))
        size += len(numbers[-1]) + 2
        if size - 2 > max_characters:
            break
    return ", ".join(numbers)


def _value(number: str) -> int:
    known = _WORDS.get(" ".join(number.lower().split()))
    return int(number) if known is None else known
