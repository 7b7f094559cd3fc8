"""Several limits at once: all or nothing, and which of them is named."""

from __future__ import annotations

import msgspec
import pytest

from gemstream.policy.limit.claim import (
    MICROSECONDS,
    MINUTE,
    Claim,
    Kind,
    Limit,
    Moment,
    Refused,
    Spent,
    Unit,
    Wait,
)
from gemstream.policy.limit.log import LimitLog, State

NOON = Moment(MINUTE * 1000, 1_781_550_000 * MICROSECONDS)
RPM = Claim("rpm", "rpm", Limit(Kind.WINDOW, 2))
TPM = Claim("tpm", "tpm", Limit(Kind.WINDOW, 100), Unit.TOKENS, 60)
RPD = Claim("rpd", "rpd", Limit(Kind.DAILY, 1))
SLOT = Claim("slot", "concurrency", Limit(Kind.SLOTS, 1), Unit.RUNNING)
RATE = Claim("rate", "rate", Limit(Kind.RATE, 60, burst=1))
GATE = Claim("gate", "hold", Limit(Kind.GATE))
ALL = (GATE, RPM, TPM, RPD, SLOT, RATE)


def encoded(log: LimitLog) -> bytes:
    return msgspec.msgpack.encode(log.states)


@pytest.mark.parametrize("full", ALL[1:], ids=lambda claim: claim.quota)
def test_a_limit_that_is_full_takes_nothing_from_the_others(full: Claim) -> None:
    log = LimitLog()
    others = [claim for claim in ALL if claim is not full]
    for name in "ab":
        log.reserve(name, [full], NOON)
    before = encoded(log)
    for claims in ([full, *others], [*others, full]):
        verdict = log.reserve("c", claims, NOON)
        assert isinstance(verdict, Wait)
        assert verdict.claim is full
    assert encoded(log) == before


def test_the_one_that_is_full_longest_is_named() -> None:
    log = LimitLog()
    log.reserve("a", [RPD, RATE, SLOT], NOON)
    for claims in ([RPD, RATE, SLOT], [SLOT, RATE, RPD], [RATE, SLOT, RPD]):
        verdict = log.reserve("b", claims, NOON)
        assert isinstance(verdict, Wait)
        assert verdict.claim is RPD


def test_one_that_never_fits_is_named_before_those_that_are_full() -> None:
    log = LimitLog()
    log.reserve("a", [RPM, SLOT], NOON)
    never = msgspec.structs.replace(TPM, cost=101)
    assert log.reserve("b", [SLOT, RPM, never], NOON) == Refused(never)


@pytest.mark.parametrize("spent", [Spent(), Spent(1), Spent(1, 7), Spent(1, 9999)])
def test_settled_again_is_nothing(spent: Spent) -> None:
    log = LimitLog()
    assert log.reserve("a", ALL, NOON) is None
    log.settle("a", ALL, spent, NOON)
    before = encoded(log)
    log.settle("a", ALL, spent, NOON)
    log.stamp("a", ALL, NOON)
    assert encoded(log) == before


def test_what_nobody_reserved_can_be_settled_too() -> None:
    log = LimitLog()
    log.settle("a", ALL, Spent(), NOON)
    log.stamp("a", ALL, NOON)
    log.adjust("a", ALL, 5, NOON)
    assert not log.states


def test_what_failed_unsent_leaves_nothing_behind() -> None:
    log = LimitLog()
    log.reserve("a", ALL, NOON)
    log.settle("a", ALL, Spent(), NOON)
    assert log.sweep(ALL, NOON)
    assert not log.states


def test_books_survive_being_written_down_at_any_point() -> None:
    log, states = LimitLog(), msgspec.msgpack.Decoder(dict[str, State])
    log.hold(GATE, 1, Moment(0, 0))
    for step in (
        lambda: log.reserve("a", ALL, NOON),
        lambda: log.stamp("a", ALL, NOON),
        lambda: log.adjust("a", ALL, 30, NOON),
        lambda: log.settle("a", ALL, Spent(1, 9), NOON),
    ):
        step()
        assert states.decode(encoded(log)) == log.states
        log.states = states.decode(encoded(log))
    assert [level.used for level in log.levels(ALL, NOON)] == [0, 1, 9, 1, 0, 1]


def test_what_was_thought_dead_runs_again_over_the_limit_if_need_be() -> None:
    log = LimitLog()
    for name in "ab":
        assert log.reserve(name, ALL if name == "a" else [SLOT], NOON) is None
        log.settle(name, [SLOT], Spent(1), NOON)
    log.reserve("c", [SLOT], NOON)
    log.resume("a", ALL, NOON)
    log.resume("a", ALL, NOON)
    assert [level.used for level in log.levels([SLOT, RPM, RPD], NOON)] == [2, 1, 1]
    for name in "ac":
        log.settle(name, [SLOT], Spent(1), NOON)
    assert log.sweep([SLOT], NOON)
