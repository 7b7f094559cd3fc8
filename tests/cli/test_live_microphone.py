"""The microphone's half of a conversation, without a card: late sound, the gate, the meter."""

from __future__ import annotations

import asyncio
import importlib
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.program import gemstream
from gemstream.audio import INPUT_RATE, seconds
from gemstream.cli.live_events import LiveOutcome
from gemstream.cli.live_forms import LiveText
from gemstream.cli.live_microphone import HalfDuplex, Meter, MeteredForm, Microphone, bar
from gemstream.cli.terminal import Printer
from gemstream.client.live.events import Text
from gemstream.wire.content import Part

BLOCK = bytes(1600)  # 50 ms


# --- late sound ------------------------------------------------------------------------------


async def test_sound_is_sent_in_its_order() -> None:
    microphone = Microphone()
    microphone.receive(b"ab")
    microphone.receive(b"cd")
    assert [await microphone.next(), await microphone.next()] == [b"ab", b"cd"]
    assert microphone.dropped == 0.0


async def test_who_waits_for_sound_gets_it_when_it_comes() -> None:
    microphone = Microphone()
    waiting = asyncio.create_task(microphone.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    microphone.receive(b"ab")
    assert await waiting == b"ab"


async def test_a_wait_that_was_cancelled_loses_nothing() -> None:
    microphone = Microphone()
    waiting = asyncio.create_task(microphone.next())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    microphone.receive(b"ab")
    assert await microphone.next() == b"ab"


@given(st.lists(st.integers(1, 1600).map(lambda samples: bytes(2 * samples)), max_size=200))
def test_what_waits_is_never_older_than_two_seconds(pieces: list[bytes]) -> None:
    async def play() -> None:
        microphone = Microphone()
        for piece in pieces:
            microphone.receive(piece)
        arrived = seconds(b"".join(pieces), INPUT_RATE)
        kept: list[bytes] = []
        while seconds(b"".join(kept), INPUT_RATE) < arrived - microphone.dropped - 1e-9:
            kept.append(await microphone.next())
        assert kept == pieces[len(pieces) - len(kept) :]  # the newest
        assert seconds(b"".join(kept), INPUT_RATE) <= 2.0 + 1e-9
        assert (microphone.dropped > 0) == (arrived > 2.0 + 1e-9)

    asyncio.run(play())


# --- the gate --------------------------------------------------------------------------------

# When, whether the model is heard → whether the microphone is on.
MOMENTS = [
    (0.0, False, True),
    (1.0, True, False),
    (1.5, True, False),
    (1.6, False, False),  # the echo
    (1.79, False, False),
    (1.8, False, True),
    (9.0, False, True),
    (9.1, True, False),
]


def test_the_microphone_is_off_while_the_model_is_heard_and_a_moment_longer() -> None:
    gate = HalfDuplex(tail=0.3)
    assert [gate.is_on(now, is_playing=playing) for now, playing, _ in MOMENTS] == [
        is_on for *_, is_on in MOMENTS
    ]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40))
def test_the_model_never_hears_itself(steps: list[tuple[float, bool]]) -> None:
    gate, now = HalfDuplex(), 0.0
    for wait, is_playing in steps:
        now += wait
        assert not (gate.is_on(now, is_playing=is_playing) and is_playing)


# --- the meter -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loudness", "shown"),
    [
        (0.0, "[....................]"),
        (0.0001, "[....................]"),
        (0.001, "[....................]"),
        (0.0316228, "[##########..........]"),
        (1.0, "[####################]"),
        (1.1, "[####################]"),
    ],
)
def test_the_meter_goes_by_decibels(loudness: float, shown: str) -> None:
    assert bar(loudness, unicode=False) == shown
    assert len(bar(loudness, unicode=True)) == len(shown)


class Screen(io.StringIO):
    """A terminal that keeps what was written."""

    def isatty(self) -> bool:
        return True


def test_the_meter_is_drawn_ten_times_a_second_and_wiped_away() -> None:
    screen = Screen()
    meter = Meter(Printer(screen, {"NO_COLOR": "1"}))
    for now in (0.0, 0.05, 0.1, 0.15):
        meter.show(now, 1.0)
    assert screen.getvalue().count("\r[") == 2
    meter.hide()
    meter.hide()
    assert screen.getvalue().endswith(f"]\r{' ' * 22}\r")
    assert screen.getvalue().count("\r ") == 1


def test_without_a_terminal_there_is_no_meter() -> None:
    page = io.StringIO()
    meter = Meter(Printer(page, {}))
    meter.show(0.0, 1.0)
    meter.hide()
    assert page.getvalue() == ""


WRITINGS: list[Callable[[MeteredForm], None]] = [
    lambda form: form.show(0.0, Text("Hi", Part(text="Hi"))),
    lambda form: form.new_line(),
    lambda form: form.break_off(),
    lambda form: form.show_end(LiveOutcome()),
]


@pytest.mark.parametrize("write", WRITINGS)
def test_the_meter_makes_room_for_an_answer(write: Callable[[MeteredForm], None]) -> None:
    screen = Screen()
    meter = Meter(Printer(screen, {"NO_COLOR": "1"}))
    form = MeteredForm(LiveText(Printer(screen, {"NO_COLOR": "1"})), meter)
    meter.show(0.0, 0.5)
    write(form)
    assert screen.getvalue().endswith((f"\r{' ' * 22}\r", f"\r{' ' * 22}\rHi"))


# --- the card --------------------------------------------------------------------------------


def test_without_sound_card_library_or_card_the_way_out_is_named() -> None:
    said = _what_is_missing()
    result = gemstream("live", "--emulate", "--mic")
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def _what_is_missing() -> str:
    try:
        card = importlib.import_module("sounddevice")
    except ImportError:
        return "error: --mic needs sounddevice: pip install 'gemstream[audio]'\n"
    except OSError:
        return "error: PortAudio is not installed, which sounddevice needs; on Debian and Ubuntu: "
    if any(device["max_input_channels"] for device in card.query_devices()):
        pytest.skip("this machine has a microphone, which would listen")
    return "error: the sound card cannot be used: "
