"""What a server's bytes mean, in any order in which a network may bring them."""

from __future__ import annotations

from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RemoteSettingsChanged, RequestReceived, StreamEnded
from hyperframe.frame import GoAwayFrame, RstStreamFrame

from gemstream.net.http2_frames import Frames
from gemstream.net.http2_protocol import Goodbye, HTTP2Protocol, decode_head
from gemstream.net.http2_stream import STREAM_WINDOW

_REQUEST = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
_RST_STREAM, _CANCEL = 3, 8
_LARGEST_PIECE = 16_384


class _Pair:
    """A client and the server it has asked once for stream 1."""

    def __init__(self) -> None:
        self.live = {1}
        self.client = HTTP2Protocol(self.live)
        self.server = H2Connection(H2Configuration(client_side=False))
        self.server.initiate_connection()
        self.client.begin()
        self.client.http2.send_headers(1, _REQUEST, end_stream=True)
        self.to_server()
        self.server.send_headers(1, [(":status", "200")])
        self.to_client()

    def to_server(self) -> list[Any]:
        return self.server.receive_data(self.client.data_to_send())

    def to_client(self, *more: bytes) -> list[Any]:
        data = self.server.data_to_send() + b"".join(more)
        return [event for _, event in self.client.receive_data(data)]


def _body(events: list[Any]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, DataReceived))


def test_a_stream_goes_on_behind_a_goaway_in_the_same_read() -> None:
    pair = _Pair()
    goaway = GoAwayFrame(0, last_stream_id=1, error_code=11).serialize()
    pair.server.send_data(1, b"a", end_stream=True)
    events = [event for _, event in pair.client.receive_data(goaway + pair.server.data_to_send())]
    assert (events[0], _body(events), type(events[-1])) == (Goodbye(1, 11), b"a", StreamEnded)
    pair.client.http2.ping(b"12345678")  # it can still speak


def test_what_came_before_an_error_is_not_lost() -> None:
    pair = _Pair()
    pair.server.send_data(1, b"a")
    events = []
    with pytest.raises(ValueError, match="GOAWAY"):
        for _, event in pair.client.receive_data(
            pair.server.data_to_send() + b"\0\0\1\7\0\0\0\0\0\0"
        ):
            events.append(event)
    assert _body(events) == b"a"


def test_what_is_late_for_streams_is_counted_and_not_answered() -> None:
    """More in all than the connection's window: not counted, it would be shut for good."""
    pair, resets = _Pair(), 0
    for number in range(3, 203, 2):
        pair.live.add(number)
        pair.client.http2.send_headers(number, _REQUEST, end_stream=True)
        pair.to_server()
        pair.server.send_headers(number, [(":status", "200")])
        assert len(pair.to_client()) == 1
        pair.live.discard(number)
        pair.client.http2.reset_stream(number, _CANCEL)
        for _ in range(STREAM_WINDOW // _LARGEST_PIECE):  # under way as the reset is
            pair.server.send_data(number, bytes(_LARGEST_PIECE))
            assert pair.to_client() == []
        sent = pair.client.data_to_send()
        resets += [frame.kind for frame in Frames().receive_data(sent)].count(_RST_STREAM)
        pair.server.receive_data(sent)
    assert resets == 100


def test_a_head_that_is_late_leaves_the_compression_intact() -> None:
    pair = _Pair()
    pair.client.http2.send_headers(3, _REQUEST, end_stream=True)
    pair.client.http2.reset_stream(3, _CANCEL)
    kept = pair.client.data_to_send()
    pair.server.receive_data(kept[: -len(RstStreamFrame(3).serialize())])
    pair.server.send_headers(3, [(":status", "200"), ("x-a", "b")])
    assert pair.to_client() == []
    pair.server.send_headers(1, [("x-a", "b")], end_stream=True)  # indexed by now
    (trailers, _) = pair.to_client()
    assert trailers.headers == [(b"x-a", b"b")]


def test_the_connection_goes_on_when_its_window_has_passed_many_times() -> None:
    pair = _Pair()
    passed = 0
    while passed < 40 * 1024 * 1024:
        room = min(pair.server.local_flow_control_window(1), 16_384)
        assert room, passed
        pair.server.send_data(1, bytes(room))
        assert len(_body(pair.to_client())) == room
        pair.client.http2.increment_flow_control_window(room, 1)
        pair.to_server()
        passed += room


def test_the_server_is_told_what_is_allowed() -> None:
    client = HTTP2Protocol(())
    client.begin()
    server = H2Connection(H2Configuration(client_side=False))
    changed = server.receive_data(client.data_to_send())[0]
    assert isinstance(changed, RemoteSettingsChanged)
    settings = server.remote_settings
    assert (settings.enable_push, settings.initial_window_size) == (0, STREAM_WINDOW)
    assert (settings.max_frame_size, settings.max_header_list_size) == (16_384, 16_384)


def test_a_request_arrives_as_it_is() -> None:
    pair = _Pair()
    pair.client.http2.send_headers(3, [*_REQUEST, ("x-a", "é")], end_stream=True)
    request = pair.to_server()[-2]
    assert isinstance(request, RequestReceived) and request.headers is not None
    assert request.headers[-1] == (b"x-a", "é".encode())


@pytest.mark.parametrize("status", [b"", b"20", b"2000", b"abc", "٢٠٠".encode()])
def test_a_status_that_is_none_is_an_error(status: bytes) -> None:
    with pytest.raises(ValueError, match="status"):
        decode_head([(b":status", status)])


def test_a_header_may_hold_any_bytes() -> None:
    assert decode_head([(b":status", b"200"), (b"x", b"\xff")]) == (200, [("x", "\udcff")])
