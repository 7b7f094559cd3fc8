"""The unmodified ``anthropic`` SDK on a relay, and what its tests ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic

from support.relay_server import RelayServer
from support.relayed import MODEL, RELAY_KEY
from support.sdk_face import Face, opened_face

__all__ = ("anthropic_face", "asked", "text_of", "tool")


@asynccontextmanager
async def anthropic_face(
    name: str, house: RelayServer, *, key: str = RELAY_KEY, prefix: str = "", **options: Any
) -> AsyncIterator[Face]:
    """Open a face of the SDK on ``house``, which tries nothing again unless told."""
    given = {"base_url": f"{house.url}{prefix}", "api_key": key, "max_retries": 0, **options}
    async with opened_face(
        name,
        lambda known: anthropic.AsyncAnthropic(**known),
        lambda known: anthropic.Anthropic(**known),
        given,
    ) as face:
        yield face


def asked(text: Any = "Count to five", **fields: Any) -> dict[str, Any]:
    """Return the arguments of a message."""
    messages = [{"role": "user", "content": text}]
    return {"model": MODEL, "max_tokens": 1000, "messages": messages, **fields}


def text_of(message: Any) -> str:
    """Return the text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")


def tool(name: str, **properties: str) -> dict[str, Any]:
    """Return a tool whose input is ``properties``, by the names of their types."""
    schema = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
    }
    return {"name": name, "description": f"Do {name}.", "input_schema": schema}
