"""Steps played: each kind has one player, found in a table.

What changes the whole answer is in ``alterations``; which steps are played is in ``sequence``.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ...errors import APIError
from ...wire.codec import Message, encode
from ...wire.content import Blob, Content, Part
from ...wire.response import Candidate, FinishReason, GenerateContentResponse
from ..builtin.token_count import (
    CHARACTERS_PER_TOKEN,
    TOKENS_PER_FILE,
    answer_size,
    tokens_of_size,
    usage_of,
)
from ..exchange import Cut as CutConnection
from ..journal import End as Ending
from ..output import JSON_TYPE, ErrorForm, RawOutput
from ..recording.recorded_body import content_type_of, status_of
from ..refusal import invalid, scripted_error
from ..vertex import as_vertex_error
from .alterations import alter, sliced
from .faults import (
    Cut,
    End,
    ErrorFault,
    ErrorInStream,
    Garbage,
    GzipBomb,
    Html,
    Huge,
    NakedError,
    Stall,
    Status,
)
from .filler import marker
from .live_faults import LIVE_FAULTS
from .page import HTML_TYPE, page_of
from .performance import Performance, Told
from .sequence import BuiltIn, Closing, prepared
from .steps import Body, Chunk, Hears, Pause, Step, WaitForAck

__all__ = ("Performance", "Told", "play")


async def play(steps: Sequence[Step], performance: Performance) -> None:
    """Tell the answer that ``steps`` describe, to its end; without steps the built-in one."""
    alter(steps, performance)
    for step in prepared(steps):
        await _PLAYERS[type(step)](performance, step)
        if performance.ended or performance.exchange.ended:
            return
    await performance.output.finish()


async def _play_text(performance: Performance, text: str) -> None:
    await performance.output.send_chunk(_text_chunk(performance, text, None))


async def _play_closing(performance: Performance, step: Closing) -> None:
    if isinstance(step.step, Huge):
        await _play_huge(performance, step.step, FinishReason.STOP)
        return
    chunk = _text_chunk(performance, step.step, FinishReason.STOP)
    await performance.output.send_chunk(chunk)


async def _play_chunk(performance: Performance, step: Chunk) -> None:
    if isinstance(step.content, str):
        await _play_text(performance, step.content)
    else:
        await performance.output.send_chunk(step.content)


async def _play_built_in(performance: Performance, step: BuiltIn) -> None:
    answer = performance.answer()
    if performance.whole:
        whole = answer.whole()
        await _keep_rate(performance, whole)
        await performance.output.send_chunk(whole)
        return
    for chunk in answer.chunks():
        await _keep_rate(performance, chunk)
        await performance.output.send_chunk(chunk)


async def _keep_rate(performance: Performance, chunk: Message) -> None:
    if performance.rate is not None and isinstance(chunk, GenerateContentResponse):
        await performance.sleep(_tokens_in(chunk) / performance.rate)


def _tokens_in(chunk: GenerateContentResponse) -> float:
    """Return the tokens a chunk brings, unrounded: whole ones would let short chunks bunch."""
    contents = [one.content for one in chunk.candidates if one.content is not None]
    size = sum(answer_size(part) for content in contents for part in content.parts)
    return size / CHARACTERS_PER_TOKEN


async def _play_pause(performance: Performance, step: Pause) -> None:
    await performance.sleep(step.seconds)


async def _play_wait(performance: Performance, step: WaitForAck) -> None:
    await performance.take_ack()


async def _play_body(performance: Performance, step: Body) -> None:
    exchange = performance.exchange
    if not exchange.status:
        status = status_of(step.content) if step.status is None else step.status
        await exchange.start(status, step.content_type or content_type_of(step.content))
    raw = RawOutput(exchange)
    raw.alterations = performance.output.alterations
    performance.output = raw
    sizes = list(step.slices) or [len(step.content)]
    endless = itertools.chain(sizes, itertools.repeat(sizes[-1]))
    await sliced(exchange.write, (max(1, size) for size in endless))(step.content)


async def _play_status(performance: Performance, step: Status) -> None:
    if step.body is None or performance.exchange.status:
        await _fail(performance, step, ErrorForm.STATUS)
        return
    performance.ended = True
    is_text = isinstance(step.body, str)
    body = step.body.encode() if isinstance(step.body, str) else encode(step.body)
    content_type = HTML_TYPE if is_text else JSON_TYPE
    await performance.exchange.answer(step.code, content_type, body, Ending.ERROR)


async def _play_error_in_stream(performance: Performance, step: ErrorInStream) -> None:
    await _fail(performance, step, ErrorForm.EVENT)


async def _play_naked_error(performance: Performance, step: NakedError) -> None:
    await _fail(performance, step, ErrorForm.PRETTY if step.pretty else ErrorForm.NAKED)


async def _fail(performance: Performance, step: ErrorFault, form: ErrorForm) -> None:
    performance.ended = True
    error: APIError = scripted_error(step, performance.exchange.model or "")
    if performance.exchange.is_vertex and not error.details:
        error = as_vertex_error(error)
    await performance.output.send_error(error, form)


async def _play_html(performance: Performance, step: Html) -> None:
    performance.ended = True
    page = page_of(step)
    if performance.exchange.status:
        await performance.output.send_bytes(page)
        await performance.exchange.finish(Ending.ERROR)
    else:
        await performance.exchange.answer(step.code, HTML_TYPE, page, Ending.ERROR)


async def _play_garbage(performance: Performance, step: Garbage) -> None:
    await performance.output.send_bytes(_garbage(performance, step))


def _garbage(performance: Performance, step: Garbage) -> bytes:
    # Of the emulator's seed; the place in the answer tells two of them apart.
    return step.content(f"{performance.frame.response_id}|{performance.exchange.bytes}")


async def _play_huge(
    performance: Performance, step: Huge, finish: FinishReason | None = None
) -> None:
    performance.output.has_filler = True
    filling = marker(step.bytes)
    if step.data == "text":
        performance.said += step.bytes
        part = Part(text=filling)
    else:
        performance.file_tokens += TOKENS_PER_FILE
        part = Part(inline_data=Blob(mime_type="image/png", data=filling))
    await performance.output.send_chunk(_chunk_of(performance, part, finish))


async def _play_cut(performance: Performance, step: Cut) -> None:
    # A connection that breaks has had a head: without one servers answer 500 by themselves.
    await performance.output.start()
    raise CutConnection


async def _play_end(performance: Performance, step: End) -> None:
    performance.ended = True
    await performance.output.finish()


async def _play_stall(performance: Performance, step: Stall) -> None:
    await asyncio.Event().wait()  # until the exchange cancels: the client has left


async def _play_live_step(performance: Performance, step: Step) -> None:
    raise invalid(f"the script's step {type(step).__name__} is for Live sessions only")


_PLAYERS: Mapping[type, Callable[[Performance, Any], Awaitable[None]]] = {
    str: _play_text,
    Chunk: _play_chunk,
    Closing: _play_closing,
    BuiltIn: _play_built_in,
    Pause: _play_pause,
    WaitForAck: _play_wait,
    Body: _play_body,
    Status: _play_status,
    Html: _play_html,
    Garbage: _play_garbage,
    Huge: _play_huge,
    GzipBomb: _play_huge,
    ErrorInStream: _play_error_in_stream,
    NakedError: _play_naked_error,
    Cut: _play_cut,
    End: _play_end,
    Stall: _play_stall,
    Hears: _play_live_step,
    **dict.fromkeys(LIVE_FAULTS.values(), _play_live_step),
}


def _text_chunk(
    performance: Performance, text: str, finish: FinishReason | None
) -> GenerateContentResponse:
    performance.said += len(text)
    return _chunk_of(performance, Part(text=text), finish)


def _chunk_of(
    performance: Performance, part: Part, finish: FinishReason | None
) -> GenerateContentResponse:
    frame = performance.frame
    content = Content(role="model", parts=[part])
    tokens = tokens_of_size(performance.said) + performance.file_tokens
    return GenerateContentResponse(
        candidates=[Candidate(content=content, finish_reason=finish, index=0)],
        usage_metadata=usage_of(frame.prompt_tokens, tokens, is_last=finish is not None),
        model_version=frame.model_version,
        response_id=frame.response_id,
    )
