"""The trace that a request is part of, as W3C writes it into headers.

Source: https://www.w3.org/TR/trace-context/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

__all__ = ("TraceContext", "trace_of")

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


class TraceContext(msgspec.Struct, frozen=True, gc=False):
    """A span of somebody else's, under which ours stands; ``trace_id`` and ``span_id`` in hex."""

    trace_id: str
    span_id: str
    is_sampled: bool


def trace_of(headers: Mapping[str, str]) -> TraceContext | None:
    """Return what ``traceparent`` says (names of headers in lower case); None unless it is valid.

    A version that is newer than 00 may have more fields, which are not looked at (§3.2.4 of the
    source); ff is none.
    """
    written = headers.get("traceparent")
    if written is None:
        return None
    found = _TRACEPARENT.fullmatch(written)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    is_known = version == "00" and not more
    if version == "ff" or not (is_known or version != "00"):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))
