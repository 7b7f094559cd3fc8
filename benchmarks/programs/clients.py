"""The clients that are compared, each with the loop its user would write.

``count`` reads one answer and returns how many chunks it had; the loops of all clients touch the
text of every chunk, and nothing else. Libraries are imported by the client that needs them, for a
process measures one of them only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

__all__ = (
    "CLIENTS",
    "AiohttpClient",
    "Client",
    "GemstreamClient",
    "GenaiClient",
    "HTTP2Client",
)

MODEL = "gemini-2.5-flash"
_KEY = "benchmark-key"
_EVENT_END = b"\r\n\r\n"
_DATA = len(b"data: ")


class Client(Protocol):
    """A client at work against one upstream."""

    async def count(self, prompt: str) -> int:
        """Read one answer to its end and return the number of its chunks."""
        ...

    def texts(self, prompt: str) -> AsyncIterator[str]:
        """Return the texts of one answer's chunks."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class GemstreamClient:
    """gemstream's AsyncClient: typed chunks, folded, judged complete."""

    def __init__(self, url: str) -> None:
        from gemstream import AsyncClient

        self._client = AsyncClient(_KEY, base_url=url, model=MODEL)

    async def count(self, prompt: str) -> int:
        """Read one answer to its end and return the number of its chunks."""
        count = 0
        async with self._client.generate_stream(prompt) as stream:
            async for chunk in stream:
                count += 1
                chunk.text  # noqa: B018
        return count

    async def texts(self, prompt: str) -> AsyncIterator[str]:
        """Yield the texts of one answer's chunks."""
        async with self._client.generate_stream(prompt) as stream:
            async for chunk in stream:
                yield chunk.text

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()


class HTTP2Client(GemstreamClient):
    """The same over HTTP/2."""

    def __init__(self, url: str) -> None:
        from gemstream import AsyncClient
        from gemstream.net.http2_transport import HTTP2Transport

        self._transport = HTTP2Transport(prior_knowledge=True)
        self._client = AsyncClient(_KEY, base_url=url, model=MODEL, transport=self._transport)

    async def aclose(self) -> None:
        """Close its connections."""
        await super().aclose()
        await self._transport.aclose()


class GenaiClient:
    """The official SDK, google-genai: typed chunks."""

    def __init__(self, url: str) -> None:
        from google import genai

        options = genai.types.HttpOptions(base_url=url)
        self._client = genai.Client(api_key=_KEY, http_options=options)
        self._models = self._client.aio.models

    async def count(self, prompt: str) -> int:
        """Read one answer to its end and return the number of its chunks."""
        count = 0
        async for chunk in await self._models.generate_content_stream(model=MODEL, contents=prompt):
            count += 1
            chunk.text  # noqa: B018
        return count

    async def texts(self, prompt: str) -> AsyncIterator[str]:
        """Yield the texts of one answer's chunks."""
        async for chunk in await self._models.generate_content_stream(model=MODEL, contents=prompt):
            yield chunk.text or ""

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aio.aclose()


class AiohttpClient:
    """The least that could work: aiohttp, a search for the event's end, msgspec to plain dicts.

    No types, no errors, no timeouts, no fold, and wrong for any stream but this one.
    """

    def __init__(self, url: str) -> None:
        import aiohttp
        import msgspec

        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector)
        self._url = f"{url}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode

    async def count(self, prompt: str) -> int:
        """Read one answer to its end and return the number of its chunks."""
        count = 0
        buffer = b""
        async with self._session.post(self._url, json=_body(prompt)) as response:
            async for data in response.content.iter_any():
                buffer += data
                while (end := buffer.find(_EVENT_END)) >= 0:
                    self._decode(buffer[_DATA:end])
                    count += 1
                    buffer = buffer[end + len(_EVENT_END) :]
        return count

    async def texts(self, prompt: str) -> AsyncIterator[str]:
        """Yield the texts of one answer's chunks."""
        buffer = b""
        async with self._session.post(self._url, json=_body(prompt)) as response:
            async for data in response.content.iter_any():
                buffer += data
                while (end := buffer.find(_EVENT_END)) >= 0:
                    chunk = self._decode(buffer[_DATA:end])
                    yield chunk["candidates"][0]["content"]["parts"][0]["text"]
                    buffer = buffer[end + len(_EVENT_END) :]

    async def aclose(self) -> None:
        """Close its connections."""
        await self._session.close()


def _body(prompt: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}


CLIENTS: dict[str, Callable[[str], Client]] = {
    "gemstream": GemstreamClient,
    "gemstream-http2": HTTP2Client,
    "google-genai": GenaiClient,
    "bare": AiohttpClient,
}
