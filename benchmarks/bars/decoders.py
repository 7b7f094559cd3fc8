"""The decoders of server-sent events, alone."""

from __future__ import annotations

from functools import partial

from ..harness import Bar, Measure
from ..processes import measured

__all__ = ("DECODERS",)


def _decoder(case: str, decoder: str) -> Measure:
    return lambda _: measured("decoders", case, decoder)


_decoder_bar = partial(Bar, unit="µs/event", rival="a bare find loop")

DECODERS = (
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
)
