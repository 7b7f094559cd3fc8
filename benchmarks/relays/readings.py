"""What is measured of a relay at work: each reading puts its load on it and returns its figures."""

from __future__ import annotations

import http.client
import statistics
import subprocess
from dataclasses import replace

from ..processes import MeasurementFailed, child, finish
from .running import Load, Running
from .surface import Surface

__all__ = ("Figures", "burst", "first_chunk", "gap", "memory", "refused", "stream_cpu")

Figures = dict[str, float]
"""By name; what each is in stands with the rows that show it."""

_WARM_UP = Load(requests=40, chunks=5)
_LONG = Load(requests=200, chunks=100)
_SHORT = Load(requests=600, chunks=5)
_ONE_BY_ONE = Load(callers=1, requests=1000, chunks=2, delay=0.001)
_BURST = Load(callers=1000, requests=1000, chunks=10, delay=0.05)
_BURSTS = 3  # what is answered first is a matter of luck, and the median moves with it
_STEADY = Load(callers=200, requests=200, chunks=60, delay=0.05)
# The relay turns an address away that fails thirty times a minute, which is cheaper still.
_REFUSED = Load(requests=2000, key="sk-nobody-has-ever-had-this-key", status=401, address_after=20)
_HELD = Load(chunks=4, delay=0.0)
_HELD_AT = _HELD.chunks // 2


def stream_cpu(relay: Running, surface: Surface, share: float) -> Figures:
    """Return the CPU of a chunk and of a request: of long and of short answers it takes both.

    ``chunk``: µs for one more chunk. ``request``: ms for an answer without any. ``whole``: µs per
    chunk of the long answers, the request's included. ``share`` of the load is put on it.
    """
    relay.put(_WARM_UP, surface)
    short = _cpu_per_request(relay, surface, _scaled(_SHORT, share))
    long = _cpu_per_request(relay, surface, _scaled(_LONG, share))
    chunk = (long - short) / (_LONG.chunks - _SHORT.chunks)
    return {
        "chunk": chunk * 1e6,
        "request": (short - _SHORT.chunks * chunk) * 1e3,
        "whole": long / _LONG.chunks * 1e6,
    }


def refused(relay: Running, surface: Surface, share: float) -> Figures:
    """Return ``request`` as above, and ``refused``: the ms of one whose key nobody knows."""
    accepted = stream_cpu(relay, surface, share)
    cost = _cpu_per_request(relay, surface, _scaled(_REFUSED, share))
    return {**accepted, "refused": cost * 1e3}


def first_chunk(relay: Running, surface: Surface, share: float) -> Figures:
    """Return ms from a request to its first bytes, asked one by one: ``p50`` and ``p99``."""
    relay.put(_WARM_UP, surface)
    seen = relay.put(_scaled(_ONE_BY_ONE, share), surface)
    return {"p50": seen["first_p50"], "p99": seen["first_p99"]}


def burst(relay: Running, surface: Surface, share: float) -> Figures:
    """Return ms to the first bytes when a thousand ask at once: ``p50`` and ``p99``."""
    relay.put(_WARM_UP, surface)
    seen = [relay.put(_BURST, surface) for _ in range(max(1, round(_BURSTS * share)))]
    return {p: statistics.median(one[f"first_{p}"] for one in seen) for p in ("p50", "p99")}


def gap(relay: Running, surface: Surface, _share: float) -> Figures:
    """Return ms between the reads of a stream that has a chunk each 50 ms: ``p50``, ``p99``."""
    relay.put(_WARM_UP, surface)
    seen = relay.put(_STEADY, surface)
    return {"p50": seen["gap_p50"], "p99": seen["gap_p99"]}


def memory(relay: Running, surface: Surface, _share: float) -> Figures:
    """Return ``idle`` MiB of a relay just started, and KiB a stream at ``1000`` and ``5000``.

    The stand-in holds all streams half-way (``--hold``); the growth since idle is shared out.
    """
    _held(relay, surface, 20)
    idle = relay.resident
    figures = {"idle": idle / 1024}
    for streams in (1000, 5000):
        figures[str(streams)] = (_held(relay, surface, streams) - idle) / streams
    return figures


def _cpu_per_request(relay: Running, surface: Surface, load: Load) -> float:
    before = relay.cpu
    relay.put(load, surface)
    return (relay.cpu - before) / load.requests


def _scaled(load: Load, share: float) -> Load:
    return replace(load, requests=max(load.callers, round(load.requests * share)))


def _held(relay: Running, surface: Surface, streams: int) -> int:
    """Return the KiB of the relay while so many streams are open."""
    load = replace(_HELD, callers=streams, requests=streams)
    with child(relay.command(load, surface, announce=_HELD_AT)) as callers:
        _wait_for_all(callers, relay)
        resident = relay.resident
        _release(relay.upstream)
        said, _ = finish(callers, f"the held streams of {relay.name}")
    relay.judged(said)
    return resident


def _wait_for_all(callers: subprocess.Popen[str], relay: Running) -> None:
    assert callers.stdout is not None
    line = callers.stdout.readline()
    if line.strip() != "open":
        raise MeasurementFailed(f"{relay.name}: not all streams came: {line[:300]}")


def _release(upstream: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=10)
    connection.request("POST", "/release")
    connection.getresponse()
    connection.close()
