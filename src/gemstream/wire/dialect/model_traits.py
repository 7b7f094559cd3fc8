"""What a model takes, by its name: how it thinks, and what its generation brought.

A row stands for the name it holds and for all that go on behind it with a ``-``; the longest
such row wins, so ``gemini-2.5-flash-lite-001`` is a flash-lite. Generations are read as numbers:
``gemini-13-flash`` is newer than ``gemini-3-flash``.

Source: https://ai.google.dev/gemini-api/docs/thinking.
"""

from __future__ import annotations

import enum
import re

import msgspec

from ..generation_config import ThinkingLevel

__all__ = ("ModelTraits", "ThinkingKind", "traits_of")


class ThinkingKind(enum.Enum):
    """How a model is told to think."""

    NONE = "none"  # not at all
    BUDGET = "budget"  # by a number of tokens
    LEVEL = "level"  # by a level
    HYBRID = "hybrid"  # by either, never by both at once; the level is preferred


class ModelTraits(msgspec.Struct, frozen=True):
    """What a model takes.

    ``budget_min`` to ``budget_max``: tokens of thinking; ``is_always_thinking``: a budget of 0 is
    refused. ``levels`` in rising order. ``generation``: ``(2, 5)``, ``(0, 0)`` where the name is
    not Gemini's.
    """

    kind: ThinkingKind
    generation: tuple[int, int] = (0, 0)
    budget_min: int = 0
    budget_max: int = 0
    is_always_thinking: bool = False
    levels: tuple[ThinkingLevel, ...] = ()

    @property
    def takes_json_schema(self) -> bool:
        """True from 2.5 on: ``parametersJsonSchema`` and ``responseJsonSchema``."""
        return self.generation >= (2, 5)

    @property
    def validates_calls(self) -> bool:
        """True from 2.5 on: the function calling mode ``VALIDATED``."""
        return self.generation >= (2, 5)

    @property
    def takes_call_ids(self) -> bool:
        """True from 3 on: ``id`` in calls and their responses."""
        return self.generation >= (3, 0)

    @property
    def needs_signatures(self) -> bool:
        """True from 3 on: the first call of each step must come back with its signature."""
        return self.generation >= (3, 0)

    @property
    def takes_media_resolution(self) -> bool:
        """True from 3 on: a resolution for each part."""
        return self.generation >= (3, 0)

    @property
    def takes_media_in_results(self) -> bool:
        """True from 3 on: media inside ``functionResponse.parts``."""
        return self.generation >= (3, 0)

    @property
    def mixes_tools(self) -> bool:
        """True from 3 on: functions beside built-in tools, or beside JSON as the answer's type."""
        return self.generation >= (3, 0)


_MINIMAL, _LOW, _MEDIUM, _HIGH = (
    ThinkingLevel.MINIMAL,
    ThinkingLevel.LOW,
    ThinkingLevel.MEDIUM,
    ThinkingLevel.HIGH,
)
_NONE = ModelTraits(ThinkingKind.NONE)
_PRO = ModelTraits(ThinkingKind.BUDGET, budget_min=128, budget_max=32_768, is_always_thinking=True)
_FLASH = ModelTraits(ThinkingKind.BUDGET, budget_min=1, budget_max=24_576)
_LITE = ModelTraits(ThinkingKind.BUDGET, budget_min=512, budget_max=24_576)
_FOUR_LEVELS = ModelTraits(
    ThinkingKind.HYBRID, budget_max=32_768, levels=(_MINIMAL, _LOW, _MEDIUM, _HIGH)
)
_THREE_LEVELS = ModelTraits(ThinkingKind.HYBRID, budget_max=32_768, levels=(_LOW, _MEDIUM, _HIGH))
_TWO_LEVELS = ModelTraits(ThinkingKind.HYBRID, budget_max=32_768, levels=(_LOW, _HIGH))
_NO_BUDGET = ModelTraits(ThinkingKind.LEVEL, levels=(_LOW, _MEDIUM, _HIGH))

_ROWS: dict[str, ModelTraits] = {
    "gemini-1.0": _NONE,
    "gemini-1.5": _NONE,
    "gemini-2.0": _NONE,
    "gemini-2.5": _LITE,  # a name the table lacks: what every 2.5 takes
    "gemini-2.5-pro": _PRO,
    "gemini-2.5-pro-preview-tts": _NONE,
    "gemini-2.5-flash": _FLASH,
    "gemini-2.5-flash-lite": _LITE,
    "gemini-2.5-flash-image": _NONE,
    "gemini-2.5-flash-preview-tts": _NONE,
    "gemini-live-2.5-flash": _FLASH,
    "gemini-3-pro": _TWO_LEVELS,
    "gemini-3-pro-image": _NONE,
    "gemini-3-flash": _FOUR_LEVELS,
    "gemini-3.1-pro": _THREE_LEVELS,
    "gemini-3.1-flash": _FOUR_LEVELS,
    "gemini-3.5-flash": _FOUR_LEVELS,
    "gemini-3.6-flash": _FOUR_LEVELS,
    "gemini-3.7-flash": _FOUR_LEVELS,
    "gemini-3.8-flash": _THREE_LEVELS,
    "gemini-3.8-live": _NONE,
    "gemma": _NONE,
    "gemini-embedding": _NONE,
    "text-embedding": _NONE,
    "imagen": _NONE,
    "veo": _NONE,
}
_NEWEST = (4, 0)
_GENERATION = re.compile(r"gemini-(?:live-)?(\d{1,3})(?:\.(\d{1,3}))?(?=-|$)", re.ASCII)
_FIRST_WITHOUT_BUDGET = 4


def traits_of(model: str) -> ModelTraits:
    """Return the traits of a model, named bare or with a prefix as ``models/``.

    A name that no row and no generation tells of, as ``gemini-flash-latest`` or a tuned model's,
    has those of the newest.
    """
    name = model.rpartition("/")[2]
    row = _row(name)
    found = _GENERATION.match(name)
    if found:
        generation = (int(found[1]), int(found[2] or 0))
    else:
        generation = _NEWEST if row is None else (0, 0)
    if row is None:
        row = _THREE_LEVELS if generation[0] < _FIRST_WITHOUT_BUDGET else _NO_BUDGET
    return msgspec.structs.replace(row, generation=generation)


def _row(name: str) -> ModelTraits | None:
    """Return the row of the longest beginning of ``name`` that ends where a ``-`` stands."""
    while name:
        if name in _ROWS:
            return _ROWS[name]
        name = name.rpartition("-")[0]
    return None
