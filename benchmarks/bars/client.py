"""The client: what a streamed chunk costs, and how soon the first one is here."""

from __future__ import annotations

import statistics
from functools import partial

from ..harness import Bar, Measure
from ..processes import measured, time_to_end, time_to_first_line

__all__ = ("CLIENT",)

_PACED = ("--chunks", "200", "--delay", "0.002")
_BURST = ("--chunks", "200")
_STAMPED = ("--chunks", "60", "--delay", "0.05", "--stamp")
_STREAMS = 1000
_DELAYED_STREAMS = 100
_HELD_CHUNKS = 20
_STARTS = 3


def _chunk_cpu(client: str, *, streams: int = 60) -> Measure:
    return lambda port: measured("chunk_cpu", port, client, streams)


def _blocking_cpu(client: str) -> Measure:
    return lambda port: measured("blocking_cpu", port, client, 60)


def _transport_cpu(transport: str) -> Measure:
    return lambda port: measured("transport_cpu", port, transport, 10)


def _many_streams(client: str) -> Measure:
    return lambda port: measured("many_streams", port, client, _STREAMS, _HELD_CHUNKS)


def _delay(client: str) -> Measure:
    return lambda port: measured("chunk_delay", port, client, _DELAYED_STREAMS)


def _large_event(mib: int, what: str, reader: str = "gemstream") -> Measure:
    return lambda _: measured("large_event", mib, what, reader)


def _first_chunk(client: str) -> Measure:
    def median_of_starts(port: int) -> float:
        starts = [time_to_first_line("first_chunk", port, client) for _ in range(_STARTS)]
        return statistics.median(starts) * 1e3

    return median_of_starts


def _import(statement: str) -> Measure:
    """Return the time that ``statement`` adds to an interpreter that does nothing else."""

    def median_of_starts(_: int) -> float:
        added = [time_to_end(statement) - time_to_end("pass") for _ in range(_STARTS)]
        return statistics.median(added) * 1e3

    return median_of_starts


_delay_bar = partial(
    Bar,
    unit="ms",
    rival="bare aiohttp + msgspec",
    upstream=_STAMPED,
    measure_rival=_delay("bare"),
    limit=2.0,
    limit_of="difference",
)

CLIENT = (
    Bar(
        name="chunk-cpu-vs-google-genai",
        about="CPU per chunk, typed: 20 streams at a time, 200 chunks 2 ms apart",
        unit="µs/chunk",
        rival="google-genai",
        upstream=_PACED,
        measure_ours=_chunk_cpu("gemstream"),
        measure_rival=_chunk_cpu("google-genai"),
        limit=0.15,
    ),
    Bar(
        name="chunk-cpu-vs-bare",
        about="the same, against plain dicts from aiohttp and msgspec",
        unit="µs/chunk",
        rival="bare aiohttp + msgspec",
        upstream=_PACED,
        measure_ours=_chunk_cpu("gemstream"),
        measure_rival=_chunk_cpu("bare"),
        limit=1.6,
    ),
    Bar(
        name="burst-vs-bare",
        about="the same without a pause between chunks",
        unit="µs/chunk",
        rival="bare aiohttp + msgspec",
        upstream=_BURST,
        measure_ours=_chunk_cpu("gemstream", streams=200),
        measure_rival=_chunk_cpu("bare", streams=200),
        limit=2.2,
    ),
    Bar(
        name="unknown-field",
        about="paced again, every chunk with a field that this version does not know",
        unit="µs/chunk",
        rival="google-genai",
        upstream=(*_PACED, "--unknown-field"),
        measure_ours=_chunk_cpu("gemstream"),
        measure_rival=_chunk_cpu("google-genai"),
    ),
    Bar(
        name="http2-chunk-cpu",
        about="CPU per chunk over HTTP/2, all streams on one connection; the rival's HTTP/1.1",
        unit="µs/chunk",
        rival="google-genai",
        upstream=_PACED,
        measure_ours=_chunk_cpu("gemstream-http2"),
        measure_rival=_chunk_cpu("google-genai"),
        limit=0.4,
    ),
    Bar(
        name="transport-chunk-cpu",
        about="CPU of one more chunk in a transport alone: the relay's leg, 20 streams at a time",
        unit="µs/chunk",
        rival="AiohttpTransport",
        upstream=_PACED,
        measure_ours=_transport_cpu("http1"),
        measure_rival=_transport_cpu("aiohttp"),
        limit=1.0,
    ),
    _delay_bar(
        name="delay",
        about="p99 from a chunk's send to its text: 100 streams, a chunk each 50 ms",
        measure_ours=_delay("gemstream"),
    ),
    _delay_bar(
        name="http2-delay",
        about="the same over HTTP/2; the rival's is HTTP/1.1",
        measure_ours=_delay("gemstream-http2"),
    ),
    Bar(
        name="large-event-time",
        about="one event of 16 MiB with an image, in reads of 1 KiB, to a typed chunk",
        unit="ms",
        rival="the same of 2 MiB",
        measure_ours=_large_event(16, "time"),
        measure_rival=_large_event(2, "time"),
        limit=12.0,
    ),
    Bar(
        name="large-event-memory",
        about="peak memory meanwhile",
        unit="× the event",
        rival="one buffer, one msgspec decode",
        measure_ours=_large_event(16, "memory"),
        measure_rival=_large_event(16, "memory", "bare"),
        limit=3.0,
        limit_of="ours",
    ),
    Bar(
        name="first-chunk-start",
        about="wall time from starting a process to its first chunk, on loopback",
        unit="ms",
        rival="google-genai",
        upstream=_PACED,
        measure_ours=_first_chunk("gemstream"),
        measure_rival=_first_chunk("google-genai"),
        limit=0.5,
        warm_up=True,
    ),
    Bar(
        name="import",
        about="wall time that the import adds to a bare interpreter",
        unit="ms",
        rival="google-genai",
        measure_ours=_import("import gemstream"),
        measure_rival=_import("import google.genai"),
        limit=0.15,
        warm_up=True,
    ),
    Bar(
        name="import-client",
        about="the same for what a streaming program imports in the end, aiohttp included",
        unit="ms",
        rival="google-genai",
        measure_ours=_import("import aiohttp; from gemstream import AsyncClient"),
        measure_rival=_import("import aiohttp; from google.genai import Client"),
        warm_up=True,
    ),
    Bar(
        name="thousand-streams",
        about="memory per stream with 1,000 open in one process; every chunk is checked",
        unit="KiB/stream",
        rival="google-genai",
        upstream=("--chunks", str(_HELD_CHUNKS), "--hold"),
        measure_ours=_many_streams("gemstream"),
        measure_rival=_many_streams("google-genai"),
        limit=40.0,
        limit_of="ours",
    ),
    Bar(
        name="blocking-chunk-cpu",
        about="CPU per chunk of the blocking clients: 20 threads, 200 chunks 2 ms apart",
        unit="µs/chunk",
        rival="google-genai",
        upstream=_PACED,
        measure_ours=_blocking_cpu("gemstream"),
        measure_rival=_blocking_cpu("google-genai"),
        limit=None,
    ),
)
