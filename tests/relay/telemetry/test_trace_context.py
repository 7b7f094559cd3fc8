"""Which ``traceparent`` is continued, by the table of the W3C's own rules."""

from __future__ import annotations

import pytest

from gemstream.relay.telemetry.trace_context import TraceContext, trace_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

VALID = {
    f"00-{TRACE}-{SPAN}-01": TraceContext(TRACE, SPAN, True),
    f"00-{TRACE}-{SPAN}-00": TraceContext(TRACE, SPAN, False),
    f"00-{TRACE}-{SPAN}-ff": TraceContext(TRACE, SPAN, True),
    f"01-{TRACE}-{SPAN}-01": TraceContext(TRACE, SPAN, True),
    f"cc-{TRACE}-{SPAN}-01-what-the-future-brings": TraceContext(TRACE, SPAN, True),
}
INVALID = (
    "",
    "00",
    TRACE,
    f"00-{TRACE}-{SPAN}",
    f"00-{TRACE}-{SPAN}-01-more",
    f"00-{TRACE}-{SPAN}-01-",
    f"00-{TRACE.upper()}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}0-01",
    f"00-{TRACE}-{SPAN}-1",
    f"00-{TRACE}-{SPAN}-0g",
    f" 00-{TRACE}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-01\n",
)


@pytest.mark.parametrize("written, context", VALID.items())
def test_a_valid_one_is_continued(written: str, context: TraceContext) -> None:
    assert trace_of({"traceparent": written}) == context


@pytest.mark.parametrize("written", INVALID)
def test_an_invalid_one_begins_a_trace(written: str) -> None:
    assert trace_of({"traceparent": written}) is None


def test_none_begins_a_trace() -> None:
    assert trace_of({}) is None
