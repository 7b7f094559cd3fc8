"""Every bar, one row each."""

from __future__ import annotations

import statistics
from functools import partial

from .harness import Bar, Measure
from .processes import measured, time_to_end, time_to_first_line

__all__ = ("BARS",)

_PACED = ("--chunks", "200", "--delay", "0.002")
_BURST = ("--chunks", "200")
_STAMPED = ("--chunks", "60", "--delay", "0.05", "--stamp")
_SPEECH = ("--messages", "1000")
_PACED_SPEECH = ("--messages", "200", "--delay", "0.002")
_TALK = ("--size", "640", "--talk", "4")
_SESSIONS = 500
_SWITCHES = 6
_DROPPED_SESSIONS, _DROPS_EACH = 20, 10
_STREAMS = 1000
_DELAYED_STREAMS = 100
_HELD_CHUNKS = 20
_STARTS = 3
_QUEUED = 500
_RPM = 60
_QUEUE_SCALE = 30  # eight minutes take sixteen seconds
# The first minute's allowance goes at once, so the last calls begin after eight minutes more.
_QUEUE_IDEAL = (_QUEUED - 1) // _RPM * 60.0


def _chunk_cpu(client: str, *, streams: int = 60) -> Measure:
    return lambda port: measured("chunk_cpu", port, client, streams)


def _blocking_cpu(client: str) -> Measure:
    return lambda port: measured("blocking_cpu", port, client, 60)


def _many_streams(client: str) -> Measure:
    return lambda port: measured("many_streams", port, client, _STREAMS, _HELD_CHUNKS)


def _decoder(case: str, decoder: str) -> Measure:
    return lambda _: measured("decoders", case, decoder)


def _delay(client: str) -> Measure:
    return lambda port: measured("chunk_delay", port, client, _DELAYED_STREAMS)


def _large_event(mib: int, what: str, reader: str = "gemstream") -> Measure:
    return lambda _: measured("large_event", mib, what, reader)


def _first_chunk(client: str) -> Measure:
    def median_of_starts(port: int) -> float:
        starts = [time_to_first_line("first_chunk", port, client) for _ in range(_STARTS)]
        return statistics.median(starts) * 1e3

    return median_of_starts


def _limit_queue(_: int) -> float:
    return measured("limit_queue", _QUEUED, _RPM, 2, _QUEUE_SCALE)


def _import(statement: str) -> Measure:
    """Return the time that ``statement`` adds to an interpreter that does nothing else."""

    def median_of_starts(_: int) -> float:
        added = [time_to_end(statement) - time_to_end("pass") for _ in range(_STARTS)]
        return statistics.median(added) * 1e3

    return median_of_starts


def _live_audio(client: str, *, sessions: int, turns: int) -> Measure:
    return lambda port: measured("live_audio_cpu", port, client, sessions, turns)


def _live_sessions(client: str, what: str) -> Measure:
    return lambda port: measured("live_sessions", port, client, _SESSIONS, 5, what)


def _live_goaway(what: str) -> Measure:
    return lambda port: measured("live_goaway", port, what, _SWITCHES)


def _live_resume(way: str) -> Measure:
    return lambda port: measured("live_resume", port, way, _DROPPED_SESSIONS, _DROPS_EACH)


def _limit_redis(case: str) -> Measure:
    return lambda _: measured("limit_redis", case)


def _limit_memory(case: str) -> Measure:
    return lambda _: measured("limit_memory", case)


_delay_bar = partial(
    Bar,
    unit="ms",
    rival="bare aiohttp + msgspec",
    upstream=_STAMPED,
    measure_rival=_delay("bare"),
    limit=2.0,
    limit_of="difference",
)
_live_bar = partial(Bar, unit="µs/message", upstream_program="live_upstream")
_sessions_bar = partial(
    Bar,
    upstream_program="live_upstream",
    upstream=_TALK,
    rival="bare aiohttp + msgspec",
    limit_of="difference",
)
# 50 ms are allowed beside five round trips; none of them is needed.
_goaway_bar = partial(
    Bar,
    unit="ms",
    upstream_program="live_emulator",
    upstream=("goaway", "--latency", "20"),
    rival="one round trip",
    measure_rival=_live_goaway("ping"),
    limit=5.0,
)
_decoder_bar = partial(Bar, unit="µs/event", rival="a bare find loop")

