"""The unmodified ``google-genai`` SDK on a relay; its async face over both of its transports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from google import genai
from google.genai import types

from support.relay_server import RelayServer
from support.relayed import MODEL, RELAY_KEY
from support.sdk_face import Face

__all__ = ("GENAI_FACES", "asked", "genai_face", "text_of")

GENAI_FACES = ("blocking", "aiohttp", "httpx")


@asynccontextmanager
async def genai_face(
    name: str, house: RelayServer, *, key: str = RELAY_KEY, prefix: str = "", **options: Any
) -> AsyncIterator[Face]:
    """Open a face of the SDK on ``house``; ``options`` are HttpOptions."""
    if name == "httpx":  # which it takes when it is given a transport
        options["async_client_args"] = {"transport": httpx2.AsyncHTTPTransport()}
    given = types.HttpOptions(base_url=f"{house.url}{prefix}", **options)
    client = genai.Client(api_key=key, http_options=given)
    is_async = name != "blocking"
    try:
        yield Face(client.aio if is_async else client, is_async=is_async)
    finally:
        if is_async:
            await client.aio.aclose()
        client.close()


def asked(contents: Any = "Count to five", model: str = MODEL, **config: Any) -> dict[str, Any]:
    """Return the arguments of a request."""
    given = types.GenerateContentConfig(**config) if config else None
    return {"model": model, "contents": contents, "config": given}


def text_of(*answers: Any) -> str:
    """Return the text of an answer, or of chunks."""
    parts = [
        part for one in answers if one.candidates for part in one.candidates[0].content.parts or ()
    ]
    return "".join(part.text or "" for part in parts if not part.thought)
