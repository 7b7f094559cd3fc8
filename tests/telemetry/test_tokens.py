"""Gemini's counts as the conventions count: thoughts and tool use inside the totals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.telemetry.tokens import TokenCount, Tokens

# Gemini's usage → attributes, "gen_ai.usage." left out.
USAGES: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({}, {}),
    ({"prompt_token_count": 3}, {"input_tokens": 3}),
    (
        {"prompt_token_count": 0, "candidates_token_count": 0},
        {"input_tokens": 0, "output_tokens": 0},
    ),
    (
        {"thoughts_token_count": 5},
        {"output_tokens": 5, "reasoning.output_tokens": 5},
    ),
    (
        {"candidates_token_count": 2, "thoughts_token_count": 0},
        {"output_tokens": 2},
    ),
    (
        {"prompt_token_count": 9, "cached_content_token_count": 0},
        {"input_tokens": 9},
    ),
    (
        {"prompt_token_count": 9, "tool_use_prompt_token_count": 4},
        {"input_tokens": 13},
    ),
    (
        {
            "prompt_token_count": 9,
            "prompt_tokens_details": [
                {"modality": "VIDEO", "token_count": 4},
                {"modality": "DOCUMENT", "token_count": 5},
                {"modality": "AUDIO"},
            ],
        },
        {"input_tokens": 9, "video.input_tokens": 4},
    ),
    (
        {
            "candidates_token_count": 3,
            "candidates_tokens_details": [
                {"modality": "TEXT", "token_count": 1},
                {"modality": "TEXT", "token_count": 2},
                {"modality": None, "token_count": 2},
            ],
        },
        {"output_tokens": 3, "text.output_tokens": 3},
    ),
]


@pytest.mark.parametrize(("usage", "attributes"), USAGES)
def test_usage_becomes_attributes(usage: dict[str, Any], attributes: dict[str, int]) -> None:
    told = {f"gen_ai.usage.{name}": count for name, count in attributes.items()}
    tokens = Tokens.of(usage)
    assert tokens.totals() | tokens.breakdown() == told


# A total and its modalities → shares.
SHARES: list[tuple[int | None, dict[str, int], dict[str, int]]] = [
    (None, {}, {"unknown": 0}),
    (0, {}, {"unknown": 0}),
    (5, {}, {"unknown": 5}),
    (5, {"text": 5}, {"text": 5}),
    (5, {"text": 2, "image": 0}, {"text": 2, "unknown": 3}),
    (5, {"unknown": 1, "text": 2}, {"unknown": 3, "text": 2}),
    (1, {"text": 2}, {"text": 2}),
]


@pytest.mark.parametrize(("total", "modalities", "shares"), SHARES)
def test_a_total_is_split_by_modality(
    total: int | None, modalities: dict[str, int], shares: dict[str, int]
) -> None:
    assert TokenCount(total, modalities).shares == shares


counts = st.integers(min_value=0, max_value=10**9)


@given(counts, st.dictionaries(st.sampled_from(["text", "image", "unknown"]), counts))
def test_no_token_of_a_total_is_lost(total: int, modalities: dict[str, int]) -> None:
    shares = TokenCount(total, modalities).shares
    assert sum(shares.values()) == max(total, sum(modalities.values()))
