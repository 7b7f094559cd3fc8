"""Eight processes share one limit through Redis: none too many, and next to none left unused."""

from __future__ import annotations

from pathlib import Path

from support.hammering import AMOUNT, PERIOD, hammered, judged
from support.redis_server import RedisAt

SECONDS = 10


def test_eight_processes_keep_to_one_limit_and_use_it(
    redis_server: RedisAt, tmp_path: Path
) -> None:
    judgement = hammered(redis_server, tmp_path, SECONDS)
    assert judgement.most <= AMOUNT
    assert judgement.used >= 0.99


def test_the_judge_sees_one_too_many_and_what_was_left() -> None:
    period = PERIOD * 1_000_000
    exact = [*range(AMOUNT), *range(period, period + AMOUNT)]
    assert judged(exact, 2 * PERIOD) == (AMOUNT, 1.0)
    assert judged(sorted([*exact, period - 1]), 2 * PERIOD).most == AMOUNT + 1
    assert judged(exact[: AMOUNT // 2], PERIOD) == (AMOUNT // 2, 0.5)
