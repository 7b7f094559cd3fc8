"""Requests in Anthropic's format, as plain dicts, and what becomes of them."""

from __future__ import annotations

from typing import Any

import msgspec

from gemstream.wire.dialect.anthropic.options import MessagesOptions
from gemstream.wire.dialect.anthropic.request import MessagesRequest, messages_request
from gemstream.wire.dialect.model_traits import traits_of

__all__ = ("asked", "contents_of", "options_for", "sent", "turns")

GEMINI_2 = "gemini-2.5-flash"
GEMINI_3 = "gemini-3-flash"


def options_for(model: str = GEMINI_2, **options: Any) -> MessagesOptions:
    """The options of a request for ``model``."""
    return MessagesOptions(model=model, traits=traits_of(model), **options)


def asked(
    model: str = GEMINI_2, *, options: MessagesOptions | None = None, **fields: Any
) -> MessagesRequest:
    """What becomes of a request with ``fields``; it says "hi" unless they hold messages."""
    plain = {
        "model": model,
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": "hi"}],
        **fields,
    }
    body = msgspec.json.encode({name: value for name, value in plain.items() if value != "absent"})
    return messages_request(body, options=options or options_for(model))


def sent(model: str = GEMINI_2, **fields: Any) -> dict[str, Any]:
    """The body that goes to Gemini."""
    return dict(msgspec.json.decode(asked(model, **fields).body))


def contents_of(*messages: dict[str, Any], model: str = GEMINI_2, **fields: Any) -> list[Any]:
    """The contents that become of ``messages``."""
    return list(sent(model, messages=list(messages), **fields)["contents"])


def turns(*said: tuple[str, Any]) -> list[dict[str, Any]]:
    """Messages of (role, content)."""
    return [{"role": role, "content": content} for role, content in said]
