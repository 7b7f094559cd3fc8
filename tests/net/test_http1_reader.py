"""One response out of bytes: every cut gives the same, and what is ambiguous is refused."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import ProtocolError
from gemstream.net.http1_reader import LARGEST_HEAD, ResponseReader

_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_LENGTH = _OK + b"Content-Length: 2\r\n\r\n"

# What was read: status, body, whether it was complete before and after the connection's end, and
# whether the connection may be used again.
Read = tuple[int, bytes, bool, bool, bool]


def _read(data: Iterable[bytes], method: str = "POST") -> Read:
    reader = ResponseReader(method)
    for piece in data:
        if reader.is_complete:  # a connection gives it no more then
            return (*_seen(reader), True, True, False)
        reader.receive_data(piece)
    before, reusable = reader.is_complete, reader.is_reusable
    reader.receive_eof()
    return (*_seen(reader), before, reader.is_complete, reusable)


def _seen(reader: ResponseReader) -> tuple[int, bytes]:
    return reader.status, b"".join(reader.pieces)


RESPONSES: dict[str, tuple[bytes, Read]] = {
    "chunks": (_CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", (200, b"abc", True, True, True)),
    "a chunk of hex": (
        _CHUNKED + b"00A\r\n0123456789\r\n0\r\n\r\n",
        (200, b"0123456789", True, True, True),
    ),
    "an extension": (_CHUNKED + b'1;a=b;c="d"\r\na\r\n0;e\r\n\r\n', (200, b"a", True, True, True)),
    "trailers": (
        _CHUNKED + b"1\r\na\r\n0\r\nX-T: 1\r\nX-U:\r\n\r\n",
        (200, b"a", True, True, True),
    ),
    "chunks without a body": (_CHUNKED + b"0\r\n\r\n", (200, b"", True, True, True)),
    "chunks of line ends": (
        _CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\n\r\n",
        (200, b"\r\n\r\n", True, True, True),
    ),
    "a length": (_LENGTH + b"ab", (200, b"ab", True, True, True)),
    "a length of zero": (_OK + b"Content-Length: 0\r\n\r\n", (200, b"", True, True, True)),
    "a length cut short": (_LENGTH + b"a", (200, b"a", False, False, False)),
    "chunks cut short": (_CHUNKED + b"2\r\nab\r\n0\r\n", (200, b"ab", False, False, False)),
    "the connection's end": (_OK + b"\r\nab", (200, b"ab", False, True, False)),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", (200, b"a", True, True, False)),
    "close": (
        _OK + b"Connection: x, Close\r\nContent-Length: 1\r\n\r\na",
        (200, b"a", True, True, False),
    ),
    "100 Continue": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + _LENGTH + b"ab",
        (200, b"ab", True, True, True),
    ),
    "103 Early Hints": (
        b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: a\r\n\r\n" + _CHUNKED + b"0\r\n\r\n",
        (200, b"", True, True, True),
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", True, True, True)),
    "304 of what has a length": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        (304, b"", True, True, True),
    ),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", (200, b"", True, True, True)),
    "an error": (
        b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
        (503, b"busy", True, True, True),
    ),
    "a body that looks like an answer": (
        _OK + b"Content-Length: 19\r\n\r\n" + _OK + b"\r\n",
        (200, _OK + b"\r\n", True, True, True),
    ),
}


@pytest.mark.parametrize("case", RESPONSES)
def test_a_response_is_read_as_a_whole(case: str) -> None:
    data, expected = RESPONSES[case]
    assert _read([data]) == expected


@pytest.mark.parametrize("case", RESPONSES)
def test_a_response_is_the_same_at_every_cut(case: str) -> None:
    data, expected = RESPONSES[case]
    for first in range(1, len(data)):
        assert _read([data[:first], data[first:]]) == expected, first
        for second in range(first + 1, len(data), 7):
            assert _read([data[:first], data[first:second], data[second:]]) == expected


@pytest.mark.parametrize("case", RESPONSES)
def test_a_response_is_the_same_byte_by_byte(case: str) -> None:
    data, expected = RESPONSES[case]
    assert _read(bytes([byte]) for byte in data) == expected


@given(st.lists(st.binary(min_size=1, max_size=40)), st.lists(st.integers(1, 30), min_size=1))
def test_any_chunks_give_their_bytes_at_any_cut(chunks: list[bytes], sizes: list[int]) -> None:
    data = (
        _CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"
    )
    pieces, at, turn = [], 0, 0
    while at < len(data):
        pieces.append(data[at : at + sizes[turn % len(sizes)]])
        at, turn = at + len(pieces[-1]), turn + 1
    assert _read(pieces) == (200, b"".join(chunks), True, True, True)


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_the_answer_to_head_has_no_body(head: bytes) -> None:
    assert _read([_OK + head + b"\r\n"], "HEAD") == (200, b"", True, True, True)


def test_headers_keep_their_bytes_and_repeat() -> None:
    reader = ResponseReader("GET")
    reader.receive_data(
        _OK + b"X-A: \xff\xc3\xa9\r\nSet-Cookie: a\r\nset-cookie: b\r\nX-E:\r\n\r\n"
    )
    assert reader.headers["x-a"] == "\udcffé"
    assert reader.headers["X-e"] == ""
    assert [v for k, v in reader.headers.items() if k.lower() == "set-cookie"] == ["a", "b"]


# --- what comes behind -----------------------------------------------------------------------

_WHOLE = {
    "chunks": _CHUNKED + b"1\r\na\r\n0\r\n\r\n",
    "a trailer": _CHUNKED + b"1\r\na\r\n0\r\nX-T:\r\n\r\n",
    "a length": _OK + b"Content-Length: 1\r\n\r\na",
    "a body of line ends": _OK + b"Content-Length: 2\r\n\r\n\r\n",
    "chunks and close": _OK
    + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
}
EXCESS = [
    b"x",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    _CHUNKED + b"1\r\nb\r\n0\r\n\r\n",
    b"HTT",
]


@pytest.mark.parametrize("excess", EXCESS)
@pytest.mark.parametrize("case", _WHOLE)
def test_what_comes_behind_is_not_read_and_ends_the_connection(case: str, excess: bytes) -> None:
    data = _WHOLE[case]
    alone = _read([data])
    together = data + excess
    for cut in range(1, len(together)):
        read = _read([together[:cut], together[cut:]])
        assert read == (*alone[:4], False), cut


# --- what is refused -------------------------------------------------------------------------

INVALID = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a line end before": b"\r\n" + _LENGTH + b"ab",
    "RTSP": b"RTSP/1.0 200 OK\r\n\r\n",
    "lower case": b"http/1.1 200 OK\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\n\r\n",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "two spaces": b"HTTP/1.1  200 OK\r\n\r\n",
    "two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "101": b"HTTP/1.1 101 S\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nabc",
    "LF alone after the status": b"HTTP/1.1 200 OK\nA: b\r\n\r\n",
    "LF alone after a header": _OK + b"A: b\n\r\n",
    "LF alone at the end": _OK + b"A: b\r\n\n",
    "CR alone": _OK + b"A: b\rc\r\n\r\n",
    "a folded header": _OK + b"A: b\r\n c\r\n\r\n",
    "a folded first header": _OK + b" A: b\r\n\r\n",
    "a space before the colon": _OK + b"A : b\r\n\r\n",
    "a header without a name": _OK + b": b\r\n\r\n",
    "a header without a colon": _OK + b"nonsense\r\n\r\n",
    "NUL in a header": _OK + b"A: b\0c\r\n\r\n",
    "two lengths": _OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "the same length twice": _OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": _OK + b"Content-Length: 1, 1\r\n\r\na",
    "a length with a sign": _OK + b"Content-Length: +1\r\n\r\na",
    "a negative length": _OK + b"Content-Length: -1\r\n\r\na",
    "a length with an underscore": _OK + b"Content-Length: 1_0\r\n\r\na",
    "an empty length": _OK + b"Content-Length:\r\n\r\na",
    "a length beyond measure": _OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "a length and a coding": _OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a coding and a length": _OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
    "gzip and chunked": _OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunked and gzip": _OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "identity": _OK + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked twice": _OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an empty coding": _OK + b"Transfer-Encoding:\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a size that is no number": _CHUNKED + b"zz\r\n",
    "no size": _CHUNKED + b"\r\n",
    "a size with a sign": _CHUNKED + b"+1\r\na\r\n",
    "a size of another base": _CHUNKED + b"0x1\r\na\r\n",
    "a space after the size": _CHUNKED + b"1 \r\na\r\n",
    "an underscore in the size": _CHUNKED + b"1_0\r\n",
    "a size beyond measure": _CHUNKED + b"f" * 17 + b"\r\n",
    "LF alone after the size": _CHUNKED + b"1\na\r\n",
    "a chunk longer than its size": _CHUNKED + b"1\r\nab0\r\n\r\n",
    "LF alone after a chunk": _CHUNKED + b"1\r\na\n0\r\n\r\n",
    "a length in the trailer": _CHUNKED + b"0\r\nContent-Length: 1\r\n\r\n",
    "a trailer without a colon": _CHUNKED + b"0\r\nnonsense\r\n\r\n",
    "a long head": _OK + b"A: " + b"a" * LARGEST_HEAD + b"\r\n\r\n",
    "a head without an end": _OK + b"A: b\r\n" * LARGEST_HEAD,
    "interim heads without an end": b"HTTP/1.1 103 E\r\n\r\n" * LARGEST_HEAD,
}


@pytest.mark.parametrize("case", INVALID)
def test_what_two_readers_could_read_differently_is_refused(case: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        _read([INVALID[case]])
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("case", [case for case in INVALID if len(INVALID[case]) < 500])
def test_it_is_refused_byte_by_byte_too(case: str) -> None:
    with pytest.raises(ProtocolError):
        _read(bytes([byte]) for byte in INVALID[case])


ENDLESS = {
    "an extension": (_CHUNKED + b"1;", b"a" * 1000),
    "a trailer": (_CHUNKED + b"1\r\na\r\n0\r\n", b"A: b\r\n" * 100),
    "one trailer's value": (_CHUNKED + b"0\r\nA:", b"a" * 1000),
    "zeros": (_CHUNKED, b"0" * 1000),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_what_is_no_body_does_not_grow_for_ever(case: str) -> None:
    begin, more = ENDLESS[case]
    with pytest.raises(ProtocolError, match=r"65536|size"):
        _read([begin, *[more] * 200])


def test_what_was_read_before_a_fault_is_there() -> None:
    reader = ResponseReader("GET")
    with pytest.raises(ProtocolError):
        reader.receive_data(_CHUNKED + b"1\r\na\r\nzz\r\n")
    assert reader.pieces == [b"a"]
