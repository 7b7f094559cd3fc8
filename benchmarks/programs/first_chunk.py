"""A script that prints a line at its first chunk; whoever started it holds the watch.

usage: python -m benchmarks.programs.first_chunk PORT CLIENT
"""

from __future__ import annotations

import asyncio
import sys

from .clients import CLIENTS

__all__ = ("main",)


async def _first_chunk(port: int, name: str) -> None:
    client = CLIENTS[name](f"http://127.0.0.1:{port}")
    async for text in client.texts("Count to ten"):
        print(len(text), flush=True)
        break


def main() -> None:
    """Say that the first chunk is here, and end."""
    port, name = sys.argv[1:]
    asyncio.run(_first_chunk(int(port), name))


if __name__ == "__main__":
    main()
