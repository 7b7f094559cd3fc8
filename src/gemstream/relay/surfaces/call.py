"""Which surface reads a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...wire.dialect.dialect import Dialect
from ...wire.dialect.refusal import Fault, Refusal
from ..call import Call
from ..refused import Refused
from ..route import Action
from .anthropic import count_call, messages_call
from .gemini import gemini_call
from .models import get_model_call, list_models_call
from .openai import chat_call, embeddings_call
from .request import Request

__all__ = ("call_of",)

_READERS: Mapping[tuple[Dialect, Action], Callable[[Request], Call]] = {
    (Dialect.GEMINI, Action.GENERATE): gemini_call,
    (Dialect.GEMINI, Action.COUNT): gemini_call,
    (Dialect.GEMINI, Action.EMBED): gemini_call,
    (Dialect.OPENAI, Action.GENERATE): chat_call,
    (Dialect.OPENAI, Action.EMBED): embeddings_call,
    (Dialect.ANTHROPIC, Action.GENERATE): messages_call,
    (Dialect.ANTHROPIC, Action.COUNT): count_call,
    **{(dialect, Action.LIST_MODELS): list_models_call for dialect in Dialect},
    **{(dialect, Action.GET_MODEL): get_model_call for dialect in Dialect},
}


def call_of(request: Request) -> Call:
    """Return what ``request`` asks of an upstream; raises Refused, and InvalidRequest."""
    reader = _READERS.get((request.route.surface, request.route.action))
    if reader is None:
        raise Refused(Refusal(Fault.UNIMPLEMENTED, "this is not served here"))
    return reader(request)
