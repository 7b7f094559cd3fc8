"""A relay in front of emulators, all in process: callers, accounts and books in one test."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gemstream import AsyncClient
from gemstream.config.relay.options import (
    AccountOptions,
    KeyOptions,
    LedgerOptions,
    RelayOptions,
)
from gemstream.emulator import Emulator
from gemstream.net.asgi import ASGITransport
from gemstream.net.transport import Deadlines, Exchange, HTTPRequest, Transport
from gemstream.relay.app import Relay
from gemstream.relay.opened import opened_relay
from support.service import AT_ONCE

__all__ = ("MODEL", "RELAY_KEY", "Answered", "Relayed", "Watched", "prompt", "relayed")

RELAY_KEY = "a-key-of-team-a-for-tests-only"
MODEL = "gemini-2.5-flash"
_RELAY = "http://relay"
# A secret of its own, so that no test writes into the state folder of who runs it.
_SECRET = "relay-tests-only-0123456789abcdef0123456789abcdef"


class Answered(msgspec.Struct, frozen=True):
    """What a caller got; ``headers`` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body decoded."""
        return msgspec.json.decode(self.body)


class Hosts:
    """A transport that knows each account's emulator by its host."""

    def __init__(self, emulators: Mapping[str, Any]) -> None:
        self._transports = {host: ASGITransport(one) for host, one in emulators.items()}

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> Exchange:
        host = urlsplit(request.url).hostname or ""
        return await self._transports[host].open(request, deadlines)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


class Watched:
    """An emulator of which is known what arrived; ``heads``: the headers of each request."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.arrived = asyncio.Event()
        self.heads: list[dict[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.heads.append({name.decode(): value.decode() for name, value in scope["headers"]})
        self.arrived.set()
        await self._emulator(scope, receive, send)


class Relayed:
    """A running relay; ``emulators`` are its accounts, named ``one``, ``two``, …."""

    def __init__(self, relay: Relay, emulators: Mapping[str, Any], books: Path) -> None:
        self.relay = relay
        self.emulators = emulators
        self.transport = ASGITransport(relay)
        self._books = books

    async def open(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = RELAY_KEY,
        method: str | None = None,
        headers: Mapping[str, str] = {},
    ) -> Exchange:
        """Send a request and return its exchange once the head is there."""
        data = body if isinstance(body, bytes) else b"" if body is None else _encoded(body)
        authorization = {} if key is None else {"x-goog-api-key": key}
        request = HTTPRequest(
            method or ("POST" if data else "GET"),
            f"{_RELAY}{path}",
            {"content-type": "application/json", **authorization, **headers},
            data,
        )
        return await self.transport.open(request, Deadlines())

    async def ask(self, path: str, body: Any = None, **options: Any) -> Answered:
        """Send a request and return the whole answer; who is cancelled leaves."""
        exchange = await self.open(path, body, **options)
        pieces = []
        try:
            while piece := await exchange.receive():
                pieces.append(piece)
        except asyncio.CancelledError:
            exchange.abort()  # as a caller's connection goes with the caller
            raise
        lowered = {name.lower(): value for name, value in exchange.headers.items()}
        return Answered(exchange.status, lowered, b"".join(pieces))

    def client(self, **options: Any) -> AsyncClient:
        """Return our own client of the relay."""
        options = {"retry": AT_ONCE, "api_key": RELAY_KEY, **options}
        return AsyncClient(base_url=_RELAY, transport=self.transport, **options)

    async def rows(self) -> list[dict[str, Any]]:
        """Return the attempts in the books, the oldest first, once all is written."""
        await self.relay.flush()
        with sqlite3.connect(self._books) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute("SELECT * FROM attempts ORDER BY started, attempt_no")
            rows = [dict(row) for row in found]
        connection.close()
        return rows


def prompt(text: str = "Count to five", **fields: Any) -> dict[str, Any]:
    """Return the body of a Gemini request."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}


@asynccontextmanager
async def relayed(
    folder: Path,
    *emulators: Any,
    keys: Sequence[KeyOptions] = (KeyOptions(name="team-a", key=RELAY_KEY),),
    accounts: Mapping[str, Mapping[str, Any]] = {},
    transport: Transport | None = None,
    **options: Any,
) -> AsyncIterator[Relayed]:
    """Run a relay in front of ``emulators``; ``accounts``: more options of an account, by name.

    ``transport``: what leads to the accounts' base URLs, by default straight to the emulators.
    """
    names = ("one", "two", "three", "four")
    served = dict(zip(names, emulators or (Emulator(),), strict=False))
    books = folder / "books.sqlite3"
    given = RelayOptions(
        accounts=tuple(
            AccountOptions(
                name=name,
                api_key=f"upstream-key-of-{name}",
                **{"base_url": f"http://{name}", **accounts.get(name, {})},
            )
            for name in served
        ),
        keys=tuple(keys),
        ledger=LedgerOptions(url=f"sqlite:///{books}"),
        **options,
    )
    hosts = Hosts(served) if transport is None else transport
    environ = {
        "XDG_STATE_HOME": str(folder),
        "HOME": str(folder),
        "GEMSTREAM_RELAY_SECRET": _SECRET,
    }
    async with opened_relay(given, environ=environ, transport=hosts) as relay:
        try:
            yield Relayed(relay, served, books)
        finally:
            await hosts.aclose()


def _encoded(body: Any) -> bytes:
    return msgspec.json.encode(body)
