"""Eight processes on one limit in Redis for a minute; ``make test`` does it for ten seconds.

``GEMSTREAM_SOAK_LIMIT_SECONDS`` is how long, 60 unless given.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from support.hammering import AMOUNT, hammered
from support.redis_server import RedisAt

pytestmark = pytest.mark.soak

SECONDS = int(os.environ.get("GEMSTREAM_SOAK_LIMIT_SECONDS", "60"))


def test_eight_processes_keep_to_one_limit_for_a_minute(
    redis_server: RedisAt, tmp_path: Path
) -> None:
    judgement = hammered(redis_server, tmp_path, SECONDS)
    sys.stdout.write(f"at most {judgement.most} of {AMOUNT}, {judgement.used:.2%} used\n")
    assert judgement.most <= AMOUNT
    assert judgement.used >= 0.99
