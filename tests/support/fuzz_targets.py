"""What is fed with anything at all: each target takes bytes and may raise errors of ours only.

The same targets serve Hypothesis in every test run and a coverage-guided fuzzer in the soak run.
A target returns in time bounded by its input; what it decodes must hold what it promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from gemstream.emulator.scripts.script import Script
from gemstream.errors import APIError, ConfigError, GemstreamError, StreamTruncated
from gemstream.policy.account.session_hash import session_hash
from gemstream.policy.estimate import estimate
from gemstream.policy.generation import Generation, GenerationState
from gemstream.policy.key.format import LONGEST_KEY
from gemstream.policy.key.presented import presented_key
from gemstream.policy.live.protocol import CLIENT, SERVER, LiveProtocol
from gemstream.policy.unary import read_response
from gemstream.relay.accounts.head import passed_up
from gemstream.relay.answers.gemini import ArrayStream, SameStream, SameWhole
from gemstream.relay.json_check import check_json
from gemstream.relay.refused import Refused
from gemstream.relay.route import dialect_of, route
from gemstream.relay.surfaces.named_model import named_model
from gemstream.wire.codec import decode, decode_plain, encode
from gemstream.wire.dialect.anthropic.count_tokens import count_request
from gemstream.wire.dialect.anthropic.events import MessageEncoder
from gemstream.wire.dialect.anthropic.options import MessagesOptions
from gemstream.wire.dialect.anthropic.request import messages_request
from gemstream.wire.dialect.anthropic.whole import WholeMessage
from gemstream.wire.dialect.anthropic.wishes import MessageWishes
from gemstream.wire.dialect.dialect import Dialect
from gemstream.wire.dialect.gemini_reader import GeminiReader
from gemstream.wire.dialect.model_traits import traits_of
from gemstream.wire.dialect.openai.chunks import ChatEncoder
from gemstream.wire.dialect.openai.embeddings import embeddings_request
from gemstream.wire.dialect.openai.options import ChatOptions
from gemstream.wire.dialect.openai.request import chat_request
from gemstream.wire.dialect.openai.whole import ChatCompletion
from gemstream.wire.dialect.openai.wishes import ChatWishes
from gemstream.wire.endpoint import match, url_for
from gemstream.wire.live.client_message import ClientMessage
from gemstream.wire.live.server_message import ServerMessage
from gemstream.wire.model import model_resource
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


def _relay_path(data: bytes) -> None:
    """What a route takes for a model stays one segment of the account's path."""
    method, header, path = _taken(data)
    text = path.decode("utf-8", "replace")
    headers = {_PRESENTING[header % 4]: "a"}
    assert dialect_of(text, headers) in Dialect
    found = route(_METHODS[method % 4], text, headers)
    if found is None or found.model is None or found.operation is None:
        return
    with suppress(GemstreamError):
        url = url_for("http://h", found.version, found.operation, model=model_resource(found.model))
        below = url.removeprefix("http://h/").partition("?")[0]
        assert ".." not in below
        assert below.count("/") == 2
        assert below.isascii()
        assert below.isprintable()


def _relay_headers(data: bytes) -> None:
    """Lines are the values of headers; the last is the query."""
    *values, query = data.split(b"\n")
    names = (b"authorization", b"x-goog-api-key", b"x-api-key", b"content-type", b"x-session-id")
    headers = tuple(zip(names, values, strict=False))
    presented = presented_key(headers, query)
    if isinstance(presented, str):
        assert 0 < len(presented) <= LONGEST_KEY
        assert presented.isascii()
        assert presented.isprintable()
    named = {name.decode(): value.decode("latin-1") for name, value in headers}
    up = passed_up(named, total_left=None)
    assert not {"authorization", "x-goog-api-key", "x-api-key"} & up.keys()


def _relay_body(data: bytes) -> None:
    """What is let in is translated to JSON of Gemini, or refused."""
    kind, model, body = _taken(data)
    with suppress(Refused, GemstreamError):
        check_json(body, 64)
        named_model(body)
        name = _MODELS[model % len(_MODELS)]
        traits = traits_of(name)
        chat, messages = (
            ChatOptions(model=name, traits=traits),
            MessagesOptions(model=name, traits=traits),
        )
        match kind % 4:
            case 0:
                translated = chat_request(body, options=chat).body
            case 1:
                translated = messages_request(body, options=messages).body
            case 2:
                translated = count_request(body, options=messages).body
            case _:
                translated = embeddings_request(body, target=name).body
        assert isinstance(decode_plain(translated), dict)
        assert estimate(translated).total >= 0
        dialect = Dialect.OPENAI if kind % 4 in (0, 3) else Dialect.ANTHROPIC
        session_hash("key", dialect, {}, decode_plain(body))


