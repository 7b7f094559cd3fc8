"""Live sessions: speech, farewells and lost connections."""

from __future__ import annotations

from functools import partial

from ..harness import Bar, Measure
from ..processes import measured

__all__ = ("LIVE",)

_SPEECH = ("--messages", "1000")
_PACED_SPEECH = ("--messages", "200", "--delay", "0.002")
_TALK = ("--size", "640", "--talk", "4")
_SESSIONS = 500
_SWITCHES = 6
_DROPPED_SESSIONS, _DROPS_EACH = 20, 10


def _live_audio(client: str, *, sessions: int, turns: int) -> Measure:
    return lambda port: measured("live_audio_cpu", port, client, sessions, turns)


def _live_sessions(client: str, what: str) -> Measure:
    return lambda port: measured("live_sessions", port, client, _SESSIONS, 5, what)


def _live_goaway(what: str) -> Measure:
    return lambda port: measured("live_goaway", port, what, _SWITCHES)


def _live_resume(way: str) -> Measure:
    return lambda port: measured("live_resume", port, way, _DROPPED_SESSIONS, _DROPS_EACH)


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

LIVE = (
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
)
