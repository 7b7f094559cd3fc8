"""Embeddings: unit vectors, the same for the same text, near for similar texts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.emulator.builtin.embedding import embed_text


def likeness(one: str, other: str) -> float:
    pair = zip(embed_text(one, 3072, 3072), embed_text(other, 3072, 3072), strict=True)
    return sum(a * b for a, b in pair)


@given(st.text(), st.integers(1, 64))
@settings(max_examples=25, deadline=None)
def test_vectors_have_unit_length(text: str, dimensions: int) -> None:
    vector = embed_text(text, dimensions, 64)
    assert len(vector) == dimensions
    assert math.isclose(math.hypot(*vector), 1.0)


def test_the_same_text_has_the_same_vector_in_every_process() -> None:
    assert embed_text("hello", 2, 8) == pytest.approx(embed_text("hello", 2, 8))
    assert embed_text("hello", 2, 8) != embed_text("Hello", 2, 8)


def test_a_short_vector_is_the_beginning_of_the_long_one() -> None:
    long, short = embed_text("hello", 3072, 3072), embed_text("hello", 8, 3072)
    scale = short[0] / long[0]
    assert short == pytest.approx([value * scale for value in long[:8]])


def test_similar_texts_are_near() -> None:
    near = likeness("the cat sat on the mat", "a cat sat on a mat")
    far = likeness("the cat sat on the mat", "interest rates were raised again")
    assert near > 0.25 > abs(far) + 0.1
