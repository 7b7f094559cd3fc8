"""A process that opens and settles attempts until it is killed, and says on stdout what it did.

``sent ID`` follows an open and precedes its settlement, ``noted ID`` says that 9 tokens were noted,
``settled ID`` that the settlement is on disk. What was written to the pipe outlasts the process.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from gemstream.relay.ledger.ledger import Ledger
from gemstream.relay.migrations import relay_migrations
from gemstream.stores.database import open_database

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.books import attempt, settlement, usage

_AT_ONCE = 8


def say(what: str, name: str) -> None:
    os.write(1, f"{what} {name}\n".encode())


async def work(ledger: Ledger, worker: str) -> None:
    number = 0
    while True:
        name, number = f"{worker}.{number}", number + 1
        await ledger.open(attempt(name))
        say("sent", name)
        if number % 3 == 0:
            ledger.note(name, 1, usage(5, 4), 10, 6)
            await ledger.write_notes()
            say("noted", name)
        ledger.settle(settlement(name))
        if number % 2:
            ledger.settle(settlement(name, cost=99))  # once more: it must change nothing
            await ledger.flush()
            say("settled", name)


async def main(url: str, replica: str, spill: str) -> None:
    database = await open_database(url, relay_migrations())
    ledger = Ledger(database, replica, spill=Path(spill))
    await ledger.start()
    await asyncio.gather(*(work(ledger, f"{replica}.{worker}") for worker in range(_AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
