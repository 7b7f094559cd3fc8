"""Stop two answers early: one from its own loop, one from another task.

Either way the connection is gone at once, so the service stops generating.
"""

import asyncio

from gemstream import AsyncClient


async def first_words(client: AsyncClient, limit: int) -> None:
    """Leave the loop as soon as ``limit`` characters are there; the block closes the stream."""
    text = ""
    async with client.generate_stream("Count to 5000") as stream:
        async for chunk in stream:
            text += chunk.text
            if len(text) >= limit:
                break
    print(f"left after {len(text)} characters: {stream.response.complete}")


async def from_outside(client: AsyncClient) -> None:
    """Let another task cancel; the reader sees a plain end."""
    stream = client.generate_stream("Count to 5000")
    shown = asyncio.Event()

    async def read() -> None:
        async for _ in stream:
            shown.set()

    reader = asyncio.create_task(read())
    waiting = asyncio.create_task(shown.wait())
    await asyncio.wait((reader, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    stream.cancel()
    await reader  # raises here what went wrong before the first chunk
    print(f"cancelled from another task: {stream.response.complete}")


async def main() -> None:
    async with AsyncClient() as client:
        await first_words(client, limit=20)
        await from_outside(client)


if __name__ == "__main__":
    asyncio.run(main())
