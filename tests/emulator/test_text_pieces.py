"""Pieces of a stream: joined they are the text, and no character is cut in two."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.emulator.builtin.text_pieces import graphemes, pieces, shortened

TRICKY = "ab \r\n\u0301\u200d\ufe0f👩🏽🚀🇩🇪🇫é漢\u1100\u1161\U000e0067"
CHARACTERS = st.one_of(st.sampled_from(TRICKY), st.characters(codec="utf-8"))
TEXTS = st.text(alphabet=CHARACTERS)

CLUSTERS = [
    ("", []),
    ("abc", ["a", "b", "c"]),
    ("e\u0301a", ["e\u0301", "a"]),
    ("\r\n\n", ["\r\n", "\n"]),
    ("👩🏽\u200d🚀!", ["👩🏽\u200d🚀", "!"]),
    ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
    ("❤\ufe0fx", ["❤\ufe0f", "x"]),
]
PIECES = [
    ("", []),
    ("a", ["a"]),
    ("ab", ["a", "b"]),
    ("You said: hi", ["You ", "said: ", "hi"]),
    ("  x\n y", ["  ", "x\n ", "y"]),
    ("x" * 30, ["x" * 24, "x" * 6]),
    ("漢" * 30 + " é", ["漢" * 24, "漢" * 6 + " ", "é"]),
]


@pytest.mark.parametrize(("text", "clusters"), CLUSTERS)
def test_clusters_are_what_a_reader_sees(text: str, clusters: list[str]) -> None:
    assert list(graphemes(text)) == clusters


@pytest.mark.parametrize(("text", "expected"), PIECES)
def test_pieces_are_about_words(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@settings(deadline=None)
@given(TEXTS)
def test_pieces_joined_are_the_text(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert all(found)
    assert [one for piece in found for one in graphemes(piece)] == list(graphemes(text))


@settings(deadline=None)
@given(TEXTS, st.integers(0, 20))
def test_a_shortened_text_is_the_longest_whole_beginning(text: str, limit: int) -> None:
    short = shortened(text, limit)
    clusters = list(graphemes(text))
    kept = list(graphemes(short))
    assert len(short) <= limit and kept == clusters[: len(kept)]
    if kept != clusters:
        assert len(short) + len(clusters[len(kept)]) > limit
