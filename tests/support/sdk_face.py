"""Both faces of an SDK under one shape, so that one test holds for the two of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

__all__ = ("FACES", "Face", "opened_face")

FACES = ("async", "blocking")
# A guard against a hang, not a measure.
GUARD = 30

Way = Callable[[Any], Any]
Seen = Callable[[Any], None]


class Face:
    """An SDK's client; a way is what an application does with it, ``await`` left out.

    The blocking client works in a thread, where it does not stop the loop of relay and emulator.
    """

    def __init__(self, client: Any, *, is_async: bool) -> None:
        self.client = client
        self.is_async = is_async

    async def call(self, way: Way) -> Any:
        """Return what ``way`` comes to."""
        async with asyncio.timeout(GUARD):
            if self.is_async:
                return await way(self.client)
            return await asyncio.to_thread(way, self.client)

    async def leave(self) -> None:
        """Close the client, and with it what is still open."""
        if self.is_async:
            await self.client.close()
        else:
            self.client.close()

    async def read(self, way: Way, seen: Seen | None = None) -> list[Any]:
        """Return the items of the stream that ``way`` opens; ``seen`` gets each as it comes."""
        items: list[Any] = []
        watch = _kept(items, seen)
        async with asyncio.timeout(GUARD):
            if self.is_async:
                async for item in await way(self.client):
                    watch(item)
            else:
                await asyncio.to_thread(_drain, lambda: way(self.client), watch)
        return items

    async def follow(self, way: Way, final: str, seen: Seen | None = None) -> tuple[list[Any], Any]:
        """Return the events of the SDK's stream manager, and what its method ``final`` says."""
        events: list[Any] = []
        watch = _kept(events, seen)
        async with asyncio.timeout(GUARD):
            if not self.is_async:
                return events, await asyncio.to_thread(_follow, way(self.client), final, watch)
            async with way(self.client) as stream:
                async for event in stream:
                    watch(event)
                return events, await getattr(stream, final)()


@asynccontextmanager
async def opened_face(
    name: str, of_async: Way, of_blocking: Way, options: Any
) -> AsyncIterator[Face]:
    """Open the face ``name`` with ``options``, and close it at the end of the block."""
    if name == "async":
        async with of_async(options) as client:
            yield Face(client, is_async=True)
        return
    client = of_blocking(options)
    try:
        yield Face(client, is_async=False)
    finally:
        client.close()


def _kept(items: list[Any], seen: Seen | None) -> Seen:
    def watch(item: Any) -> None:
        items.append(item)
        if seen is not None:
            seen(item)

    return watch


def _drain(opened: Callable[[], Any], watch: Seen) -> None:
    for item in opened():
        watch(item)


def _follow(manager: Any, final: str, watch: Seen) -> Any:
    with manager as stream:
        for event in stream:
            watch(event)
        return getattr(stream, final)()
