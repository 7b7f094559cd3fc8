"""Starts and ends of speech in sound: a table, and the same whatever way it is sliced."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.live.sound import faint, loud, pcm, quiet
from gemstream.emulator.live.hearing import Activity, Detector, Thresholds
from gemstream.emulator.live.speech import RATE, spoken
from gemstream.wire.codec import from_plain
from gemstream.wire.live.setup import AutomaticActivityDetection

Heard = list[tuple[str, float]]
START, END = "ACTIVITY_START", "ACTIVITY_END"
HIGH = ("START_SENSITIVITY_HIGH", "END_SENSITIVITY_HIGH")
LOW = ("START_SENSITIVITY_LOW", "END_SENSITIVITY_LOW")


def thresholds(**plain: object) -> Thresholds:
    return Thresholds.of(from_plain(plain, AutomaticActivityDetection))


def told(activities: list[Activity]) -> Heard:
    return [(one.type.value, round(one.offset, 3)) for one in activities]


# What is set up, what is heard, what it means.
CASES: dict[str, tuple[dict[str, object], bytes, Heard]] = {
    "nothing": ({}, b"", []),
    "silence": ({}, quiet(2000), []),
    "a click": ({}, quiet(100) + loud(90) + quiet(1000), []),
    "just long enough": ({}, quiet(100) + loud(100), [(START, 0.1)]),
    "a word": ({}, quiet(200) + loud(300) + quiet(600), [(START, 0.2), (END, 0.5)]),
    "a word and not yet silence": ({}, loud(300) + quiet(490), [(START, 0.0)]),
    "two words of one sentence": (
        {},
        loud(300) + quiet(400) + loud(50) + quiet(600),
        [(START, 0.0), (END, 0.75)],
    ),
    "two sentences": (
        {},
        loud(300) + quiet(600) + loud(300) + quiet(600),
        [(START, 0.0), (END, 0.3), (START, 0.9), (END, 1.2)],
    ),
    "two clicks are no word": ({}, loud(90) + quiet(10) + loud(90) + quiet(600), []),
    "a longer silence is asked for": (
        {"silenceDurationMs": 700},
        loud(300) + quiet(600) + loud(100) + quiet(700),
        [(START, 0.0), (END, 1.0)],
    ),
    "every click counts": (
        {"prefixPaddingMs": 0, "silenceDurationMs": 0},
        loud(10) + quiet(10),
        [(START, 0.0), (END, 0.01)],
    ),
    "only long speech counts": ({"prefixPaddingMs": 400}, loud(390) + quiet(600), []),
    "from afar": ({"startOfSpeechSensitivity": HIGH[0]}, faint(300), [(START, 0.0)]),
    "from afar, too far": ({"startOfSpeechSensitivity": LOW[0]}, faint(300), []),
    "low: speech lasts longer": ({"startOfSpeechSensitivity": LOW[0]}, loud(190), []),
    "low: speech that does": ({"startOfSpeechSensitivity": LOW[0]}, loud(200), [(START, 0.0)]),
    "low: silence lasts longer": (
        {"endOfSpeechSensitivity": LOW[1]},
        loud(200) + quiet(990),
        [(START, 0.0)],
    ),
    "low: silence that does": (
        {"endOfSpeechSensitivity": LOW[1]},
        loud(200) + quiet(1000),
        [(START, 0.0), (END, 0.2)],
    ),
    "low: breath is still speech": (
        {"endOfSpeechSensitivity": LOW[1]},
        loud(200) + pcm(2000, 200),
        [(START, 0.0)],
    ),
    "high: breath is silence": ({}, loud(200) + pcm(500, 200), [(START, 0.0), (END, 0.2)]),
    "unspecified is high": (
        {"startOfSpeechSensitivity": "START_SENSITIVITY_UNSPECIFIED"},
        faint(100),
        [(START, 0.0)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_speech(case: str) -> None:
    asked, sound, expected = CASES[case]
    assert told(Detector(thresholds(**asked)).hear(sound, 16_000)) == expected


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_time_is_that_of_the_sound_at_any_rate(rate: int) -> None:
    sound = quiet(200, rate) + loud(300, rate) + quiet(600, rate)
    heard = Detector(thresholds()).hear(sound, rate)
    assert [(one.type, one.offset) for one in heard] == [
        (START, pytest.approx(0.2, abs=0.012)),
        (END, pytest.approx(0.5, abs=0.012)),
    ]


def test_the_built_in_voice_can_be_heard() -> None:
    sound = b"".join(spoken(word) for word in ["Why", "is", "the", "sky", "blue"])
    detector = Detector(thresholds(startOfSpeechSensitivity=LOW[0]))
    assert told(detector.hear(sound, RATE) + detector.end()) == [(START, 0.0), (END, 1.0)]


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        (loud(200), [(START, 0.0), (END, 0.2)]),
        (loud(200) + quiet(300), [(START, 0.0), (END, 0.2)]),
        (loud(205) + b"\0", [(START, 0.0), (END, 0.205)]),
        (loud(50), []),
        (b"", []),
    ],
)
def test_the_end_of_the_stream_ends_speech(sound: bytes, expected: Heard) -> None:
    detector = Detector(thresholds())
    assert told(detector.hear(sound, 16_000) + detector.end()) == expected
    assert not detector.is_speech
    # What comes later is further on in the same stream, and begins anew.
    assert told(detector.hear(loud(100), 16_000)) == [(START, round(detector.elapsed - 0.1, 3))]


def test_the_rate_may_change_in_the_middle_of_a_word() -> None:
    detector = Detector(thresholds())
    heard = detector.hear(loud(205), 16_000) + detector.hear(loud(100, 8_000) + b"\0", 8_000)
    heard += detector.hear(quiet(600, 48_000), 48_000)
    assert told(heard) == [(START, 0.0), (END, 0.305)]


_SOUNDS = st.lists(
    st.tuples(st.sampled_from([loud, faint, quiet]), st.integers(1, 70)), min_size=1, max_size=8
)


@settings(deadline=None)
@given(
    _SOUNDS,
    st.lists(st.integers(1, 5_000), min_size=1, max_size=20),
    st.sampled_from([8_000, 11_025, 16_000]),
    st.sampled_from([HIGH, LOW]),
)
def test_any_slicing_of_the_same_sound_gives_the_same_activities(
    sounds: list[tuple[object, int]], sizes: list[int], rate: int, sensitivity: tuple[str, str]
) -> None:
    sound = b"".join(make(20 * length, rate) for make, length in sounds)  # type: ignore[operator]
    limits = thresholds(
        startOfSpeechSensitivity=sensitivity[0], endOfSpeechSensitivity=sensitivity[1]
    )
    whole, sliced = Detector(limits), Detector(limits)
    expected = whole.hear(sound, rate) + whole.end()
    heard, place, turn = [], 0, 0
    while place < len(sound):
        size = sizes[turn % len(sizes)]
        heard += sliced.hear(sound[place : place + size], rate)
        place, turn = place + size, turn + 1
    assert heard + sliced.end() == expected
    # Starts and ends take turns, and time goes forward.
    assert [one.type for one in expected] == [(START, END)[at % 2] for at in range(len(expected))]
    assert [one.offset for one in expected] == sorted(one.offset for one in expected)
