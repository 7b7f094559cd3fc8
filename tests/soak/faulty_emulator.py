"""Serves an emulator with every fault: ``python tests/soak/faulty_emulator.py WAY``.

A prompt that names a row of the fault table is answered by the steps of that row. The first line
it says is its URL; it ends when its input does.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from gemstream.emulator import Emulator, Rule, Script
from support.fault_table import ROWS_BY_NAME
from support.ways import WAYS


async def main(way: str) -> None:
    """Serve until the input ends."""
    rules = [
        Rule(prompt=rf"\A{re.escape(name)}\Z", steps=row.steps)
        for name, row in ROWS_BY_NAME.items()
    ]
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it tells of every client that left
    async with WAYS[way].serves(Emulator(Script(rules))) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
