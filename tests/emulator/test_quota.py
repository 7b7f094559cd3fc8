"""The quota's list: each verdict and each delay against a recount by hand."""

from __future__ import annotations

import concurrent.futures
import datetime
import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.emulator import Limits, ModelLimits
from gemstream.emulator.quota import Entry, Quota, QuotaLog
from gemstream.policy.pacific import pacific_day

SECOND = 10**9
MINUTE = 60 * SECOND
NOON = int(datetime.datetime(2026, 11, 21, 20, tzinfo=datetime.UTC).timestamp()) * SECOND


def entry(at: int, tokens: int = 1, *, key: str = "k", model: str = "m", name: str = "") -> Entry:
    return Entry(request_id=name or str(at), key=key, model=model, tokens=tokens, at=at)


def verdict(log: QuotaLog, new: Entry, **limits: Any) -> dict[Quota, int | None]:
    """Return what would be exceeded with the delays; nothing when it was let in."""
    return {excess.quota: excess.delay for excess in log.admit(new, Limits(**limits))}


def test_a_minute_slides() -> None:
    log = QuotaLog()
    assert verdict(log, entry(NOON), rpm=2) == {}
    assert verdict(log, entry(NOON + 20 * SECOND), rpm=2) == {}
    assert verdict(log, entry(NOON + 30 * SECOND), rpm=2) == {Quota.RPM: 30 * SECOND}
    assert verdict(log, entry(NOON + MINUTE - 1), rpm=2) == {Quota.RPM: 1}
    assert verdict(log, entry(NOON + MINUTE), rpm=2) == {}
    assert verdict(log, entry(NOON + MINUTE), rpm=2) == {Quota.RPM: 20 * SECOND}


def test_tokens_wait_for_as_many_as_it_takes() -> None:
    log = QuotaLog()
    for second, tokens in enumerate([50, 10, 40]):
        assert verdict(log, entry(NOON + second * SECOND, tokens), tpm=100) == {}
    now = NOON + 10 * SECOND
    assert verdict(log, entry(now, 50), tpm=100) == {Quota.TPM: 50 * SECOND}
    assert verdict(log, entry(now, 51), tpm=100) == {Quota.TPM: 51 * SECOND}
    assert verdict(log, entry(now, 100), tpm=100) == {Quota.TPM: 52 * SECOND}
    assert verdict(log, entry(now, 101), tpm=100) == {Quota.TPM: None}  # it never fits
    assert verdict(log, entry(now, 0), tpm=100) == {}


def test_a_limit_of_nothing_lets_nothing_in() -> None:
    found = verdict(QuotaLog(), entry(NOON), rpm=0, tpm=0, rpd=0, concurrency=0)
    assert found == dict.fromkeys(Quota)


def test_running_answers_are_counted_until_they_end() -> None:
    log = QuotaLog()
    assert verdict(log, entry(NOON, name="a"), concurrency=1) == {}
    hours_later = NOON + 5 * 60 * MINUTE
    assert verdict(log, entry(hours_later), concurrency=1) == {Quota.CONCURRENCY: None}
    log.end("a")
    log.end("a")
    log.end("unknown")
    assert verdict(log, entry(hours_later), concurrency=1) == {}


def test_all_that_is_exceeded_is_told_and_none_of_it_counts() -> None:
    log = QuotaLog()
    limits = {"rpm": 1, "tpm": 5, "rpd": 1, "concurrency": 1}
    assert verdict(log, entry(NOON, 3), **limits) == {}
    for _ in range(3):
        found = verdict(log, entry(NOON + SECOND, 3), **limits)
        assert list(found) == [Quota.RPM, Quota.TPM, Quota.RPD, Quota.CONCURRENCY]
    log.end(str(NOON))
    assert verdict(log, entry(NOON + MINUTE, 3), **{**limits, "rpd": 2}) == {}


def test_keys_and_models_have_their_own() -> None:
    log = QuotaLog()
    assert verdict(log, entry(NOON), rpm=1) == {}
    assert verdict(log, entry(NOON, key="other"), rpm=1) == {}
    assert verdict(log, entry(NOON, model="other"), rpm=1) == {}
    assert verdict(log, entry(NOON), rpm=1) == {Quota.RPM: MINUTE}


def test_the_first_entry_that_fits_stands_for_the_rest() -> None:
    limits = Limits(rpm=1, models=[ModelLimits(match="pro*", tpm=5), ModelLimits(match="*", rpm=7)])
    log = QuotaLog()
    assert [log.admit(entry(NOON, model="pro-1"), limits) for _ in range(3)] == [[], [], []]
    assert limits.for_model("flash").rpm == 7
    assert Limits(rpm=1).for_model("flash").rpm == 1


def test_threads_share_one_count() -> None:
    log, limits = QuotaLog(), Limits(rpm=100)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(log.admit, entry(NOON + n), limits) for n in range(400)]
    assert sum(not one.result() for one in asked) == 100


def test_clearing_forgets() -> None:
    log = QuotaLog()
    assert verdict(log, entry(NOON), rpm=1) == {}
    log.clear()
    assert verdict(log, entry(NOON), rpm=1) == {}


