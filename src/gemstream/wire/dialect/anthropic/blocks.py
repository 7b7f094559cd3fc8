"""Neutral events → the content blocks of one message, one open at a time.

The one state machine of streamed and whole answers: it says what opens, grows and closes, and a
``BlockWriter`` writes that down as frames or as a whole.
Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ....errors import GemstreamError, InvalidState
from ...codec import JSONObject
from ...usage import UsageMetadata
from ..neutral import (
    Blocked,
    CallArguments,
    CallClosed,
    CallOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Media,
    Metadata,
    RawPart,
    Signature,
    SignatureTarget,
    Started,
    Text,
    Thought,
    Usage,
)
from ..signature import Envelope, SignatureWrite, encode_envelope
from ..tool_id import ANTHROPIC_PREFIX, ToolIds
from .images import image_key, image_text
from .stop import Stop, stop_of, usage_of
from .wishes import MessageWishes

__all__ = ("UNSIGNED", "BlockMachine", "BlockWriter")

UNSIGNED = "gt1."
"""The signature of thoughts that Gemini did not sign: some callers discard unsigned ones."""


class BlockWriter(Protocol):
    """What the machine speaks to; ``add``, ``sign`` and ``close`` are of the open block."""

    def start(self, usage: JSONObject) -> None:
        """Begin the message with its first counts."""

    def open(self, block: JSONObject) -> None:
        """Open a block, still empty; ``type`` is its first key."""

    def add(self, piece: str) -> None:
        """Add text to the open block: of the answer, of a thought, or of a call's JSON."""

    def sign(self, signature: str) -> None:
        """Sign the open thinking block; comes once, directly before its close."""

    def close(self) -> None:
        """Close the open block."""

    def finish(self, stop: Stop, usage: JSONObject) -> None:
        """End the message with its final counts."""

    def fail(self, error: GemstreamError) -> None:
        """Break the message off; the open block stays open."""


class _Stage(enum.Enum):
    NEW = "new"
    OPEN = "open"
    OVER = "over"


class _Block(enum.Enum):
    NONE = "none"
    TEXT = "text"
    THINKING = "thinking"
    TOOL_USE = "tool_use"


