"""Token counts × prices: tables computed by hand, and what holds of every cost."""

from __future__ import annotations

import datetime
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.prices import bundled_prices, price_table
from gemstream.policy.cost import Cost, Pricing, Tariff, cost_of
from gemstream.policy.usage import added_usage, usage_since
from gemstream.wire.usage import ModalityTokenCount, UsageMetadata
from support.strategies import calm

DAY = datetime.date(2026, 11, 21)


def pricing(model: str = "gemini-2.5-flash", **fields: Any) -> Pricing:
    return Pricing(table=bundled_prices(), model=model, on=DAY, **fields)


def of(**tokens: int) -> list[ModalityTokenCount]:
    return [ModalityTokenCount(modality=name, token_count=count) for name, count in tokens.items()]


def usage(prompt: int | None = None, written: int | None = None, **fields: Any) -> UsageMetadata:
    return UsageMetadata(prompt_token_count=prompt, candidates_token_count=written, **fields)


FLASH, PRO, DRAWS = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-image"
SOUND = {"prompt_tokens_details": of(TEXT=400, AUDIO=600)}

# 2.5 Flash in micro-dollars a token: 0.3 in, 2.5 out, 0.03 cached, 1 heard, 0.1 heard from a cache.
COSTS = [
    (FLASH, usage(1000, 500), Cost(input=300, output=1250)),
    (FLASH, usage(0, 0), Cost()),
    (FLASH, usage(1), Cost(input=1)),  # 0.3, rounded up
    (FLASH, usage(10, 1), Cost(input=3, output=3)),  # 5.5 → 6
    (FLASH, usage(1, 1), Cost(input=1, output=2)),  # 2.8 → 3: rounded once, not part by part
    (FLASH, usage(1000, 0, cached_content_token_count=400), Cost(input=180, cached=12)),
    (FLASH, usage(400, 0, cached_content_token_count=400), Cost(cached=12)),
    (FLASH, usage(100, 10, thoughts_token_count=200), Cost(input=30, output=25, thoughts=500)),
    (FLASH, usage(100, None, thoughts_token_count=200), Cost(input=30, thoughts=500)),
    (FLASH, usage(1000, 0, **SOUND), Cost(input=120, audio_input=600)),
    (
        FLASH,
        usage(
            1000, 0, **SOUND, cached_content_token_count=500, cache_tokens_details=of(AUDIO=500)
        ),
        Cost(input=120, audio_input=100, cached=50),
    ),
    (FLASH, usage(100, 0, tool_use_prompt_token_count=1000), Cost(input=330)),
    (
        FLASH,
        usage(10, 10, candidates_tokens_details=of(AUDIO=4)),
        Cost(input=3, output=15, audio_output=10),
    ),
    (FLASH, usage(-10, -10, candidates_tokens_details=of(AUDIO=-4)), Cost()),
    # 2.5 Pro charges double above 200,000 tokens of prompt, cached ones included, not of thoughts.
    (PRO, usage(200_000, 1000), Cost(input=250_000, output=10_000)),
    (PRO, usage(200_001, 1000), Cost(input=500_003, output=15_000)),
    (
        PRO,
        usage(250_000, 0, cached_content_token_count=100_000),
        Cost(input=375_000, cached=25_000),
    ),
    (PRO, usage(200_000, 0, thoughts_token_count=9000), Cost(input=250_000, thoughts=90_000)),
    # An image of 1,290 tokens at $30.
    (
        DRAWS,
        usage(10, 1300, candidates_tokens_details=of(IMAGE=1290)),
        Cost(input=3, output=25, image_output=38_700),
    ),
    ("gemma-4-31b-it", usage(1000, 1000), Cost()),
    ("gemini-4-argon", usage(1000, 1000), Cost(input=2000, output=10_000)),
    ("gemini-2.0-flash-001", usage(1000, 1000), Cost(input=100, output=400)),
]  # fmt: skip


@pytest.mark.parametrize(("model", "counted", "cost"), COSTS)
def test_a_cost_is_the_sum_by_hand(model: str, counted: UsageMetadata, cost: Cost) -> None:
    assert pricing(model).tariff().cost(counted) == cost


TIERS = [
    (None, None, 1550),
    ("standard", None, 1550),
    ("flex", None, 775),
    ("priority", None, 3100),
    ("priority", "standard", 1550),  # served as: too much priority traffic is served as standard
    ("standard", "flex", 775),
    ("unspecified", None, 1550),
    ("turbo", None, None),
    (None, "turbo", None),
]


@pytest.mark.parametrize(("asked", "served", "micros"), TIERS)
def test_a_service_tier_has_its_price(asked: str | None, served: str | None, micros: Any) -> None:
    cost = pricing(tier=asked).tariff().cost(usage(1000, 500, service_tier=served))
    assert (None if cost is None else cost.micros) == micros


UNKNOWN = [
    ("test", usage(1, 1)),
    (FLASH, usage()),
    (FLASH, None),
    (FLASH, usage(None, None, total_token_count=9)),
    (FLASH, usage(1, 1, traffic_type="PROVISIONED_THROUGHPUT")),
]


