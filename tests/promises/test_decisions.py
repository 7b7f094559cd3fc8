"""Row 49: what the documents left open is answered where a reader looks for it."""

from __future__ import annotations

import re
from pathlib import Path

DECISIONS = Path(__file__).parents[2] / "docs" / "explanation" / "decisions.md"

# The question's number → a word it cannot be answered without.
WORDS = {
    1: "fork",
    2: "WebSocket",
    3: "x-goog-api-key",
    4: "limit",
    5: "Driver",
    6: "cancel",
}


def test_the_six_open_questions_are_answered() -> None:
    page = DECISIONS.read_text(encoding="utf-8")
    section = page.partition("## The six open questions")[2].partition("\n## ")[0]
    answers = re.findall(r"\*\*(\d)\. [^*]+\?\*\* ([^*]+)", section)
    assert [int(number) for number, _ in answers] == list(WORDS)
    for number, answer in answers:
        assert len(answer.split()) > 20
        assert WORDS[int(number)].lower() in section.lower()
