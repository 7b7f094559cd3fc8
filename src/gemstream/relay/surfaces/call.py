"""Which surface reads a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...wire.dialect.dialect import Dialect
from ..call import Call
from .gemini import gemini_call
from .request import Request

__all__ = ("call_of",)

_SURFACES: Mapping[Dialect, Callable[[Request], Call]] = {Dialect.GEMINI: gemini_call}


def call_of(request: Request) -> Call:
    """Return what ``request`` asks of an upstream; raises Refused, and InvalidRequest."""
    return _SURFACES[request.route.surface](request)
