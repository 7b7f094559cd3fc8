"""A wire to Postgres that breaks at a commit: before the server has it, or before we hear so."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

_COMMIT = b"COMMIT\x00"


class Break(enum.Enum):
    """Where the wire breaks, once."""

    BEFORE = "before"
    """The commit does not reach the server."""
    AFTER = "after"
    """The server commits, and its answer does not reach us."""


class PostgresWire:
    """Passes bytes on; ``url`` leads through it to the same database as ``behind``."""

    def __init__(self, behind: str) -> None:
        self._behind = urlsplit(behind)
        self._pending: Break | None = None
        self._sign = _COMMIT
        self.broken = 0
        self.url = ""

    def break_at_commit(self, place: Break, sign: bytes = _COMMIT) -> None:
        """Break the wire at the next commit, or at what carries another ``sign``."""
        self._pending = place
        self._sign = sign

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection until an end of it closes."""
        there_reads, there_writes = await self._dial()
        cut = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._up(reader, there_writes, cut))
                group.create_task(self._down(there_reads, writer, cut))
        finally:
            for one in (writer, there_writes):
                one.transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._behind.query).get("host")
        if folder:
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.5432")
        return await asyncio.open_connection(self._behind.hostname, self._behind.port or 5432)

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if self._pending is not None and self._sign in data:
                place, self._pending = self._pending, None
                self.broken += 1
                if place is Break.BEFORE:
                    break
                cut.set()
            writer.write(data)
        if not cut.is_set():
            writer.transport.abort()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if cut.is_set():
                break  # the server has answered: it is committed
            writer.write(data)
        writer.transport.abort()


@asynccontextmanager
async def postgres_wire(behind: str) -> AsyncIterator[PostgresWire]:
    """Serve a wire to the server at ``behind``."""
    wire = PostgresWire(behind)
    links = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        links.add(task)
        try:
            await wire.serve(reader, writer)
        except* OSError:
            pass
        finally:
            links.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    name = urlsplit(behind).path
    user = urlsplit(behind).netloc.rpartition("@")[0] or "postgres"
    wire.url = f"postgresql://{user}@127.0.0.1:{port}{name}?sslmode=disable"
    try:
        yield wire
    finally:
        server.close()
        for link in list(links):
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
