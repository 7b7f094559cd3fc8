"""How hard a model is asked to think, by the name it has."""

from __future__ import annotations

import pytest

from gemstream.errors import InvalidRequest
from gemstream.wire.codec import to_plain
from gemstream.wire.dialect.model_traits import ThinkingKind, traits_of
from gemstream.wire.dialect.thinking import (
    Effort,
    effort_named,
    thinking_for_budget,
    thinking_for_effort,
)

# TV-17, and what the table beside it says.
EFFORTS = [
    ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
    ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
    ("gemini-2.5-flash-lite", "none", {"thinkingBudget": 0}),
    ("gemini-2.5-flash", "minimal", {"thinkingBudget": 1024}),
    ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192}),
    ("gemini-2.5-flash", "high", {"thinkingBudget": 24576}),
    ("gemini-2.5-pro", "high", {"thinkingBudget": 24576}),
    ("gemini-2.5-pro", "max", {"thinkingBudget": 32768}),
    ("gemini-2.5-flash-preview-05-20", "xhigh", {"thinkingBudget": 24576}),
    ("gemini-3-pro-preview", "none", {"thinkingLevel": "LOW"}),
    ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "LOW"}),
    ("gemini-3-pro-preview", "medium", {"thinkingLevel": "HIGH"}),
    ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "MEDIUM"}),
    ("gemini-3-flash", "minimal", {"thinkingLevel": "MINIMAL"}),
    ("models/gemini-3-flash", "xhigh", {"thinkingLevel": "HIGH"}),
    ("gemini-4-carbon", "none", {"thinkingLevel": "LOW"}),
    ("gemini-13-flash", "medium", {"thinkingLevel": "MEDIUM"}),
    ("tunedModels/mine", "high", {"thinkingLevel": "HIGH"}),
    ("gemini-2.0-flash", "low", None),
    ("gemini-2.5-flash-image", "low", None),
    ("gemma-3-27b-it", "low", None),
]
BUDGETS = [
    ("gemini-2.5-flash", 5, {"thinkingBudget": 5}),
    ("gemini-2.5-flash-lite", 5, {"thinkingBudget": 512}),
    ("gemini-2.5-pro", 0, {"thinkingBudget": 128}),
    ("gemini-2.5-pro", 99_999, {"thinkingBudget": 32768}),
    ("gemini-3-flash", 512, {"thinkingLevel": "MINIMAL"}),
    ("gemini-3-flash", 1024, {"thinkingLevel": "LOW"}),
    ("gemini-3-flash", 8192, {"thinkingLevel": "MEDIUM"}),
    ("gemini-3-flash", 8193, {"thinkingLevel": "HIGH"}),
    ("gemini-3-pro-preview", 8192, {"thinkingLevel": "HIGH"}),
    ("gemini-2.0-flash", 1024, None),
]


@pytest.mark.parametrize(("model", "effort", "expected"), EFFORTS)
def test_effort(model: str, effort: str, expected: dict[str, object] | None) -> None:
    thinking = thinking_for_effort(effort_named(effort), traits_of(model))
    assert (thinking and to_plain(thinking)) == expected


@pytest.mark.parametrize(("model", "tokens", "expected"), BUDGETS)
def test_budget(model: str, tokens: int, expected: dict[str, object] | None) -> None:
    thinking = thinking_for_budget(tokens, traits_of(model))
    assert (thinking and to_plain(thinking)) == expected


def test_thoughts_are_shown_when_asked_for() -> None:
    traits = traits_of("gemini-3-flash")
    assert thinking_for_effort(None, traits) is None
    shown = thinking_for_effort(None, traits, include_thoughts=True)
    assert shown is not None and to_plain(shown) == {"includeThoughts": True}
    low = thinking_for_effort(Effort.LOW, traits, include_thoughts=True)
    assert low is not None and to_plain(low) == {"includeThoughts": True, "thinkingLevel": "LOW"}


def test_an_unknown_effort_is_told_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="'huge' is not one of none, minimal, low"):
        effort_named("huge")


@pytest.mark.parametrize(
    ("model", "generation", "kind"),
    [
        ("gemini-2.5-flash-lite-001", (2, 5), ThinkingKind.BUDGET),
        ("gemini-live-2.5-flash-native-audio", (2, 5), ThinkingKind.BUDGET),
        ("gemini-3.9-flash", (3, 9), ThinkingKind.HYBRID),
        ("gemini-13-flash", (13, 0), ThinkingKind.LEVEL),
        ("gemini-2.0-flash-3", (2, 0), ThinkingKind.NONE),
        ("gemini-flash-latest", (4, 0), ThinkingKind.LEVEL),
        ("gemma-3-27b-it", (0, 0), ThinkingKind.NONE),
    ],
)
def test_traits(model: str, generation: tuple[int, int], kind: ThinkingKind) -> None:
    traits = traits_of(model)
    assert (traits.generation, traits.kind) == (generation, kind)
    assert traits.takes_call_ids is (generation >= (3, 0))
    assert traits.takes_json_schema is traits.validates_calls is (generation >= (2, 5))
    assert traits.needs_signatures is traits.mixes_tools is traits.takes_call_ids
    assert traits.takes_media_resolution is traits.takes_media_in_results is traits.takes_call_ids
