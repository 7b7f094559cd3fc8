"""PayloadDecoder by the Gemini vectors, in every cut, and at each kind of end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gemstream.errors import APIError, DecodeError, GemstreamError, ProtocolError, StreamTruncated
from gemstream.policy.generation import Generation
from gemstream.wire.payload import PayloadDecoder
from gemstream.wire.status import decode_error
from support.recorded import partitions, vectors

GEMINI = vectors("gemini")
JSON = "application/json; charset=UTF-8"


def items(pieces: list[bytes], content_type: str | None) -> list[Any]:
    """What arrives, in the words of the vectors: JSON, an error, or a truncation."""
    decoder = PayloadDecoder(content_type)
    found: list[Any] = []
    try:
        for piece in pieces:
            found += map(_item, decoder.receive_data(piece))
        found += map(_item, decoder.receive_eof())
    except StreamTruncated:
        found.append({"truncated": True})
    return found


def _item(payload: bytes) -> Any:
    plain = msgspec.json.decode(payload)
    if "error" not in plain:
        return {"json": plain}
    return {"error": {key: plain["error"][key] for key in ("code", "status")}}


def _expected(item: Any) -> Any:
    return {"json": msgspec.json.decode(item["json"])} if "json" in item else item


@pytest.mark.parametrize("vector", GEMINI, ids=lambda vector: vector["name"])
def test_a_vector_gives_its_payloads_in_every_cut(vector: dict[str, Any]) -> None:
    expected = [_expected(item) for item in vector["expected"]]
    for pieces in partitions(vector["input"]):
        assert items(pieces, vector["content_type"]) == expected


def test_all_the_vectors_are_there() -> None:
    assert len(GEMINI) == 18


@pytest.mark.parametrize(
    "vector", [v for v in GEMINI if v["status"] >= 400], ids=lambda vector: vector["name"]
)
def test_a_vector_of_a_failed_request_is_its_error(vector: dict[str, Any]) -> None:
    error = decode_error(vector["input"], http_status=vector["status"])
    expected = vector["expected"][-1]["error"]
    assert {"code": error.code, "status": error.status} == expected


def test_a_vector_of_an_error_inside_a_stream_raises_it() -> None:
    (vector,) = (v for v in GEMINI if v["name"] == "naked error after data events")
    for pieces in partitions(vector["input"]):
        generation = Generation(vector["content_type"])
        chunks = []
        with pytest.raises(APIError) as caught:
            for piece in pieces:
                chunks += generation.receive_data(piece)
            generation.check()
        assert [chunk.text for chunk in chunks] == ["a"]
        assert caught.value.code == 429


# One kind of object in all the ways services and their front ends frame it.
FRAMED = [
    (None, b'data: {"a":1}\r\n\r\n', [b'{"a":1}']),
    (None, b'data:{"a":1}\n\n', [b'{"a":1}']),
    (None, b'data: {"a":1}  \r\n\r\n', [b'{"a":1}  ']),
    (None, b'data:   {"a":1}\n\n', [b'{"a":1}']),
    (None, b'data: {"a":1}\n\ndata: [DONE]\n\n', [b'{"a":1}']),
    (None, b'data: {"a":1}\n\ndata:  [DONE] \n\n', [b'{"a":1}']),
    (None, b'data: [{"a":1},{"b":[1]}]\n\n', [b'{"a":1}', b'{"b":[1]}']),
    (None, b'data: []\n\ndata: {"a":1}', [b'{"a":1}']),
    (None, b'{"a":1}{"b":2}', [b'{"a":1}', b'{"b":2}']),
    (None, b'\r\n\n[{"a":1}]', [b'{"a":1}']),
    (None, b'\xef\xbb\xbf{"a":1}', [b'{"a":1}']),
    ("text/plain", b'{"a":1}', [b'{"a":1}']),
    ("TEXT/EVENT-STREAM; charset=utf-8", b'data: {"a":1}\n\n', [b'{"a":1}']),
    (JSON, b'{"a":1}', [b'{"a":1}']),
    (JSON, b'[{"a":1}\r\n,\r\n{"b":2}\n]\n', [b'{"a":1}', b'{"b":2}']),
    (JSON, b'  \n {"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
    ("Application/JSON", b'[{"a":"]}"}]', [b'{"a":"]}"}']),
]


@pytest.mark.parametrize(("content_type", "body", "expected"), FRAMED)
def test_a_payload_comes_out_of_every_framing(
    content_type: str | None, body: bytes, expected: list[bytes]
) -> None:
    decoder = PayloadDecoder(content_type)
    assert [*decoder.receive_data(body), *decoder.receive_eof()] == expected


# Bodies that end before they should: nothing is ever silence.
CUT = [
    (None, b""),
    (None, b"\r\n\r\n"),
    (None, b": ping\n\n"),
    (None, b"data: [DONE]\n\n"),
    (None, b"data: []\n\n"),
    (None, b"<html>502 Bad Gateway</html>"),
    (None, b'data: {"a":1}\n\ndata: {"b":'),
    (None, b'data: {"a":1}\n\ndata: {\ndata: "b":1'),
    (None, b'data: {"a":1}\n\n{"error":'),
    (JSON, b""),
    (JSON, b"[]"),
    (JSON, b"["),
    (JSON, b'[{"a":1}'),
    (JSON, b'[{"a":1},'),
    (JSON, b'[{"a":1},{"b'),
    (JSON, b'{"a":"}'),
]


@pytest.mark.parametrize(("content_type", "body"), CUT)
def test_a_body_cut_short_is_truncated(content_type: str | None, body: bytes) -> None:
    decoder = PayloadDecoder(content_type)
    payloads = decoder.receive_data(body)
    with pytest.raises(StreamTruncated):
        decoder.receive_eof()
    assert payloads in ([], [b'{"a":1}'])


WRONG = [
    (None, b"data: [1,\n\n", "invalid JSON"),
    (JSON, b"<html>", "no JSON object where one should start: b'<html>'"),
    (JSON, b'{"a":1} oops', "no JSON object"),
    (JSON, b"[[1]]", "no JSON object"),
    (JSON, b"]", "no JSON object"),
    (JSON, b'data: {"a":1}', "no JSON object"),
]


@pytest.mark.parametrize(("content_type", "body", "said"), WRONG)
def test_what_cannot_be_read_is_shown(content_type: str | None, body: bytes, said: str) -> None:
    decoder = PayloadDecoder(content_type)
    with pytest.raises(DecodeError, match=said):
        decoder.receive_data(body)
        decoder.check()


@pytest.mark.parametrize("place", [0, 1, 9, 12])
def test_the_place_of_a_fault_is_counted_from_the_start_of_the_body(place: int) -> None:
    body = b'[{"a": "bc"}, oops'
    decoder = PayloadDecoder(JSON)
    with pytest.raises(DecodeError) as caught:
        decoder.receive_data(body[:place])
        decoder.receive_data(body[place:])
        decoder.check()
    assert caught.value.offset == body.index(b"oops")


def test_after_a_fault_every_call_raises_it() -> None:
    decoder = PayloadDecoder(JSON)
    assert decoder.receive_data(b'{"a":1} oops') == [b'{"a":1}']
    for call in (decoder.check, decoder.receive_eof, lambda: decoder.receive_data(b"{}")):
        with pytest.raises(GemstreamError, match="oops"):
            call()


@pytest.mark.parametrize("damage", [b"\0", b"garbage", b"x: ", b"\xff\xfe"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_chunk_behind_damage_is_no_field_to_ignore(damage: bytes, size: int) -> None:
    body = b'data: {"a":1}\r\n\r\n' + damage + b'data: {"b":2}\r\n\r\n'
    decoder = PayloadDecoder("text/event-stream")
    payloads: list[bytes] = []
    with pytest.raises(ProtocolError, match="no event's data"):
        for place in range(0, len(body), size):
            payloads += decoder.receive_data(body[place : place + size])
        decoder.check()
    assert payloads == [b'{"a":1}']


def test_a_field_that_nobody_knows_is_ignored_when_it_holds_no_chunk() -> None:
    decoder = PayloadDecoder("text/event-stream")
    assert decoder.receive_data(b'x-note: 1\r\ndata: {"a":1}\r\n\r\n') == [b'{"a":1}']
