"""How hard to think: OpenAI's effort and Anthropic's budget → Gemini's ``thinkingConfig``.

Level and budget are never sent together: the service answers that with 400.
"""

from __future__ import annotations

import enum

from ...errors import InvalidRequest
from ..generation_config import ThinkingConfig, ThinkingLevel
from .model_traits import ModelTraits, ThinkingKind

__all__ = ("Effort", "effort_named", "thinking_for_budget", "thinking_for_effort")


class Effort(enum.Enum):
    """How hard to think, as OpenAI and Anthropic name it."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


# Google's own table for its OpenAI surface: https://ai.google.dev/gemini-api/docs/openai#thinking.
_BUDGETS = {
    Effort.NONE: 0,
    Effort.MINIMAL: 1024,
    Effort.LOW: 1024,
    Effort.MEDIUM: 8192,
    Effort.HIGH: 24_576,
}
_LEVELS = {
    Effort.NONE: ThinkingLevel.MINIMAL,
    Effort.MINIMAL: ThinkingLevel.MINIMAL,
    Effort.LOW: ThinkingLevel.LOW,
    Effort.MEDIUM: ThinkingLevel.MEDIUM,
    Effort.HIGH: ThinkingLevel.HIGH,
    Effort.XHIGH: ThinkingLevel.HIGH,
    Effort.MAX: ThinkingLevel.HIGH,
}
# The smallest level that thinks about as much as a budget of so many tokens.
_LEVEL_OF_BUDGET = (
    (512, ThinkingLevel.MINIMAL),
    (1024, ThinkingLevel.LOW),
    (8192, ThinkingLevel.MEDIUM),
)
_RISING = (ThinkingLevel.MINIMAL, ThinkingLevel.LOW, ThinkingLevel.MEDIUM, ThinkingLevel.HIGH)


def effort_named(name: str) -> Effort:
    """Return the effort called ``name``; raises InvalidRequest with the names there are."""
    try:
        return Effort(name)
    except ValueError:
        names = ", ".join(effort.value for effort in Effort)
        raise InvalidRequest(f"effort {name!r:.80} is not one of {names}") from None


def thinking_for_effort(
    effort: Effort | None, traits: ModelTraits, *, include_thoughts: bool | None = None
) -> ThinkingConfig | None:
    """Return the thinking of a model asked for ``effort``; None when there is nothing to say.

    A model that cannot do without thinks as little as it can. None for one that does not think at
    all, which the caller should be told.
    """
    if traits.kind is ThinkingKind.NONE:
        return None
    if effort is None:
        return _shown(include_thoughts)
    if traits.kind is ThinkingKind.BUDGET:
        budget = _BUDGETS.get(effort, traits.budget_max)
        return _with_budget(budget, traits, include_thoughts)
    return _with_level(_LEVELS[effort], traits, include_thoughts)


def thinking_for_budget(
    tokens: int, traits: ModelTraits, *, include_thoughts: bool | None = None
) -> ThinkingConfig | None:
    """Return the thinking of a model given ``tokens`` for it; None for one that does not think.

    A model that takes levels gets the one that comes nearest.
    """
    if traits.kind is ThinkingKind.NONE:
        return None
    if traits.kind is ThinkingKind.BUDGET:
        return _with_budget(tokens, traits, include_thoughts)
    level = next((level for most, level in _LEVEL_OF_BUDGET if tokens <= most), ThinkingLevel.HIGH)
    return _with_level(level, traits, include_thoughts)


def _shown(include_thoughts: bool | None) -> ThinkingConfig | None:
    return None if include_thoughts is None else ThinkingConfig(include_thoughts=include_thoughts)


def _with_budget(tokens: int, traits: ModelTraits, show: bool | None) -> ThinkingConfig:
    if tokens > 0 or traits.is_always_thinking:
        tokens = min(max(tokens, traits.budget_min), traits.budget_max)
    return ThinkingConfig(include_thoughts=show, thinking_budget=max(tokens, 0))


def _with_level(wanted: ThinkingLevel, traits: ModelTraits, show: bool | None) -> ThinkingConfig:
    """Return the wanted level, or the next higher that the model has."""
    at_least = _RISING[_RISING.index(wanted) :]
    level = next((level for level in at_least if level in traits.levels), traits.levels[-1])
    return ThinkingConfig(include_thoughts=show, thinking_level=level)