def _reader(data: bytes) -> None:
    """What the service says becomes frames of both dialects, however it is cut."""
    kind, size, body = _taken(data)
    reader = GeminiReader(_TYPES[1 + kind % 2])
    chat = ChatEncoder(ChatWishes(), id="c", created=0, model="m")
    message = MessageEncoder(MessageWishes(), id="m", model="m", request_id="r")
    frames = b""
    for piece in _pieces(body, size):
        events = reader.receive_data(piece)
        frames += chat.receive(events) + message.receive(events)
    events = reader.receive_eof()
    frames += chat.receive(events) + message.receive(events)
    for frame in frames.split(b"\n"):
        if frame.startswith(b"data: {"):
            assert isinstance(decode_plain(frame[6:]), dict)
    whole = GeminiReader("application/json").receive_whole(body)
    for fold in (
        ChatCompletion(ChatWishes(), id="c", created=0, model="m"),
        WholeMessage(MessageWishes(), id="m", model="m"),
    ):
        fold.receive(whole)
        with suppress(GemstreamError):
            assert isinstance(decode_plain(fold.body()), dict)


def _same(data: bytes) -> None:
    """What goes down untouched is looked at, however it is cut; nothing of it is an error."""
    kind, size, body = _taken(data)
    answer = (SameStream, ArrayStream)[kind % 2]("r")
    with suppress(GemstreamError):
        for piece in _pieces(body, size):
            answer.receive_data(piece)
        answer.receive_eof()
    answer.break_off(answer.tally.error or StreamTruncated("m"))
    with suppress(GemstreamError):
        SameWhole().body(body)


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
    "relay path": _relay_path,
    "relay headers": _relay_headers,
    "relay body": _relay_body,
    "gemini reader": _reader,
    "same dialect": _same,
}

_PRESENTING = ("authorization", "x-goog-api-key", "anthropic-version", "x-api-key")
_MODELS = ("gemini-2.5-flash", "gemini-3-pro-preview", "gemini-2.0-flash")

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
    "relay path": (
        b"\x01\x00/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        b"\x00\x02/v1/models/gemini-2.5-flash",
        b"\x01\x00/openai/gemini/v1/chat/completions",
        b"\x00\x01/claude/v1/models/models/../x",
    ),
    "relay headers": (
        b"Bearer a-key-of-team-a\n\n\ntext/plain\ns\nkey=a%20b&pageSize=1",
        b"Basic a\na-key\na-key\n\n\nk%65y=a-key",
    ),
    "relay body": (
        b'\x00\x00{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},'
        b'{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]},'
        b'{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f",'
        b'"arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}],"stream":true}',
        b'\x00\x01{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function",'
        b'"function":{"name":"f","parameters":{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}}'
        b',"$defs":{"x":{"anyOf":[{"type":"string"},{"type":"null"}]}}}}}],"tool_choice":"auto",'
        b'"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"enum":[1]}}}}',
        b'\x01\x01{"model":"m","max_tokens":9,"system":"s","messages":[{"role":"user","content":"a"},'
        b'{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},'
        b'{"type":"tool_use","id":"c","name":"f","input":{}}]},{"role":"user","content":['
        b'{"type":"tool_result","tool_use_id":"c","content":"1"}]}],"tools":[{"name":"f",'
        b'"input_schema":{"type":"object"}}],"thinking":{"type":"enabled","budget_tokens":1024}}',
        b'\x02\x00{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":'
        b'{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}',
        b'\x03\x00{"model":"m","input":["a","b"],"dimensions":256,"encoding_format":"base64"}',
    ),
    "same dialect": (
        b"\x00\x05data: " + _CHUNK + b"\r\n\r\n" + _ERROR,
        b"\x01\x09data: " + _CHUNK + b"\n\ndata: " + _ERROR + b"\n\n",
    ),
    "gemini reader": (
        b"\x00\x05data: " + _CHUNK + b"\r\n\r\n" + _ERROR,
        b"\x01\x00[" + _CHUNK + b"]",
        b'\x00\x09data: {"candidates":[{"content":{"parts":[{"text":"t","thought":true},'
        b'{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"},{"inlineData":'
        b'{"mimeType":"image/png","data":"aaaa"}},{"executableCode":{"code":"1"}}]}}]}\r\n\r\n',
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
