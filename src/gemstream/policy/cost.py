"""Token counts × prices → cost, in whole micro-dollars.

The cost of one request is summed exactly and rounded up once, to the next micro-dollar: a sum of
costs is never below the bill, and at most a micro-dollar per request above it. Each hop of an
answer is a request of its own: it reads the prompt again, and its prompt alone decides whether the
rates for long prompts hold. What is not known is None, never 0.
Source: https://ai.google.dev/gemini-api/docs/pricing, .../docs/tokens.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ..config.dollars import MICROS, in_dollars
from ..config.prices import Price, PriceTable, Rates
from ..wire.usage import ModalityTokenCount, UsageMetadata
from .usage import usage_since

__all__ = ("UNIT", "Cost", "Pricing", "Tariff", "cost_of")

UNIT = MICROS * 100
"""Tokens × rate × percent of a tier that make a micro-dollar."""
# Vertex AI: the tokens were paid for in advance, by capacity.
_PROVISIONED = "PROVISIONED_THROUGHPUT"


class Cost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an answer costs, in whole micro-dollars: millionths of a US dollar.

    The parts do not overlap. ``input``: the prompt read afresh, and what the service's tools fed
    back; ``audio_input``: the sound in it. ``cached``: the prompt read from a cache. ``output``:
    the answer's text; ``thoughts``; ``audio_output``; ``image_output``. Costs can be added.
    """

    input: int = 0
    audio_input: int = 0
    cached: int = 0
    output: int = 0
    thoughts: int = 0
    audio_output: int = 0
    image_output: int = 0

    @property
    def micros(self) -> int:
        """The sum of the parts."""
        return sum(msgspec.structs.astuple(self))

    @property
    def dollars(self) -> Decimal:
        """The sum in US dollars, exact."""
        return in_dollars(self.micros)

    @property
    def currency(self) -> str:
        """What the amounts are millionths of: ``USD``."""
        return "USD"

    def __add__(self, other: Cost) -> Cost:
        return Cost(**{part: getattr(self, part) + getattr(other, part) for part in _PARTS})

    def __str__(self) -> str:
        return f"${self.dollars}"


_PARTS = Cost.__struct_fields__


class Tariff(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the tokens of an answer cost; ``price`` is None when that is not known.

    ``tier``: the service tier that was asked for; the one a usage names wins. ``earlier``: the
    usage of the answer at the end of each hop before this one.
    """

    price: Price | None
    tier: str | None = None
    earlier: tuple[UsageMetadata, ...] = ()

    def cost(self, usage: UsageMetadata | None) -> Cost | None:
        """Return what ``usage``, the sum over all hops, costs; None when that is not known."""
        if self.price is None or usage is None:
            return None
        whole: Cost | None = None
        before: UsageMetadata | None = None
        for until in (*self.earlier, usage):
            cost = cost_of(usage_since(until, before), self.price, self.tier)
            if cost is None:
                return None
            whole = cost if whole is None else whole + cost
            before = until
        return whole


class Pricing(msgspec.Struct, frozen=True, kw_only=True):
    """Which prices hold for one call: those of the model it names, on the day it is made (UTC)."""

    table: PriceTable
    model: str
    on: datetime.date
    tier: str | None = None

    def tariff(
        self, model_version: str | None = None, earlier: tuple[UsageMetadata, ...] = ()
    ) -> Tariff:
        """Return the tariff of the model asked, else of the ``model_version`` that answered.

        A name without a price may stand for another model, as ``gemini-flash-latest``.
        """
        price = self.table.find(self.model, self.on)
        if price is None and model_version:
            price = self.table.find(model_version, self.on)
        return Tariff(price=price, tier=self.tier, earlier=earlier)


def cost_of(usage: UsageMetadata, price: Price, tier: str | None = None) -> Cost | None:
    """Return what one request costs; None when nothing was counted, or its tier has no price."""
    percent = price.percent(usage.service_tier or tier)
    if percent is None or usage.traffic_type == _PROVISIONED:
        return None
    if all(count is None for count in _counts(usage)):
        return None
    tokens = _tokens(usage)
    rates = _charged(price.rates_for(usage.prompt_token_count or 0))
    return Cost(**_rounded([tokens[part] * rate * percent for part, rate in rates], UNIT))


_counts = operator.attrgetter(
    "prompt_token_count", "candidates_token_count", "thoughts_token_count"
)


def _charged(rates: Rates) -> tuple[tuple[str, int], ...]:
    """Return what a token of each kind costs."""
    return (
        ("input", rates.input),
        ("audio_input", rates.audio_input),
        ("cached", rates.cached),
        ("audio_cached", rates.audio_cached),
        ("output", rates.output),
        ("thoughts", rates.output),
        ("audio_output", rates.audio_output),
        ("image_output", rates.image_output),
    )


def _tokens(usage: UsageMetadata) -> dict[str, int]:
    """Return the tokens of each kind that is charged; each token is of one kind.

    ``promptTokenCount`` holds the cached tokens too; what tools fed back and thoughts are counted
    beside prompt and answer. Details that do not add up cannot make a count negative.
    """
    cached = _count(usage.cached_content_token_count)
    audio_cached = min(cached, _of("AUDIO", usage.cache_tokens_details))
    fresh = max(0, _count(usage.prompt_token_count) - cached)
    audio = min(fresh, max(0, _of("AUDIO", usage.prompt_tokens_details) - audio_cached))
    tools = _count(usage.tool_use_prompt_token_count)
    written = _count(usage.candidates_token_count)
    image = min(written, _of("IMAGE", usage.candidates_tokens_details))
    spoken = min(written - image, _of("AUDIO", usage.candidates_tokens_details))
    return {
        "input": fresh - audio + tools,
        "audio_input": audio,
        "cached": cached - audio_cached,
        "audio_cached": audio_cached,
        "output": written - image - spoken,
        "thoughts": _count(usage.thoughts_token_count),
        "audio_output": spoken,
        "image_output": image,
    }


def _of(modality: str, details: Sequence[ModalityTokenCount] | None) -> int:
    return _count(sum(count.token_count for count in details or () if count.modality == modality))


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)


def _rounded(exact: list[int], unit: int) -> dict[str, int]:
    """Return the parts of a cost, whose sum is the exact sum rounded up to the next micro-dollar.

    A part gets what it adds to the rounded sum of the parts before it.
    """
    parts = dict.fromkeys(_PARTS, 0)
    sums, whole = 0, 0
    for name, amount in zip(_KINDS, exact, strict=True):
        sums += amount
        up = -(-sums // unit)
        parts[name] += up - whole
        whole = up
    return parts


# Sound from a cache is a part of what was cached.
_KINDS = (*_PARTS[:3], "cached", *_PARTS[3:])
