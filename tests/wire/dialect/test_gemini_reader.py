"""Gemini's answers as neutral events: the reader's half of TV-22 to TV-38, whole and in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import (
    APIError,
    DecodeError,
    ProtocolError,
    StreamInterrupted,
    StreamTruncated,
    Unavailable,
)
from gemstream.wire.dialect.gemini_reader import GeminiReader
from gemstream.wire.dialect.neutral import (
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
from gemstream.wire.usage import UsageMetadata

CALL, TEXT, THOUGHT = SignatureTarget.CALL, SignatureTarget.TEXT, SignatureTarget.THOUGHT
START = Started()
STOP = Finished("STOP")


def chunk(*parts: Any, finish: str | None = None, index: int | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    candidate |= {"finishReason": finish} if finish else {}
    candidate |= {"index": index} if index is not None else {}
    return {"candidates": [candidate]}


def call(name: str, args: Any = None, **beside: Any) -> dict[str, Any]:
    id_ = {"id": beside.pop("id")} if "id" in beside else {}
    return {"functionCall": {"name": name, "args": args or {}, **id_}, **beside}


def called(number: int, name: str, args: str = "{}", **beside: Any) -> list[Event]:
    candidate = beside.get("candidate", 0)
    return [
        CallOpened(number, name, beside.get("id"), candidate),
        CallArguments(number, args, candidate),
        CallClosed(number, candidate),
    ]


def streamed(**call: Any) -> dict[str, Any]:
    return chunk({"functionCall": call})


def piece(path: str, **value: Any) -> dict[str, Any]:
    return streamed(partialArgs=[{"jsonPath": path, **value}], willContinue=True)


USAGE_31 = [
    {"promptTokenCount": 100, "cachedContentTokenCount": 80, "totalTokenCount": 100},
    {"trafficType": "ON_DEMAND"},
    {"promptTokenCount": 100, "candidatesTokenCount": 5, "totalTokenCount": 105},
]

CUT = [chunk(finish="MAX_TOKENS")]

STREAMS: dict[str, tuple[list[Any], list[Event]]] = {
    "TV-22: a call, then STOP with empty text": (
        [
            {
                **chunk(call("w", {"c": "Oslo"}, id="u1", thoughtSignature="S1")),
                "usageMetadata": {"trafficType": "ON_DEMAND"},
            },
            {
                **chunk({"text": ""}, finish="STOP"),
                "usageMetadata": {"promptTokenCount": 107, "thoughtsTokenCount": 148},
            },
        ],
        [
            START,
            Usage(UsageMetadata(traffic_type="ON_DEMAND")),
            Signature("S1", CALL),
            *called(0, "w", '{"c":"Oslo"}', id="u1"),
            Usage(
                UsageMetadata(
                    prompt_token_count=107, thoughts_token_count=148, traffic_type="ON_DEMAND"
                )
            ),
            STOP,
            Ended(),
        ],
    ),
    "TV-23: the same function twice": (
        [
            chunk({"text": "x"}, call("r", {"p": "A"}, thoughtSignature="S")),
            chunk(call("r", {"p": "B"}), finish="STOP"),
        ],
        [
            START,
            Text("x"),
            Signature("S", CALL),
            *called(0, "r", '{"p":"A"}'),
            *called(1, "r", '{"p":"B"}'),
            STOP,
            Ended(),
        ],
    ),
    "TV-25: STOP on every chunk": (
        [chunk({"text": text}, finish="STOP") for text in "abc"],
        [START, Text("a"), Text("b"), Text("c"), STOP, Ended()],
    ),
    "TV-26: the reason before the content": (
        [chunk(finish="STOP"), chunk({"text": "late"})],
        [START, Text("late"), STOP, Ended()],
    ),
    "TV-28: a blocked prompt": (
        [
            {
                "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                "usageMetadata": {"promptTokenCount": 8},
            }
        ],
        [
            START,
            Usage(UsageMetadata(prompt_token_count=8)),
            Metadata("promptFeedback", b'{"blockReason":"PROHIBITED_CONTENT"}'),
            Blocked("PROHIBITED_CONTENT"),
            Ended(),
        ],
    ),
    "a blocked prompt with a message alone": (
        [{"candidates": [], "promptFeedback": {"blockReasonMessage": "m"}}],
        [
            START,
            Metadata("promptFeedback", b'{"blockReasonMessage":"m"}'),
            Blocked("BLOCK_REASON_UNSPECIFIED"),
            Ended(),
        ],
    ),
    "a block is told once": (
        [
            {"promptFeedback": {"blockReason": "SAFETY"}},
            {"promptFeedback": {"blockReason": "OTHER"}},
        ],
        [
            START,
            Metadata("promptFeedback", b'{"blockReason":"SAFETY"}'),
            Blocked("SAFETY"),
            Metadata("promptFeedback", b'{"blockReason":"OTHER"}'),
            Ended(),
        ],
    ),
    "TV-29: a reason without content": (
        [{"candidates": [{"finishReason": "NO_IMAGE", "index": 0}]}],
        [START, Finished("NO_IMAGE"), Ended()],
    ),
    "TV-31: usage merged field by field": (
        [*({"usageMetadata": usage} for usage in USAGE_31), chunk(finish="STOP")],
        [
            START,
            *(
                Usage(UsageMetadata(prompt_token_count=100, cached_content_token_count=80, **more))
                for more in (
                    {"total_token_count": 100},
                    {"total_token_count": 100, "traffic_type": "ON_DEMAND"},
                    {
                        "total_token_count": 105,
                        "candidates_token_count": 5,
                        "traffic_type": "ON_DEMAND",
                    },
                )
            ),
            STOP,
            Ended(),
        ],
    ),
    "TV-38: two candidates in turns": (
        [
            chunk({"text": "a"}, index=0),
            chunk(call("f"), index=1),
            chunk(call("g"), index=0),
            chunk(index=1, finish="STOP"),
            chunk(index=0, finish="MAX_TOKENS"),
        ],
        [
            START,
            Text("a"),
            *called(0, "f", candidate=1),
            *called(0, "g"),
            Finished("MAX_TOKENS"),
            Finished("STOP", candidate=1),
            Ended(),
        ],
    ),
    "names of the answer": (
        [
            {"responseId": "r", "modelVersion": "m", **chunk({"text": "a"})},
            chunk(finish="STOP"),
        ],
        [Started("r", "m"), Text("a"), STOP, Ended()],
    ),
    "the wrapped form": (
        [{"response": chunk({"text": "a"}, finish="STOP"), "traceId": "t"}],
        [START, Text("a"), STOP, Ended()],
    ),
    "the most severe reason": (
        [chunk({"text": "a"}, finish="SAFETY"), chunk(finish="STOP")],
        [START, Text("a"), Finished("SAFETY"), Ended()],
    ),
    "a reason with a message": (
        [{"candidates": [{"finishReason": "OTHER", "finishMessage": "why"}]}],
        [START, Finished("OTHER", "why"), Ended()],
    ),
    "an unspecified reason is none": (
        [chunk({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED"), chunk(finish="STOP")],
        [START, Text("a"), STOP, Ended()],
    ),
    "signatures of thoughts and text": (
        [
            chunk({"text": "t", "thought": True, "thoughtSignature": "A"}),
            chunk({"text": "x"}),
            chunk({"text": "", "thoughtSignature": "B"}, finish="STOP"),
        ],
        [
            START,
            Thought("t"),
            Signature("A", THOUGHT),
            Text("x"),
            Signature("B", TEXT),
            STOP,
            Ended(),
        ],
    ),
    "media": (
        [chunk({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, finish="STOP")],
        [START, Media("image/png", "AAAA"), STOP, Ended()],
    ),
    "media of thoughts, and signed": (
        [
            chunk(
                {"inlineData": {"data": "AAAA"}, "thought": True, "thoughtSignature": "A"},
                {"inlineData": {"mimeType": "image/png", "data": "BBBB"}, "thoughtSignature": "B"},
                finish="STOP",
            )
        ],
        [
            START,
            Media("application/octet-stream", "AAAA", is_thought=True),
            Signature("A", THOUGHT),
            Media("image/png", "BBBB"),
            Signature("B", TEXT),
            STOP,
            Ended(),
        ],
    ),
    "parts without a counterpart": (
        [
            chunk(
                {"executableCode": {"code": "1.10"}},
                {"toolCall": {"id": "x"}, "thoughtSignature": "S"},
                finish="STOP",
            )
        ],
        [
            START,
            RawPart(b'{"executableCode":{"code":"1.10"}}'),
            Signature("S", SignatureTarget.SERVER, 1),
            RawPart(b'{"toolCall":{"id":"x"},"thoughtSignature":"S"}'),
            STOP,
            Ended(),
        ],
    ),
    "what a candidate says about itself": (
        [{"candidates": [{"groundingMetadata": {"a": 1}, "finishReason": "STOP", "new": 1}]}],
        [START, Metadata("groundingMetadata", b'{"a":1}'), STOP, Ended()],
    ),
    "a call repeated without its signature": (
        [
            chunk(call("f", {"a": 1}, id="u", thoughtSignature="S")),
            chunk(call("f", {"a": 1}, id="u")),
            chunk(call("f", {"a": 2}, id="u"), finish="STOP"),
        ],
        [
            START,
            Signature("S", CALL),
            *called(0, "f", '{"a":1}', id="u"),
            *called(1, "f", '{"a":2}', id="u"),
            STOP,
            Ended(),
        ],
    ),
    "a field of text that nobody knows": (
        [chunk({"text": "a", "new": 1}, {"text": "", "new": 1}, finish="STOP")],
        [START, Text("a"), STOP, Ended()],
    ),
    "a call cut off by the limit is none": (
        [streamed(name="f", willContinue=True), piece("$.a", stringValue="x"), *CUT],
        [START, Finished("MAX_TOKENS"), Ended()],
    ),
    "a call whose signature comes with its end": (
        [
            streamed(name="f", willContinue=True),
            chunk({"functionCall": {}, "thoughtSignature": "S"}),
            streamed(),
            chunk(finish="STOP"),
        ],
        [START, Signature("S", CALL), *called(0, "f"), STOP, Ended()],
    ),
    "arguments in pieces": (
        [
            chunk(
                {
                    "functionCall": {"name": "f", "id": "u", "willContinue": True},
                    "thoughtSignature": "S",
                }
            ),
            piece("$.a", stringValue="x", willContinue=True),
            piece("$.a", stringValue="y"),
            piece("$.b[1].c", numberValue=5),
            piece("$['d e']", boolValue=True),
            piece("$.f", nullValue="NULL_VALUE"),
            piece("$.g", numberValue=1.50),
            piece("$.g", boolValue=False),
            piece('$["\\n\\u00e9"]', numberValue=1),
            streamed(),
            streamed(),
            chunk(call("g"), finish="STOP"),
        ],
        [
            START,
            Signature("S", CALL),
            *called(
                0,
                "f",
                '{"a":"xy","b":[null,{"c":5}],"d e":true,"f":null,"g":false,"\\né":1}',
                id="u",
            ),
            *called(1, "g"),
            STOP,
            Ended(),
        ],
    ),
    "pieces that the next call ends": (
        [
            streamed(name="f", partialArgs=[{"jsonPath": "$.a", "boolValue": False}]),
            streamed(name="g", willContinue=True),
            chunk(finish="STOP"),
        ],
        [START, *called(0, "f", '{"a":false}'), *called(1, "g"), STOP, Ended()],
    ),
}

Framing = Callable[[Sequence[Any]], bytes]


def events_of(payloads: Sequence[Any], end: bytes, before: bytes = b"data: ") -> bytes:
    return b"".join(before + encoded(payload) + end for payload in payloads)


def encoded(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


FRAMINGS: dict[str, Framing] = {
    "as Gemini": lambda payloads: events_of(payloads, b"\r\n\r\n"),
    "LF": lambda payloads: events_of(payloads, b"\n\n"),
    "no space, CR": lambda payloads: events_of(payloads, b"\r\r", b"data:"),
    "comments": lambda payloads: events_of(payloads, b"\n\n", b": x\nevent: m\nid: 1\ndata: "),
    "array": lambda payloads: b"[" + b",\n".join(map(encoded, payloads)) + b"]",
}


def read(pieces: Sequence[bytes]) -> list[Event]:
    reader = GeminiReader()
    events = [event for piece in pieces for event in reader.receive_data(piece)]
    events += reader.receive_eof()
    assert reader.is_over
    assert not reader.receive_data(b"data: {}\n\n") and not reader.receive_eof()
    return events


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_in_every_framing_cut_anywhere(case: str, framing: str) -> None:
    payloads, expected = STREAMS[case]
    body = FRAMINGS[framing](payloads)
    assert read([body]) == expected
    assert read([body[n : n + 1] for n in range(len(body))]) == expected
    for cut in range(1, len(body)):
        assert read([body[:cut], body[cut:]]) == expected


@pytest.mark.parametrize("case", STREAMS)
def test_a_whole_answer_holds_the_same(case: str) -> None:
    payloads, expected = STREAMS[case]
    assert GeminiReader().receive_whole(FRAMINGS["array"](payloads)) == expected


@given(st.lists(st.integers(1, 4000), max_size=6))
def test_large_signatures_and_wide_characters_survive_any_cut(cuts: list[int]) -> None:
    """TV-34; the three megabytes stand in the test below."""
    payloads = [chunk({"text": "😀é\u2028"}), chunk(call("f", thoughtSignature="s" * 3000))]
    body = FRAMINGS["as Gemini"]([*payloads, chunk(finish="STOP")])
    places = sorted({0, *(cut % len(body) for cut in cuts), len(body)})
    pieces = [body[start:end] for start, end in pairwise(places)]
    assert read(pieces)[1:3] == [Text("😀é\u2028"), Signature("s" * 3000, CALL)]


def test_a_signature_of_three_megabytes() -> None:
    """TV-34."""
    body = FRAMINGS["as Gemini"](
        [chunk(call("f", thoughtSignature="s" * 3_000_000), finish="STOP")]
    )
    pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]
    assert read(pieces)[1] == Signature("s" * 3_000_000, CALL)


# --- faults ----------------------------------------------------------------------------------

TEXT_BYTES = FRAMINGS["as Gemini"]([chunk({"text": "a"})])
PRETTY = (
    b'{\n  "error": {\n    "code": 503,\n    "message": "overloaded",\n'
    b'    "status": "UNAVAILABLE"\n  }\n}\n'
)  # TV-35


@pytest.mark.parametrize(
    "error",
    [
        PRETTY,
        b"[" + PRETTY + b"]",
        b"data: " + PRETTY.replace(b"\n", b"") + b"\n\n",
        b'data: {"response":' + PRETTY.replace(b"\n", b"") + b"}\n\n",
        b'data: [{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]\n\n',
    ],
)
def test_an_error_in_the_stream_cut_anywhere(error: bytes) -> None:
    body = TEXT_BYTES + error
    for cut in range(1, len(body)):
        *before, failed = read([body[:cut], body[cut:]])
        assert before == [START, Text("a")]
        assert isinstance(failed, Failed) and isinstance(failed.error, Unavailable)
        assert failed.error.message == "overloaded"


def test_the_last_event_may_lack_its_end() -> None:
    body = FRAMINGS["LF"]([chunk({"text": "a"}, finish="STOP")]).rstrip(b"\n")
    reader = GeminiReader()
    assert reader.receive_data(body) == []
    assert reader.receive_eof() == [START, Text("a"), STOP, Ended()]
    *_, failed = read([b'data: {"candidates":[1]}'])
    assert isinstance(failed, Failed) and isinstance(failed.error, DecodeError)


def test_an_error_instead_of_an_answer_stands_alone() -> None:
    (failed,) = GeminiReader("application/json").receive_whole(PRETTY)
    assert isinstance(failed, Failed) and isinstance(failed.error, APIError)


@pytest.mark.parametrize(
    ("payloads", "kind"),
    [
        ([chunk({"text": "a"})], StreamTruncated),
        ([chunk(call("f"))], StreamTruncated),
        ([streamed(name="f", willContinue=True)], StreamTruncated),
        ([chunk({"text": "a"}, finish="STOP", index=0), chunk({"text": "b"}, index=1)], None),
        ([{"usageMetadata": {"promptTokenCount": 3}}], StreamTruncated),
        ([chunk({"text": ""})], StreamTruncated),
        ([], StreamTruncated),
        ([{"candidates": 1}], DecodeError),
        ([{"promptFeedback": 1}], DecodeError),
        ([chunk({"functionCall": {"name": "f", "args": [1]}})], DecodeError),
        ([chunk(index=-1)], DecodeError),
        ([chunk(index=1_000_000)], DecodeError),
    ],
)
def test_what_is_not_whole_fails(payloads: list[Any], kind: type[ProtocolError] | None) -> None:
    *_, failed = read([FRAMINGS["as Gemini"](payloads)])
    assert isinstance(failed, Failed) and isinstance(failed.error, kind or StreamTruncated)


@pytest.mark.parametrize("path", ["", "a", "$", "$.a[", "$.a[99999]", "$[0]", "$" + ".a" * 65])
def test_a_piece_that_leads_nowhere_fails(path: str) -> None:
    payloads = [streamed(name="f", willContinue=True), piece(path, boolValue=True)]
    *_, failed = read([FRAMINGS["as Gemini"](payloads)])
    assert isinstance(failed, Failed) and isinstance(failed.error, DecodeError)


def test_thoughts_alone_end_as_with_stop() -> None:
    reader = GeminiReader()
    reader.receive_data(FRAMINGS["LF"]([chunk({"text": "t", "thought": True})]))
    assert reader.receive_eof() == [STOP, Ended()]
    assert reader.finish_was_missing


def test_a_failure_tells_the_usage_so_far() -> None:
    payload = {**chunk({"text": "a"}), "usageMetadata": {"promptTokenCount": 3}}
    *_, failed = read([FRAMINGS["LF"]([payload])])
    assert isinstance(failed, Failed)
    assert failed.error.usage == UsageMetadata(prompt_token_count=3)


def test_a_broken_connection_harms_only_what_is_not_finished() -> None:
    error = StreamInterrupted("reset")
    for finish, last in ((None, Failed(error)), ("STOP", Ended())):
        reader = GeminiReader()
        reader.receive_data(FRAMINGS["LF"]([chunk({"text": "a"}, finish=finish)]))
        assert reader.receive_interruption(error)[-1] == last
        assert reader.receive_interruption(error) == []


def test_a_whole_answer_needs_no_reason_but_a_candidate() -> None:
    said = GeminiReader().receive_whole(encoded(chunk({"text": "a"})))
    assert said == [START, Text("a"), STOP, Ended()]
    (*_, failed) = GeminiReader().receive_whole(b"{}")
    assert isinstance(failed, Failed) and isinstance(failed.error, StreamTruncated)
    (failed,) = GeminiReader().receive_whole(b"<html>")
    assert isinstance(failed, Failed) and isinstance(failed.error, DecodeError)


@given(st.lists(st.binary(max_size=40), max_size=4), st.sampled_from(["", "application/json"]))
def test_nothing_is_raised_whatever_comes(pieces: list[bytes], content_type: str) -> None:
    for before in (b"", TEXT_BYTES, b"data: {", b'[{"candidates":'):
        reader = GeminiReader(content_type)
        events = [event for data in (before, *pieces) for event in reader.receive_data(data)]
        events += reader.receive_eof()
        assert isinstance(events[-1], Failed | Ended)
        assert isinstance(GeminiReader().receive_whole(b"".join(pieces))[-1], Failed)


# --- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        # TV-37
        (
            rb'{"n":9007199254740993,"f":1.0,"s":"\u00e9"}',
            '{"n":9007199254740993,"f":1.0,"s":"é"}',
        ),
        (b'{ "n" : 123456789012345678901234567890 }', '{"n":123456789012345678901234567890}'),
        (b'{"f":[1e400, 0.1000000000000000000001]}', '{"f":[1e400,0.1000000000000000000001]}'),
        (b"null", "{}"),
        (b'{"args":{"b":1,"a":2}}', '{"args":{"b":1,"a":2}}'),
    ],
)
def test_arguments_lose_nothing(args: bytes, expected: str) -> None:
    body = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":%b}}]}}]}'
    _, _, arguments, *_ = GeminiReader().receive_whole(body % args)
    assert arguments == CallArguments(0, expected)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_any_arguments_come_back(args: dict[str, Any]) -> None:
    body = msgspec.json.encode(chunk({"functionCall": {"name": "f", "args": args}}))
    _, _, arguments, *_ = GeminiReader().receive_whole(body)
    assert isinstance(arguments, CallArguments)
    assert json.loads(arguments.json) == args
