"""The whole chat answer: the same steps as the stream's, gathered.

Source: https://platform.openai.com/docs/api-reference/chat/object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ....errors import GemstreamError, InvalidState
from ...codec import JSONObject, encode
from ...scalar import decode_base64, encode_base64
from ..neutral import Event, Text, Thought
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

__all__ = ("ChatCompletion",)


class ChatCompletion:
    """Gathers one answer; the arguments are those of ``ChatEncoder``."""

    __slots__ = ("_choices", "_deltas", "_envelope", "_is_done", "_usage")

    def __init__(self, wishes: ChatWishes, *, id: str, created: int, model: str) -> None:
        self._deltas = Deltas(wishes, seed=id)
        self._envelope: JSONObject = {
            "id": id,
            "object": "chat.completion",
            "created": created,
            "model": model,
            "system_fingerprint": None,
        }
        self._choices: dict[int, _Choice] = {}
        self._usage: JSONObject | None = None
        self._is_done = False

    def receive(self, events: Iterable[Event]) -> None:
        """Take in what the answer says next."""
        for event in events:
            for delta in self._deltas.receive(event):
                _GATHER[type(delta)](self, delta)

    def body(self) -> bytes:
        """Return the answer as JSON, never without a choice.

        Raises the error that the answer broke off with, and InvalidState before its end.
        """
        if self.failure is not None:
            raise self.failure
        if not self._is_done:
            raise InvalidState("the answer has not ended: hand its events to receive first")
        wishes = self._deltas.wishes
        choices = [self._choices[number].plain(wishes) for number in sorted(self._choices)]
        usage = {} if self._usage is None else {"usage": self._usage}
        return encode({**self._envelope, "choices": choices, **usage})

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

    def _opening(self, delta: Opening) -> None:
        self._choices[delta.candidate] = _Choice(delta.candidate)

    def _text(self, delta: Text) -> None:
        self._choices[delta.candidate].text.append(delta.text)

    def _thought(self, delta: Thought) -> None:
        self._choices[delta.candidate].thoughts.append(delta.text)

    def _call_head(self, delta: CallHead) -> None:
        self._choices[delta.candidate].calls[delta.number] = (delta, [])

    def _call_piece(self, delta: CallPiece) -> None:
        self._choices[delta.candidate].calls[delta.number][1].append(delta.text)

    def _image(self, delta: Image) -> None:
        images = self._choices[delta.candidate].message.setdefault("images", [])
        images.append(delta.field())

    def _image_signature(self, delta: ImageSignature) -> None:
        image = self._choices[delta.candidate].message["images"][delta.number]
        extra = image.setdefault("extra_content", {"google": {}})
        extra["google"]["thought_signature"] = delta.value

    def _audio(self, delta: Audio) -> None:
        choice = self._choices[delta.candidate]
        choice.audio_id = choice.audio_id or delta.id
        choice.audio += decode_base64(delta.data)

    def _refused(self, delta: Refused) -> None:
        self._choices[delta.candidate].message["refusal"] = delta.text

    def _annotations(self, delta: Annotations) -> None:
        self._choices[delta.candidate].message["annotations"] = delta.citations

    def _extras(self, delta: Extras) -> None:
        self._choices[delta.candidate].message["extra_content"] = {"google": delta.google}

    def _logprobs(self, delta: Logprobs) -> None:
        self._choices[delta.candidate].tokens += delta.tokens

    def _closing(self, delta: Closing) -> None:
        self._choices[delta.candidate].closing = delta

    def _counts(self, delta: Counts) -> None:
        self._usage = chat_usage(delta.usage)

    def _broken(self, delta: Broken) -> None:
        """The failure is told when the body is asked for."""

    def _done(self, delta: Done) -> None:
        self._is_done = True


class _Choice:
    """One candidate on its way to a message."""

    __slots__ = (
        "audio",
        "audio_id",
        "calls",
        "closing",
        "message",
        "number",
        "text",
        "thoughts",
        "tokens",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.text: list[str] = []
        self.thoughts: list[str] = []
        self.calls: dict[int, tuple[CallHead, list[str]]] = {}
        self.audio = bytearray()  # base64 cannot be joined as text: each piece may be padded
        self.audio_id: str | None = None
        self.tokens: list[JSONObject] = []
        self.message: JSONObject = {}  # the fields that come whole
        self.closing: Closing | None = None

    def plain(self, wishes: ChatWishes) -> JSONObject:
        """Return the choice as JSON's dicts and lists."""
        assert self.closing is not None
        return {
            "index": self.number,
            "message": self._message(wishes),
            "logprobs": {"content": self.tokens, "refusal": None} if self.tokens else None,
            "finish_reason": self.closing.reason,
            "native_finish_reason": self.closing.native,
        }

    def _message(self, wishes: ChatWishes) -> JSONObject:
        message: JSONObject = {"role": "assistant", "content": "".join(self.text) or None}
        if self.thoughts:
            message["reasoning_content"] = "".join(self.thoughts)
            if wishes.repeats_reasoning:
                message["reasoning"] = message["reasoning_content"]
        if self.calls:
            calls = [self.calls[number] for number in sorted(self.calls)]
            message["tool_calls"] = [_call(head, "".join(pieces)) for head, pieces in calls]
        if self.audio_id is not None:
            message["audio"] = {
                "id": self.audio_id,
                "data": encode_base64(bytes(self.audio)),
                "expires_at": 0,  # it is kept nowhere, so it cannot be named by its id later
                "transcript": "",
            }
        return {**message, **self.message}


def _call(head: CallHead, text: str) -> JSONObject:
    tool: JSONObject = (
        {"type": "custom", "custom": {"name": head.name, "input": text}}
        if head.is_custom
        else {"type": "function", "function": {"name": head.name, "arguments": text}}
    )
    call: JSONObject = {"id": head.id, **tool}
    if head.signature:
        call["extra_content"] = {"google": {"thought_signature": head.signature}}
    return call


_GATHER: dict[type[Delta], Callable[[ChatCompletion, Any], None]] = {
    Text: ChatCompletion._text,
    Thought: ChatCompletion._thought,
    Opening: ChatCompletion._opening,
    CallHead: ChatCompletion._call_head,
    CallPiece: ChatCompletion._call_piece,
    Image: ChatCompletion._image,
    ImageSignature: ChatCompletion._image_signature,
    Audio: ChatCompletion._audio,
    Refused: ChatCompletion._refused,
    Annotations: ChatCompletion._annotations,
    Extras: ChatCompletion._extras,
    Logprobs: ChatCompletion._logprobs,
    Closing: ChatCompletion._closing,
    Counts: ChatCompletion._counts,
    Broken: ChatCompletion._broken,
    Done: ChatCompletion._done,
}
