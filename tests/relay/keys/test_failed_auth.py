from __future__ import annotations

import pytest

from gemstream.errors import ConfigError
from gemstream.relay.keys.failed_auth import FailedAuth


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(times: int, address: str = "192.0.2.7", **options: int) -> tuple[FailedAuth, Clock]:
    clock = Clock()
    failed = FailedAuth(6, clock=clock, **options)
    for _ in range(times):
        failed.fail(address)
    return failed, clock


def test_who_failed_too_often_is_told_when_to_try_again() -> None:
    failed, clock = failing(5)
    assert failed.delay("192.0.2.7") is None
    failed.fail("192.0.2.7")
    assert failed.delay("192.0.2.7") == 10.0
    assert failed.delay("192.0.2.8") is None
    clock.now += 10.0
    assert failed.delay("192.0.2.7") is None


def test_failing_on_does_not_make_it_longer_than_a_minute_of_failures() -> None:
    failed, clock = failing(10_000)
    assert failed.delay("192.0.2.7") == 10.0
    clock.now += 60.0
    failed.fail("192.0.2.8")
    assert len(failed) == 1  # what is paid off is forgotten


def test_in_any_minute_no_more_fail_than_the_limit_and_its_burst() -> None:
    failed, clock = failing(0)
    tried = 0
    for _ in range(600):
        if failed.delay("192.0.2.7") is None:
            failed.fail("192.0.2.7")
            tried += 1
        clock.now += 0.1
    assert tried == 6 + 5


@pytest.mark.parametrize(
    ("failing_one", "other", "is_the_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("no:address", "no:address", True),
        ("no:address", "no:other", False),
    ],
)
def test_a_network_of_ipv6_counts_as_one(failing_one: str, other: str, is_the_same: bool) -> None:
    failed, _ = failing(6, failing_one)
    assert (failed.delay(other) is not None) == is_the_same


def test_what_is_remembered_is_bounded() -> None:
    failed, _ = failing(6, most=100)
    for number in range(1000):
        failed.fail(f"10.0.{number // 256}.{number % 256}")
    assert len(failed) == 100
    assert failed.delay("192.0.2.7") is None


def test_a_caller_without_an_address_is_not_counted() -> None:
    failed, _ = failing(0)
    for address in (None, ""):
        failed.fail(address)
        assert len(failed) == 0
        assert failed.delay(address) is None


@pytest.mark.parametrize(("limit", "most"), [(0, 1), (1, 0)])
def test_a_limit_of_nothing_is_refused(limit: int, most: int) -> None:
    with pytest.raises(ConfigError, match="both must be 1 or more"):
        FailedAuth(limit, most=most)
