"""The faces of the official SDK under one shape, so that one test holds for all of them."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import httpx2
from google import genai
from google.genai import types

from emulator.driver import MODEL

__all__ = ("FACES", "AsyncFace", "BlockingFace", "Face", "open_face")

FACES = ("blocking", "aiohttp", "httpx")


class Face(Protocol):
    """What an application does with the SDK; ``seen`` collects the chunks before an error too."""

    client: genai.Client

    async def generate(self, contents: Any, config: Any = None, model: str = MODEL) -> Any: ...

    async def stream(
        self, contents: Any, config: Any = None, model: str = MODEL, seen: list[Any] | None = None
    ) -> list[Any]: ...

    def chat(self, **options: Any) -> Any: ...

    async def send(self, chat: Any, message: Any) -> Any: ...

    async def send_streamed(self, chat: Any, message: Any) -> list[Any]: ...

    async def aclose(self) -> None: ...


class AsyncFace:
    """``client.aio``, over aiohttp or httpx."""

    def __init__(self, client: genai.Client) -> None:
        self.client = client

    async def generate(self, contents: Any, config: Any = None, model: str = MODEL) -> Any:
        models = self.client.aio.models
        return await models.generate_content(model=model, contents=contents, config=config)

    async def stream(
        self, contents: Any, config: Any = None, model: str = MODEL, seen: list[Any] | None = None
    ) -> list[Any]:
        seen = [] if seen is None else seen
        models = self.client.aio.models
        asked = {"model": model, "contents": contents, "config": config}
        async for chunk in await models.generate_content_stream(**asked):
            seen.append(chunk)
        return seen

    def chat(self, **options: Any) -> Any:
        return self.client.aio.chats.create(**{"model": MODEL, **options})

    async def send(self, chat: Any, message: Any) -> Any:
        return await chat.send_message(message)

    async def send_streamed(self, chat: Any, message: Any) -> list[Any]:
        return [chunk async for chunk in await chat.send_message_stream(message)]

    async def aclose(self) -> None:
        await self.client.aio.aclose()
        self.client.close()


class BlockingFace:
    """The blocking client, in a thread where it does not stop the emulator's loop."""

    def __init__(self, client: genai.Client) -> None:
        self.client = client

    async def generate(self, contents: Any, config: Any = None, model: str = MODEL) -> Any:
        generate = self.client.models.generate_content
        return await asyncio.to_thread(generate, model=model, contents=contents, config=config)

    async def stream(
        self, contents: Any, config: Any = None, model: str = MODEL, seen: list[Any] | None = None
    ) -> list[Any]:
        kept: list[Any] = [] if seen is None else seen
        asked = {"model": model, "contents": contents, "config": config}

        def read() -> None:
            for chunk in self.client.models.generate_content_stream(**asked):
                kept.append(chunk)  # noqa: PERF402 - also what came before an error

        await asyncio.to_thread(read)
        return kept

    def chat(self, **options: Any) -> Any:
        return self.client.chats.create(**{"model": MODEL, **options})

    async def send(self, chat: Any, message: Any) -> Any:
        return await asyncio.to_thread(chat.send_message, message)

    async def send_streamed(self, chat: Any, message: Any) -> list[Any]:
        return await asyncio.to_thread(lambda: list(chat.send_message_stream(message)))

    async def aclose(self) -> None:
        self.client.close()


def open_face(name: str, url: str, key: str = "k", **options: Any) -> Face:
    """Open one of ``FACES`` on the emulator at ``url``; ``options`` are HttpOptions."""
    if name == "httpx":  # which it takes when it is given a transport
        options["async_client_args"] = {"transport": httpx2.AsyncHTTPTransport()}
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, **options))
    return BlockingFace(client) if name == "blocking" else AsyncFace(client)
