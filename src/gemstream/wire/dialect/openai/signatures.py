"""Where OpenAI's callers bring thought signatures back: Google's own fields and gateways'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..signature import decode_envelope, is_enveloped
from .fields import Fields

__all__ = (
    "call_signature",
    "image_signature",
    "is_thought",
    "message_signature",
    "plain_id",
)

# Histories written with LiteLLM carry the signature behind the id.
_ID_MARK = "__thought__"


def plain_id(id: str) -> str:
    """Return a call's id without a signature behind it."""
    return id.partition(_ID_MARK)[0]


def call_signature(call: Fields) -> str | None:
    """Return the signature that a ``tool_calls`` entry carries, None for none."""
    function = call.value("function")
    id = call.value("id")
    found = [
        *_in_extra_content(call),
        _at(call.value("provider_specific_fields"), "thought_signature"),
        _at(function, "provider_specific_fields", "thought_signature"),
        id.partition(_ID_MARK)[2] if isinstance(id, str) else None,
    ]
    return _first(found)


def image_signature(image: Fields) -> str | None:
    """Return the signature that an entry of ``images`` carries, None for none."""
    return _first([*_in_extra_content(image)])


def is_thought(image: Fields) -> bool:
    """Return whether an entry of ``images`` is marked as a thought's, which nobody sends back."""
    return _at(image.value("extra_content"), "google", "thought") is True


def message_signature(message: Fields) -> str | None:
    """Return the signature that an assistant message carries for its text, None for none."""
    several = _at(message.value("provider_specific_fields"), "thought_signatures")
    blocks = message.value("thinking_blocks")
    found = [
        *_in_extra_content(message),
        _at(message.value("provider_specific_fields"), "thought_signature"),
        several[0] if isinstance(several, list) and several else None,
        _at(blocks[0], "signature") if isinstance(blocks, list) and blocks else None,
    ]
    return _first(found)


def _in_extra_content(holder: Fields) -> Iterator[Any]:
    extra = holder.value("extra_content")
    for surface in ("google", "vertex"):
        yield _at(extra, surface, "thought_signature")


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _first(found: list[Any]) -> str | None:
    for value in found:
        if isinstance(value, str) and value and (signature := _unwrapped(value)):
            return signature
    return None


def _unwrapped(carrier: str) -> str | None:
    """Return the signature in ``carrier``, None when another provider made it."""
    if not is_enveloped(carrier):
        return carrier
    envelope = decode_envelope(carrier)
    return None if envelope is None else envelope.signature
