"""µs per event of taking server-sent events apart, without sockets, JSON or types.

usage: python -m benchmarks.programs.decoders CASE DECODER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence

from .upstream import Script

__all__ = ("main",)

Receive = Callable[[bytes], Sequence[object]]

_EVENTS = 2000
_LARGE = 2 * 1024 * 1024


def _sse() -> Receive:
    from gemstream.wire.sse import SSEDecoder

    return SSEDecoder().receive_data


def _payload() -> Receive:
    from gemstream.wire.payload import PayloadDecoder

    return PayloadDecoder("text/event-stream").receive_data


def _find() -> Receive:
    """Return the bare loop: no other line end, no other field, and no limit to its buffer."""
    buffer = b""

    def receive_data(data: bytes) -> list[bytes]:
        nonlocal buffer
        buffer += data
        payloads = []
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            payloads.append(buffer[6:end])
            buffer = buffer[end + 4 :]
        return payloads

    return receive_data


_DECODERS: dict[str, Callable[[], Receive]] = {"sse": _sse, "payload": _payload, "find": _find}


def _events() -> list[bytes]:
    script = Script(chunks=_EVENTS, delay=0, unknown_field=False, hold=False)
    return [script.event(index) for index in range(_EVENTS)]


def _reads_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _large() -> list[bytes]:
    event = b'data: {"data":"' + b"A" * _LARGE + b'"}\r\n\r\n'
    return _reads_of(event, 1024)


_CASES: dict[str, Callable[[], list[bytes]]] = {
    "one-per-read": _events,
    "burst": lambda: _reads_of(b"".join(_events()), 65536),
    "large": _large,
}


def _measure(case: str, decoder: str) -> float:
    reads = _CASES[case]()
    expected = 1 if case == "large" else _EVENTS
    best = float("inf")
    for _ in range(3 if case == "large" else 20):
        receive = _DECODERS[decoder]()
        began = time.process_time()
        count = 0
        for read in reads:
            count += len(receive(read))
        best = min(best, time.process_time() - began)
        if count != expected:
            raise SystemExit(f"{decoder} found {count} events, not {expected}")
    return best / expected * 1e6


def main() -> None:
    """Print the measurement as one JSON object."""
    case, decoder = sys.argv[1:]
    print(json.dumps({"value": _measure(case, decoder)}))


if __name__ == "__main__":
    main()
