"""Faults that change a whole answer: its head, its chunks, or how its bytes are written.

Each is one function in a table, applied before the first step is played. They combine: chunks
are changed in the order of the script, then encoded, then compressed, then written in pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from ..exchange import Write
from ..output import ChunkContent, typed
from .faults import (
    ContentType,
    Cut,
    Drip,
    Duplicate,
    End,
    GzipBomb,
    Headers,
    NoFinish,
    Slice,
    Usage,
)
from .performance import Performance, Sleep
from .steps import Body, Step

__all__ = ("alter", "sliced")

_LARGEST_RANDOM_SLICE = 64
# More tokens than any short answer really has, so that the journal differs from the wire.
_DECREASING_FROM = 1000


def alter(steps: Sequence[Step], performance: Performance) -> None:
    """Apply what among ``steps`` changes the whole answer."""
    if any(_counts_bytes(step) for step in steps):
        performance.exchange.may_compress = False
    for step in steps:
        if (alteration := _ALTERATIONS.get(type(step))) is not None:
            alteration(performance, step)


def sliced(write: Write, sizes: Iterator[int]) -> Write:
    """Return a ``write`` that passes pieces of those sizes on; a short rest is not kept back."""

    async def write_slices(data: bytes) -> None:
        position = 0
        while position < len(data):
            size = next(sizes)
            await write(data[position : position + size])
            position += size

    return write_slices


def _counts_bytes(step: Step) -> bool:
    """True when a number of bytes has to mean the same to every client, so uncompressed ones."""
    if isinstance(step, Cut | End):
        return step.at_byte is not None
    return isinstance(step, Slice | Drip | Body)


def _cut(performance: Performance, fault: Cut) -> None:
    if fault.at_byte is not None:
        performance.exchange.cut_at = _earlier(performance.exchange.cut_at, fault.at_byte)


def _end(performance: Performance, fault: End) -> None:
    if fault.at_byte is not None:
        performance.exchange.end_at = _earlier(performance.exchange.end_at, fault.at_byte)


def _earlier(old: int | None, new: int) -> int:
    return new if old is None else min(old, new)


def _slice(performance: Performance, fault: Slice) -> None:
    performance.exchange.shape(lambda write: sliced(write, _sizes(fault.sizes, performance)))


def _sizes(sizes: Sequence[int], performance: Performance) -> Iterator[int]:
    yield from sizes
    while sizes:
        yield sizes[-1]
    random = Random(performance.frame.response_id)  # of the emulator's seed
    while True:
        yield random.randint(1, _LARGEST_RANDOM_SLICE)


def _drip(performance: Performance, fault: Drip) -> None:
    performance.exchange.shape(lambda write: _dripping(write, fault, performance.sleep))


def _dripping(write: Write, fault: Drip, sleep: Sleep) -> Write:
    has_begun = False

    async def write_drops(data: bytes) -> None:
        nonlocal has_begun
        for start in range(0, len(data), fault.bytes):
            if has_begun:
                await sleep(fault.pause)
            has_begun = True
            await write(data[start : start + fault.bytes])

    return write_drops


def _content_type(performance: Performance, fault: ContentType) -> None:
    performance.exchange.content_type = fault.value


def _headers(performance: Performance, fault: Headers) -> None:
    size, more = divmod(fault.bytes, fault.lines)
    for number in range(fault.lines):
        line = size + (number < more)
        name = f"x-emulator-{number + 1}".encode()
        # A line is the name, a colon, a space, the value and CRLF.
        value = b"x" * max(0, line - len(name) - len(b": \r\n"))
        performance.exchange.more_headers.append((name, value))


def _bomb(performance: Performance, fault: GzipBomb) -> None:
    performance.exchange.must_compress = True


def _duplicate(performance: Performance, fault: Duplicate) -> None:
    number = 0

    def repeat(chunk: ChunkContent) -> Iterable[ChunkContent]:
        nonlocal number
        number += 1
        return (chunk, chunk) if number == fault.chunk else (chunk,)

    _alter_chunks(performance, repeat)


def _no_finish(performance: Performance, fault: NoFinish) -> None:
    def without_reasons(chunk: ChunkContent) -> Iterable[ChunkContent]:
        message = typed(chunk)
        candidates = [
            msgspec.structs.replace(candidate, finish_reason=None)
            for candidate in message.candidates
        ]
        yield msgspec.structs.replace(message, candidates=candidates)

    _alter_chunks(performance, without_reasons)


def _usage(performance: Performance, fault: Usage) -> None:
    number = 0

    def with_other_counts(chunk: ChunkContent) -> Iterable[ChunkContent]:
        nonlocal number
        message = typed(chunk)
        number += 1
        counts = message.usage_metadata
        if fault.mode == "decreasing" and counts is not None:
            said = _DECREASING_FROM // number
            total = (counts.prompt_token_count or 0) + said
            counts = msgspec.structs.replace(
                counts, candidates_token_count=said, total_token_count=total
            )
        elif fault.mode == "missing" or number > 1:
            counts = None
        yield msgspec.structs.replace(message, usage_metadata=counts)

    _alter_chunks(performance, with_other_counts)


def _alter_chunks(
    performance: Performance, change: Callable[[ChunkContent], Iterable[ChunkContent]]
) -> None:
    output = performance.output
    output.alterations = (*output.alterations, change)


_ALTERATIONS: Mapping[type, Callable[[Performance, Any], None]] = {
    Cut: _cut,
    End: _end,
    Slice: _slice,
    Drip: _drip,
    ContentType: _content_type,
    Headers: _headers,
    GzipBomb: _bomb,
    Duplicate: _duplicate,
    NoFinish: _no_finish,
    Usage: _usage,
}
