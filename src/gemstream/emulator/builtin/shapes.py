"""How a stream of one candidate is cut: the odd chunks that the real service sends.

Each shape is a function from the plain chunks to the shaped ones. Promises: what the chunks add
up to stays the same; a shape adds chunks without content, or moves what ends the candidate to a
chunk of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from ...wire.content import Content, Part
from ...wire.response import Candidate, CitationMetadata, CitationSource, FinishReason
from .wishes import Wish

__all__ = ("cited", "shaped")

Slices = Iterator[Candidate]


def shaped(slices: Slices, wishes: Collection[Wish]) -> Slices:
    """Return the chunks of a candidate with every shape that is wished for."""
    for wish, shape in _SHAPES.items():
        if wish in wishes:
            slices = shape(slices)
    return slices


def cited(slices: Slices, sources: Sequence[CitationSource]) -> Slices:
    """Give each source to the chunk in which its passage ends, as the service does."""
    waiting = sorted(sources, key=lambda source: source.end_index or 0)
    said = 0
    for candidate in slices:
        said += _text_bytes(candidate)
        is_last = candidate.finish_reason is not None
        ready = [one for one in waiting if is_last or (one.end_index or 0) <= said]
        waiting = waiting[len(ready) :]
        metadata = CitationMetadata(citation_sources=ready) if ready else None
        yield msgspec.structs.replace(candidate, citation_metadata=metadata)


def _text_bytes(candidate: Candidate) -> int:
    parts: Sequence[Part] = candidate.content.parts if candidate.content else ()
    return sum(len((part.text or "").encode()) for part in parts if not part.thought)


def _with_second(content: Content) -> Callable[[Slices], Slices]:
    """Put a chunk with this content behind the first one."""

    def shape(slices: Slices) -> Slices:
        first = next(slices)
        if first.finish_reason is None:
            yield first
            yield Candidate(content=content, index=first.index)
        else:
            yield Candidate(content=content, index=first.index)
            yield first
        yield from slices

    return shape


def _with_last(content: Content | None) -> Callable[[Slices], Slices]:
    """Move what ends the candidate to a chunk of its own, with this content."""

    def shape(slices: Slices) -> Slices:
        for candidate in slices:
            if candidate.finish_reason is None:
                yield candidate
                continue
            if candidate.content is not None and candidate.content.parts:
                yield Candidate(content=candidate.content, index=candidate.index)
            yield msgspec.structs.replace(candidate, content=content)

    return shape


def _stopping_everywhere(slices: Slices) -> Slices:
    for candidate in slices:
        reason = candidate.finish_reason or FinishReason.STOP
        yield msgspec.structs.replace(candidate, finish_reason=reason)


def _without_index(slices: Slices) -> Slices:
    for candidate in slices:
        yield msgspec.structs.replace(candidate, index=candidate.index or None)


# In the order in which they are applied.
_SHAPES: Mapping[Wish, Callable[[Slices], Slices]] = {
    Wish.LAST_WITHOUT_PARTS: _with_last(Content(role="model")),
    Wish.FINISH_ALONE: _with_last(None),
    Wish.RECITATION: _with_last(None),
    Wish.MALFORMED_CALL: _with_last(None),
    Wish.NO_PARTS: _with_second(Content(role="model")),
    Wish.EMPTY_CONTENT: _with_second(Content()),
    Wish.STOP_EVERYWHERE: _stopping_everywhere,
    Wish.NO_INDEX: _without_index,
}
