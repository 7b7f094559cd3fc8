"""One candidate of Gemini's answer: its parts → neutral events.

Every call in the stream is one of its own, whatever its name; only a part that repeats an id with
the same name and arguments is the same call again, and changes nothing.
"""

from __future__ import annotations

import msgspec

from .call_arguments import StreamedArguments, compact_arguments
from .gemini_chunk import AnyPart, PartCall, TextPart, decode_part
from .neutral import (
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Finished,
    Media,
    RawPart,
    Signature,
    SignatureTarget,
    Text,
    Thought,
)

__all__ = ("CandidateReader",)

_UNSPECIFIED = "_UNSPECIFIED"
# What a part may hold beside its kind; one with nothing else says nothing.
_BESIDE = frozenset({"thought", "thoughtSignature", "text", "partMetadata", "mediaResolution"})
_keys = msgspec.json.Decoder(dict[str, msgspec.Raw])


class CandidateReader:
    """Parts of one candidate → events; holds what the end of the stream decides by."""

    __slots__ = (
        "_calls",
        "_known",
        "_raws",
        "_streamed",
        "has_output",
        "index",
        "message",
        "reason",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.reason: str | None = None
        self.message = ""
        self.has_output = False  # more than thoughts
        self._calls = 0
        self._raws = 0
        self._known: dict[str, tuple[str, str]] = {}  # name and arguments by id
        self._streamed: StreamedArguments | None = None  # of the call that is open

    def note_finish(self, reason: str, message: str | None) -> None:
        """Keep the reason unless it says less than the one before: STOP repeats on old models."""
        if reason.endswith(_UNSPECIFIED) or (self.reason is not None and reason == "STOP"):
            return
        self.reason = reason
        self.message = message or self.message

    def receive_text(self, part: TextPart | AnyPart, events: list[Event]) -> None:
        """Append what a part of text says; its signature may stand on an empty one."""
        text = part.text
        if part.thought:
            if text:
                events.append(Thought(text, self.index))
            target = SignatureTarget.THOUGHT
        else:
            if text:
                self.has_output = True
                events.append(Text(text, self.index))
            target = SignatureTarget.TEXT
        if part.thought_signature:
            events.append(Signature(part.thought_signature, target, 0, self.index))

    def receive_any(self, raw: msgspec.Raw, events: list[Event]) -> None:
        """Append what a part of any kind says; raises DecodeError."""
        part = decode_part(raw)
        if part.function_call is not None:
            self._receive_call(part.function_call, part.thought_signature, events)
        elif part.inline_data is not None and part.inline_data.data:
            self._receive_media(part, events)
        elif _BESIDE.issuperset(_keys.decode(bytes(raw))):
            self.receive_text(part, events)
        else:
            self.has_output = True
            if part.thought_signature:
                target = SignatureTarget.SERVER
                events.append(Signature(part.thought_signature, target, self._raws, self.index))
            events.append(RawPart(bytes(raw), self.index))
            self._raws += 1

    def finish(self, events: list[Event], reason: str) -> None:
        """Append what ends the candidate."""
        self._close_streamed(events)
        events.append(Finished(reason, self.message, self.index))

    def _receive_media(self, part: AnyPart, events: list[Event]) -> None:
        assert part.inline_data is not None
        is_thought = bool(part.thought)
        self.has_output = self.has_output or not is_thought
        mime_type = part.inline_data.mime_type or "application/octet-stream"
        events.append(Media(mime_type, part.inline_data.data or "", is_thought, self.index))
        if part.thought_signature:
            target = SignatureTarget.THOUGHT if is_thought else SignatureTarget.TEXT
            events.append(Signature(part.thought_signature, target, 0, self.index))

    def _receive_call(self, call: PartCall, signature: str | None, events: list[Event]) -> None:
        if self._streamed is not None and not call.name:
            self._receive_pieces(self._streamed, call, events)
            return
        self._close_streamed(events)
        name = call.name or ""
        json = compact_arguments(call.args)
        is_streamed = bool(call.partial_args) or call.will_continue is True
        if call.id and not is_streamed:
            if self._known.get(call.id) == (name, json):
                return
            self._known[call.id] = (name, json)
        number = self._calls
        self._calls += 1
        self.has_output = True
        if signature:
            events.append(Signature(signature, SignatureTarget.CALL, number, self.index))
        events.append(CallOpened(number, name, call.id or None, self.index))
        if is_streamed:
            self._streamed = StreamedArguments()
            self._receive_pieces(self._streamed, call, events)
        else:
            events.append(CallArguments(number, json, self.index))
            events.append(CallClosed(number, self.index))

    def _receive_pieces(
        self, streamed: StreamedArguments, call: PartCall, events: list[Event]
    ) -> None:
        for piece in call.partial_args or ():
            streamed.receive(piece)
        if not call.will_continue:
            self._close_streamed(events)

    def _close_streamed(self, events: list[Event]) -> None:
        """Append the arguments of the open call, whole: no caller can use half an object."""
        if self._streamed is not None:
            number = self._calls - 1
            events.append(CallArguments(number, self._streamed.json(), self.index))
            events.append(CallClosed(number, self.index))
            self._streamed = None
