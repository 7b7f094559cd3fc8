"""What one thread learns while others read it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from gemstream import Limits
from gemstream.errors import ResourceExhausted
from gemstream.policy.limit.learned import LearnedLimits

_QUOTAS = ("RequestsPerMinute", "RequestsPerDay", "TokensPerMinute", "ConcurrentRequests")


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def _refusal(quota: str) -> ResourceExhausted:
    error = ResourceExhausted("", code=429, status="RESOURCE_EXHAUSTED")
    error.quotas = [{"quotaId": quota, "quotaValue": "5"}]
    return error


@pytest.mark.usefixtures("hasty")
def test_learning_disturbs_no_reader() -> None:
    failures: list[BaseException] = []
    limits = Limits(rpm=3, concurrency=4)

    def learn(learned: LearnedLimits) -> None:
        for quota in _QUOTAS:
            for concurrency in range(4, 40, 4):
                learned.receive_refusal(_refusal(quota), Limits(concurrency=concurrency), None)

    def read(learned: LearnedLimits) -> None:
        try:
            for _ in range(200):
                learned.within(limits, is_own=False)
        except RuntimeError as error:
            failures.append(error)

    for _ in range(30):
        learned = LearnedLimits()
        threads = [threading.Thread(target=work, args=(learned,)) for work in (learn, read, read)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