BARS = (
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
    _live_bar(
        name="live-audio-cpu-vs-google-genai",
        about="CPU per message of 1,920 bytes of speech, typed and decoded to bytes",
        rival="google-genai",
        upstream=_SPEECH,
        measure_ours=_live_audio("gemstream", sessions=1, turns=20),
        measure_rival=_live_audio("google-genai", sessions=1, turns=5),
        limit=0.3,
    ),
    _live_bar(
        name="live-audio-cpu-vs-bare",
        about="the same, against plain dicts and bytes from aiohttp, msgspec and base64",
        rival="bare aiohttp + msgspec",
        upstream=_SPEECH,
        measure_ours=_live_audio("gemstream", sessions=1, turns=20),
        measure_rival=_live_audio("bare", sessions=1, turns=20),
        limit=1.6,
    ),
    _live_bar(
        name="live-audio-paced",
        about="the same in 10 sessions at a time, a message each 2 ms",
        rival="bare aiohttp + msgspec",
        upstream=_PACED_SPEECH,
        measure_ours=_live_audio("gemstream", sessions=10, turns=5),
        measure_rival=_live_audio("bare", sessions=10, turns=5),
        limit=1.6,
    ),
    _goaway_bar(
        name="live-goaway-gap",
        about="time without a connection at a farewell, in a path of 40 ms; nothing is lost",
        measure_ours=_live_goaway("plain"),
    ),
    _goaway_bar(
        name="live-goaway-gap-transparent",
        about="the same on the paths of Vertex AI, with transparent resumption",
        measure_ours=_live_goaway("transparent"),
    ),
    Bar(
        name="live-resume",
        about="p95 from what was heard last to the session that goes on, over 200 cuts in answers",
        unit="s",
        rival="a connection opened anew by hand, at once",
        upstream_program="live_emulator",
        upstream=("drop",),
        measure_ours=_live_resume("gemstream"),
        measure_rival=_live_resume("at-once"),
        limit=2.0,
        limit_of="ours",
    ),
    _sessions_bar(
        name="live-sessions-memory",
        about="memory a session, 500 at once, 4 messages of 640 bytes a second each way",
        unit="KiB/session",
        measure_ours=_live_sessions("gemstream", "memory"),
        measure_rival=_live_sessions("bare", "memory"),
        limit=20.0,
    ),
    _sessions_bar(
        name="live-sessions-delay",
        about="p99 from a message's send to its bytes, in the same sessions",
        unit="ms",
        measure_ours=_live_sessions("gemstream", "delay"),
        measure_rival=_live_sessions("bare", "delay"),
        limit=10.0,
    ),
    Bar(
        name="limit-queue",
        about="500 calls at 60 a minute and 2 at once, none refused by a log that enforces it",
        unit="s",
        rival="the ideal",
        measure_ours=_limit_queue,
        measure_rival=lambda _: _QUEUE_IDEAL,
        limit=1.03,
    ),
    _decoder_bar(
        name="sse-decoder",
        about="SSEDecoder, one event per read",
        measure_ours=_decoder("one-per-read", "sse"),
        measure_rival=_decoder("one-per-read", "find"),
    ),
    _decoder_bar(
        name="sse-decoder-payload",
        about="PayloadDecoder, one event per read",
        measure_ours=_decoder("one-per-read", "payload"),
        measure_rival=_decoder("one-per-read", "find"),
    ),
    _decoder_bar(
        name="sse-decoder-burst",
        about="PayloadDecoder, reads of 64 KiB",
        measure_ours=_decoder("burst", "payload"),
        measure_rival=_decoder("burst", "find"),
    ),
    _decoder_bar(
        name="sse-decoder-large",
        about="PayloadDecoder, one event of 2 MiB in reads of 1 KiB",
        measure_ours=_decoder("large", "payload"),
        measure_rival=_decoder("large", "find"),
    ),
    Bar(
        name="limit-redis",
        about="a request through five limits in Redis, settled: 32 callers at once",
        unit="µs/request",
        rival="a bare EVALSHA that looks at as many keys",
        measure_ours=_limit_redis("gemstream"),
        measure_rival=_limit_redis("evalsha"),
        limit=1 / 0.6,
    ),
    Bar(
        name="limit-memory",
        about="a request through three limits in memory, stamped and settled; nobody waits",
        unit="µs/request",
        rival="three hits of the library limits",
        measure_ours=_limit_memory("gemstream"),
        measure_rival=_limit_memory("limits"),
        limit=1.0,
    ),
    Bar(
        name="limit-waiters",
        about="10,000 who wait in one lane, all of them let through",
        unit="µs",
        rival="the same with 1,000",
        measure_ours=_limit_memory("waiters-10000"),
        measure_rival=_limit_memory("waiters-1000"),
        limit=15.0,
    ),
)
