"""One answer: told at once or chunk by chunk, and the same either way.

Pure. The chunks are slices of the parts that the whole answer shows, so text and usage of a
stream add up to the unstreamed answer by construction.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from ...wire.content import Content, Part
from ...wire.response import Candidate, FinishReason, GenerateContentResponse, PromptFeedback
from ...wire.usage import UsageMetadata
from .checkpoint import Checkpoints
from .function_calls import argument_pieces
from .shapes import cited, shaped
from .text_pieces import pieces
from .token_count import answer_modality, answer_size, tokens_of_size, usage_of
from .wishes import Wish

__all__ = ("Answer", "Draft")

T = TypeVar("T")


class Draft(msgspec.Struct, frozen=True):
    """One candidate: its parts, why it ended, and the size of thoughts that are not shown.

    ``closing``: what its last chunk carries besides. ``wishes``: the shapes of its stream.
    ``checkpoints``: the tokens to go on from inside of it. ``streams_arguments``: function calls
    come in pieces. ``tool_tokens``: what the service's tools brought into the prompt.
    """

    parts: Sequence[Part]
    finish_reason: FinishReason = FinishReason.STOP
    hidden_thoughts: int = 0
    closing: Candidate = Candidate()
    wishes: frozenset[Wish] = frozenset()
    checkpoints: Checkpoints | None = None
    streams_arguments: bool = False
    tool_tokens: int = 0


class Answer(msgspec.Struct, frozen=True):
    """All candidates of one answer with what goes along on every chunk.

    ``feedback`` on a prompt that is not answered stands in the place of candidates.
    """

    drafts: Sequence[Draft]
    prompt_tokens: Mapping[str, int]
    model_version: str
    response_id: str
    feedback: PromptFeedback | None = None

    def whole(self) -> GenerateContentResponse:
        """Return the answer of generateContent."""
        tally = _Tally(self.drafts)
        candidates = []
        for index, draft in enumerate(self.drafts):
            tally.add(index, draft.parts)
            candidates.append(_last_candidate(index, draft, draft.parts))
        return self._message(candidates, tally.usage(self.prompt_tokens, is_last=True))

    def chunks(self) -> Iterator[GenerateContentResponse]:
        """Yield the chunks of streamGenerateContent, the candidates taking turns."""
        tally = _Tally(self.drafts)
        rounds = itertools.zip_longest(*map(_slices, itertools.count(), self.drafts))
        turns = (candidate for one in rounds for candidate in one if candidate is not None)
        usage_alone = any(Wish.USAGE_ALONE in draft.wishes for draft in self.drafts)
        for candidate, is_last in _marked(turns):
            content = candidate.content
            tally.add(candidate.index or 0, content.parts if content is not None else ())
            usage = tally.usage(self.prompt_tokens, is_last=is_last and not usage_alone)
            yield self._message([candidate], usage)
        if usage_alone or not self.drafts:
            yield self._message([], tally.usage(self.prompt_tokens, is_last=True))

    def _message(
        self, candidates: Sequence[Candidate], usage: UsageMetadata
    ) -> GenerateContentResponse:
        return GenerateContentResponse(
            candidates=tuple(candidates),
            usage_metadata=usage,
            model_version=self.model_version,
            response_id=self.response_id,
            prompt_feedback=self.feedback,
        )


class _Tally:
    """Characters sent so far, by candidate and modality: tokens are counted on their sums."""

    __slots__ = ("_said", "_thought", "_tool_tokens")

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._said: list[Counter[str]] = [Counter() for _ in drafts]
        self._thought = [draft.hidden_thoughts for draft in drafts]
        self._tool_tokens = sum(draft.tool_tokens for draft in drafts)

    def add(self, index: int, parts: Sequence[Part]) -> None:
        for part in parts:
            size = answer_size(part)
            if part.thought:
                self._thought[index] += size
            else:
                self._said[index][answer_modality(part)] += size

    def usage(self, prompt_tokens: Mapping[str, int], *, is_last: bool) -> UsageMetadata:
        said: Counter[str] = Counter()
        for sizes in self._said:
            said.update({kind: tokens_of_size(size) for kind, size in sizes.items()})
        thought = sum(map(tokens_of_size, self._thought))
        return usage_of(
            prompt_tokens, said, thought, is_last=is_last, tool_tokens=self._tool_tokens
        )


def _slices(index: int, draft: Draft) -> Iterator[Candidate]:
    """Yield a candidate's pieces one by one, made when they are asked for."""
    slices = _plain_slices(index, draft)
    if draft.checkpoints is not None:
        slices = _with_checkpoints(slices, draft.checkpoints)
    citations = draft.closing.citation_metadata
    if citations is not None:
        slices = cited(slices, citations.citation_sources)
    return shaped(slices, draft.wishes)


def _plain_slices(index: int, draft: Draft) -> Iterator[Candidate]:
    sliced = (one for part in draft.parts for one in _part_slices(part, draft))
    empty = True
    for part, is_last in _marked(sliced):
        empty = False
        if is_last:
            yield _last_candidate(index, draft, [part])
        else:
            yield Candidate(content=_content([part]), index=index)
    if empty:
        yield _last_candidate(index, draft, ())


def _with_checkpoints(slices: Iterator[Candidate], checkpoints: Checkpoints) -> Iterator[Candidate]:
    position, due = checkpoints.origin, checkpoints.origin + checkpoints.every
    for candidate in slices:
        parts = candidate.content.parts if candidate.content is not None else ()
        position += sum(map(answer_size, parts))
        if position >= due and candidate.finish_reason is None:
            due = position + checkpoints.every
            token = checkpoints.token_at(position)
            candidate = msgspec.structs.replace(candidate, continuation_token=token)
        yield candidate


def _part_slices(part: Part, draft: Draft) -> Iterator[Part]:
    if part.is_plain_text and part.text:
        for piece in pieces(part.text):
            yield Part(text=piece, thought=part.thought)
    elif draft.streams_arguments and part.function_call is not None:
        yield from argument_pieces(part)
    else:
        yield part


def _marked(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield each item with whether it is the last."""
    iterator = iter(items)
    for item in iterator:
        for following in iterator:
            yield item, False
            item = following
        yield item, True


def _last_candidate(index: int, draft: Draft, parts: Sequence[Part]) -> Candidate:
    return msgspec.structs.replace(
        draft.closing, content=_content(parts), finish_reason=draft.finish_reason, index=index
    )


def _content(parts: Sequence[Part]) -> Content:
    return Content(role="model", parts=tuple(parts))
