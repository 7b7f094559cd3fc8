"""What is kept for another connection: within its bounds, never twice, and nothing lost unsaid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.live.resumption import (
    HANDLE_LIFE,
    MAX_AUDIO_AGE,
    MAX_KEPT_AUDIO,
    MAX_KEPT_SIZE,
    Replay,
    Resumption,
)
from gemstream.policy.live.server_event import ResumptionUpdated
from gemstream.wire.live.client_message import ClientMessage
from support.live import ASK, SETUP, audio_in, by_client, response
from support.strategies import calm

_SECOND = audio_in(bytes(32_000))  # of PCM of 16 bits at 16 kHz
_VIDEO = by_client(realtimeInput={"video": {"mimeType": "image/jpeg", "data": "AAE="}})
_MARK = by_client(realtimeInput={"activityStart": {}})
_WORDS = by_client(realtimeInput={"text": "Hi"})
_CHUNK = by_client(realtimeInput={"mediaChunks": [{"mimeType": "audio/pcm", "data": "AAE="}]})


def handle(index: int | None = None, name: str = "h") -> ResumptionUpdated:
    """A handle that can be resumed."""
    return ResumptionUpdated(name, True, index)


def sent(*messages: ClientMessage, transparent: bool = False, at: float = 0.0) -> Resumption:
    """A session in which these messages were sent at one moment."""
    resumption = Resumption(transparent=transparent)
    for message in messages:
        resumption.receive_sent(message, 100, at)
    return resumption


def told(replay: Replay) -> tuple[list[int], list[int], list[int], int]:
    """The indices of each kind."""
    kinds = (replay.again, replay.doubtful, replay.stale)
    again, doubtful, stale = ([kept.index for kept in kind] for kind in kinds)
    return again, doubtful, stale, replay.forgotten


def test_what_was_sent_after_the_handle_came_goes_out_again_in_order() -> None:
    resumption = sent()
    resumption.receive_update(handle())
    for message in (ASK, _SECOND, ASK):
        resumption.receive_sent(message, 100, 5.0)
    replay = resumption.replay(5.5)
    assert [kept.message for kept in replay.again] == [ASK, _SECOND, ASK]
    assert (replay.may_be_lost, resumption.handle) == (0, "h")
    # Asked once: what is sent again is kept anew, with its age.
    assert resumption.replay(5.5) == Replay([], [], [])
    for kept in replay.again:
        resumption.receive_sent(kept.message, kept.size, kept.at)
    assert told(resumption.replay(5.0 + MAX_AUDIO_AGE + 0.1)) == ([1, 3], [], [2], 0)


def test_a_setup_is_no_message_of_the_conversation() -> None:
    assert told(sent(SETUP, ASK).replay(0.0)) == ([1], [], [], 0)


def test_an_index_tells_what_is_covered() -> None:
    resumption = sent(ASK, ASK, ASK, transparent=True)
    resumption.receive_update(handle(2))
    assert told(resumption.replay(0.0)) == ([3], [], [], 0)


def test_a_zero_index_is_left_out_on_the_wire_and_covers_nothing() -> None:
    resumption = sent(ASK, transparent=True)
    resumption.receive_update(handle(None))
    assert told(resumption.replay(0.0)) == ([1], [], [], 0)


def test_an_index_beyond_what_was_sent_covers_what_was_sent() -> None:
    resumption = sent(ASK, transparent=True)
    resumption.receive_update(handle(99))
    resumption.receive_sent(ASK, 100, 0.0)
    assert told(resumption.replay(0.0)) == ([2], [], [], 0)


def test_an_older_index_uncovers_nothing() -> None:
    resumption = sent(ASK, ASK, transparent=True)
    for index in (2, 1):
        resumption.receive_update(handle(index))
    assert told(resumption.replay(0.0)) == ([], [], [], 0)


def test_without_an_index_speech_on_its_way_is_doubtful_and_never_repeated() -> None:
    resumption = sent(ASK)
    resumption.receive_turn_end()
    resumption.receive_sent(_VIDEO, 100, 0.0)
    resumption.receive_update(handle())
    resumption.receive_sent(_VIDEO, 100, 0.0)
    assert told(resumption.replay(0.0)) == ([3], [2], [], 0)


def test_words_that_were_on_their_way_and_not_answered_go_out_again() -> None:
    resumption = sent(ASK, _WORDS)
    resumption.receive_update(handle())
    assert told(resumption.replay(0.0)) == ([1, 2], [], [], 0)


def test_an_answered_turn_that_no_handle_covers_is_told_and_not_asked_again() -> None:
    for transparent in (True, False):
        resumption = sent(ASK, transparent=transparent)
        resumption.receive_turn_end()
        replay = resumption.replay(0.0)
        assert told(replay) == ([], [1], [], 0)
        assert replay.may_be_lost == 1


def test_an_update_that_cannot_be_resumed_changes_nothing() -> None:
    resumption = sent(_VIDEO)
    resumption.receive_update(handle())
    resumption.receive_sent(ASK, 100, 0.0)
    resumption.receive_update(ResumptionUpdated("", False))
    assert resumption.handle == "h"
    assert told(resumption.replay(0.0)) == ([2], [1], [], 0)


def test_speech_older_than_two_seconds_is_never_repeated() -> None:
    resumption = sent(_SECOND, _VIDEO, _CHUNK, ASK)
    assert told(resumption.replay(MAX_AUDIO_AGE)) == ([1, 2, 3, 4], [], [], 0)
    resumption = sent(_SECOND, _VIDEO, _CHUNK, ASK, _MARK, _WORDS)
    assert told(resumption.replay(MAX_AUDIO_AGE + 0.01)) == ([4, 6], [], [1, 2, 3, 5], 0)


def test_a_tool_s_answer_is_never_repeated_for_its_call_is_gone() -> None:
    for transparent in (True, False):
        resumption = sent(ASK, response("1"), transparent=transparent)
        assert told(resumption.replay(0.0)) == ([1], [2], [], 0)


def test_many_small_messages_are_bounded_too() -> None:
    resumption = sent(*[_MARK] * 5000)
    assert resumption.kept_size == MAX_KEPT_SIZE
    assert told(resumption.replay(0.0))[3] == 5000 - MAX_KEPT_SIZE // 1024


def test_no_more_than_ten_seconds_of_speech_are_kept() -> None:
    resumption = sent(*[_SECOND] * 13)
    assert resumption.kept_audio == MAX_KEPT_AUDIO
    replay = resumption.replay(0.0)
    assert told(replay) == (list(range(4, 14)), [], [], 3)
    assert replay.may_be_lost == 3


def test_speech_is_measured_by_the_rate_of_its_type() -> None:
    for mime_type, seconds in (
        ("audio/pcm", 1.0),
        ("audio/pcm;rate=8000", 2.0),
        ("audio/pcm;rate=32000", 0.5),
        ("audio/ogg", 0.0),
    ):
        assert sent(audio_in(bytes(32_000), mime_type)).kept_audio == seconds


def test_no_more_than_4_mib_are_kept() -> None:
    resumption = Resumption()
    for _ in range(5):
        resumption.receive_sent(ASK, MAX_KEPT_SIZE // 4, 0.0)
    assert resumption.kept_size == MAX_KEPT_SIZE
    assert told(resumption.replay(0.0)) == ([2, 3, 4, 5], [], [], 1)


def test_what_was_dropped_and_then_covered_is_not_lost() -> None:
    resumption = sent(*[_SECOND] * 13, transparent=True)
    resumption.receive_update(handle(2))
    assert told(resumption.replay(0.0))[3] == 1
    resumption = sent(*[_SECOND] * 13)
    resumption.receive_turn_end()
    resumption.receive_update(handle())
    assert told(resumption.replay(0.0)) == ([], [], [], 0)


def test_a_handle_that_is_given_up_is_gone_and_the_messages_stay() -> None:
    resumption = sent(_VIDEO)
    resumption.receive_update(handle())
    resumption.receive_sent(ASK, 100, 0.0)
    resumption.give_up_handle()
    assert resumption.handle is None
    assert told(resumption.replay(0.0)) == ([2], [1], [], 0)


def test_what_was_answered_in_part_is_never_repeated() -> None:
    resumption = sent(ASK)
    resumption.receive_output()
    resumption.receive_sent(audio_in(), 100, 0.0)
    assert told(resumption.replay(0.0)) == ([2], [1], [], 0)


def test_speech_is_not_kept_beyond_its_moment() -> None:
    resumption = sent(*[_SECOND] * 3)
    resumption.receive_sent(_SECOND, 100, MAX_AUDIO_AGE + 0.1)
    assert resumption.kept_audio == 1.0
    assert told(resumption.replay(MAX_AUDIO_AGE + 0.1)) == ([4], [], [], 3)


def test_our_own_messages_count_and_are_not_told_of() -> None:
    resumption = Resumption(transparent=True)
    resumption.receive_sent(ASK, 100, 0.0, is_ours=True)
    resumption.receive_sent(ASK, 100, 0.0)
    assert told(resumption.replay(0.0)) == ([2], [], [], 0)


def test_another_connection_would_know_all_that_was_answered_or_not() -> None:
    resumption = Resumption()
    assert resumption.is_current  # nothing was said
    resumption.receive_sent(ASK, 100, 0.0)
    assert not resumption.is_current
    resumption.receive_turn_end()
    resumption.receive_update(handle())
    assert resumption.is_current
    resumption.receive_sent(ASK, 100, 0.0)
    resumption.receive_turn_end()
    assert not resumption.is_current  # the handle that knows this turn is still to come
    resumption.receive_update(handle())
    assert resumption.is_current


def test_a_handle_lives_two_hours_after_the_connection_and_no_longer() -> None:
    resumption = Resumption("saved")
    assert resumption.handle_at(1e9) == "saved"
    resumption.receive_loss(100.0)
    resumption.receive_loss(200.0)  # an attempt that failed does not prolong it
    assert resumption.handle_at(100.0 + HANDLE_LIFE - 1) == "saved"
    assert resumption.handle_at(100.0 + HANDLE_LIFE) is None
    resumption.replay(0.0)
    assert resumption.handle_at(1e9) == "saved"


_HISTORY = by_client(clientContent={"turns": [{"role": "user", "parts": [{"text": "By the way"}]}]})
_SPEECH_ENDS = by_client(realtimeInput={"activityEnd": {}})


@pytest.mark.parametrize("second", [ASK, _WORDS, _HISTORY, _SPEECH_ENDS])
def test_what_cuts_a_turn_short_is_not_answered_by_its_end(second: ClientMessage) -> None:
    resumption = sent(ASK)
    resumption.receive_output()
    resumption.receive_sent(second, 100, 0.0)
    waiting = resumption.receive_turn_end(owed=int(second is not _HISTORY))
    assert waiting == (second is not _SPEECH_ENDS)  # the end of speech is not in writing
    resumption.receive_update(handle())
    again, doubtful, stale, forgotten = told(resumption.replay(0.0))
    assert sorted(again + doubtful) == [2]
    assert (stale, forgotten) == ([], 0)


_STEPS = st.lists(
    st.one_of(
        st.sampled_from(["ask", "speak", "show", "turn end"]),
        st.tuples(st.just("handle"), st.integers(0, 30)),
    ),
    max_size=40,
)


@calm
@given(steps=_STEPS, transparent=st.booleans(), age=st.floats(0, 5))
def test_every_message_is_covered_repeated_or_told_of_exactly_once(
    steps: list[object], transparent: bool, age: float
) -> None:
    resumption = Resumption(transparent=transparent)
    messages = {"ask": ASK, "speak": _SECOND, "show": _VIDEO}
    count = covered = answered = 0
    asked: list[int] = []  # since the last turn ended; but for the first, perhaps not answered
    for step in steps:
        if isinstance(step, tuple):
            resumption.receive_update(handle(step[1]))
            covered = max(covered, min(step[1], count)) if transparent else answered
        elif step == "turn end":
            resumption.receive_turn_end()
            kept = [index for index in asked if index > count - len(resumption._kept)]
            answered = max(answered, kept[1] - 1 if len(kept) > 1 else count)
            asked = []
        else:
            resumption.receive_sent(messages[str(step)], 400_000, float(count))
            count += 1
            asked += [count] if step == "ask" else []
        assert resumption.kept_size <= MAX_KEPT_SIZE
        assert 0 <= resumption.kept_audio <= MAX_KEPT_AUDIO
    now = count - 1 + age
    replay = resumption.replay(now)
    again, doubtful, stale, forgotten = told(replay)
    seen = sorted(again + doubtful + stale)
    assert seen == list(range(covered + forgotten + 1, count + 1))
    assert again == sorted(again)
    assert all(index > answered for index in again)
    assert all(now - kept.at <= MAX_AUDIO_AGE for kept in replay.again if kept.is_realtime)
