"""The streamed answer: neutral events → the events of a message, as frames of a stream.

Every frame is ``event: <type>\\ndata: <one line of JSON>\\n\\n``.
Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import GemstreamError
from ...codec import JSONObject, encode
from ..dialect import Dialect
from ..neutral import Event
from ..refusal import refusal_of
from ..refusal_form import encode_stream_error
from ..signature import SignatureWrite
from .blocks import BlockMachine
from .stop import Stop
from .wishes import MessageWishes

__all__ = ("MessageEncoder",)

_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_END = b"}}\n\n"
_DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


class MessageEncoder:
    """Encodes one answer; each ``receive`` returns the bytes for the caller, perhaps none.

    ``id``: the message's, as ``msg_…``; ``model``: the name the caller asked for. ``request_id``
    goes into the error of an answer that breaks off. A delta of text takes 1.2 µs.
    """

    __slots__ = ("_frames", "_machine")

    def __init__(self, wishes: MessageWishes, *, id: str, model: str, request_id: str = "") -> None:
        self._frames = _Frames(id, model, request_id)
        self._machine = BlockMachine(self._frames, wishes, id, model)

    @property
    def is_over(self) -> bool:
        """True once the last frame was returned."""
        return self._machine.is_over

    @property
    def dropped(self) -> dict[str, int]:
        """What had no place in the message, and how often it came."""
        return self._machine.dropped

    @property
    def cache_writes(self) -> tuple[SignatureWrite, ...]:
        """The signatures to keep for the caller's next request; complete when it is over."""
        return self._machine.cache_writes

    def receive(self, events: Sequence[Event]) -> bytes:
        """Return the frames of ``events``; raises InvalidState behind the end."""
        self._machine.receive(events)
        return self._frames.take()

    def heartbeat(self) -> bytes:
        """Return the frame that keeps a silent stream alive; it may stand between any two."""
        return _PING


class _Frames:
    """Writes blocks as frames."""

    __slots__ = ("_delta", "_frames", "_id", "_index", "_model", "_request_id")

    def __init__(self, id: str, model: str, request_id: str) -> None:
        self._id = id
        self._model = model
        self._request_id = request_id
        self._index = -1
        self._delta = b""
        self._frames: list[bytes] = []

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = b"".join(self._frames)
        self._frames.clear()
        return data

    def start(self, usage: JSONObject) -> None:
        """Write ``message_start`` and the ping that follows it."""
        message: JSONObject = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        self._frames += (_frame("message_start", message=message), _PING)

    def open(self, block: JSONObject) -> None:
        """Write ``content_block_start``, and prepare the deltas of the block."""
        self._index += 1
        self._frames.append(_frame("content_block_start", index=self._index, content_block=block))
        if block["type"] in _DELTAS:
            self._delta = _delta(self._index, *_DELTAS[block["type"]])

    def add(self, piece: str) -> None:
        """Write ``content_block_delta``."""
        self._frames += (self._delta, encode(piece), _END)

    def sign(self, signature: str) -> None:
        """Write the block's ``signature_delta``."""
        start = _delta(self._index, "signature_delta", "signature")
        self._frames += (start, encode(signature), _END)

    def close(self) -> None:
        """Write ``content_block_stop``."""
        self._frames.append(_frame("content_block_stop", index=self._index))

    def finish(self, stop: Stop, usage: JSONObject) -> None:
        """Write the one ``message_delta``, and ``message_stop``."""
        self._frames += (_frame("message_delta", delta=stop.fields, usage=usage), _STOP)

    def fail(self, error: GemstreamError) -> None:
        """Write ``error``, the last event; neither block nor message is closed."""
        refusal = refusal_of(error)
        self._frames.append(encode_stream_error(Dialect.ANTHROPIC, refusal, self._request_id))


def _frame(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode({"type": kind, **fields}))


def _delta(index: int, kind: str, field: str) -> bytes:
    """Return a delta's frame up to its text."""
    return (
        b"event: content_block_delta\ndata: "
        b'{"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
        % (index, kind.encode(), field.encode())
    )
