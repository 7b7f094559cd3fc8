"""What was said, in writing, for a session that knows nothing of it: each word once, in order."""

from __future__ import annotations

from gemstream.policy.live.server_event import InputTranscribed, Text
from gemstream.policy.live.transcript import MAX_TRANSCRIPT, Transcript
from gemstream.wire.content import Part
from gemstream.wire.live.client_message import ClientMessage
from gemstream.wire.media import Transcription
from support.live import by_client


def ask(text: str) -> ClientMessage:
    """A question in writing."""
    turns = [{"role": "user", "parts": [{"text": text}]}]
    return by_client(clientContent={"turns": turns, "turnComplete": True})


def answered(transcript: Transcript, text: str, waiting: int = 0) -> None:
    """Note an answer and its end."""
    transcript.receive(Text(text, Part(text=text)))
    transcript.finish_turn(waiting)


def told(transcript: Transcript) -> list[tuple[str | None, str]]:
    """The turns as role and text."""
    return [(turn.role, turn.parts[0].text or "") for turn in transcript.turns]


def test_turns_are_told_in_order() -> None:
    transcript = Transcript()
    transcript.receive_sent(ask("One"))
    answered(transcript, "1")
    transcript.receive(InputTranscribed("Tw", Transcription(text="Tw"), interim=True))
    transcript.receive(InputTranscribed("Two", Transcription(text="Two")))
    answered(transcript, "2")
    assert told(transcript) == [("user", "One"), ("model", "1"), ("user", "Two"), ("model", "2")]


def test_what_interrupts_an_answer_is_told_with_its_own() -> None:
    transcript = Transcript()
    transcript.receive_sent(ask("Tell me a story"))
    transcript.receive_sent(ask("Stop"))
    answered(transcript, "Once", waiting=1)
    assert told(transcript) == [("user", "Tell me a story"), ("model", "Once")]
    answered(transcript, "Well")
    assert told(transcript)[2:] == [("user", "Stop"), ("model", "Well")]


def test_a_turn_that_is_lost_is_not_told() -> None:
    transcript = Transcript()
    transcript.receive_sent(ask("One"))
    transcript.drop_turn()
    transcript.finish_turn()
    assert told(transcript) == []


def test_the_newest_turns_are_kept_and_the_user_begins() -> None:
    transcript = Transcript()
    for number in range(3):
        transcript.receive_sent(ask(f"{number}"))
        answered(transcript, "x" * (MAX_TRANSCRIPT // 2 - 1))
    assert [text for role, text in told(transcript) if role == "user"] == ["1", "2"]
