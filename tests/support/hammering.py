"""Many processes on one limit in Redis, judged by what each of them logged."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from support.redis_server import RedisAt
from support.sources import REPOSITORY

PROCESSES = 8
AMOUNT = 400
PERIOD = 5  # seconds
_PROGRAM = REPOSITORY / "tests" / "limits" / "hammer.py"
_SECOND = 1_000_000


class Judgement(NamedTuple):
    """``most``: the most that was let in in any period; ``used``: the part of the allowance."""

    most: int
    used: float


def hammered(server: RedisAt, folder: Path, seconds: int) -> Judgement:
    """Let the processes ask for ``seconds``, a multiple of the period, and judge."""
    logs = [folder / f"log-{number}" for number in range(PROCESSES)]
    facts = [server.url, str(AMOUNT), str(PERIOD * _SECOND)]
    with ExitStack() as started:
        processes = [
            started.enter_context(
                subprocess.Popen(
                    [sys.executable, str(_PROGRAM), *facts, str(log)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for log in logs
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        now, fraction = server.command("TIME")
        begin = int(now) * _SECOND + int(fraction) + _SECOND // 2
        end = begin + seconds * _SECOND
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{begin} {end}\n")
            process.stdin.flush()
    assert [process.returncode for process in processes] == [0] * PROCESSES
    admitted = sorted(int(line) for log in logs for line in log.read_text().split())
    return judged([moment for moment in admitted if moment < end], seconds)


def judged(admitted: list[int], seconds: int) -> Judgement:
    """Count ``admitted``, in order, in every window that ends with one of them."""
    most = first = 0
    for index, moment in enumerate(admitted):
        while admitted[first] <= moment - PERIOD * _SECOND:
            first += 1
        most = max(most, index - first + 1)
    return Judgement(most, len(admitted) / (AMOUNT * seconds / PERIOD))
