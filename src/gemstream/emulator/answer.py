"""One answer: told at once or chunk by chunk, and the same either way.

Pure. The chunks are slices of the parts that the whole answer shows, so text and usage of a
stream add up to the unstreamed answer by construction.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from ..wire.content import Content, Part
from ..wire.response import Candidate, FinishReason, GenerateContentResponse
from ..wire.usage import UsageMetadata
from .text_pieces import pieces
from .token_count import answer_size, tokens_of_size, usage_of

__all__ = ("Answer", "Draft")

T = TypeVar("T")


class Draft(msgspec.Struct, frozen=True):
    """One candidate: its parts, why it ended, and the size of thoughts that are not shown."""

    parts: Sequence[Part]
    finish_reason: FinishReason = FinishReason.STOP
    hidden_thoughts: int = 0


class Answer(msgspec.Struct, frozen=True):
    """All candidates of one answer with what goes along on every chunk."""

    drafts: Sequence[Draft]
    prompt_tokens: Mapping[str, int]
    model_version: str
    response_id: str

    def whole(self) -> GenerateContentResponse:
        """Return the answer of generateContent."""
        tally = _Tally(self.drafts)
        candidates = []
        for index, draft in enumerate(self.drafts):
            tally.add(index, draft.parts)
            candidates.append(_candidate(index, draft.parts, draft.finish_reason))
        return self._message(candidates, tally.usage(self.prompt_tokens, is_last=True))

    def chunks(self) -> Iterator[GenerateContentResponse]:
        """Yield the chunks of streamGenerateContent, the candidates taking turns."""
        tally = _Tally(self.drafts)
        rounds = itertools.zip_longest(*map(_slices, itertools.count(), self.drafts))
        turns = (candidate for one in rounds for candidate in one if candidate is not None)
        for candidate, is_last in _marked(turns):
            content = candidate.content
            tally.add(candidate.index or 0, content.parts if content is not None else ())
            yield self._message([candidate], tally.usage(self.prompt_tokens, is_last=is_last))

    def _message(
        self, candidates: Sequence[Candidate], usage: UsageMetadata
    ) -> GenerateContentResponse:
        return GenerateContentResponse(
            candidates=candidates,
            usage_metadata=usage,
            model_version=self.model_version,
            response_id=self.response_id,
        )


class _Tally:
    """Characters sent so far, by candidate: tokens are counted on their sums."""

    __slots__ = ("_said", "_thought")

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._said = [0 for _ in drafts]
        self._thought = [draft.hidden_thoughts for draft in drafts]

    def add(self, index: int, parts: Sequence[Part]) -> None:
        for part in parts:
            sizes = self._thought if part.thought else self._said
            sizes[index] += answer_size(part)

    def usage(self, prompt_tokens: Mapping[str, int], *, is_last: bool) -> UsageMetadata:
        said = sum(map(tokens_of_size, self._said))
        thought = sum(map(tokens_of_size, self._thought))
        return usage_of(prompt_tokens, said, thought, is_last=is_last)


def _slices(index: int, draft: Draft) -> Iterator[Candidate]:
    """Yield a candidate's pieces one by one, made when they are asked for."""
    sliced = (one for part in draft.parts for one in _part_slices(part))
    empty = True
    for part, is_last in _marked(sliced):
        empty = False
        yield _candidate(index, [part], draft.finish_reason if is_last else None)
    if empty:
        yield _candidate(index, (), draft.finish_reason)


def _part_slices(part: Part) -> Iterator[Part]:
    if not part.is_plain_text:
        yield part
        return
    for piece in pieces(part.text or ""):
        yield Part(text=piece, thought=part.thought)


def _marked(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield each item with whether it is the last."""
    iterator = iter(items)
    for item in iterator:
        for following in iterator:
            yield item, False
            item = following
        yield item, True


def _candidate(index: int, parts: Sequence[Part], finish: FinishReason | None) -> Candidate:
    return Candidate(content=Content(role="model", parts=parts), finish_reason=finish, index=index)
