"""A whole relay behind a real socket, and strangers who write bytes to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gemstream.config.relay.options import (
    AccountOptions,
    KeyOptions,
    LedgerOptions,
    RelayOptions,
    ServerOptions,
)
from gemstream.relay.opened import opened_relay
from relay.server.served import GUARD, called, listening
from support.relayed import MODEL, RELAY_KEY, Relayed, relayed

__all__ = (
    "ACCOUNT_KEY",
    "SURFACES",
    "Door",
    "Reply",
    "a_request",
    "body_of",
    "door",
    "door_to",
    "on_disk",
)

ACCOUNT_KEY = "upstream-key-of-one"
SURFACES: Mapping[str, str] = {
    "gemini": f"/v1beta/models/{MODEL}:generateContent",
    "gemini stream": f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
}


class Reply(msgspec.Struct, frozen=True):
    """What came back; ``raw`` is all of it, ``headers`` by lower-case name."""

    raw: bytes

    @property
    def status(self) -> int:
        """The code of the first line; 0 when the connection was closed without a word."""
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    @property
    def head(self) -> bytes:
        """Everything above the blank line."""
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}

    @property
    def body(self) -> bytes:
        """Everything below the blank line."""
        return self.raw.partition(b"\r\n\r\n")[2]

    def json(self) -> Any:
        """The body decoded."""
        return msgspec.json.decode(self.body)


class Door:
    """The port of a relay."""

    def __init__(self, port: int, house: Relayed | None = None) -> None:
        self.port = port
        self._house = house

    @property
    def house(self) -> Relayed:
        """The relay behind it."""
        assert self._house is not None
        return self._house

    async def knock(self, data: bytes) -> Reply:
        """Send ``data`` on a connection of its own and return all that comes back."""
        async with called(self.port) as caller:
            said = b""
            # A connection that is broken off behind the answer takes nothing of it back.
            with contextlib.suppress(ConnectionError):
                await caller.send(data)
            async with asyncio.timeout(GUARD):
                with contextlib.suppress(ConnectionError):
                    while piece := await caller.reader.read(1 << 16):
                        said += piece
            return Reply(said)


def a_request(
    method: str, target: str, *headers: str, body: bytes = b"", key: str | None = RELAY_KEY
) -> bytes:
    """Return a well-formed request whose connection ends with it."""
    lines = [f"{method} {target} HTTP/1.1", *headers, "Connection: close"]
    if not any(header.lower().startswith("host:") for header in headers):
        lines.append("Host: relay")
    if key is not None:
        lines.append(f"X-Goog-Api-Key: {key}")
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def body_of(surface: str, text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """Return a question in the dialect of ``surface``, a name of ``SURFACES``."""
    if surface.startswith("gemini"):
        return {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}
    said = [{"role": "user", "content": text}]
    return {"model": MODEL, "max_tokens": 100, "messages": said, **fields}


def on_disk(folder: Path) -> bytes:
    """Return every byte that was written below ``folder``."""
    return b"".join(map(_content, folder.rglob("*")))


def _content(file: Path) -> bytes:
    """Return what is in a file; SQLite takes the ones beside its own away when it is closed."""
    try:
        return file.read_bytes() if file.is_file() else b""
    except FileNotFoundError:
        return b""


@contextlib.asynccontextmanager
async def door(folder: Path, *emulators: Any, **options: Any) -> AsyncIterator[Door]:
    """Open a relay in front of ``emulators``, as ``relayed``, behind a socket."""
    async with relayed(folder, *emulators, **options) as house:
        server = house.relay.parts.options.server
        async with listening(house.relay, server) as (_, port):
            yield Door(port, house)


@contextlib.asynccontextmanager
async def door_to(
    folder: Path, url: str, server: ServerOptions | None = None
) -> AsyncIterator[Door]:
    """Open a relay in front of the server at ``url``, with the transport that it has by itself."""
    options = RelayOptions(
        server=server or ServerOptions(),
        accounts=(AccountOptions(name="one", api_key=ACCOUNT_KEY, base_url=url),),
        keys=(KeyOptions(name="team-a", key=RELAY_KEY),),
        ledger=LedgerOptions(url=f"sqlite:///{folder / 'books.sqlite3'}"),
    )
    environ = {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        "GEMSTREAM_RELAY_SECRET": "security-tests-only-0123456789abcdef0123456789abcdef",
    }
    async with (
        opened_relay(options, environ=environ) as relay,
        listening(relay, options.server) as (_, port),
    ):
        yield Door(port)
