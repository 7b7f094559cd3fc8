"""A client of an ASGI application that reads each body message as it is sent, without sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gemstream.emulator import Clock, Emulator

MODEL = "gemini-2.5-flash"


class Talk:
    """One exchange with the application, in motion."""

    def __init__(
        self,
        emulator: Emulator,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        client: tuple[str, int] | None = ("127.0.0.1", 1),
    ) -> None:
        path, _, query = url.partition("?")
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for start in range(0, len(body) + 1, 65536):  # in pieces, as a server reads
            more = start + 65536 < len(body) + 1
            message = {"type": "http.request", "body": body[start : start + 65536]}
            self._incoming.put_nowait({**message, "more_body": more})
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": client,
        }
        self._task = asyncio.create_task(self._run(emulator, scope))

    async def _run(self, emulator: Emulator, scope: dict[str, Any]) -> None:
        try:
            await emulator(scope, self._incoming.get, self._sent.put)
        except Exception as error:
            self._sent.put_nowait({"type": "interrupted", "error": error})

    async def head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers."""
        message = await self._next()
        assert message["type"] == "http.response.start"
        headers = {name.decode(): value.decode() for name, value in message["headers"]}
        return message["status"], headers

    async def read(self) -> bytes:
        """Return the next write, empty at the clean end; raises Interrupted."""
        message = await self._next()
        assert message["type"] == "http.response.body"
        assert message["body"] or not message["more_body"]
        return bytes(message["body"])

    async def read_all(self) -> list[bytes]:
        """Return all writes up to the clean end."""
        writes = []
        while data := await self.read():
            writes.append(data)
        await self._task
        return writes

    @property
    def done(self) -> bool:
        """True when the application has returned."""
        return self._task.done()

    async def broken(self) -> None:
        """Read until the application breaks off."""
        try:
            while True:
                await self._next()
        except Interrupted:
            await self._task

    async def leave(self) -> None:
        """Go away and wait until the application has noticed."""
        self._incoming.put_nowait({"type": "http.disconnect"})
        await self._task

    async def _next(self) -> dict[str, Any]:
        message = await self._sent.get()
        if message["type"] == "interrupted":
            raise Interrupted from message["error"]
        return message


class SleepsBy(Clock):
    """A clock whose sleep is the given function."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        super().__init__()
        self._sleep = sleep

    async def sleep(self, seconds: float) -> None:
        await self._sleep(seconds)


class Interrupted(Exception):
    """The application broke the exchange off."""


def ask(
    emulator: Emulator,
    url: str,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    method: str = "",
    **more: Any,
) -> Talk:
    """Send a request; a body that is not bytes goes as JSON."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    verb = method or ("GET" if body is None else "POST")
    return Talk(emulator, verb, url, data, {"x-goog-api-key": "k", **(headers or {})}, **more)


async def answer(emulator: Emulator, url: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    """Return status and JSON of an answer."""
    talk = ask(emulator, url, body, **more)
    status, _ = await talk.head()
    return status, json.loads(b"".join(await talk.read_all()))


def method_url(method: str, model: str = MODEL, version: str = "v1beta") -> str:
    return f"/{version}/models/{model}:{method}"


def stream_url(model: str = MODEL) -> str:
    return method_url("streamGenerateContent", model) + "?alt=sse"


def prompt(text: str, **fields: Any) -> dict[str, Any]:
    """Return a request with one turn."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}


def events(writes: list[bytes]) -> list[Any]:
    """Return the JSON of writes that must be one event each."""
    for write in writes:
        assert write.startswith(b"data: ") and write.endswith(b"\r\n\r\n"), write
        assert write.count(b"\n") == 2
    return [json.loads(write[6:]) for write in writes]


def text_of(chunks: list[Any], index: int = 0, *, thought: bool = False) -> str:
    """Return the text of one candidate."""
    return "".join(
        part["text"]
        for chunk in chunks
        for candidate in chunk["candidates"]
        if candidate.get("index", 0) == index
        for part in candidate["content"].get("parts", ())
        if "text" in part and part.get("thought", False) is thought
    )


async def stream(emulator: Emulator, body: Any, model: str = MODEL) -> list[Any]:
    """Return the chunks of a streamed answer."""
    talk = ask(emulator, stream_url(model), body)
    assert (await talk.head())[0] == 200
    return events(await talk.read_all())
