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
from typing import NamedTuple

import msgspec

from ..config.dollars import in_dollars
from ..errors import BudgetExceeded, InvalidRequest
from ..wire.codec import encode
from ..wire.content import Part
from ..wire.response import FinishReason, GenerateContentResponse
from ..wire.usage import ModalityTokenCount, UsageMetadata
from .answer import Chunk
from .cost import UNIT, Cost, Pricing
from .estimate import PromptSize, tokens_of_text
from .usage import RunningUsage

__all__ = ("Budget",)

# What the service counts for an image that it makes (recorded).
_TOKENS_PER_IMAGE = 1290
# https://ai.google.dev/gemini-api/docs/audio: 25 tokens a second; PCM of 16 bits at 24 kHz.
_BYTES_PER_SPOKEN_TOKEN = 48_000 // 25


class Budget:
    """Follows one answer over all its hops; ``limit`` in micro-dollars.

    ``cost`` is what the answer cost so far, estimates included. Raises InvalidRequest when the
    model's price is not known: nothing could be held.
    """

    __slots__ = (
        "_banked",
        "_hop",
        "_is_capped",
        "_is_cut",
        "_limit",
        "_percent",
        "_price",
        "_tariff",
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
        self._hop = _Hop(prompt=0)
        self._banked = Cost()  # of the hops before, and of what they wrote in vain
        self._is_capped = self._is_cut = False
        self.cost = Cost()

    def cap(self, prompt: PromptSize, answers: int = 1) -> int | None:
        """Return the most tokens each of ``answers`` candidates may have; None for any number.

        The prompt counts as it is likely to be. When that alone would take the whole budget, which
        may be an error of the estimate, it counts as it must be at least. Raises BudgetExceeded
        when not even that, or not one token of an answer, can be paid.
        """
        self._hop = _Hop(prompt.likely)
        rates = self._price.rates_for(prompt.likely)
        dearest = max(rates.output, rates.audio_output, rates.image_output)
        cheapest = min(rates.input, rates.cached)
        affordable = self._limit * UNIT // self._percent
        for tokens, rate in ((prompt.likely, rates.input), (prompt.least, cheapest)):
            left = affordable - tokens * rate
            if left >= dearest * answers:
                return left // (dearest * answers) if dearest else None
        raise self._exceeded("the prompt alone would cost more; nothing was sent")

    def note_cap(self) -> None:
        """Note that ``cap`` is what the service was told: an answer that it cuts is over budget."""
        self._is_capped = True

    def begin_hop(self) -> None:
        """Go on in another request; raises BudgetExceeded when it cannot be paid.

        What the hop before wrote behind the token that is gone on from was paid for all the same.
        """
        self._banked = self.cost
        self._hop = _Hop(self._hop.prompt_tokens)
        if self._cost_with(self._hop).micros > self._limit:
            raise self.exceeded()

    def receive(self, chunks: Iterable[Chunk]) -> None:
        """Take in what arrived."""
        for chunk in chunks:
            self._receive(chunk.message)

    @property
    def is_spent(self) -> bool:
        """True when one more chunk, as dear as the dearest, would pass the budget."""
        return self.cost.micros + self._hop.dearest > self._limit

    @property
    def has_cut(self) -> bool:
        """True when the answer ended at our cap and not by itself."""
        return self._is_capped and self._is_cut

    def exceeded(self) -> BudgetExceeded:
        """Return the error that tells of the budget, and what the answer cost."""
        return self._exceeded(f"about {self.cost} is spent; .partial holds what arrived")

    def _receive(self, message: GenerateContentResponse) -> None:
        hop = self._hop
        is_first = hop.is_new
        written = hop.receive(message)
        before = self.cost.micros
        cost = self._cost_with(hop)
        # A count that a service takes back was paid for.
        self.cost = max(self.cost, cost, key=lambda known: known.micros)
        # What stands in a hop's first chunk is the price of all that came before it, thoughts too.
        step = 0 if is_first else self.cost.micros - before
        hop.dearest = max(hop.dearest, step, self._worth(written))
        ends = [candidate.finish_reason for candidate in message.candidates]
        self._is_cut = self._is_cut or FinishReason.MAX_TOKENS in ends

    def _exceeded(self, why: str) -> BudgetExceeded:
        limit = in_dollars(self._limit)
        error = BudgetExceeded(
            f"the answer would cost more than max_cost of ${limit}: {why}", max_cost=limit
        )
        error.cost = self.cost
        return error

    def _cost_with(self, hop: _Hop) -> Cost:
        usage = hop.usage()
        cost = self._tariff.cost(usage)
        if cost is None:  # served in a tier of unknown price: the one that was asked for counts
            asked = msgspec.structs.replace(usage, service_tier=None, traffic_type=None)
            cost = self._tariff.cost(asked)
        assert cost is not None  # its price is known, and the prompt counted
        return self._banked + cost

    def _worth(self, written: _Written) -> int:
        """Return what a chunk's own content costs, in micro-dollars."""
        rates = self._price.rates_for(self._hop.prompt_tokens)
        exact = written.tokens * rates.output + written.image_tokens * rates.image_output
        exact += written.spoken_tokens * rates.audio_output
        return -(-exact * self._percent // UNIT)


class _Written(NamedTuple):
    """What an answer holds, before the service has counted it; ``speech`` in bytes."""

    characters: int = 0
    images: int = 0
    speech: int = 0

    @property
    def tokens(self) -> int:
        return tokens_of_text(self.characters)

    @property
    def image_tokens(self) -> int:
        return self.images * _TOKENS_PER_IMAGE

    @property
    def spoken_tokens(self) -> int:
        return -(-self.speech // _BYTES_PER_SPOKEN_TOKEN)

    def with_more(self, other: _Written) -> _Written:
        return _Written(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class _Hop:
    """The tokens of one request; ``prompt``: as estimated, until the service has counted them.

    ``dearest``: what the dearest chunk cost, in micro-dollars.
    """

    __slots__ = ("_counted", "_prompt", "_uncounted", "_usage", "dearest", "is_new")

    def __init__(self, prompt: int) -> None:
        self._prompt = prompt
        self._usage = RunningUsage()
        self._counted = 0  # tokens of the answer
        self._uncounted = _Written()  # since then
        self.dearest = 0
        self.is_new = True

    def receive(self, message: GenerateContentResponse) -> _Written:
        """Take in a chunk and return what it holds."""
        self.is_new = False
        new = message.usage_metadata
        known = self._usage.receive(new)
        are_thoughts_counted = known is not None and known.thoughts_token_count is not None
        written = _written(message, with_thoughts=not are_thoughts_counted)
        counted = 0 if new is None else new.candidates_token_count or 0
        if counted > self._counted:
            self._counted, self._uncounted = counted, _Written()
        else:  # not counted, or by a service that counts down
            self._uncounted = self._uncounted.with_more(written)
        return written

    @property
    def prompt_tokens(self) -> int:
        known = self._usage.value
        count = None if known is None else known.prompt_token_count
        return self._prompt if count is None else count

    def usage(self) -> UsageMetadata:
        """Return the tokens so far, those the service has not counted estimated."""
        known = self._usage.value or UsageMetadata()
        media = {"IMAGE": self._uncounted.image_tokens, "AUDIO": self._uncounted.spoken_tokens}
        details = [
            ModalityTokenCount(modality=kind, token_count=count)
            for kind, count in media.items()
            if count
        ]
        return msgspec.structs.replace(
            known,
            prompt_token_count=self.prompt_tokens,
            candidates_token_count=self._counted + self._uncounted.tokens + sum(media.values()),
            candidates_tokens_details=[*(known.candidates_tokens_details or ()), *details],
        )


def _written(message: GenerateContentResponse, *, with_thoughts: bool) -> _Written:
    contents = [candidate.content for candidate in message.candidates if candidate.content]
    parts = [part for content in contents for part in content.parts]
    parts = [part for part in parts if with_thoughts or not part.thought]
    blobs = [part.inline_data for part in parts if part.inline_data is not None]
    spoken = [blob for blob in blobs if (blob.mime_type or "").startswith("audio/")]
    speech = sum(len(blob.data or "") * 3 // 4 for blob in spoken)
    return _Written(sum(map(_length, parts)), len(blobs) - len(spoken), speech)


def _length(part: Part) -> int:
    if part.text is not None:
        return len(part.text)
    return 0 if part.inline_data is not None else len(encode(part))


def _unknown(pricing: Pricing, *, has_price: bool) -> str:
    if has_price:
        return f"no price is known for service tier {pricing.tier!r}, so max_cost cannot be held"
    return (
        f"no price is known for model {pricing.model!r}, so max_cost cannot be held; tell the "
        f"client prices={{{pricing.model!r}: {{'input': …, 'output': …}}}}, USD per million tokens"
    )
