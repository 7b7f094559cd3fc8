"""What callers receive: a chunk of a stream, or a whole response."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from ..wire.content import FunctionCall, Part
from ..wire.response import (
    BlockReason,
    Candidate,
    FinishReason,
    GenerateContentResponse,
    first_candidate,
    text_of,
)
from ..wire.usage import UsageMetadata
from .cost import Cost, Tariff

__all__ = ("Answer", "Chunk", "Completeness", "Response")


class Completeness(enum.StrEnum):
    """How sure it is that a response is whole."""

    CONFIRMED = "confirmed"
    """Every candidate has its finish reason and the end was clean."""
    UNCONFIRMED = "unconfirmed"
    """Every candidate has its finish reason, but the connection broke before its end."""
    PARTIAL = "partial"
    """The stream has not ended yet, or it failed."""
    STOPPED = "stopped"
    """The caller ended the stream before its end."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What chunk and response share.

    ``message``: the typed message. ``usage``: the token counts known at this point, merged field
    by field over all chunks so far. ``raw``: the JSON as it arrived (empty for a folded response).
    ``tariff``: what its tokens cost; None when nobody said.
    """

    message: GenerateContentResponse
    usage: UsageMetadata | None = None
    raw: bytes = b""
    tariff: Tariff | None = None

    @property
    def cost(self) -> Cost | None:
        """What ``usage`` costs, computed when asked (7 µs); None when count or price is unknown."""
        return None if self.tariff is None else self.tariff.cost(self.usage)

    @property
    def text(self) -> str:
        """Text of candidate 0 without its thoughts; ``""`` when there is none, never an error."""
        return text_of(self.message)

    @property
    def thoughts(self) -> str:
        """Thought summaries of candidate 0; ``""`` when there are none."""
        return self.message.thoughts

    @property
    def candidates(self) -> Sequence[Candidate]:
        """All candidates; in a chunk only those that it continues."""
        return self.message.candidates

    @property
    def parts(self) -> Sequence[Part]:
        """The parts of candidate 0, text and all else."""
        first = first_candidate(self.message)
        return first.content.parts if first and first.content else ()

    @property
    def function_calls(self) -> list[FunctionCall]:
        """The functions that candidate 0 asks for."""
        return self.message.function_calls

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why candidate 0 ended; None when it has not, or when the service does not say."""
        return self.message.finish_reason

    @property
    def block_reason(self) -> BlockReason | None:
        """Why the prompt was not answered; None when it was."""
        return self.message.block_reason

    @property
    def model_version(self) -> str | None:
        """The model that answered, as the service names it."""
        return self.message.model_version

    @property
    def response_id(self) -> str | None:
        """The service's id of this answer, the same in all its chunks."""
        return self.message.response_id

    def __repr__(self) -> str:
        finish = f", finish_reason={str(self.finish_reason)!r}" if self.finish_reason else ""
        return f"{type(self).__name__}(text={self.text!r}{finish})"


class Chunk(Answer, frozen=True, kw_only=True, gc=False):
    """One piece of a stream, as it arrived; ``raw`` holds even what this version cannot read.

    ``hop``: 1, and one more each time the answer went on with a continuation token.
    """

    hop: int = 1

    @property
    def is_final(self) -> bool:
        """True when this chunk carries a finish reason that ends the answer, or a block reason.

        After CONTINUATION the answer goes on.
        """
        reasons = [candidate.finish_reason for candidate in self.message.candidates]
        return self.block_reason is not None or any(
            reason is not None
            and not reason.is_unspecified
            and reason is not FinishReason.CONTINUATION
            for reason in reasons
        )


class Response(Answer, frozen=True, kw_only=True, gc=False):
    """A whole answer: received at once, or the fold of a stream's chunks.

    ``attempts``: how many times a request was sent. ``hops``: how many answers of the service,
    joined by continuation tokens, this one is made of.
    """

    complete: Completeness = Completeness.CONFIRMED
    attempts: int = 1
    hops: int = 1
