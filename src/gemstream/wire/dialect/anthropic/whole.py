"""The whole answer: neutral events → one message, by the state machine of the streamed one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ....errors import GemstreamError, InvalidState
from ...codec import JSONObject
from ..neutral import Event
from ..signature import SignatureWrite
from .blocks import BlockMachine
from .stop import Stop
from .wishes import MessageWishes

__all__ = ("WholeMessage",)

_FIELDS = {"text": "text", "thinking": "thinking"}


class WholeMessage:
    """Folds one answer; ``id`` and ``model`` as in MessageEncoder."""

    __slots__ = ("_blocks", "_machine")

    def __init__(self, wishes: MessageWishes, *, id: str, model: str) -> None:
        self._blocks = _Blocks(id, model)
        self._machine = BlockMachine(self._blocks, wishes, id, model)

    @property
    def is_over(self) -> bool:
        """True once the answer has ended or failed."""
        return self._machine.is_over

    @property
    def dropped(self) -> dict[str, int]:
        """What had no place in the message, and how often it came."""
        return self._machine.dropped

    @property
    def cache_writes(self) -> tuple[SignatureWrite, ...]:
        """The signatures to keep for the caller's next request; complete when it is over."""
        return self._machine.cache_writes

    @property
    def failure(self) -> GemstreamError | None:
        """What the answer broke off with, None while it has not."""
        return self._blocks.error

    def receive(self, events: Sequence[Event]) -> None:
        """Fold ``events`` in; raises InvalidState behind the end."""
        self._machine.receive(events)

    def body(self) -> bytes:
        """Return the message; raises what the answer failed with, InvalidState before the end."""
        if not self.is_over:
            raise InvalidState("the answer has not ended; fold all of its events in first")
        return self._blocks.body()


class _Blocks:
    """Writes blocks into the content of one message."""

    __slots__ = ("_content", "_end", "_id", "_model", "_pieces", "error")

    def __init__(self, id: str, model: str) -> None:
        self._id = id
        self._model = model
        self._content: list[JSONObject] = []
        self._pieces: list[str] = []
        self._end: JSONObject = {}
        self.error: GemstreamError | None = None

    def body(self) -> bytes:
        """Return the message; raises what it failed with."""
        if self.error is not None:
            raise self.error
        head = {"id": self._id, "type": "message", "role": "assistant", "model": self._model}
        return msgspec.json.encode({**head, "content": self._content, **self._end})

    def start(self, usage: JSONObject) -> None:
        """The first counts are those of a stream's beginning only."""

    def open(self, block: JSONObject) -> None:
        """Begin a block."""
        self._content.append(dict(block))
        self._pieces = []

    def add(self, piece: str) -> None:
        """Keep a piece for the block's end."""
        self._pieces.append(piece)

    def sign(self, signature: str) -> None:
        """Sign the block."""
        self._content[-1]["signature"] = signature

    def close(self) -> None:
        """Put the pieces into the block: a call's arguments stay the JSON that came."""
        block, whole = self._content[-1], "".join(self._pieces)
        if field := _FIELDS.get(block["type"]):
            block[field] = whole
        elif whole:
            block["input"] = msgspec.Raw(whole.encode())

    def finish(self, stop: Stop, usage: JSONObject) -> None:
        """Note how it ended."""
        self._end = {**stop.fields, "usage": usage}

    def fail(self, error: GemstreamError) -> None:
        """Note what broke it off."""
        self.error = error
