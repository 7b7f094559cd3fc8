"""Live messages in few words, and two ends of a session that is set up."""

from __future__ import annotations

from typing import Any

from gemstream.policy.live.client_event import ClientEvent
from gemstream.policy.live.protocol import CLIENT, SERVER, LiveProtocol
from gemstream.policy.live.server_event import ServerEvent
from gemstream.wire.codec import from_plain
from gemstream.wire.content import Blob
from gemstream.wire.live.client_message import ClientMessage, RealtimeInput
from gemstream.wire.live.server_message import ServerMessage

__all__ = (
    "ASK",
    "AUDIO_OUT",
    "DONE",
    "SETUP",
    "SET_UP",
    "Client",
    "Server",
    "audio_in",
    "by_client",
    "by_server",
    "call",
    "connected",
    "output",
    "response",
)

Client = LiveProtocol[ClientMessage, ServerEvent]
Server = LiveProtocol[ServerMessage, ClientEvent]


def by_client(**plain: Any) -> ClientMessage:
    """A message of the client, from the JSON of its fields."""
    return from_plain(plain, ClientMessage)


def by_server(**plain: Any) -> ServerMessage:
    """A message of the service, from the JSON of its fields."""
    return from_plain(plain, ServerMessage)


def output(*parts: dict[str, Any], **more: Any) -> ServerMessage:
    """A piece of the model's turn."""
    return by_server(serverContent={"modelTurn": {"role": "model", "parts": list(parts)}, **more})


def call(*ids: str) -> ServerMessage:
    """The model asks for ``f`` with these ids."""
    return by_server(toolCall={"functionCalls": [{"id": id, "name": "f"} for id in ids]})


def response(*ids: str, **more: Any) -> ClientMessage:
    """The answers of ``f`` to these calls."""
    items = [{"id": id, "name": "f", "response": {"output": 1}, **more} for id in ids]
    return by_client(toolResponse={"functionResponses": items})


def audio_in(data: bytes = b"\0\1" * 160, mime_type: str = "audio/pcm;rate=16000") -> ClientMessage:
    """A piece of what the user says."""
    return ClientMessage(realtime_input=RealtimeInput(audio=Blob.of(data, mime_type)))


SETUP = by_client(setup={"model": "models/m"})
SET_UP = by_server(setupComplete={})
ASK = by_client(
    clientContent={"turns": [{"role": "user", "parts": [{"text": "Hi"}]}], "turnComplete": True}
)
DONE = by_server(serverContent={"turnComplete": True})
AUDIO_OUT = output({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}})


def connected(setup: ClientMessage = SETUP, **options: Any) -> tuple[Client, Server]:
    """Both ends of a session that has been set up."""
    client, server = LiveProtocol(CLIENT, **options), LiveProtocol(SERVER, **options)
    server.receive(client.send(setup))
    client.receive(server.send(SET_UP))
    return client, server
