"""The emulator in the service's place, to measure how Live sessions outlive their connections.

``goaway``: each connection says after ``--after`` seconds that it will end, and is to be left then.
``drop``: a question that holds the word "Drop" is answered in part, and the connection cut.
``--latency``: milliseconds that a proxy holds what is sent, in each direction.

Prints its port once it listens, and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from urllib.parse import urlsplit

import uvloop

from gemstream.emulator import Cut, Emulator, GoAway, Pause, Rule, Script, chaos, serving
from gemstream.emulator.tcp.toxics import Direction, Latency

__all__ = ("main",)

_TIME_LEFT = 30.0


async def _serve(fault: str, after: float, latency: float) -> None:
    rules = {
        "goaway": Rule(
            method="bidiGenerateContent/connection",
            steps=[Pause(seconds=after), GoAway(time_left=_TIME_LEFT)],
        ),
        "drop": Rule(prompt="Drop", steps=["The beginning of an answer", Cut()]),
    }
    toxics = [Latency(ms=latency, direction=direction) for direction in Direction]
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it tells of every client that left
    async with (
        serving(Emulator(Script([rules[fault]]))) as hidden,
        chaos(hidden, *(toxics if latency else ())) as url,
    ):
        print(urlsplit(url).port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="benchmarks.programs.live_emulator")
    parser.add_argument("fault", choices=["goaway", "drop"])
    parser.add_argument("--after", type=float, default=0.3)
    parser.add_argument("--latency", type=float, default=0.0)
    uvloop.run(_serve(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
