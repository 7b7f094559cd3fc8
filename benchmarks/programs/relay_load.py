"""Many callers of a relay, who look at each answer as little as possible.

Each caller has a connection of its own and asks again as long as requests are left. All are
connected before the first one asks. Counted are the events (``data:`` in the body); an answer with
another status than expected, with fewer events, or cut off is an error.

Prints one JSON object: requests, errors and why the first of them was one, events, seconds, and
percentiles in ms of the time to an answer's first bytes and between its reads. With ``--announce``
a line says before that every answer has had so many events. With ``--address-after`` a caller comes
from another address of the loopback network after so many requests, for a relay may turn away one
that fails too often.

usage: python -m benchmarks.programs.relay_load URL --body JSON [--header NAME:VALUE …] …
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import time
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop

from .process import raise_file_limit

__all__ = ("Load", "main")

_MARK = b"data:"
_PATIENCE = 100  # seconds until answers that do not come count as errors


class Load:
    """What is asked, how often, and what came of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.request = _request(options)
        self.status: int = options.status
        self.least: int = options.events
        self.announced: int = options.announce
        self.left: int = options.requests
        self.requests = 0
        self.events = 0
        self.errors: list[str] = []
        self.firsts: list[float] = []
        self.gaps: list[float] = []
        self.address_after: int = options.address_after
        self._unannounced = options.concurrency
        self._addresses = itertools.count()

    def new_address(self) -> tuple[str, int] | None:
        """Return where the next connection comes from; None for wherever it does."""
        if not self.address_after:
            return None
        block, host = divmod(next(self._addresses), 250)
        return f"127.{os.getpid() % 250 + 1}.{block}.{host + 1}", 0

    def announce(self) -> None:
        """Take note of an answer that has come so far; says so when it is the last one."""
        self._unannounced -= 1
        if not self._unannounced:
            print("open", flush=True)

    def finish(self, status: int, events: int, body: bytes) -> None:
        """Take note of a whole answer."""
        self.requests += 1
        self.events += events
        if status != self.status or events < self.least:
            self.errors.append(f"status {status}, {events} events: {body[:200]!r}")

    def plain(self, took: float) -> dict[str, Any]:
        """Return what came of it."""
        return {
            "requests": self.requests,
            "errors": len(self.errors),
            "why": self.errors[0] if self.errors else None,
            "events": self.events,
            "seconds": took,
            **_percentiles("first", self.firsts),
            **_percentiles("gap", self.gaps),
        }


class _Caller(asyncio.Protocol):
    """A connection that asks, reads the answer, and asks again; the parser calls ``on_``."""

    def __init__(self, load: Load, done: asyncio.Future[None]) -> None:
        self._load = load
        self._done = done
        self._asks = 0
        self.is_due = False  # an answer is on its way

    def connection_made(self, transport: Any) -> None:  # uvloop's are not asyncio's by type
        self._transport: asyncio.Transport = transport

    def ask(self) -> None:
        """Send the next request, or leave when there is none."""
        if self._load.left <= 0 or 0 < self._load.address_after <= self._asks:
            self._transport.close()
            return
        self._asks += 1
        self._load.left -= 1
        self._parser = httptools.HttpResponseParser(self)
        self._events = 0
        self._last = 0.0
        self._tail = self._opening = b""
        self.is_due = True
        self._asked = time.perf_counter()
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._load.errors.append(repr(error))
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        now = time.perf_counter()
        if self._last:
            self._load.gaps.append(now - self._last)
        else:
            self._load.firsts.append(now - self._asked)
            self._opening = body
        self._last = now
        before = self._events
        self._events += (self._tail + body).count(_MARK)  # a mark may be cut in two
        self._tail = body[-len(_MARK) + 1 :]
        if before < self._load.announced <= self._events:
            self._load.announce()

    def on_message_complete(self) -> None:
        self.is_due = False
        self._load.finish(self._parser.get_status_code(), self._events, self._opening)
        if self._parser.should_keep_alive():
            asyncio.get_running_loop().call_soon(self.ask)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.is_due:
            self._load.errors.append(f"cut off after {self._events} events: {error!r}")
        if not self._done.done():
            self._done.set_result(None)


async def _call(load: Load, host: str, port: int, start: _Start) -> None:
    """Be one caller, over as many connections as the relay makes it open."""
    loop = asyncio.get_running_loop()
    while load.left > 0:
        done: asyncio.Future[None] = loop.create_future()
        _, caller = await loop.create_connection(
            partial(_Caller, load, done), host, port, local_addr=load.new_address()
        )
        start.connected()
        await start.wait()
        caller.ask()
        await done


class _Start(asyncio.Event):
    """Set once so many callers are connected."""

    def __init__(self, callers: int) -> None:
        super().__init__()
        self._missing = callers

    def connected(self) -> None:
        """Count one caller in."""
        self._missing -= 1
        if self._missing == 0:
            self.set()


async def _run(options: argparse.Namespace) -> dict[str, Any]:
    load = Load(options)
    place = urlsplit(options.url)
    start = _Start(options.concurrency)
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(options.concurrency):
                group.create_task(_call(load, str(place.hostname), place.port or 80, start))
            await start.wait()
            began = time.perf_counter()
    except TimeoutError:
        load.errors.append(f"not all answered in {_PATIENCE} s")
    except ExceptionGroup as errors:
        load.errors.append(repr(errors.exceptions[0]))
    return load.plain(time.perf_counter() - began)


def _request(options: argparse.Namespace) -> bytes:
    place = urlsplit(options.url)
    body: bytes = options.body.encode()
    head = [
        f"POST {place.path}{'?' if place.query else ''}{place.query} HTTP/1.1",
        f"Host: {place.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *options.header,
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def _percentiles(name: str, seconds: list[float]) -> dict[str, float | None]:
    ordered = sorted(seconds)
    return {
        f"{name}_p{percent}": ordered[len(ordered) * percent // 100] * 1e3 if ordered else None
        for percent in (50, 99)
    }


def main() -> None:
    """Print what came of it as one JSON object."""
    parser = argparse.ArgumentParser(prog="benchmarks.programs.relay_load")
    parser.add_argument("url")
    parser.add_argument("--body", required=True, metavar="JSON")
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--concurrency", type=int, default=20)
    parser.add_argument("--events", type=int, default=0, help="that an answer has at least")
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--announce", type=int, default=0, metavar="EVENTS")
    parser.add_argument("--address-after", type=int, default=0, metavar="REQUESTS")
    raise_file_limit()
    print(json.dumps(uvloop.run(_run(parser.parse_args()))))


if __name__ == "__main__":
    main()
