"""The Gemini surface: what goes up and down is the caller's and the service's own bytes.

Source: https://ai.google.dev/api.
"""

from __future__ import annotations

import functools

from ...policy.estimate import estimate
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.refusal import Fault, Refusal
from ...wire.endpoint import Operation
from ..answers.gemini import ArrayStream, SameStream, SameWhole
from ..call import Call
from ..json_check import check_json
from ..refused import Refused
from ..route import Action
from .request import Request

__all__ = ("gemini_call",)


def gemini_call(request: Request) -> Call:
    """Return what ``request`` asks of an upstream; raises Refused for a body that is none."""
    route = request.route
    assert route.operation is not None, "a route of an upstream has an operation"
    model = route.model or ""
    check_json(request.body, request.options.server.max_depth)
    is_stream = route.operation is Operation.STREAM
    if is_stream and request.query.get("alt", "json") not in ("sse", "json"):
        raise Refused(
            Refusal(Fault.INVALID, "alt is neither sse nor json, the two forms of a stream")
        )
    kind = SameStream if request.query.get("alt") == "sse" else ArrayStream
    generates = route.action is Action.GENERATE
    return Call(
        surface=Dialect.GEMINI,
        operation=route.operation,
        asked=model,
        model=request.resolved(model),
        version=route.version,
        body=request.body,
        passed={name: request.headers[name] for name in _PASSED if name in request.headers},
        estimate=estimate(request.body),
        stream=functools.partial(kind, request.id) if is_stream else None,
        whole=None if is_stream else SameWhole,
        session=request.session(Dialect.GEMINI) if generates else None,
    )


_PASSED = ("accept-language", "content-type", "x-goog-api-client")
