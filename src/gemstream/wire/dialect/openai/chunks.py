"""The stream of a chat answer: neutral events → the frames that OpenAI's SDKs read.

Each frame is one ``chat.completion.chunk`` in ``data: …`` and a blank line; ``[DONE]`` ends a
complete answer, an error frame without it one that broke off.
Source: https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ....errors import GemstreamError
from ...codec import JSONObject, encode
from ..dialect import Dialect
from ..neutral import Event, Text, Thought
from ..refusal import refusal_of
from ..refusal_form import encode_stream_error
from ..signature import SignatureWrite
from .delta import (
    Annotations,
    Audio,
    Broken,
    CallHead,
    CallPiece,
    Closing,
    Counts,
    Delta,
    Done,
    Extras,
    Image,
    ImageSignature,
    Logprobs,
    Opening,
    Refused,
)
from .deltas import Deltas
from .usage import chat_usage
from .wishes import ChatWishes

__all__ = ("ChatEncoder",)

_HEARTBEAT = b": keep-alive\n\n"
_DONE = b"data: [DONE]\n\n"


class ChatEncoder:
    """Writes one answer down as a stream.

    ``id``: of the completion, as ``chatcmpl-…``, and what the ids of its calls derive from;
    ``created``: seconds since 1970; ``model``: as the caller named it.
    """

    __slots__ = ("_deltas", "_end", "_head", "_plain", "_text_ends")

    def __init__(self, wishes: ChatWishes, *, id: str, created: int, model: str) -> None:
        self._deltas = Deltas(wishes, seed=id)
        envelope = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "system_fingerprint": None,
        }
        # Every frame is a head that all share, what it says, and one of two ends: 1.2 µs a text.
        self._head = b"data: " + encode(envelope)[:-1] + b',"choices":['
        self._end = b',"usage":null}\n\n' if wishes.include_usage else b"}\n\n"
        self._plain = b'},"logprobs":null,"finish_reason":null}]' + self._end
        self._text_ends: dict[int, bytes] = {}

    def receive(self, events: Iterable[Event]) -> bytes:
        """Return the frames that ``events`` bring, ``b""`` when they bring none."""
        steps = self._deltas
        return b"".join(
            [
                _FRAMES[type(delta)](self, delta)
                for event in events
                for delta in steps.receive(event)
            ]
        )

    def heartbeat(self) -> bytes:
        """Return what keeps an idle connection open: a comment, which every SDK skips."""
        return _HEARTBEAT

    @property
    def failure(self) -> GemstreamError | None:
        """Why the answer broke off, None while it has not."""
        return self._deltas.failure

    @property
    def dropped_calls(self) -> int:
        """How many calls were not delivered, for the caller wants one at a time."""
        return self._deltas.dropped_calls

    @property
    def cache_writes(self) -> tuple[SignatureWrite, ...]:
        """The signatures so far that are to be kept for a caller who does not bring them back."""
        return tuple(self._deltas.writes)

    def _text(self, delta: Text) -> bytes:
        head = self._text_ends.get(delta.candidate)
        if head is None:
            head = self._head + b'{"index":%d,"delta":{"content":' % delta.candidate
            self._text_ends[delta.candidate] = head
        return head + encode(delta.text) + self._plain

    def _thought(self, delta: Thought) -> bytes:
        fields: JSONObject = {"reasoning_content": delta.text}
        if self._deltas.wishes.repeats_reasoning:
            fields["reasoning"] = delta.text
        return self._chunk(delta.candidate, fields)

    def _opening(self, delta: Opening) -> bytes:
        return self._chunk(delta.candidate, {"role": "assistant", "content": ""})

    def _call_head(self, delta: CallHead) -> bytes:
        tool = (
            {"type": "custom", "custom": {"name": delta.name, "input": ""}}
            if delta.is_custom
            else {"type": "function", "function": {"name": delta.name, "arguments": ""}}
        )
        call: JSONObject = {"index": delta.number, "id": delta.id, **tool}
        if delta.signature:
            call["extra_content"] = {"google": {"thought_signature": delta.signature}}
        return self._chunk(delta.candidate, {"tool_calls": [call]})

    def _call_piece(self, delta: CallPiece) -> bytes:
        tool: JSONObject = (
            {"custom": {"input": delta.text}}
            if delta.is_custom
            else {"function": {"arguments": delta.text}}
        )
        return self._chunk(delta.candidate, {"tool_calls": [{"index": delta.number, **tool}]})

    def _image(self, delta: Image | ImageSignature) -> bytes:
        # The number is there for the SDK: it joins lists of objects by it, and without it fails.
        return self._chunk(delta.candidate, {"images": [{"index": delta.number, **delta.field()}]})

    def _audio(self, delta: Audio) -> bytes:
        first = {} if delta.id is None else {"id": delta.id}
        return self._chunk(delta.candidate, {"audio": {**first, "data": delta.data}})

    def _refused(self, delta: Refused) -> bytes:
        return self._chunk(delta.candidate, {"refusal": delta.text})

    def _annotations(self, delta: Annotations) -> bytes:
        return self._chunk(delta.candidate, {"annotations": delta.citations})

    def _extras(self, delta: Extras) -> bytes:
        return self._chunk(delta.candidate, {"extra_content": {"google": delta.google}})

    def _logprobs(self, delta: Logprobs) -> bytes:
        logprobs = {"content": delta.tokens, "refusal": None}
        return self._choice(delta.candidate, {}, {"logprobs": logprobs, "finish_reason": None})

    def _closing(self, delta: Closing) -> bytes:
        ends = {
            "logprobs": None,
            "finish_reason": delta.reason,
            "native_finish_reason": delta.native,
        }
        return self._choice(delta.candidate, {}, ends)

    def _counts(self, delta: Counts) -> bytes:
        if not self._deltas.wishes.include_usage:
            return b""
        return self._head + b'],"usage":' + encode(chat_usage(delta.usage)) + b"}\n\n"

    def _broken(self, delta: Broken) -> bytes:
        # OpenAI's form of an error has no place for the request's id.
        return encode_stream_error(Dialect.OPENAI, refusal_of(delta.error), "")

    def _done(self, delta: Done) -> bytes:
        return _DONE

    def _chunk(self, candidate: int, fields: JSONObject) -> bytes:
        start = b'{"index":%d,"delta":' % candidate
        return self._head + start + encode(fields)[:-1] + self._plain

    def _choice(self, candidate: int, fields: JSONObject, ends: JSONObject) -> bytes:
        choice = encode({"index": candidate, "delta": fields, **ends})
        return self._head + choice + b"]" + self._end


_FRAMES: dict[type[Delta], Callable[[ChatEncoder, Any], bytes]] = {
    Text: ChatEncoder._text,
    Thought: ChatEncoder._thought,
    Opening: ChatEncoder._opening,
    CallHead: ChatEncoder._call_head,
    CallPiece: ChatEncoder._call_piece,
    Image: ChatEncoder._image,
    ImageSignature: ChatEncoder._image,
    Audio: ChatEncoder._audio,
    Refused: ChatEncoder._refused,
    Annotations: ChatEncoder._annotations,
    Extras: ChatEncoder._extras,
    Logprobs: ChatEncoder._logprobs,
    Closing: ChatEncoder._closing,
    Counts: ChatEncoder._counts,
    Broken: ChatEncoder._broken,
    Done: ChatEncoder._done,
}
