"""What is fed with anything at all: each target takes bytes and may raise errors of ours only.

The same targets serve Hypothesis in every test run and a coverage-guided fuzzer in the soak run.
A target returns in time bounded by its input; what it decodes must hold what it promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from gemstream.emulator.scripts.script import Script
from gemstream.errors import APIError, ConfigError, GemstreamError
from gemstream.policy.generation import Generation, GenerationState
from gemstream.policy.live.protocol import CLIENT, SERVER, LiveProtocol
from gemstream.policy.unary import read_response
from gemstream.wire.codec import decode, encode
from gemstream.wire.endpoint import match, url_for
from gemstream.wire.live.client_message import ClientMessage
from gemstream.wire.live.server_message import ServerMessage
from gemstream.wire.payload import PayloadDecoder
from gemstream.wire.request import GenerateContentRequest
from gemstream.wire.response import GenerateContentResponse
from gemstream.wire.status import decode_error, encode_error

__all__ = ("SEEDS", "TARGETS")

_TYPES = (None, "text/event-stream", "application/json", "text/html")
_CAP = 4096
_METHODS = ("GET", "POST", "PATCH", "")


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    step = size % 16 + 1
    return (data[at : at + step] for at in range(0, len(data), step))


def _payloads(data: bytes) -> None:
    kind, size, body = _taken(data)
    decoder = PayloadDecoder(_TYPES[kind % 4], max_event_size=_CAP)
    with suppress(GemstreamError):
        for piece in _pieces(body, size):
            for payload in decoder.receive_data(piece):
                assert len(payload) <= _CAP
        decoder.receive_eof()


def _generation(data: bytes) -> None:
    kind, size, body = _taken(data)
    generation = Generation(_TYPES[kind % 4], max_event_size=_CAP)
    text = ""
    with suppress(GemstreamError):
        for piece in _pieces(body, size):
            text += "".join(chunk.text for chunk in generation.receive_data(piece))
        text += "".join(chunk.text for chunk in generation.receive_eof())
    if generation.state is GenerationState.OPEN:
        with suppress(GemstreamError):
            generation.receive_eof()
    assert generation.state is not GenerationState.OPEN
    assert generation.response().text == text


def _whole(data: bytes) -> None:
    kind, _, body = _taken(data)
    with suppress(GemstreamError):
        read_response(body, _TYPES[kind % 4], redact=bytes, max_event_size=_CAP)


def _messages(data: bytes) -> None:
    for kind in (GenerateContentResponse, GenerateContentRequest):
        with suppress(GemstreamError):
            message = decode(data, kind)
            assert decode(encode(message), kind) == message


def _error_envelope(data: bytes) -> None:
    status, _, body = _taken(data)
    error = decode_error(body, http_status=400 + status % 200)
    assert isinstance(error, APIError)
    with suppress(GemstreamError):
        encode_error(error)


def _endpoint(data: bytes) -> None:
    method, _, path = _taken(data)
    route = match(_METHODS[method % 4], path.decode("utf-8", "surrogateescape"))
    if route is not None:
        with suppress(GemstreamError):
            url_for("http://h", route.version, route.operation, model=route.model)


def _script(data: bytes) -> None:
    form, _, text = _taken(data)
    with suppress(ConfigError):
        Script.decode(text, is_json=bool(form % 2))


def _live(data: bytes) -> None:
    """Lines are the messages that come to a client that is set up, and to a server."""
    client, server = LiveProtocol(CLIENT, max_message_size=_CAP), LiveProtocol(SERVER)
    client.send(decode(_SETUP, ClientMessage))
    server.receive(_SETUP)
    server.send(decode(_SET_UP, ServerMessage))
    client.receive(_SET_UP)
    for end in (client, server):
        with suppress(GemstreamError):
            for line in data.split(b"\n"):
                end.receive(line)
        state, failure = end.state, end.failure
        with suppress(GemstreamError):
            end.receive(b"{}")
        assert failure is None or (end.failure is failure and end.state is state)
        assert end.receive_close()


def _taken(data: bytes) -> tuple[int, int, bytes]:
    """Return two numbers for choices, and the rest."""
    return (data[0], data[1], data[2:]) if len(data) > 1 else (0, 0, b"")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "payloads": _payloads,
    "generation": _generation,
    "whole answer": _whole,
    "messages": _messages,
    "error envelope": _error_envelope,
    "endpoint": _endpoint,
    "script": _script,
    "live": _live,
}

_SETUP = b'{"setup":{"model":"m"}}'
_SET_UP = b'{"setupComplete":{}}'

_CHUNK = (
    b'{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"finishReason":"STOP",'
    b'"index":0}],"usageMetadata":{"totalTokenCount":3}}'
)
_ERROR = (
    b'{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":'
    b'"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"4s"}]}}'
)
# Where a fuzzer begins: an input of each kind that means something.
SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "payloads": (b"\x01\x05data: " + _CHUNK + b"\r\n\r\n" + _ERROR, b"\x02\x00[" + _CHUNK + b"]"),
    "generation": (b"\x01\x05data: " + _CHUNK + b"\r\n\r\n", b"\x01\x00" + _ERROR),
    "whole answer": (b"\x02\x00" + _CHUNK, b"\x02\x00" + _ERROR),
    "messages": (_CHUNK, b'{"contents":[{"role":"user","parts":[{"inline_data":{"data":"aQ"}}]}]}'),
    "error envelope": (b"\x1d\x00" + _ERROR, b"\x00\x00[" + _ERROR + b"]"),
    "endpoint": (
        b"\x01\x00/v1beta/models/gemini-2.5-flash:generateContent",
        b"\x00\x00/v1/projects/p/locations/l/publishers/google/models/m",
    ),
    "script": (
        b'\x00\x00[[rule]]\nmatch = { prompt = "a" }\n[[rule.step]]\nchunk = "b"\n'
        b'[[rule.step]]\nfault = { kind = "cut", at_byte = 3 }\n',
        b'\x01\x00{"rule":[{"step":[{"chunk":{"candidates":[]}},{"pause":1}]}]}',
    ),
    "live": (
        b'{"serverContent":{"modelTurn":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"audio/pcm",'
        b'"data":"AAE="}}]},"turnComplete":true},"usageMetadata":{"totalTokenCount":1}}\n'
        b'{"toolCall":{"functionCalls":[{"id":"1"}]}}\n{"toolCallCancellation":{"ids":["1"]}}\n'
        b'{"goAway":{"timeLeft":"5s"}}\n{"sessionResumptionUpdate":{"newHandle":"h"}}',
        b'{"realtime_input":{"audio":{"mime_type":"audio/pcm;rate=8000","data":"AA-_"}}}\n'
        b'{"clientContent":{"turns":[{"parts":[{"text":"a"}]}],"turnComplete":true}}',
    ),
}