DAYS = [
    ("2026-07-01T06:59:59", 24, 1),
    ("2026-07-01T07:00:00", 24, 24 * 3600),
    ("2026-12-01T08:00:00", 24, 24 * 3600),
    ("2026-03-08T08:00:00", 23, 23 * 3600),  # the clocks go forward
    ("2026-11-01T07:00:00", 25, 25 * 3600),  # and back
    ("2026-11-02T07:59:59", 25, 1),
]


@pytest.mark.parametrize(("utc", "hours", "left"), DAYS)
def test_a_day_is_one_of_us_pacific(utc: str, hours: int, left: int) -> None:
    moment = datetime.datetime.fromisoformat(utc).replace(tzinfo=datetime.UTC)
    now = int(moment.timestamp()) * SECOND
    began, ends = pacific_day(now)
    assert ((ends - began) // SECOND, (ends - now) // SECOND) == (hours * 3600, left)
    log = QuotaLog()
    assert verdict(log, entry(began - 1), rpd=1) == {}
    assert verdict(log, entry(now), rpd=1) == {}
    assert verdict(log, entry(now), rpd=1) == {Quota.RPD: left * SECOND}
    assert verdict(log, entry(ends - 1), rpd=1) == {Quota.RPD: 1}
    assert verdict(log, entry(ends), rpd=1) == {}


# --- any history, recounted -------------------------------------------------------------------

# Steps that often meet the edges of a window, and some that meet nothing.
GAPS = st.one_of(
    st.sampled_from([0, 1, SECOND, 10 * SECOND, 30 * SECOND, MINUTE - 1, MINUTE, MINUTE + 1]),
    st.integers(0, 3 * 3600 * SECOND),
)
ASKED = st.lists(st.tuples(GAPS, st.integers(0, 12), st.booleans()), max_size=40)
SOME = st.none() | st.integers(0, 8)
LIMITS = st.builds(Limits, rpm=SOME, tpm=st.none() | st.integers(0, 30), rpd=SOME, concurrency=SOME)
_ZONE = zoneinfo.ZoneInfo("America/Los_Angeles")


def recount(history: list[Entry], new: Entry, limits: Limits) -> set[Quota]:
    """Return what ``new`` would exceed, by asking each entry of all there ever were."""

    def day(one: Entry) -> datetime.date:
        return datetime.datetime.fromtimestamp(one.at // SECOND, _ZONE).date()

    used = dict.fromkeys(Quota, 0)
    for one in [*history, new]:
        lately = new.at - one.at < MINUTE
        used[Quota.RPM] += lately
        used[Quota.TPM] += one.tokens * lately
        used[Quota.RPD] += day(one) == day(new)
        used[Quota.CONCURRENCY] += one.running
    values = (limits.rpm, limits.tpm, limits.rpd, limits.concurrency)
    allowed = dict(zip(Quota, values, strict=True))
    return {one for one in Quota if allowed[one] is not None and used[one] > allowed[one]}


def replayed(history: list[Entry], at: int, tokens: int, limits: Limits) -> set[Quota]:
    """Return what a request at another time would meet, with the same history."""
    return recount(history, entry(at, tokens), limits)


@given(asked=ASKED, limits=LIMITS)
def test_every_verdict_and_delay_is_that_of_a_recount(
    asked: list[tuple[int, int, bool]], limits: Limits
) -> None:
    log, history, now = QuotaLog(), [], NOON
    for number, (gap, tokens, ends) in enumerate(asked):
        now += gap
        new = entry(now, tokens, name=str(number))
        expected = recount(history, new, limits)
        excesses = log.admit(new, limits)
        assert {excess.quota for excess in excesses} == expected
        for excess in excesses:
            if excess.delay is None:
                continue
            assert excess.delay > 0
            early = replayed(history, now + excess.delay - 1, tokens, limits)
            assert excess.quota in early
            assert excess.quota not in replayed(history, now + excess.delay, tokens, limits)
        if not excesses:
            history.append(new)
            if ends:
                log.end(new.request_id)


@given(asked=ASKED, limits=LIMITS)
def test_no_minute_and_no_day_ever_holds_more_than_its_limit(
    asked: list[tuple[int, int, bool]], limits: Limits
) -> None:
    log, admitted, now = QuotaLog(), [], NOON
    for number, (gap, tokens, _) in enumerate(asked):
        now += gap
        new = entry(now, tokens, name=str(number))
        if not log.admit(new, limits):
            admitted.append(new)
    for first in admitted:
        minute = [one for one in admitted if 0 <= one.at - first.at < MINUTE]
        assert limits.rpm is None or len(minute) <= limits.rpm
        assert limits.tpm is None or sum(one.tokens for one in minute) <= limits.tpm


@pytest.mark.parametrize("value", [-1, 1.5, True, "3"])
@pytest.mark.parametrize("name", ["rpm", "tpm", "rpd", "concurrency"])
def test_a_limit_that_is_no_count_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is .* whole number"):
        Limits(**{name: value})
    with pytest.raises(ValueError, match=f"{name} is"):
        ModelLimits(match="*", **{name: value})
