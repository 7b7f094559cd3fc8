"""The official SDK as the judge of what we send in Anthropic's format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from anthropic._streaming import SSEDecoder
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from gemstream.wire.dialect.anthropic.events import MessageEncoder
from gemstream.wire.dialect.anthropic.whole import WholeMessage
from gemstream.wire.dialect.anthropic.wishes import MessageWishes
from gemstream.wire.dialect.neutral import Event, SignatureTarget
from gemstream.wire.dialect.signature import Envelope, encode_envelope

__all__ = ("accumulated", "envelope", "read_events", "streamed", "whole")

_events: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def read_events(data: bytes) -> list[dict[str, Any]]:
    """Return the events the SDK reads from ``data``, each named as its ``type``."""
    events = []
    for event in SSEDecoder().iter_bytes(iter([data])):
        plain = event.json()
        assert event.event == plain["type"]
        events.append(plain)
    return events


def accumulated(data: bytes) -> dict[str, Any]:
    """Return the message the SDK makes of a stream; every event must be of the SDK's types."""
    message: Any = None
    pieces: dict[int, bytes] = {}
    for plain in read_events(data):
        if plain["type"] == "ping":
            continue
        event = _events.validate_python(plain)
        message = accumulate_event(event=event, current_snapshot=message, json_bufs=pieces)
    plain = dict(message.to_dict())
    # The SDK's own default for what an answer without a refusal leaves out.
    return {key: plain[key] for key in plain if (key, plain[key]) != ("stop_details", None)}


def streamed(
    reads: Iterable[list[Event]], wishes: MessageWishes | None = None
) -> tuple[bytes, MessageEncoder]:
    """Return the stream of an answer that arrives in ``reads``, and its encoder."""
    encoder = MessageEncoder(
        wishes or MessageWishes(), id="msg_1", model="claude", request_id="req_1"
    )
    return b"".join(encoder.receive(events) for events in reads), encoder


def whole(events: list[Event], wishes: MessageWishes | None = None) -> dict[str, Any]:
    """Return the whole answer; it must be a message of the SDK's."""
    message = WholeMessage(wishes or MessageWishes(), id="msg_1", model="claude")
    message.receive(events)
    plain = msgspec.json.decode(message.body())
    Message.model_validate(plain)
    return dict(plain)


def envelope(kind: str, value: str, number: int = 0, *, key: bytes | None = None) -> str:
    """Return the carrier of a signature, as the encoder writes it."""
    return encode_envelope(
        Envelope(
            model="gemini-3-flash", target=SignatureTarget(kind), number=number, signature=value
        ),
        key=key,
    )
