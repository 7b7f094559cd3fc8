"""A relay on a socket in front of an emulator on a socket: what an SDK in a program meets."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gemstream.config.relay.options import (
    AccountOptions,
    KeyOptions,
    LedgerOptions,
    RelayOptions,
    ServerOptions,
)
from gemstream.emulator import Rule, Script, serving
from gemstream.emulator.scripts.steps import Chunk, Step, WaitForAck
from gemstream.relay.app import Relay
from gemstream.relay.opened import opened_relay
from gemstream.relay.server.address import bind, url_of
from gemstream.relay.server.listener import Listener
from gemstream.testing.served import ListeningEmulator
from support.relayed import RELAY_KEY

__all__ = ("ACK", "RelayServer", "relay_server", "said", "twice")

ACK = WaitForAck()
_SERVER = ServerOptions()
# A secret of its own, so that no test writes into the state folder of who runs it.
_SECRET = "relay-tests-only-0123456789abcdef0123456789abcdef"


class RelayServer:
    """A relay that listens at ``url``; ``emulator`` is its account named ``one``."""

    def __init__(self, url: str, relay: Relay, emulator: ListeningEmulator, books: Path) -> None:
        self.url = url
        self.relay = relay
        self.emulator = emulator
        self._books = books
        self._loop = asyncio.get_running_loop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def ack(self) -> None:
        """Let the emulator go on; from any thread."""
        self._loop.call_soon_threadsafe(self.emulator.ack)

    async def rows(self) -> list[dict[str, Any]]:
        """Return the attempts in the books, the oldest first, once all is written."""
        while self.relay.running:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0)
        await self.relay.flush()
        connection = sqlite3.connect(self._books)
        try:
            connection.row_factory = sqlite3.Row
            found = connection.execute("SELECT * FROM attempts ORDER BY started, attempt_no")
            return [dict(row) for row in found]
        finally:
            connection.close()


def said(*steps: Step) -> Script:
    """Return a script that answers every request to generate so."""
    return Script([Rule(steps=steps)])


@asynccontextmanager
async def relay_server(
    script: Script | None = None,
    *,
    keys: Sequence[KeyOptions] = (KeyOptions(name="team-a", key=RELAY_KEY),),
    account: Mapping[str, Any] = {},
    server: ServerOptions = _SERVER,
    **options: Any,
) -> AsyncIterator[RelayServer]:
    """Serve inside the block; ``account``: more options of the one account."""
    upstream = ListeningEmulator(script or Script())
    with tempfile.TemporaryDirectory(prefix="gemstream-tests-") as folder:
        books = Path(folder) / "books.sqlite3"
        async with serving(upstream) as base_url:
            given = RelayOptions(
                server=server,
                accounts=(
                    AccountOptions(
                        **{"name": "one", "api_key": "upstream", "base_url": base_url, **account}
                    ),
                ),
                keys=tuple(keys),
                ledger=LedgerOptions(url=f"sqlite:///{books}"),
                **options,
            )
            state = {"XDG_STATE_HOME": folder, "HOME": folder}
            environ = {**state, "GEMSTREAM_RELAY_SECRET": _SECRET}
            async with (
                opened_relay(given, environ=environ) as relay,
                _listening(relay, server) as url,
            ):
                yield RelayServer(url, relay, upstream, books)


@asynccontextmanager
async def _listening(app: Any, options: ServerOptions) -> AsyncIterator[str]:
    listening = bind("127.0.0.1", 0)
    url = url_of(listening)
    listener = Listener(app, [listening], options)
    await listener.start()
    try:
        yield url
    finally:
        await listener.close()


def twice(function: str) -> Script:
    """Return a script whose first answer calls ``function`` twice, as the service does at once."""
    arguments = ({"first": 1, "second": 2}, {"first": 3, "second": 4})
    calls = [
        {"functionCall": {"id": f"call-{number}", "name": function, "args": args}}
        for number, args in enumerate(arguments, start=1)
    ]
    content = {"role": "model", "parts": calls}
    chunk = Chunk({"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]})
    return Script([Rule(steps=[chunk], request=1)])
