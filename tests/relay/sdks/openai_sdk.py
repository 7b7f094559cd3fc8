"""The unmodified ``openai`` SDK on a relay, and what its tests ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai

from support.relay_server import RelayServer
from support.relayed import MODEL, RELAY_KEY
from support.sdk_face import Face, opened_face

__all__ = ("asked", "openai_face", "tool")


@asynccontextmanager
async def openai_face(
    name: str, house: RelayServer, *, key: str = RELAY_KEY, prefix: str = "/v1", **options: Any
) -> AsyncIterator[Face]:
    """Open a face of the SDK on ``house``, which tries nothing again unless told."""
    given = {"base_url": f"{house.url}{prefix}", "api_key": key, "max_retries": 0, **options}
    async with opened_face(
        name,
        lambda known: openai.AsyncOpenAI(**known),
        lambda known: openai.OpenAI(**known),
        given,
    ) as face:
        yield face


def asked(text: str = "Count to five", **fields: Any) -> dict[str, Any]:
    """Return the arguments of a chat completion."""
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}


def tool(name: str, **properties: str) -> dict[str, Any]:
    """Return a function whose parameters are ``properties``, by the names of their types."""
    parameters = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
    }
    return {
        "type": "function",
        "function": {"name": name, "description": f"Do {name}.", "parameters": parameters},
    }
