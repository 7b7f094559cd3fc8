"""The relay beside a bare pass-through, nginx, LiteLLM and Portkey.

The bare pass-through and our own same dialect are compared by what one more chunk costs, and the
request apart. LiteLLM and Portkey spend a good part of their time on the request (LiteLLM more
than twenty milliseconds), so with them the limits are on chunks with the request shared out.
"""

from __future__ import annotations

from dataclasses import replace

from ..relays.contest import Contest, Entry, Relay, Subject
from ..relays.readings import burst, first_chunk, gap, memory, refused, stream_cpu
from ..relays.surface import ANTHROPIC, GEMINI, OPENAI

__all__ = ("RELAY",)

_GEMSTREAM = Relay("gemstream", "relay_ours")
_LITE = Relay("LiteLLM", "relay_litellm", share=0.1)

_OURS = Entry(_GEMSTREAM, GEMINI)
_BARE = Entry(Relay("bare uvicorn + aiohttp", "relay_bare"), GEMINI)
_NGINX = Entry(Relay("nginx", "relay_nginx"), GEMINI)
_LITELLM = Entry(_LITE, GEMINI)
_LITELLM_OPENAI = Entry(_LITE, OPENAI)
_LITELLM_ANTHROPIC = Entry(_LITE, ANTHROPIC)
_PORTKEY = Entry(Relay("Portkey", "relay_portkey", share=0.4), OPENAI)  # its one way to Gemini

_CHUNK = Subject(
    name="relay-chunk-cpu",
    about="CPU of one more chunk, same dialect: 20 streams at a time, chunks 2 ms apart",
    unit="µs/chunk",
    figure="chunk",
    ours=_OURS,
)
_REQUEST = Subject(
    name="relay-request-cpu",
    about="CPU of a request less that of its chunks",
    unit="ms/request",
    figure="request",
    ours=_OURS,
)
_WHOLE = Subject(
    name="relay-whole-cpu",
    about="CPU per chunk when the request's is shared out over 100",
    unit="µs/chunk",
    figure="whole",
    ours=_OURS,
)
_OPENAI = replace(
    _CHUNK,
    name="relay-openai-cpu",
    about="CPU of one more chunk, from OpenAI's format to Gemini and back",
    ours=Entry(_GEMSTREAM, OPENAI),
)
_ANTHROPIC = replace(
    _CHUNK,
    name="relay-anthropic-cpu",
    about="CPU of one more chunk, from Anthropic's format to Gemini and back",
    ours=Entry(_GEMSTREAM, ANTHROPIC),
)
_OPENAI_WHOLE = replace(_WHOLE, name="relay-openai-whole-cpu", ours=_OPENAI.ours)
_ANTHROPIC_WHOLE = replace(_WHOLE, name="relay-anthropic-whole-cpu", ours=_ANTHROPIC.ours)
_FIRST_P50 = Subject(
    name="relay-first-chunk-p50",
    about="from a request to its first bytes, one at a time",
    unit="ms",
    figure="p50",
    ours=_OURS,
)
_FIRST_P99 = replace(_FIRST_P50, name="relay-first-chunk-p99", figure="p99")
_BURST_P50 = replace(
    _FIRST_P50, name="relay-burst-p50", about="the same when 1,000 ask at once, without an error"
)
_BURST_P99 = replace(_BURST_P50, name="relay-burst-p99", figure="p99")
_GAP = Subject(
    name="relay-gap",
    about="p99 of the time between two chunks: 200 streams, a chunk each 50 ms",
    unit="ms",
    figure="p99",
    ours=_OURS,
)
_IDLE = Subject(
    name="relay-memory-idle",
    about="memory of a relay that was just started",
    unit="MiB",
    figure="idle",
    ours=_OURS,
)
_STREAM_1000 = Subject(
    name="relay-memory-1000",
    about="memory of each of 1,000 open streams",
    unit="KiB/stream",
    figure="1000",
    ours=_OURS,
)
_STREAM_5000 = replace(
    _STREAM_1000,
    name="relay-memory-5000",
    about="memory of each of 5,000 open streams",
    figure="5000",
)
_REFUSED = Subject(
    name="relay-refused-key",
    about="CPU of a request whose key nobody knows, against one that is let in",
    unit="ms/request",
    figure="refused",
    ours=_OURS,
    rival_figure="request",
)

RELAY = (
    Contest(
        name="relay-chunk-cpu",
        reading=stream_cpu,
        rows=(
            _CHUNK.against(_BARE, 1.2),
            _CHUNK.against(_NGINX),
            _REQUEST.against(_BARE, 1.2, limit_of="ours"),
            _WHOLE.against(_BARE),
            _WHOLE.against(_NGINX),
            _WHOLE.against(_LITELLM, 1 / 12),
        ),
    ),
    Contest(
        name="relay-openai-cpu",
        reading=stream_cpu,
        rows=(
            _OPENAI.against(_OURS, 2.0),
            _OPENAI_WHOLE.against(_PORTKEY, 0.35),
            _OPENAI_WHOLE.against(_LITELLM_OPENAI, 0.06),
        ),
    ),
    Contest(
        name="relay-anthropic-cpu",
        reading=stream_cpu,
        rows=(
            _ANTHROPIC.against(_OURS, 2.0),
            _ANTHROPIC_WHOLE.against(_PORTKEY, 0.35),
            _ANTHROPIC_WHOLE.against(_LITELLM_ANTHROPIC, 0.06),
        ),
    ),
    Contest(
        name="relay-first-chunk",
        reading=first_chunk,
        rows=(
            _FIRST_P50.against(_BARE, 0.5, limit_of="difference"),
            _FIRST_P99.against(_BARE, 3.0, limit_of="difference"),
            _FIRST_P50.against(_NGINX),
            _FIRST_P99.against(_NGINX),
        ),
    ),
    Contest(
        name="relay-burst",
        reading=burst,
        rows=(
            _BURST_P50.against(_BARE, 1.5),
            _BURST_P50.against(_PORTKEY, 0.4),
            _BURST_P99.against(_BARE),
        ),
    ),
    Contest(
        name="relay-gap",
        reading=gap,
        rows=(
            _GAP.against(_NGINX, 1.0, limit_of="difference"),
            _GAP.against(_BARE),
        ),
    ),
    Contest(
        name="relay-memory",
        reading=memory,
        upstream=("--hold",),
        starts_anew=True,
        rows=(
            _IDLE.against(_BARE, 90.0, limit_of="ours"),
            _STREAM_1000.against(_BARE, 40.0, limit_of="ours"),
            _STREAM_5000.against(_BARE, 40.0, limit_of="ours"),
        ),
    ),
    Contest(name="relay-refused-key", reading=refused, rows=(_REFUSED.against(_OURS, 0.25),)),
)
