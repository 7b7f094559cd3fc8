"""Speech in and out of a conversation: a file of it, and a microphone without a card."""

from __future__ import annotations

import asyncio
import io
import math
import os
import signal
import struct
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from cli.program import GUARD, Result, environment, gemstream, started
from cli.test_ask_live import line
from gemstream.audio import INPUT_RATE, PlaybackBuffer, chunks, read_wav, write_wav
from gemstream.cli.live_conversation import Conversation
from gemstream.cli.live_forms import LiveText
from gemstream.cli.live_microphone import Meter, Microphone, send_microphone
from gemstream.cli.live_voice import Loudspeaker
from gemstream.cli.terminal import Printer
from gemstream.emulator import Emulator
from gemstream.emulator.live.speech import spoken
from support.emulated import async_client

pytestmark = pytest.mark.skipif(
    find_spec("gemstream.emulator.live.hearing") is None, reason="the emulator does not hear yet"
)

ANSWER = "You said: 2.2 seconds of speech"


def tone(seconds: float, rate: int = INPUT_RATE) -> bytes:
    """A voice, to those who judge by loudness."""
    count = int(seconds * rate)
    wave = (round(12_000 * math.sin(math.tau * 440 * place / rate)) for place in range(count))
    return struct.pack(f"<{count}h", *wave)


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * INPUT_RATE))


def live(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return gemstream("live", "--emulate", *arguments, stdin=stdin)


# --- from a file -----------------------------------------------------------------------------


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """Two sentences, with a pause between them that a listener would take for an end."""
    file = tmp_path / "question.wav"
    sound = silence(0.1) + tone(0.6) + silence(1) + tone(0.4) + silence(0.1)
    write_wav(file, sound, INPUT_RATE)
    return file


def test_a_file_is_one_turn_and_its_answer_another(question: Path) -> None:
    answer = question.with_name("answer.wav")
    result = live("--audio-in", question, "--audio-out", answer, "--timing")
    assert (result.code, result.out) == (0, f"{ANSWER}\n")
    assert "note: heard: 2.2 seconds of speech\n" in result.err
    assert result.err.count("note: turn ") == 1
    words = ("You ", "said: ", "2.2 ", "seconds ", "of ", "speech")
    assert read_wav(answer).pcm == b"".join(map(spoken, words))


def test_lines_follow_the_file(question: Path) -> None:
    result = live("--audio-in", question, stdin=b"Count to 2\n")
    assert (result.code, result.out) == (0, f"{ANSWER}\n1, 2\n")


def test_silence_is_answered_too(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", silence(0.5), INPUT_RATE)
    result = live("--audio-in", tmp_path / "a.wav", "--jsonl")
    assert result.code == 0
    assert result.lines[-1]["turns"] == 1


def test_the_service_resamples(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(1.5, 44_100), 44_100)
    assert live("--audio-in", tmp_path / "a.wav").out == "You said: 1.5 seconds of speech\n"


# --- from a microphone -----------------------------------------------------------------------


async def test_a_voice_is_answered_aloud_and_the_answer_is_not_heard_again() -> None:
    page, notes = io.StringIO(), []
    answered = asyncio.Event()

    def note(text: str) -> None:
        notes.append(text)
        if text.startswith("turn 1:"):
            answered.set()

    playback, microphone = PlaybackBuffer(), Microphone()
    async with (
        async_client(Emulator()) as client,
        client.live(input_audio_transcription=True, output_audio_transcription=True) as session,
        asyncio.TaskGroup() as tasks,
    ):
        form = LiveText(Printer(page, {}))
        conversation = Conversation(
            session, form, voices=[Loudspeaker(playback)], note=note, is_timed=True
        )
        hearing = tasks.create_task(conversation.hear())
        meter = Meter(Printer(io.StringIO(), {}))
        sending = tasks.create_task(
            send_microphone(session, conversation, microphone, playback, meter)
        )
        for pcm in chunks(tone(0.8) + silence(0.7), INPUT_RATE, milliseconds=50):
            microphone.receive(pcm)
        await answered.wait()
        assert playback.queued == 1.2  # six words; nobody plays them here

        # The room is full of the model's voice.
        for pcm in chunks(tone(0.8) + silence(0.7), INPUT_RATE, milliseconds=50):
            microphone.receive(pcm)
        while microphone.queued:  # noqa: ASYNC110 - the sound goes out, and nothing tells so
            await asyncio.sleep(0)
        await conversation.say("Count to 2")
        sending.cancel()
        hearing.cancel()
    assert page.getvalue() == "You said: 0.8 seconds of speech\n1, 2\n"
    assert [text for text in notes if text.startswith("heard")] == ["heard: 0.8 seconds of speech"]
    assert microphone.dropped == 0.0


# --- from a card -----------------------------------------------------------------------------


def card(**more: str) -> dict[str, str]:
    """The environment of a machine whose sound card is one of paper."""
    paths = [str(Path(__file__).with_name("paper_card")), os.environ.get("PYTHONPATH", "")]
    return environment(PYTHONPATH=os.pathsep.join(filter(None, paths)), **more)


def test_a_person_and_a_model_talk_by_microphone_and_loudspeaker(tmp_path: Path) -> None:
    said, heard = tmp_path / "said", tmp_path / "heard"
    said.write_bytes(silence(0.2) + tone(0.8))
    heard.touch()
    env = card(GEMSTREAM_CARD_SAYS=str(said), GEMSTREAM_CARD_HEARD=str(heard))
    words = b"".join(map(spoken, ("You ", "said: ", "0.8 ", "seconds ", "of ", "speech")))
    with started("live", "--emulate", "--mic", env=env) as program:
        assert line(program.stdout) == "You said: 0.8 seconds of speech\n"
        guard = time.monotonic() + GUARD
        while not heard.read_bytes().rstrip(b"\0").endswith(words.rstrip(b"\0")[-2000:]):
            assert time.monotonic() < guard, "it was not all played"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=GUARD)
    assert (program.returncode, out) == (130, b"")
    assert b"note: the microphone is on, except while the model speaks" in err
    assert err.count(b"note: heard: 0.8 seconds of speech\n") == 1
    # Gaps of silence are the card's, where a word came later than the one before was played.
    assert _sounds(heard.read_bytes()) == _sounds(words)


def test_a_machine_without_a_card_says_where_to_look() -> None:
    result = gemstream("live", "--emulate", "--mic", env=card())
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[-1] == (
        "error: the sound card cannot be used: Error querying device -1; "
        "python -m sounddevice lists the devices there are"
    )


def _sounds(pcm: bytes) -> list[int]:
    return [sample for (sample,) in struct.iter_unpack("<h", pcm) if sample]