@pytest.mark.parametrize(("model", "counted"), UNKNOWN)
def test_what_is_not_known_is_none_and_never_0(model: str, counted: UsageMetadata | None) -> None:
    assert pricing(model).tariff().cost(counted) is None


def test_the_model_that_answered_prices_a_name_without_a_row() -> None:
    assert pricing("gemini-flash-latest").tariff().price is None
    latest = pricing("gemini-flash-latest").tariff("gemini-2.5-pro-001")
    assert latest.price == pricing(PRO).tariff().price
    # The price a call was made under stays the same, whoever answers.
    assert pricing(FLASH).tariff("gemini-2.5-pro").price == pricing(FLASH).tariff().price


def test_a_cost_prints_adds_and_travels() -> None:
    cost = Cost(input=3, output=4) + Cost(output=5, thoughts=1_000_000)
    assert cost == Cost(input=3, output=9, thoughts=1_000_000)
    assert (cost.micros, str(cost.dollars), str(cost)) == (1_000_012, "1.000012", "$1.000012")
    assert cost.currency == "USD"
    assert pickle.loads(pickle.dumps(cost)) == cost


# --- of every cost ---------------------------------------------------------------------------

counts = st.integers(0, 10**6)
details = st.none() | st.lists(
    st.builds(
        ModalityTokenCount,
        modality=st.sampled_from(["TEXT", "AUDIO", "IMAGE", "VIDEO"]),
        token_count=counts,
    ),
    max_size=4,
)
usages = st.builds(
    UsageMetadata,
    prompt_token_count=counts,
    candidates_token_count=counts,
    thoughts_token_count=st.none() | counts,
    cached_content_token_count=st.none() | counts,
    tool_use_prompt_token_count=st.none() | counts,
    prompt_tokens_details=details,
    candidates_tokens_details=details,
    cache_tokens_details=details,
)
models = st.sampled_from([FLASH, PRO, DRAWS, "gemini-3.1-flash-lite", "gemma-4-31b-it"])


def cost(model: str, counted: UsageMetadata, **fields: Any) -> Cost:
    price = pricing(model).tariff().price
    assert price is not None
    known = cost_of(counted, price, **fields)
    assert known is not None
    return known


@calm
@given(model=models, counted=usages)
def test_no_part_is_negative_and_none_is_charged_twice(model: str, counted: UsageMetadata) -> None:
    known = cost(model, counted)
    assert all(getattr(known, part) >= 0 for part in Cost.__struct_fields__)
    price = pricing(model).tariff().price
    assert price is not None
    rates = price.rates_for(counted.prompt_token_count or 0)
    dearest = max(rates.audio_input, rates.image_output)
    cached = counted.cached_content_token_count or 0
    tokens = max(counted.prompt_token_count or 0, cached) + sum(
        count or 0
        for count in (
            counted.candidates_token_count,
            counted.thoughts_token_count,
            counted.tool_use_prompt_token_count,
        )
    )
    assert known.micros <= -(-tokens * dearest // 10**6)


@calm
@given(model=models, counted=usages, more=counts)
def test_the_running_cost_never_falls(model: str, counted: UsageMetadata, more: int) -> None:
    written = (counted.candidates_token_count or 0) + more
    later = UsageMetadata(
        prompt_token_count=counted.prompt_token_count, candidates_token_count=written
    )
    before = UsageMetadata(
        prompt_token_count=counted.prompt_token_count,
        candidates_token_count=counted.candidates_token_count,
    )
    assert cost(model, later).micros >= cost(model, before).micros


@calm
@given(model=models, hops=st.lists(usages, min_size=1, max_size=5))
def test_an_answer_of_several_hops_costs_the_sum_of_them(
    model: str, hops: list[UsageMetadata]
) -> None:
    known = pricing(model).tariff()
    whole: UsageMetadata | None = None
    ends: list[UsageMetadata] = []
    for hop in hops:
        whole = added_usage(whole, hop)
        assert whole is not None
        ends.append(whole)
    tariff = Tariff(price=known.price, earlier=tuple(ends[:-1]))
    summed = Cost()
    for hop in hops:
        summed += cost(model, hop)
    assert tariff.cost(whole) == summed


@calm
@given(one=usages, other=usages)
def test_what_was_added_can_be_taken_off_again(one: UsageMetadata, other: UsageMetadata) -> None:
    both = added_usage(one, other)
    assert both is not None
    added = usage_since(both, one)
    for name in ("prompt_token_count", "candidates_token_count"):
        assert getattr(added, name) == getattr(other, name)
    assert usage_since(other, None) is other


def test_a_users_prices_are_used() -> None:
    table = price_table({"mine": {"input": 1, "output": 2, "cached": 0.5, "image_output": 7}})
    mine = Pricing(table=table, model="mine", on=DAY).tariff()
    counted = usage(
        10, 10, cached_content_token_count=4, candidates_tokens_details=of(IMAGE=1, AUDIO=1)
    )
    assert mine.cost(counted) == Cost(input=6, cached=2, output=16, audio_output=2, image_output=7)
