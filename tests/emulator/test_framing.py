"""Places in responses, found at the same byte however the bytes were cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.emulator.framing import PlaceFinder
from gemstream.emulator.toxics import Place
from support.recorded import partitions

HEAD = b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"
WIRE = HEAD + b"1a\r\n" + b"x" * 26 + b"\r\n2\r\nyy\r\n0\r\n\r\n"
PLACES = [
    (Place.HEAD, 1, b"HTTP/1.1 200 OK\r\nA"),
    (Place.CHUNK_SIZE, 1, HEAD + b"1"),
    (Place.CHUNK_DATA, 1, HEAD + b"1a\r\nx"),
    (Place.CHUNK_END, 1, HEAD + b"1a\r\n" + b"x" * 26 + b"\r"),
    (Place.CHUNK_SIZE, 2, HEAD + b"1a\r\n" + b"x" * 26 + b"\r\n2"),
    (Place.CHUNK_DATA, 2, HEAD + b"1a\r\n" + b"x" * 26 + b"\r\n2\r\ny"),
    (Place.CHUNK_END, 2, WIRE[:-6]),
    (Place.LAST_CHUNK, 1, WIRE[:-4]),
]
BEFORE = {
    "nothing": b"",
    "a body of known length": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n0\r\n1\r\n2\r\n",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "an interim response": b"HTTP/1.1 100 Continue\r\n\r\n",
}


def found(finder: PlaceFinder, pieces: list[bytes]) -> int | None:
    passed = 0
    for piece in pieces:
        room = finder.receive_data(piece)
        if room is not None:
            return passed + room
        passed += len(piece)
    return None


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize(("place", "chunk", "said"), PLACES)
def test_a_place_is_behind_the_first_byte_of_its_piece(
    place: Place, chunk: int, said: bytes, before: str
) -> None:
    wire = BEFORE[before] + WIRE
    # The head that is cut is the first, whatever its status.
    expected = wire.index(b"\n") + 2 if place is Place.HEAD else len(BEFORE[before] + said)
    for pieces in partitions(wire):
        assert found(PlaceFinder(place, chunk), pieces) == expected, pieces


def test_chunks_are_counted_over_the_responses_of_a_connection() -> None:
    place = PlaceFinder(Place.CHUNK_SIZE, 3)
    assert found(place, [WIRE, WIRE]) == len(WIRE + HEAD) + 1


@pytest.mark.parametrize("place", Place)
@given(
    data=st.lists(st.binary() | st.sampled_from([b"\r\n", HEAD, b"zz\r\n", b"Content-Length: x"]))
)
def test_any_bytes_are_passed(place: Place, data: list[bytes]) -> None:
    at = found(PlaceFinder(place), data)
    assert at is None or 0 < at <= len(b"".join(data))
