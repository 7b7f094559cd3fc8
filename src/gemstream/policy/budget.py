"""What one answer may cost: the longest it may get, and when to break it off.

Two measures hold a ``max_cost`` together. The request's ``maxOutputTokens`` is capped to what the
budget pays for, so that the service itself ends an answer, thoughts included, of which it sends
nothing for a while. And the running cost is watched chunk by chunk: the tokens the service counted,
for what it has not counted yet an estimate from the text, and the dearest step seen so far as the
price of the next chunk. Both end in the same BudgetExceeded; an answer that is whole is never
withheld, whatever it cost.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..config.dollars import in_dollars
from ..errors import BudgetExceeded, InvalidRequest
from ..wire.codec import encode
from ..wire.content import Part
from ..wire.response import FinishReason, GenerateContentResponse
from ..wire.usage import ModalityTokenCount, UsageMetadata
from .answer import Chunk
from .cost import UNIT, Cost, Pricing
from .prompt_size import PromptSize, tokens_of_text
from .usage import RunningUsage

__all__ = ("Budget",)

# What the service counts for an image that it makes (recorded).
_TOKENS_PER_IMAGE = 1290


class Budget:
    """Follows one answer over all its hops; ``limit`` in micro-dollars.

    Raises InvalidRequest when the model's price is not known: nothing could be held.
    """

    __slots__ = (
        "_banked",
        "_cap",
        "_dearest",
        "_has_begun",
        "_hop",
        "_images",
        "_is_cut",
        "_limit",
        "_percent",
        "_price",
        "_prompt",
        "_tariff",
        "_text",
        "cost",
    )

    def __init__(self, limit: int, pricing: Pricing) -> None:
        self._limit = limit
        self._tariff = pricing.tariff()
        price = self._tariff.price
        percent = None if price is None else price.percent(pricing.tier)
        if price is None or percent is None:
            raise InvalidRequest(_unknown(pricing, has_price=price is not None))
        self._price = price
        self._percent = percent
        self._prompt = 0  # tokens, as estimated or as the hop before counted them
        self._banked = Cost()  # of the hops before, and of what they wrote in vain
        self.cost = Cost()
        self._cap: int | None = None
        self._is_cut = False
        self._dearest = 0  # step of this hop, in micro-dollars
        self._has_begun = False
        self._begin()

    def cap(self, prompt: PromptSize, answers: int = 1) -> int | None:
        """Return the most tokens each of ``answers`` candidates may have; None for any number.

        The prompt counts as it is likely to be. When that alone would take the whole budget, which
        may be an error of the estimate, it counts as it must be at least. Raises BudgetExceeded
        when not even that, or not one token of an answer, can be paid.
        """
        self._prompt = prompt.likely
        rates = self._price.rates_for(prompt.likely)
        dearest = max(rates.output, rates.audio_output, rates.image_output)
        cheapest = min(rates.input, rates.cached)
        affordable = self._limit * UNIT // self._percent
        for tokens, rate in ((prompt.likely, rates.input), (prompt.least, cheapest)):
            left = affordable - tokens * rate
            if left >= dearest * answers:
                return left // (dearest * answers) if dearest else None
        raise self._exceeded("the prompt alone would cost more; nothing was sent")

    def note_cap(self, tokens: int) -> None:
        """Note that the service was told to end a request's answers after so many ``tokens``."""
        self._cap = tokens

    def begin_hop(self) -> None:
        """Go on in another request; raises BudgetExceeded when it cannot be paid.

        What the hop before wrote behind the token that is gone on from was paid for all the same.
        """
        self._prompt = self._usage().prompt_token_count or self._prompt
        self._banked = self.cost
        self._begin()
        if (self._banked + self._cost_of_hop()).micros > self._limit:
            raise self.exceeded()

    def receive(self, chunks: Iterable[Chunk]) -> None:
        """Take in what arrived."""
        for chunk in chunks:
            self._receive(chunk)

    @property
    def is_spent(self) -> bool:
        """True when one more chunk, as dear as the dearest, would pass the budget.

        It cannot be dearer than what is left of the cap, unless the service ignores that.
        """
        following = self._dearest
        if self._cap is not None:
            usage = self._usage()
            written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
            if written >= self._cap:
                return True
            following = min(following, self._worth(self._cap - written, 0))
        return self.cost.micros + following > self._limit

    @property
    def has_cut(self) -> bool:
        """True when the answer ended at our cap and not by itself."""
        return self._cap is not None and self._is_cut

    def exceeded(self) -> BudgetExceeded:
        """Return the error that tells of the budget, and what the answer cost."""
        return self._exceeded(f"about {self.cost} is spent; .partial holds what arrived")

    def _receive(self, chunk: Chunk) -> None:
        message = chunk.message
        new = message.usage_metadata
        known = self._hop.receive(new)
        are_thoughts_counted = known is not None and known.thoughts_token_count is not None
        text, images = _written(message, with_thoughts=not are_thoughts_counted)
        if new is not None and new.candidates_token_count is not None:
            self._text, self._images = 0, 0
        else:
            self._text, self._images = self._text + text, self._images + images
        before = self.cost.micros
        self._count()
        # What stands in a hop's first chunk is the price of all that came before it, thoughts too.
        step = self.cost.micros - before if self._has_begun else 0
        self._dearest = max(self._dearest, step, self._worth(tokens_of_text(text), images))
        self._has_begun = True
        ends = [candidate.finish_reason for candidate in message.candidates]
        self._is_cut = self._is_cut or FinishReason.MAX_TOKENS in ends

    def _exceeded(self, why: str) -> BudgetExceeded:
        limit = in_dollars(self._limit)
        error = BudgetExceeded(
            f"the answer would cost more than max_cost of ${limit}: {why}", max_cost=limit
        )
        error.cost = self.cost
        return error

    def _begin(self) -> None:
        self._hop = RunningUsage()
        self._text = self._images = 0  # written since the service last counted
        self._dearest = 0
        self._has_begun = False

    def _count(self) -> None:
        """Bring ``cost`` up to date; a count that a service takes back was paid for."""
        cost = self._banked + self._cost_of_hop()
        self.cost = max(self.cost, cost, key=lambda known: known.micros)

    def _cost_of_hop(self) -> Cost:
        usage = self._usage()
        cost = self._tariff.cost(usage)
        if cost is None:  # served in a tier of unknown price: the one that was asked for counts
            asked = msgspec.structs.replace(usage, service_tier=None, traffic_type=None)
            cost = self._tariff.cost(asked)
        assert cost is not None  # its price is known, and the prompt counted
        return cost

    def _usage(self) -> UsageMetadata:
        """Return the tokens of this hop, those the service has not counted estimated."""
        usage = self._hop.value or UsageMetadata()
        counted = usage.candidates_token_count or 0
        prompt = usage.prompt_token_count
        details = [*(usage.candidates_tokens_details or ())]
        if self._images:
            drawn = self._images * _TOKENS_PER_IMAGE
            details.append(ModalityTokenCount(modality="IMAGE", token_count=drawn))
            counted += drawn
        return msgspec.structs.replace(
            usage,
            prompt_token_count=self._prompt if prompt is None else prompt,
            candidates_token_count=counted + tokens_of_text(self._text),
            candidates_tokens_details=details,
        )

    def _worth(self, tokens: int, images: int) -> int:
        """Return what so many tokens of text and images cost, in micro-dollars."""
        rates = self._price.rates_for(self._usage().prompt_token_count or 0)
        drawn = images * _TOKENS_PER_IMAGE * rates.image_output
        exact = (tokens * rates.output + drawn) * self._percent
        return -(-exact // UNIT)


def _written(message: GenerateContentResponse, *, with_thoughts: bool) -> tuple[int, int]:
    """Return the characters and the images of a chunk."""
    contents = [candidate.content for candidate in message.candidates if candidate.content]
    parts = [part for content in contents for part in content.parts]
    parts = [part for part in parts if with_thoughts or not part.thought]
    images = sum(part.inline_data is not None for part in parts)
    return sum(map(_length, parts)), images


def _length(part: Part) -> int:
    if part.text is not None:
        return len(part.text)
    return 0 if part.inline_data is not None else len(encode(part))


def _unknown(pricing: Pricing, *, has_price: bool) -> str:
    if has_price:
        return f"no price is known for service tier {pricing.tier!r}, so max_cost cannot be held"
    return (
        f"no price is known for model {pricing.model!r}, so max_cost cannot be held; give the client "
        f"prices={{{pricing.model!r}: {{'input': …, 'output': …}}}}, USD per million tokens"
    )
