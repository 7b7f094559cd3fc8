"""Tiers as data: the numbers of the table, the names people write, rows over tiers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from gemstream.config.limits import Limits
from gemstream.config.models import bundled_models
from gemstream.config.tier_choice import NamedTier, is_googles, resolve_tier
from gemstream.config.tiers import LimitsOverride, Tier, bundled_tiers, tier_named
from gemstream.errors import ConfigError

GEMINI = bundled_tiers()["gemini"]
GOOGLE = "https://generativelanguage.googleapis.com"

# Provider, tier, model → rpm, tpm, rpd, concurrency.
NUMBERS: list[tuple[str, str, str, tuple[int | None, ...]]] = [
    ("gemini", "free", "any", (10, 250_000, 250, 2)),
    ("gemini", "free", "gemini-2.5-pro", (2, 125_000, 50, 2)),
    ("gemini", "free", "models/gemini-2.5-flash", (10, 250_000, 250, 2)),
    ("gemini", "free", "gemini-2.5-flash-lite", (15, 250_000, 1_000, 2)),
    ("gemini", "free", "publishers/google/models/gemini-2.0-flash", (15, 1_000_000, 200, 2)),
    ("gemini", "tier1", "any", (1_000, 1_000_000, None, 10)),
    ("gemini", "tier1", "gemini-2.5-pro", (150, 2_000_000, 10_000, 10)),
    ("gemini", "tier1", "gemini-2.5-flash", (1_000, 1_000_000, 10_000, 10)),
    ("gemini", "tier1", "gemini-2.5-flash-lite", (4_000, 4_000_000, None, 10)),
    ("gemini", "tier1", "gemini-2.0-flash", (2_000, 4_000_000, None, 10)),
    ("gemini", "tier2", "any", (1_000, 2_000_000, None, 20)),
    ("gemini", "tier3", "any", (1_000, 4_000_000, None, 30)),
    ("anthropic", "tier1", "any", (5, 20_000, None, 5)),
    ("anthropic", "tier2", "any", (50, 40_000, None, 5)),
    ("anthropic", "tier3", "any", (1_000, 80_000, None, 5)),
    ("anthropic", "tier4", "any", (2_000, 160_000, None, 5)),
    ("openai", "free", "any", (3, 40_000, 200, 50)),
    ("openai", "tier1", "any", (500, 200_000, None, 50)),
    ("openai", "tier2", "any", (5_000, 2_000_000, None, 50)),
    ("openai", "tier3", "any", (10_000, 10_000_000, None, 50)),
    ("openai", "tier4", "any", (10_000, 30_000_000, None, 50)),
    ("openai", "tier5", "any", (10_000, 100_000_000, None, 50)),
]


@pytest.mark.parametrize(("provider", "tier", "model", "numbers"), NUMBERS)
def test_the_numbers_of_the_table(
    provider: str, tier: str, model: str, numbers: tuple[int | None, ...]
) -> None:
    rpm, tpm, rpd, concurrency = numbers
    limits = bundled_tiers()[provider].tiers[tier].limits_of(model)
    assert limits == Limits(rpm=rpm, tpm=tpm, rpd=rpd, concurrency=concurrency)


def test_ceilings_what_counts_and_defaults() -> None:
    assert [tier.adaptive_ceiling for tier in GEMINI.tiers.values()] == [4, 15, 30, 50]
    said = [tier.live_messages_per_minute for tier in GEMINI.tiers.values()]
    assert said == [10, 1000, 1000, 1000]
    counted = {name: each.tpm_counts for name, each in bundled_tiers().providers.items()}
    assert counted == {"gemini": "input", "anthropic": "input", "openai": "total"}
    defaults = {name: each.default.name for name, each in bundled_tiers().providers.items()}
    assert defaults == {"gemini": "free", "anthropic": "tier1", "openai": "tier1"}
    assert GEMINI.default.cost_per_million_input_tokens == 0
    assert bundled_tiers()["anthropic"].default.cost_per_million_output_tokens == 15


def test_a_higher_tier_never_allows_less() -> None:
    names = [*GEMINI.default.models, "any"]
    tiers = list(GEMINI.tiers.values())
    for lower, higher in itertools.pairwise(tiers):
        for model in names:
            for field in Limits.__struct_fields__:
                more = getattr(higher.limits_of(model), field)
                less = getattr(lower.limits_of(model), field)
                assert more is None or (less is not None and less <= more), (higher.name, model)


def test_the_rows_are_models_that_we_know() -> None:
    catalog = bundled_models()
    for tier in GEMINI.tiers.values():
        assert [model for model in tier.models if catalog.find(model) is None] == []


NAMES = {
    "free": ["free", "Free", "FREE", "free_tier", "Free Tier", " free "],
    "tier1": ["payasyougo", "Pay-as-you-go", "pay_as_you_go", "PayAsYouGo", "tier1", "tier_1"],
    "tier2": ["tier2", "Tier 2", "paid_tier_2", "paid-tier-2"],
    "tier3": ["tier3", "TIER-3", "paid_tier_3"],
}


@pytest.mark.parametrize(
    ("written", "tier"), [(name, tier) for tier, names in NAMES.items() for name in names]
)
def test_a_tier_is_found_by_the_names_people_write(written: str, tier: str) -> None:
    assert tier_named(GEMINI, written) is GEMINI.tiers[tier]


@pytest.mark.parametrize("name", ["", " ", "-", "tier", "tier9", "freeee", "💎"])
def test_another_name_is_no_tier(name: str) -> None:
    assert tier_named(GEMINI, name) is None


def test_no_two_tiers_of_a_provider_share_a_name() -> None:
    for provider in bundled_tiers().providers.values():
        for tier in provider.tiers.values():
            assert all(tier_named(provider, name) is tier for name in (tier.name, *tier.aliases))


# --- rows ------------------------------------------------------------------------------------


def test_a_row_overrides_what_it_says_and_nothing_else() -> None:
    tier = Tier(
        name="t",
        provider="gemini",
        limits=Limits(rpm=1, tpm=2, rpd=3, concurrency=4),
        models={"a": LimitsOverride(rpm=9, rpd=None)},
    )
    assert tier.limits_of("a") == Limits(rpm=9, tpm=2, rpd=None, concurrency=4)
    assert tier.limits_of("models/a") == tier.limits_of("a")
    assert tier.limits_of("tunedModels/a") == tier.limits


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True])
def test_a_row_that_lets_nothing_in_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"rpm is .*; it must be a whole number from 1 on"):
        LimitsOverride(rpm=value)


# --- which tier ------------------------------------------------------------------------------

# URL, own transport, named → tier, origin.
CHOICES: list[tuple[str, bool, NamedTier | None, str | None, str]] = [
    (GOOGLE, False, None, "free", "default"),
    ("https://aiplatform.googleapis.com", False, None, "free", "default"),
    ("https://us-central1-aiplatform.googleapis.com", False, None, "free", "default"),
    ("https://aiplatform.eu.rep.googleapis.com", False, None, "free", "default"),
    (GOOGLE, True, None, None, "none"),
    ("http://127.0.0.1:8089", False, None, None, "none"),
    ("https://relay.example.com", False, None, None, "none"),
    ("https://generativelanguage.googleapis.com.evil.example", False, None, None, "none"),
    ("https://evilaiplatform.googleapis.com", False, None, None, "none"),
    ("http://127.0.0.1:8089", False, NamedTier("Free", "given"), "free", "given"),
    (GOOGLE, True, NamedTier("payasyougo", "GEMINI_TIER"), "tier1", "GEMINI_TIER"),
    (GOOGLE, False, NamedTier("tier2", "gemstream.toml:3"), "tier2", "gemstream.toml:3"),
]


@pytest.mark.parametrize(("url", "own", "named", "tier", "origin"), CHOICES)
def test_free_is_the_default_of_googles_hosts_alone(
    url: str, own: bool, named: NamedTier | None, tier: str | None, origin: str
) -> None:
    choice = resolve_tier(GEMINI, named, base_url=url, is_own_transport=own)
    assert (choice.tier and choice.tier.name, choice.origin, choice.warning) == (tier, origin, "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fre", "did you mean free?"),
        ("Payasyougoo", "did you mean tier1?"),
        ("gold", "there are free, tier1, tier2, tier3"),
    ],
)
def test_an_unknown_tier_is_the_smallest_with_a_warning(name: str, hint: str) -> None:
    named = NamedTier(name, "GEMINI_TIER")
    choice = resolve_tier(GEMINI, named, base_url="http://here", is_own_transport=True)
    assert choice.tier is GEMINI.default
    assert choice.warning == (f"gemini has no tier '{name}' (GEMINI_TIER): free is used; {hint}")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nowhere",
        "http://[::1",
        "https://GOOGLEAPIS.com",
        "https://storage.googleapis.com",
        "https://evil.example/x-aiplatform.googleapis.com",
        "https://evil.example\\x-aiplatform.googleapis.com",
        "https://generativelanguage.googleapis.com@evil.example",
    ],
)
def test_no_other_address_is_googles(url: str) -> None:
    assert not is_googles(url)


def test_a_host_is_compared_as_hosts_are() -> None:
    assert is_googles("https://GenerativeLanguage.googleapis.com.:443/v1")
