"""One usage from many: cumulative, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.usage import merge_usage
from gemstream.wire.usage import ModalityTokenCount, UsageMetadata
from support.strategies import calm, messages

TEXT = [ModalityTokenCount(modality="TEXT", token_count=7)]


def usage(**fields: Any) -> UsageMetadata:
    return UsageMetadata(**fields)


MERGES = [
    (None, None, None),
    (usage(prompt_token_count=1), None, usage(prompt_token_count=1)),
    (None, usage(prompt_token_count=1), usage(prompt_token_count=1)),
    (
        usage(prompt_token_count=7, total_token_count=7),
        usage(prompt_token_count=7, candidates_token_count=3, total_token_count=10),
        usage(prompt_token_count=7, candidates_token_count=3, total_token_count=10),
    ),
    (
        usage(cached_content_token_count=5, prompt_tokens_details=TEXT),
        usage(prompt_token_count=7),
        usage(cached_content_token_count=5, prompt_tokens_details=TEXT, prompt_token_count=7),
    ),
    (
        usage(prompt_token_count=7, candidates_token_count=3, total_token_count=10),
        usage(prompt_token_count=7, candidates_token_count=2, total_token_count=9),
        usage(prompt_token_count=7, candidates_token_count=2, total_token_count=9),
    ),
    (usage(total_token_count=3), usage(total_token_count=0), usage(total_token_count=0)),
    (
        usage(prompt_token_count=7, thoughts_token_count=95),
        usage(traffic_type="ON_DEMAND"),
        usage(prompt_token_count=7, thoughts_token_count=95, traffic_type="ON_DEMAND"),
    ),
    (
        usage(traffic_type="ON_DEMAND"),
        usage(prompt_token_count=7, candidates_token_count=1, total_token_count=8),
        usage(
            prompt_token_count=7, candidates_token_count=1, total_token_count=8,
            traffic_type="ON_DEMAND",
        ),
    ),
    (
        usage(extra={"a": 1, "b": 1}),
        usage(extra={"b": 2, "c": 2}),
        usage(extra={"a": 1, "b": 2, "c": 2}),
    ),
    (usage(extra={"a": 1}), usage(service_tier="s"), usage(extra={"a": 1}, service_tier="s")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "merged"), MERGES)
def test_a_later_count_wins_and_a_vanished_one_is_kept(
    old: UsageMetadata | None, new: UsageMetadata | None, merged: UsageMetadata | None
) -> None:
    assert merge_usage(old, new) == merged


any_usage = messages(UsageMetadata)


@calm
@given(old=any_usage, new=any_usage)
def test_every_field_is_the_newest_that_was_reported(
    old: UsageMetadata, new: UsageMetadata
) -> None:
    merged = merge_usage(old, new)
    for name in UsageMetadata.__struct_fields__:
        later, earlier = getattr(new, name), getattr(old, name)
        if name == "extra":
            assert (merged.extra or {}) == {**(earlier or {}), **(later or {})}
        else:
            assert getattr(merged, name) == (earlier if later is None else later)


@calm
@given(reports=st.lists(any_usage, min_size=1, max_size=5))
def test_repeating_the_last_report_changes_nothing(reports: list[UsageMetadata]) -> None:
    merged = None
    for report in reports:
        merged = merge_usage(merged, report)
    assert merge_usage(merged, reports[-1]) == merged
