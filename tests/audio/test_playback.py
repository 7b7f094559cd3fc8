"""Sound on its way to a loudspeaker: in pieces, out by the card's own measure, dropped at will."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gemstream.audio import PlaybackBuffer
from gemstream.errors import InvalidRequest, InvalidState

EVEN = st.integers(0, 50).map(lambda half: 2 * half)


def test_silence_comes_behind_the_sound_and_is_not_counted() -> None:
    buffer = PlaybackBuffer(1000)
    assert buffer.read(4) == bytes(4)
    buffer.write(b"abcdef")
    assert buffer.queued == 0.003
    assert buffer.read(4) == b"abcd"
    assert (buffer.queued, buffer.played) == (0.001, 0.002)
    assert buffer.read(6) == b"ef\0\0\0\0"
    assert (buffer.queued, buffer.played) == (0.0, 0.003)
    assert buffer.read(0) == b""


def test_half_a_sample_waits_for_its_other_half() -> None:
    buffer = PlaybackBuffer(1000)
    buffer.write(b"abc")
    assert buffer.read(4) == b"ab\0\0"
    buffer.write(b"d")
    assert buffer.read(4) == b"cd\0\0"


def test_an_interruption_drops_what_waits_and_half_a_sample_too() -> None:
    buffer = PlaybackBuffer(1000)
    buffer.write(b"abcdefg")
    assert buffer.read(2) == b"ab"
    buffer.clear()
    assert buffer.queued == 0.0
    buffer.write(b"xy")
    assert buffer.queued == 0.001
    assert buffer.read(4) == b"xy\0\0"
    assert buffer.played == 0.002


@pytest.mark.parametrize("size", [-2, -1, 1, 3])
def test_a_card_takes_whole_samples(size: int) -> None:
    with pytest.raises(InvalidRequest, match="no whole samples"):
        PlaybackBuffer().read(size)


@pytest.mark.parametrize(("rate", "most"), [(0, 1), (16_000, 0), (16_000, float("nan"))])
def test_a_buffer_that_could_hold_nothing_is_refused(rate: int, most: float) -> None:
    with pytest.raises(InvalidRequest):
        PlaybackBuffer(rate, most_seconds=most)


def test_a_buffer_that_nobody_reads_is_told_before_it_eats_the_memory() -> None:
    buffer = PlaybackBuffer(1000, most_seconds=1)
    buffer.write(bytes(1000))
    with pytest.raises(InvalidState, match=r"0\.5 s of sound wait to be played, of at most 1;"):
        buffer.write(bytes(1002))
    assert buffer.queued == 0.5
    buffer.clear()
    buffer.write(bytes(2000))


class Loudspeaker(RuleBasedStateMachine):
    """The buffer beside the plainest one there is: a bytearray."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = PlaybackBuffer(1000)
        self.plain = bytearray()
        self.played = 0

    @rule(pcm=st.binary(max_size=60))
    def write(self, pcm: bytes) -> None:
        self.buffer.write(pcm)
        self.plain += pcm

    @rule(size=EVEN)
    def read(self, size: int) -> None:
        whole = min(size, len(self.plain) // 2 * 2)
        expected, self.plain = bytes(self.plain[:whole]), self.plain[whole:]
        self.played += whole
        assert self.buffer.read(size) == expected.ljust(size, b"\0")

    @precondition(lambda self: self.plain)
    @rule()
    def clear(self) -> None:
        self.buffer.clear()
        self.plain.clear()

    @invariant()
    def both_tell_the_same(self) -> None:
        assert self.buffer.queued == len(self.plain) // 2 / 1000
        assert self.buffer.played == self.played / 2000


TestLoudspeaker = Loudspeaker.TestCase


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=40))
def test_another_thread_hears_everything_in_order(pieces: list[bytes]) -> None:
    buffer = PlaybackBuffer()
    whole = b"".join(pieces)
    expected = whole[: len(whole) // 2 * 2]
    heard: list[bytes] = []
    target = buffer.played + len(expected) / 48_000

    def play() -> None:
        while buffer.played < target:
            before = buffer.played
            block = buffer.read(6)
            heard.append(block[: round((buffer.played - before) * 48_000)])

    card = threading.Thread(target=play)
    card.start()
    for piece in pieces:
        buffer.write(piece)
    card.join()
    assert b"".join(heard) == expected


def test_what_was_cleared_is_not_heard_by_another_thread_afterwards() -> None:
    buffer = PlaybackBuffer()
    stop = threading.Event()
    heard: list[bytes] = []
    rounds = 300

    def play() -> None:
        while not stop.is_set():
            heard.append(buffer.read(64))

    card = threading.Thread(target=play)
    card.start()
    for number in range(1, rounds):
        sample = number.to_bytes(2, "little")
        buffer.write(sample * 100)
        buffer.clear()
    buffer.write(rounds.to_bytes(2, "little") * 100)
    while buffer.queued:
        pass
    stop.set()
    card.join()
    sound = b"".join(heard)
    numbers = [int.from_bytes(sound[at : at + 2], "little") for at in range(0, len(sound), 2)]
    told = [number for number in numbers if number]
    assert told == sorted(told)  # never a piece from before the one that was heard
    assert told.count(rounds) == 100
