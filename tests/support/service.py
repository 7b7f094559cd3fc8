"""A service that says exactly the bytes a test wrote down, and keeps what it was asked.

For answers that mean something use the emulator; this is for the bytes no service should send.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from gemstream import AsyncClient, RetryPolicy
from gemstream.net.asgi import ASGITransport
from support.peers import App, Receive, Send, respond, until_gone

__all__ = (
    "AT_ONCE",
    "KEY",
    "SSE",
    "Asked",
    "Service",
    "chunk",
    "client_of",
    "cut",
    "failed",
    "finish",
    "held",
    "piecewise",
    "said",
    "sse",
    "streamed",
)

KEY = "AIza-secret-of-the-tests-0123456789abcd"
# Backoff without waiting: what is retried is the subject, not how long it takes.
AT_ONCE = RetryPolicy(base=0.0, throttled_base=0.0)
SSE = "text/event-stream"
JSON = "application/json; charset=UTF-8"


class Asked(NamedTuple):
    """One request as it came in."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Service:
    """Answers its requests with ``answers`` in turn, the last one from then on."""

    def __init__(self, *answers: App) -> None:
        self.asked: list[Asked] = []
        self.running = 0
        self._answers = answers

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = scope["query_string"].decode()
        url = scope["path"] + (f"?{query}" if query else "")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(Asked(scope["method"], url, headers, body))
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        self.running += 1
        try:
            await answer(scope, receive, send)
        finally:
            self.running -= 1

    @property
    def last(self) -> Asked:
        """The newest request."""
        return self.asked[-1]


def client_of(service: App, **options: Any) -> AsyncClient:
    """Return a client of ``service``, in process, that retries without waiting."""
    options.setdefault("retry", AT_ONCE)
    return AsyncClient(
        options.pop("api_key", KEY),
        base_url="http://service",
        transport=ASGITransport(service),  # type: ignore[arg-type]
        **options,
    )


# --- payloads --------------------------------------------------------------------------------


def chunk(text: str, *, finish: str | None = None, tokens: int | None = None) -> dict[str, Any]:
    """Return the JSON of one chunk."""
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = finish
    message: dict[str, Any] = {"candidates": [candidate], "modelVersion": "test"}
    if tokens is not None:
        message["usageMetadata"] = {"promptTokenCount": 3, "candidatesTokenCount": tokens}
    return message


def finish(text: str = "") -> dict[str, Any]:
    """Return the JSON of a last chunk."""
    return chunk(text, finish="STOP", tokens=9)


def sse(*payloads: Any) -> bytes:
    """Return ``payloads`` as server-sent events."""
    return b"".join(b"data: " + json.dumps(payload).encode() + b"\r\n\r\n" for payload in payloads)


# --- answers ---------------------------------------------------------------------------------


def said(body: Any, *, kind: str = JSON, status: int = 200, **headers: str) -> App:
    """Return an answer of one piece."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        fields = {"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
        await respond(send, data, status=status, headers=fields)

    return answer


def streamed(*payloads: Any) -> App:
    """Return a stream of ``payloads`` that ends cleanly, one piece for each."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        pieces = [piece if isinstance(piece, bytes) else sse(piece) for piece in payloads]
        await respond(send, *(pieces or [b""]), headers={"content-type": SSE})

    return answer


def cut(*payloads: Any) -> App:
    """Return a stream that breaks off after ``payloads``."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await _begin(send, payloads)

    return answer


def piecewise(body: bytes, sizes: Sequence[int], *, is_cut: bool = False) -> App:
    """Return a stream of ``body`` in reads of ``sizes`` in turn, which may break off after it."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        turns, pieces, at = itertools.cycle(sizes), [], 0
        while at < len(body):
            size = next(turns)
            pieces.append(body[at : at + size])
            at += size
        await (cut if is_cut else streamed)(*pieces)(scope, receive, send)

    return answer


def held(
    *payloads: Any, silent: asyncio.Event | None = None, gone: asyncio.Event | None = None
) -> App:
    """Return a stream that falls silent after ``payloads``, until its client is gone."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await _begin(send, payloads)
        if silent is not None:
            silent.set()
        await until_gone(receive)
        if gone is not None:
            gone.set()

    return answer


def failed(
    code: int, status: str, *details: Any, message: str = "it failed", **headers: str
) -> App:
    """Return an error answer as the service words it."""
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return said({"error": error}, status=code, **headers)


async def _begin(send: Send, payloads: tuple[Any, ...]) -> None:
    await respond(send, headers={"content-type": SSE})
    for payload in payloads:
        body = payload if isinstance(payload, bytes) else sse(payload)
        await send({"type": "http.response.body", "body": body, "more_body": True})
