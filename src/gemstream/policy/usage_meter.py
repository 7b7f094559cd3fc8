"""What passes by, looked at: the counts, the finish reasons and the errors in an answer's bytes.

Strategy. The relay hands an answer on as it came; the meter reads from it what the books need. Of
each payload a few fields are decoded, all others are skipped without being built. 2.4 µs a chunk.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec

from ..errors import APIError, DecodeError, GemstreamError, StreamTruncated
from ..wire.codec import MessageDecoder, decode_plain
from ..wire.payload import PayloadDecoder
from ..wire.status import error_of
from ..wire.usage import UsageMetadata
from .usage import RunningUsage

__all__ = ("UsageMeter",)

_RAW = msgspec.Raw()


class _Candidate(msgspec.Struct, rename="camel", gc=False):
    index: int = 0
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel", gc=False):
    block_reason: str | None = None


class _Part(msgspec.Struct, frozen=True, gc=False):
    text: str = ""


class _Content(msgspec.Struct, frozen=True, gc=False):
    parts: Sequence[_Part] = ()


class _Written(msgspec.Struct, frozen=True, gc=False):
    content: _Content = _Content()


class _Text(msgspec.Struct, gc=False):
    candidates: Sequence[_Written] = ()


class _Seen(msgspec.Struct, rename="camel", gc=False):
    candidates: Sequence[_Candidate] = ()
    prompt_feedback: _Feedback | None = None
    response_id: str | None = None
    model_version: str | None = None
    error: msgspec.Raw = _RAW


class _Known(_Seen, rename="camel", gc=False):
    usage_metadata: UsageMetadata | None = None


class _Strange(_Seen, rename="camel", gc=False):
    usage_metadata: msgspec.Raw = _RAW


_known = msgspec.json.Decoder(_Known)
_strange = msgspec.json.Decoder(_Strange)
_text = msgspec.json.Decoder(_Text)
# What is not UTF-8 is found only in fields that are read.
_NOT_READ = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class UsageMeter:
    """Reads along an answer of Gemini, streamed or whole; raises nothing.

    ``usage``: all fields merged, None before the first. ``finish_reasons``: by candidate, or the
    block reason under ``-1``. ``error``: what the answer said is wrong, or what is wrong with it.
    ``chunks``: payloads so far. ``has_content``: a candidate or a block reason has come, so the
    answer is one. ``text_size``: characters of text in payloads that counted nothing.
    ``response_id`` and ``model_version``: the first that were named.
    """

    __slots__ = (
        "_candidates",
        "_payloads",
        "_running",
        "_usages",
        "chunks",
        "error",
        "finish_reasons",
        "has_content",
        "model_version",
        "response_id",
        "text_size",
    )

    def __init__(self, content_type: str | None = None) -> None:
        self._payloads = PayloadDecoder(content_type)
        self._usages = MessageDecoder(UsageMetadata)
        self._running = RunningUsage()
        self._candidates: set[int] = set()
        self.finish_reasons: dict[int, str] = {}
        self.error: GemstreamError | None = None
        self.chunks = 0
        self.has_content = False
        self.text_size = 0
        self.response_id = ""
        self.model_version = ""

    @property
    def usage(self) -> UsageMetadata | None:
        """The counts so far."""
        return self._running.value

    @property
    def is_finished(self) -> bool:
        """True when every candidate seen has its finish reason, or the prompt was blocked."""
        reasons = self.finish_reasons
        return bool(reasons) and (-1 in reasons or self._candidates <= reasons.keys())

    @property
    def finish_reason(self) -> str:
        """The reasons, as ``STOP`` or ``STOP,MAX_TOKENS``; ``""`` before any."""
        return ",".join(self.finish_reasons[key] for key in sorted(self.finish_reasons))

    def receive_data(self, data: bytes) -> None:
        """Look at what arrived."""
        if self.error is not None:
            return
        try:
            for payload in self._payloads.receive_data(data):
                self._look(payload)
            self._payloads.check()
        except GemstreamError as error:
            self._fail(error)

    def receive_eof(self) -> None:
        """Judge the end: without a finish reason the answer was cut short."""
        if self.error is not None:
            return
        try:
            for payload in self._payloads.receive_eof():
                self._look(payload)
        except StreamTruncated as error:
            if not self.is_finished:  # what lacks its end behind the finish is no loss
                self._fail(error)
        except GemstreamError as error:
            self._fail(error)
        if not self.is_finished:
            self._fail(StreamTruncated("the upstream's answer ended before it was complete"))

    def receive_whole(self, body: bytes) -> None:
        """Look at the body of an answer that is no stream, of any operation."""
        self._look(body)

    def _look(self, payload: bytes) -> None:
        seen: _Seen
        try:
            seen = _known.decode(payload)
            if seen.usage_metadata is not None:
                self._running.receive(seen.usage_metadata)
            else:
                self._measure(payload)
        except msgspec.ValidationError:
            seen = self._look_closer(payload)
        except _NOT_READ as error:
            self._fail(DecodeError(f"the upstream sent what cannot be read: {error}"))
            return
        self.chunks += 1
        for candidate in seen.candidates:
            self._candidates.add(candidate.index)
            self.has_content = True
            if candidate.finish_reason is not None:
                self._finish(candidate.index, candidate.finish_reason)
        if not self.model_version or not self.response_id:
            self.response_id = self.response_id or seen.response_id or ""
            self.model_version = self.model_version or seen.model_version or ""
        if seen.prompt_feedback is not None and seen.prompt_feedback.block_reason:
            self.has_content = True
            self._finish(-1, seen.prompt_feedback.block_reason)
        if seen.error is not _RAW:
            self._fail(error_of(decode_plain(bytes(seen.error))))

    def _look_closer(self, payload: bytes) -> _Seen:
        """Look at a payload whose counts have fields that are not known, or another form."""
        try:
            seen = _strange.decode(payload)
        except _NOT_READ as error:
            self._fail(DecodeError(f"the upstream sent what cannot be read: {error}"))
            return _Seen()
        if seen.usage_metadata:
            self._count(bytes(seen.usage_metadata))
        else:
            self._measure(payload)
        return seen

    def _finish(self, candidate: int, reason: str) -> None:
        """Keep a reason; STOP, which some models repeat in every chunk, gives way to any other."""
        if self.finish_reasons.get(candidate, "STOP") == "STOP":
            self.finish_reasons[candidate] = reason

    def _count(self, raw: bytes) -> None:
        try:
            usage = self._usages.decode(raw)
        except DecodeError:
            return  # of another form than ours: what was counted before stands
        self._running.receive(usage)

    def _measure(self, payload: bytes) -> None:
        with contextlib.suppress(*_NOT_READ):  # of another form: nothing to measure
            written = [each.content.parts for each in _text.decode(payload).candidates]
            self.text_size += sum(len(part.text) for parts in written for part in parts)

    def _fail(self, error: GemstreamError) -> None:
        if self.error is None:
            self.error = error

    @property
    def api_error(self) -> APIError | None:
        """The error that the upstream itself sent, None for one of ours."""
        return self.error if isinstance(self.error, APIError) else None
