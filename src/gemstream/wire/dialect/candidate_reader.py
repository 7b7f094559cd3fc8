"""One candidate of Gemini's answer: its parts → neutral events.

Every call in the stream is one of its own, whatever its name; only a part that repeats an id with
the same name and arguments is the same call again, and changes nothing.
"""

from __future__ import annotations

import msgspec

from .call_arguments import StreamedArguments, compact_arguments
from .gemini_chunk import AnyPart, PartCall, TextPart, decode_part, is_present, names_of_part
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


class _Streamed:
    """A call as far as it is known; its signature may come with any piece."""

    __slots__ = ("arguments", "id", "name", "signature")

    def __init__(self, name: str, id: str | None, signature: str | None = None) -> None:
        self.name = name
        self.id = id
        self.signature = signature
        self.arguments = StreamedArguments()


class CandidateReader:
    """Parts of one candidate → events; holds what the end of the stream decides by."""

    __slots__ = (
        "_calls",
        "_known",
        "_raws",
        "_streamed",
        "has_output",
        "has_thoughts",
        "index",
        "message",
        "reason",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.reason: str | None = None
        self.message = ""
        self.has_output = False  # more than thoughts
        self.has_thoughts = False
        self._calls = 0
        self._raws = 0
        self._known: dict[str, tuple[str | None, str]] = {}  # name and arguments by id
        self._streamed: _Streamed | None = None  # the call that is open

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
                self.has_thoughts = True
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
        elif part.text is not None or _BESIDE.issuperset(names_of_part(raw)):
            self.receive_text(part, events)
        else:
            self.has_output = True
            if part.thought_signature:
                target = SignatureTarget.SERVER
                events.append(Signature(part.thought_signature, target, self._raws, self.index))
            events.append(RawPart(bytes(raw), self.index))
            self._raws += 1

    def finish(self, events: list[Event], reason: str) -> None:
        """Append what ends the candidate.

        A call whose end has not come is whole only where the model stopped by itself; after any
        other reason its arguments may be half of what was meant, and nobody shall act on them.
        """
        if reason == "STOP":
            self._close_streamed(events)
        events.append(Finished(reason, self.message, self.index))

    def _receive_media(self, part: AnyPart, events: list[Event]) -> None:
        assert part.inline_data is not None
        is_thought = bool(part.thought)
        self.has_output = self.has_output or not is_thought
        self.has_thoughts = self.has_thoughts or is_thought
        mime_type = part.inline_data.mime_type or "application/octet-stream"
        events.append(Media(mime_type, part.inline_data.data or "", is_thought, self.index))
        if part.thought_signature:
            target = SignatureTarget.THOUGHT if is_thought else SignatureTarget.TEXT
            events.append(Signature(part.thought_signature, target, 0, self.index))

    def _receive_call(self, call: PartCall, signature: str | None, events: list[Event]) -> None:
        if not call.name and (self._streamed is not None or not is_present(call.args)):
            self._receive_pieces(call, signature, events)
            return
        self._close_streamed(events)
        self.has_output = True
        if call.partial_args or call.will_continue:
            self._streamed = _Streamed(call.name or "", call.id or None)
            self._receive_pieces(call, signature, events)
            return
        json = compact_arguments(call.args)
        if call.id:
            if self._known.get(call.id) == (call.name, json):
                return
            self._known[call.id] = (call.name, json)
        self._append_call(_Streamed(call.name or "", call.id or None, signature), json, events)

    def _receive_pieces(self, call: PartCall, signature: str | None, events: list[Event]) -> None:
        """Take in the next pieces of the open call; without one there is nothing they could mean.

        What says neither to go on nor anything else is the end.
        """
        streamed = self._streamed
        if streamed is None:
            return
        streamed.signature = signature or streamed.signature
        for piece in call.partial_args or ():
            streamed.arguments.receive(piece)
        if not call.will_continue:
            self._close_streamed(events)

    def _close_streamed(self, events: list[Event]) -> None:
        """Append the open call, whole: no caller can use half an object."""
        streamed, self._streamed = self._streamed, None
        if streamed is not None:
            self._append_call(streamed, streamed.arguments.json(), events)

    def _append_call(self, call: _Streamed, json: str, events: list[Event]) -> None:
        number = self._calls
        self._calls += 1
        if call.signature:
            events.append(Signature(call.signature, SignatureTarget.CALL, number, self.index))
        events.append(CallOpened(number, call.name, call.id, self.index))
        events.append(CallArguments(number, json, self.index))
        events.append(CallClosed(number, self.index))
