"""Sessions that hear and see, frame by frame: whose turn it is, what is understood and counted."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulator.live.live_client import TEXT, LiveClient, live, said
from emulator.live.sound import loud, quiet
from gemstream.emulator import Emulator, Hears, Pause, Rule, Script, WaitForAck, serving
from gemstream.errors import ConfigError

MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
SPEECH = "bidiGenerateContent/speech"
SENTENCE = quiet(200) + loud(1200) + quiet(500)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with serving(emulator) as url:
        yield url


async def say(client: LiveClient, sound: bytes, *, ms: int = 100, rate: int = 16_000) -> None:
    """Send ``sound`` in pieces of ``ms``."""
    size = 2 * rate * ms // 1000
    for place in range(0, len(sound), size):
        data = base64.b64encode(sound[place : place + size]).decode()
        blob = {"mimeType": f"audio/pcm;rate={rate}", "data": data}
        await client.send(realtimeInput={"audio": blob})


async def show(client: LiveClient, frames: int = 1) -> None:
    """Send pictures."""
    for _ in range(frames):
        await client.send(realtimeInput={"video": {"mimeType": "image/jpeg", "data": "AAE="}})


def prompt_tokens(messages: list[dict[str, Any]]) -> dict[str, int]:
    """The prompt of a turn by modality."""
    details = messages[-1]["usageMetadata"]["promptTokensDetails"]
    return {one["modality"]: one["tokenCount"] for one in details}


@pytest.mark.parametrize(("ms", "rate"), [(20, 16_000), (100, 16_000), (1_900, 16_000)])
async def test_the_end_of_speech_is_a_turn(url: str, ms: int, rate: int) -> None:
    async with live(url) as client:
        await client.setup(**TEXT, inputAudioTranscription={})
        await say(client, SENTENCE, ms=ms, rate=rate)
        messages = await client.turn()
    assert messages[:3] == [
        {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.2s"}},
        {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "1.4s"}},
        {
            "serverContent": {
                "inputTranscription": {"text": "1.2 seconds of speech", "finished": True}
            }
        },
    ]
    assert said(messages) == "You said: 1.2 seconds of speech"
    assert messages[-1]["serverContent"] == {"turnComplete": True, "interactionStatus": "IDLE"}
    assert prompt_tokens(messages) == {"AUDIO": 30}


async def test_a_telephone_is_heard_too_and_nothing_is_written_down_unasked(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT)
        await say(client, loud(400, 8_000) + quiet(500, 8_000), rate=8_000)
        messages = await client.turn()
    assert said(messages) == "You said: 0.4 seconds of speech"
    assert not [one for one in messages if "inputTranscription" in one.get("serverContent", {})]


async def test_the_pause_of_the_microphone_ends_speech(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT)
        await client.send(realtimeInput={"audioStreamEnd": True})  # ends nothing
        await say(client, loud(300))
        await client.send(realtimeInput={"audioStreamEnd": True})
        assert said(await client.turn()) == "You said: 0.3 seconds of speech"


async def test_the_history_counts_what_was_heard(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT, historyConfig={"initialHistoryInClientContent": True})
        old = [
            {"role": "user", "parts": [{"text": "Who are you?"}]},
            {"role": "model", "parts": [{"text": "A cook."}]},
        ]
        await client.send(clientContent={"turns": old, "turnComplete": True})
        await say(client, loud(1000) + quiet(500))
        first = await client.turn()
        assert prompt_tokens(first) == {"TEXT": 3 + 2, "AUDIO": 25}
        await client.ask("And now?")
        assert prompt_tokens(await client.turn()) == {"TEXT": 5 + 8 + 2, "AUDIO": 25}


async def test_a_script_says_what_is_heard_and_answers_it(url: str, emulator: Emulator) -> None:
    emulator.script = Script(
        [
            Rule(method=SPEECH, request=1, steps=[Hears("What is "), Hears("the weather?")]),
            Rule(method=SPEECH, prompt=r"^0\.3 ", steps=[Hears("Thanks")]),
            Rule(prompt="weather", steps=["It is sunny."]),
        ]
    )
    async with live(url) as client:
        await client.setup(**TEXT, inputAudioTranscription={})
        await say(client, loud(300) + quiet(500))
        messages = await client.turn()
        assert said(messages) == "It is sunny."
        heard = [
            one["serverContent"]["inputTranscription"]
            for one in messages
            if "inputTranscription" in one.get("serverContent", {})
        ]
        assert heard == [{"text": "What is "}, {"text": "the weather?", "finished": True}]
        await say(client, loud(300) + quiet(500))
        assert said(await client.turn()) == "You said: Thanks"


async def test_a_step_that_cannot_be_heard_is_told(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(method=SPEECH, steps=[Pause(1)])])
    async with live(url) as client:
        await client.setup(**TEXT)
        await say(client, loud(300) + quiet(500))
        closed = await client.closed()
    assert closed == (1011, "the script's step Pause cannot be heard; write Hears")


async def test_hearing_belongs_to_speech(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(steps=[Hears("What?")])])
    async with live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Hi")
        closed = await client.closed()
    assert closed == (1011, "the script's step Hears cannot be played here in a Live session")


def test_a_script_file_says_what_is_heard() -> None:
    rule = b'[[rule]]\nmatch = { method = "bidiGenerateContent/speech" }\n[[rule.step]]\nhears = '
    assert list(Script.decode(rule + b'"Hello"').rules[0].steps) == [Hears("Hello")]
    with pytest.raises(ConfigError, match=r"rule\[0\]\.step\[0\]\.hears should be text, not 5"):
        Script.decode(rule + b"5")


# --- whose turn it is ------------------------------------------------------------------------


async def test_speech_interrupts_the_model(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(request=1, steps=["Once", WaitForAck(), " upon a time"])])
    async with live(url) as client:
        await client.setup(**TEXT)
        await client.ask("A story")
        assert said([await client.next()]) == "Once"
        await say(client, loud(100))
        assert [list(one) for one in await client.turn()] == [
            ["voiceActivity"],
            ["serverContent"],
            ["serverContent", "usageMetadata"],
        ]
        assert client.frames[-2]["serverContent"] == {"interrupted": True}
        await say(client, quiet(500))
        assert said(await client.turn()) == "You said: 0.1 seconds of speech"


async def test_speech_waits_where_nothing_may_interrupt(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(request=1, steps=["Once", WaitForAck(), " upon a time"])])
    config = {"activityHandling": "NO_INTERRUPTION"}
    async with live(url) as client:
        await client.setup(**TEXT, realtimeInputConfig=config, inputAudioTranscription={})
        await client.ask("A story")
        await client.next()
        await say(client, loud(300) + quiet(500))
        await client.until("serverContent", "inputTranscription")
        emulator.ack()
        first = await client.turn()
        assert said(first) == " upon a time"
        assert first[-1]["serverContent"]["interactionStatus"] == "IN_PROGRESS"
        assert said(await client.turn()) == "You said: 0.3 seconds of speech"


async def test_the_client_says_when_the_user_speaks(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(request=1, steps=["Once", WaitForAck()])])
    async with live(url) as client:
        await client.setup(**TEXT, **MANUAL)
        await say(client, SENTENCE)  # before anybody speaks: no turn
        await client.ask("A story")
        assert said([await client.next()]) == "Once"
        await client.send(realtimeInput={"activityStart": {}})
        assert (await client.turn())[0] == {"serverContent": {"interrupted": True}}
        await say(client, quiet(100) + loud(500) + quiet(200))
        await client.send(realtimeInput={"activityEnd": {}})
        messages = await client.turn()
    assert said(messages) == "You said: 0.8 seconds of speech"
    assert prompt_tokens(messages)["AUDIO"] == 20
    assert not [one for one in client.frames if "voiceActivity" in one]


async def test_a_turn_that_was_left_open_waits_for_input(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT)
        await client.ask("First this", turn_complete=False)
        assert await client.next() == {"serverContent": {"waitingForInput": True}}
        await client.ask("then that")
        assert said(await client.turn()) == "You said: then that"


# --- what belongs to a turn ------------------------------------------------------------------

LOW = {"generationConfig": {**TEXT["generationConfig"], "mediaResolution": "MEDIA_RESOLUTION_LOW"}}
OLDER = "models/gemini-live-2.5-flash-native-audio"
ONLY, ALL, VIDEO = (
    {"realtimeInputConfig": {"turnCoverage": f"TURN_INCLUDES_{what}"}}
    for what in ("ONLY_ACTIVITY", "ALL_INPUT", "AUDIO_ACTIVITY_AND_ALL_VIDEO")
)
# Two pictures before 1 s of speech and one in it, between 0.2 s and 0.5 s of silence.
COVERS: dict[str, tuple[str, dict[str, Any], dict[str, int]]] = {
    "Gemini 3 by itself": ("models/gemini-3.8-live", TEXT, {"AUDIO": 25, "VIDEO": 3 * 258}),
    "older ones by themselves": (OLDER, TEXT, {"AUDIO": 25, "VIDEO": 258}),
    "coarse pictures": ("models/gemini-3.8-live", LOW, {"AUDIO": 25, "VIDEO": 3 * 64}),
    "activity": ("models/gemini-3.8-live", {**TEXT, **ONLY}, {"AUDIO": 25, "VIDEO": 258}),
    "all": (OLDER, {**TEXT, **ALL}, {"AUDIO": 43, "VIDEO": 3 * 258}),
    "all pictures": (OLDER, {**TEXT, **VIDEO}, {"AUDIO": 25, "VIDEO": 3 * 258}),
}


@pytest.mark.parametrize("case", COVERS)
async def test_a_turn_covers(url: str, case: str) -> None:
    model, setup, expected = COVERS[case]
    async with live(url) as client:
        await client.setup(model, **setup)
        await show(client, 2)
        await say(client, quiet(200) + loud(500))
        await show(client)
        await say(client, loud(500) + quiet(500))
        assert prompt_tokens(await client.turn()) == expected


async def test_pictures_alone_are_no_turn(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT)
        await show(client, 3)
        await client.ask("What do you see?")
        messages = await client.turn()
        assert said(messages) == "You said: What do you see?"
        assert prompt_tokens(messages) == {"TEXT": 4, "VIDEO": 3 * 258}
        await show(client)
        await client.send(realtimeInput={"text": "And now?"})
        tokens = prompt_tokens(await client.turn())
        assert tokens == {"TEXT": 4 + 7 + 2, "VIDEO": 4 * 258}


async def test_a_session_goes_on_with_what_was_heard(url: str) -> None:
    resumption: dict[str, Any] = {**TEXT, "sessionResumption": {}}
    async with live(url) as client:
        await client.setup(**resumption)
        await say(client, loud(1000) + quiet(500))
        await client.turn()
        handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    resumption["sessionResumption"] = {"handle": handle}
    async with live(url) as client:
        await client.setup(**resumption)
        await client.ask("Two")
        assert prompt_tokens(await client.turn()) == {"TEXT": 8 + 1, "AUDIO": 25}