class BlockMachine:
    """Turns the events of one answer into what ``writer`` shall write.

    ``id``: the message's, from which its calls' ids follow. ``model``: whose signatures these are,
    where the upstream names none. Only the first candidate is a message's; requests of this dialect
    ask for no other.
    """

    __slots__ = (
        "_block",
        "_call_signature",
        "_dropped",
        "_end",
        "_has_blocks",
        "_has_calls",
        "_has_content",
        "_ids",
        "_image",
        "_model",
        "_open_call",
        "_stage",
        "_text",
        "_text_signature",
        "_thought_signature",
        "_usage",
        "_wishes",
        "_write",
        "_writes",
    )

    def __init__(self, writer: BlockWriter, wishes: MessageWishes, id: str, model: str) -> None:
        self._write = writer
        self._wishes = wishes
        self._ids = ToolIds(id, ANTHROPIC_PREFIX)
        self._model = model
        self._stage = _Stage.NEW
        self._block = _Block.NONE
        self._open_call: int | None = None
        self._has_blocks = False
        self._has_content = False  # a block of text or a call
        self._has_calls = False
        self._end: Finished | Blocked | None = None
        self._usage: UsageMetadata | None = None
        self._text = bytearray()  # of the answer, which its signature is kept by
        self._image: str | None = None  # the key of the image that was said last
        self._text_signature: str | None = None
        self._call_signature: str | None = None  # of the call about to open
        self._thought_signature: str | None = None
        self._writes: list[SignatureWrite] = []
        self._dropped: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        """True once the answer has ended or failed."""
        return self._stage is _Stage.OVER

    @property
    def dropped(self) -> dict[str, int]:
        """What had no place in the message and how often it came, as ``{"inlineData": 1}``."""
        return dict(self._dropped)

    @property
    def cache_writes(self) -> tuple[SignatureWrite, ...]:
        """The signatures to keep, so that a caller that strips ours can still be served."""
        return tuple(self._writes)

    def receive(self, events: Sequence[Event]) -> None:
        """Write ``events`` down; raises InvalidState behind the end."""
        if self._stage is _Stage.NEW and events and type(events[0]) is not Failed:
            self._start(events)
        for event in events:
            if self._stage is _Stage.OVER:
                raise InvalidState(
                    f"a message has ended and a {type(event).__name__} came; use a new encoder "
                    "for each answer"
                )
            if getattr(event, "candidate", 0) == 0:
                _HANDLERS[type(event)](self, event)

    def _start(self, events: Sequence[Event]) -> None:
        # The beginning names the tokens of the first chunk: they stand directly behind Started.
        second = events[1] if len(events) > 1 else None
        first = second.value if isinstance(second, Usage) else None
        self._stage = _Stage.OPEN
        self._write.start(usage_of(first, is_first=True))

    def _started(self, event: Started) -> None:
        self._model = event.model or self._model

    def _on_text(self, event: Text) -> None:
        if self._block is not _Block.TEXT:
            self._open(_Block.TEXT, {"type": "text", "text": ""})
        if self._wishes.keeps_signatures:
            self._text += event.text.encode()
            self._image = None
        self._write.add(event.text)

    def _thought(self, event: Thought) -> None:
        if not self._wishes.shows_thoughts:
            return
        if self._block is not _Block.THINKING:
            self._open(_Block.THINKING, {"type": "thinking", "thinking": "", "signature": ""})
        self._write.add(event.text)

    def _signature(self, event: Signature) -> None:
        match event.target:
            case SignatureTarget.CALL:
                self._call_signature = event.value
            case SignatureTarget.TEXT if self._image is not None:
                self._keep(event.value, text=self._image)
            case SignatureTarget.TEXT:
                self._text_signature = event.value
            case SignatureTarget.THOUGHT if self._block is _Block.THINKING:
                self._thought_signature = event.value
            case _:  # of a thought that is not shown, of a part that has no place here
                self._drop(f"signature ({event.target.value})")

    def _call_opened(self, event: CallOpened) -> None:
        signature, self._call_signature = self._call_signature, None
        if self._has_calls and self._wishes.is_one_call:
            self._drop("parallel functionCall")
            return
        id = self._ids.give(event.id, candidate=0, number=event.number)
        if signature is not None:
            self._keep(signature, call_id=id)
            self._carry(self._envelope(signature, SignatureTarget.CALL, event.number))
        name = self._wishes.tool_names.get(event.name, event.name)
        self._open(_Block.TOOL_USE, {"type": "tool_use", "id": id, "name": name, "input": {}})
        self._has_calls = True
        self._open_call = event.number

    def _carry(self, envelope: str) -> None:
        """Bring a call's signature in front of it: on the open thoughts, or in a block of its own.

        A thinking block has one signature only; one that has its own keeps it.
        """
        if self._block is _Block.THINKING and self._thought_signature is None:
            self._write.sign(envelope)
            self._write.close()
            self._block = _Block.NONE
            return
        self._close()
        self._has_blocks = True
        self._write.open({"type": "redacted_thinking", "data": envelope})
        self._write.close()

    def _call_arguments(self, event: CallArguments) -> None:
        # The caller's SDK begins with {}; a delta of it would add nothing.
        if event.number == self._open_call and event.json != "{}":
            self._write.add(event.json)

    def _call_closed(self, event: CallClosed) -> None:
        if event.number == self._open_call:
            self._close()

    def _media(self, event: Media) -> None:
        if event.is_thought or not event.mime_type.startswith("image/"):
            self._drop("inlineData")
            return
        if self._block is not _Block.TEXT:
            self._open(_Block.TEXT, {"type": "text", "text": ""})
        self._image = image_key(event.data)
        self._write.add(image_text(event.mime_type, event.data))

    def _raw_part(self, event: RawPart) -> None:
        self._drop("part without a counterpart")

    def _metadata(self, event: Metadata) -> None:
        """Ratings, grounding and the like are not part of a message."""

    def _count(self, event: Usage) -> None:
        self._usage = event.value

    def _note_end(self, event: Finished | Blocked) -> None:
        self._end = event

    def _ended(self, event: Ended) -> None:
        self._close()
        stop = stop_of(self._end, has_calls=self._has_calls)
        if self._needs_text(stop):
            self._open(_Block.TEXT, {"type": "text", "text": ""})
            self._close()
        self._keep(self._text_signature, text=self._text.decode())
        self._stage = _Stage.OVER
        self._write.finish(stop, usage_of(self._usage))

    def _failed(self, event: Failed) -> None:
        self._stage = _Stage.OVER
        self._write.fail(event.error)

    def _open(self, block: _Block, head: JSONObject) -> None:
        self._close()
        self._block = block
        self._has_blocks = True
        self._has_content = self._has_content or block is not _Block.THINKING
        self._write.open(head)

    def _close(self) -> None:
        if self._block is _Block.NONE:
            return
        if self._block is _Block.THINKING:
            signature, self._thought_signature = self._thought_signature, None
            target = SignatureTarget.THOUGHT
            self._write.sign(self._envelope(signature, target) if signature else UNSIGNED)
        self._write.close()
        self._block = _Block.NONE
        self._open_call = None

    def _needs_text(self, stop: Stop) -> bool:
        """Nothing at all, or a finished turn of thoughts alone, gets a text block, if empty."""
        ended = stop.reason == "end_turn" and not self._has_content
        return ended or not self._has_blocks

    def _keep(
        self, signature: str | None, *, call_id: str | None = None, text: str | None = None
    ) -> None:
        if signature is not None and self._wishes.keeps_signatures:
            self._writes.append(
                SignatureWrite(value=signature, model=self._model, call_id=call_id, text=text)
            )

    def _envelope(self, signature: str, target: SignatureTarget, number: int = 0) -> str:
        return encode_envelope(
            Envelope(model=self._model, target=target, number=number, signature=signature),
            key=self._wishes.envelope_key,
        )

    def _drop(self, what: str) -> None:
        self._dropped[what] = self._dropped.get(what, 0) + 1


_HANDLERS: dict[type[Event], Callable[[BlockMachine, Any], None]] = {
    Started: BlockMachine._started,
    Text: BlockMachine._on_text,
    Thought: BlockMachine._thought,
    Signature: BlockMachine._signature,
    CallOpened: BlockMachine._call_opened,
    CallArguments: BlockMachine._call_arguments,
    CallClosed: BlockMachine._call_closed,
    Media: BlockMachine._media,
    RawPart: BlockMachine._raw_part,
    Metadata: BlockMachine._metadata,
    Usage: BlockMachine._count,
    Blocked: BlockMachine._note_end,
    Finished: BlockMachine._note_end,
    Ended: BlockMachine._ended,
    Failed: BlockMachine._failed,
}
