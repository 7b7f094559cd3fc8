"""What a turn took: which question it is measured from, and what a break leaves of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.live.turn_record import TurnRecord, TurnRecorder, is_question
from gemstream.wire.live.client_message import ClientMessage
from gemstream.wire.usage import UsageMetadata
from support.live import ASK, SETUP, audio_in, by_client, response

# a: a question, o: the first output, i: an interruption, e: the end, l: a loss of all,
# k: a loss after which what was asked is asked again. Each step takes a second.
STEPS: dict[str, Callable[[TurnRecorder, float], TurnRecord | None]] = {
    "a": lambda recorder, now: recorder.ask(now),
    "o": lambda recorder, now: recorder.begin_output(now),
    "i": lambda recorder, now: recorder.interrupt(),
    "e": lambda recorder, now: recorder.end(now),
    "l": lambda recorder, now: recorder.break_off(now, is_lost=True),
    "k": lambda recorder, now: recorder.break_off(now, is_lost=False),
}


def records(steps: str) -> list[TurnRecord]:
    recorder = TurnRecorder()
    taken = [STEPS[step](recorder, float(at)) for at, step in enumerate(steps)]
    return [record for record in taken if record is not None]


# Steps → seconds, seconds to the first output, interrupted, of each turn.
TURNS: dict[str, list[tuple[float, float | None, bool]]] = {
    "aoe": [(2, 1, False)],
    "aaoe": [(2, 1, False)],  # the last question counts
    "oe": [(1, None, False)],  # spoken: nobody here knows when it was asked
    "aoaieoe": [(4, 1, True), (4, 3, False)],  # the second question cut the first answer short
    "aaieoe": [(3, None, True), (4, 3, False)],  # and before it began
    "aoeae": [(2, 1, False), (1, None, False)],  # a turn in which nothing was said
    "e": [(0, None, False)],
    "aol": [(2, 1, False)],
    "al": [(1, None, False)],
    "l": [],
    "aloe": [(1, None, False), (1, None, False)],  # what was lost is no question of the next
    "akoe": [(3, 2, False)],  # asked again, it is the same question
    "aoak": [(3, 1, False)],
    "aoakoe": [(3, 1, False), (3, 2, False)],
}


@pytest.mark.parametrize("steps", TURNS)
def test_a_turn_is_measured_from_its_last_question(steps: str) -> None:
    told = [(one.seconds, one.first_output_seconds, one.interrupted) for one in records(steps)]
    assert told == TURNS[steps]


def test_calls_and_counts_are_those_of_their_turn() -> None:
    recorder = TurnRecorder()
    recorder.begin_output(0.0)
    recorder.call(2)
    recorder.call(1)
    recorder.use(UsageMetadata(total_token_count=3))
    recorder.use(UsageMetadata(total_token_count=5))
    record = recorder.end(1.0)
    assert (record.tool_calls, record.usage) == (3, UsageMetadata(total_token_count=5))
    assert recorder.end(2.0) == TurnRecord()


@given(st.text(st.sampled_from("aoiekl")))
def test_no_order_of_steps_makes_a_turn_that_never_was(steps: str) -> None:
    told = records(steps)
    for record in told:
        assert 0 <= record.seconds <= len(steps)
        assert record.first_output_seconds is None or record.first_output_seconds <= record.seconds
    assert sum(record.asked for record in told) <= steps.count("a")
    assert len(told) >= steps.count("e")


def test_an_endless_asker_fills_no_memory() -> None:
    recorder = TurnRecorder()
    for at in range(10_000):
        recorder.ask(float(at))
    recorder.begin_output(10_000.0)
    assert recorder.end(10_001.0).first_output_seconds == 1.0


QUESTIONS: list[tuple[ClientMessage, bool]] = [
    (ASK, True),
    (by_client(clientContent={"turns": [{"parts": [{"text": "Hi"}]}]}), False),
    (by_client(realtimeInput={"text": "Hi"}), True),
    (by_client(realtimeInput={"activityEnd": {}}), True),
    (by_client(realtimeInput={"activityStart": {}}), False),
    (by_client(realtimeInput={"audioStreamEnd": True}), False),
    (audio_in(), False),
    (response("c1"), False),
    (SETUP, False),
]


@pytest.mark.parametrize(("message", "is_one"), QUESTIONS)
def test_a_question_is_what_the_model_answers_next(message: ClientMessage, is_one: bool) -> None:
    assert is_question(message) is is_one
