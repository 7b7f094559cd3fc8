"""What a script does in Live sessions: answers, farewells, closes, on the emulator's clock."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from emulator.live.live_client import MODEL, PATH, TEXT, live, said
from gemstream.emulator import (
    Chunk,
    Clock,
    Close,
    Cut,
    Emulator,
    GoAway,
    Html,
    Pause,
    Rule,
    Script,
    Stall,
    Step,
    WaitForAck,
    serving,
)
from gemstream.emulator.scripts.fault_list import live_fault_list
from gemstream.errors import ConfigError

SETUP, CONNECTION = "bidiGenerateContent/setup", "bidiGenerateContent/connection"
DEADLINE = "Deadline expired before operation could complete."


def befalling(*steps: Step, method: str = CONNECTION, **options: object) -> Emulator:
    return Emulator(Script([Rule(method=method, steps=steps)]), **options)  # type: ignore[arg-type]


async def test_scripted_words_in_writing_and_aloud() -> None:
    emulator = Emulator(Script([Rule(prompt="weather", steps=["It is ", Chunk("sunny")])]))
    async with serving(emulator) as url:
        async with live(url) as client:
            await client.setup(**TEXT)
            await client.ask("The weather?")
            first, second, *_ = await client.turn()
            assert (said([first]), said([second])) == ("It is ", "sunny")
            await client.ask("Thanks")
            assert said(await client.turn()) == "You said: Thanks"
        async with live(url) as client:
            await client.setup(outputAudioTranscription={})
            await client.ask("The weather?")
            heard = [
                one["serverContent"]["outputTranscription"]["text"]
                for one in await client.turn()
                if "outputTranscription" in one["serverContent"]
            ]
    assert heard == ["It is ", "sunny"]


async def test_each_word_crosses_before_the_next() -> None:
    emulator = Emulator(Script([Rule(steps=["One", WaitForAck(), "two"])]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Count")
        assert said([await client.next()]) == "One"
        emulator.ack()
        assert said(await client.turn()) == "two"


async def test_a_scripted_call_is_continued_by_the_result() -> None:
    part = {"functionCall": {"name": "f", "args": {}}}
    table = {"candidates": [{"content": {"role": "model", "parts": [part]}}]}
    emulator = Emulator(Script([Rule(request=1, steps=[Chunk(table)])]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Go")
        (*_, message) = await client.until("toolCall")
        (call,) = message["toolCall"]["functionCalls"]
        response = {"id": call["id"], "name": "f", "response": {"error": "broken"}}
        await client.send(toolResponse={"functionResponses": [response]})
        assert said(await client.turn()) == "The function f failed: broken."


# The table of how Google ends connections: what the steps of each row look like to a client.
ENDS: dict[str, tuple[tuple[Step, ...], str | None, int, str]] = {
    "farewell, then the deadline": (
        (Pause(540), GoAway(time_left=50), Pause(50), Close(code=1011, reason=DEADLINE)),
        "50s",
        1011,
        DEADLINE,
    ),
    "58 minutes": (
        (Pause(3480), Close(code=1011, reason=DEADLINE)),
        None,
        1011,
        DEADLINE,
    ),
    "farewell that the client did not obey": (
        (GoAway(time_left=60), Pause(60), Close(code=1008, reason="client failed to close")),
        "60s",
        1008,
        "client failed to close",
    ),
    "unavailable": (
        (Close(code=1011, reason="The service is currently unavailable."),),
        None,
        1011,
        "The service is currently unavailable.",
    ),
    "a cap at 150 s": ((Pause(150), Close(code=1008)), None, 1008, ""),
    "no close frame": ((Pause(1), Cut()), None, 1006, ""),
}


@pytest.mark.parametrize("row", ENDS)
async def test_how_connections_end(row: str, caplog: pytest.LogCaptureFixture) -> None:
    steps, time_left, code, reason = ENDS[row]
    emulator = befalling(*steps, clock=Clock(scale=0))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        for step in steps:
            if isinstance(step, Pause):
                # A turn in between: the connection's script has come as far as its pause.
                await client.ask("Still there?")
                assert said(await client.turn()) == "You said: Still there?"
                emulator.advance(step.seconds)
            elif isinstance(step, GoAway):
                assert await client.next() == {"goAway": {"timeLeft": time_left}}
        assert await client.closed() == (code, reason)
    await emulator.idle()
    assert emulator.journal[-1].status == code
    assert caplog.records == []


async def test_a_farewell_in_a_turn_does_not_end_it() -> None:
    emulator = Emulator(Script([Rule(steps=[GoAway(time_left=0.5)])]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Hi")
        first, *rest = await client.turn()
    assert first == {"goAway": {"timeLeft": "0.5s"}}
    assert said(rest) == "You said: Hi"


async def test_a_connection_ends_in_the_middle_of_a_turn() -> None:
    emulator = Emulator(Script([Rule(steps=["Half a", Close(code=1011, reason="gone")])]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Hi")
        assert said([await client.next()]) == "Half a"
        assert await client.closed() == (1011, "gone")


async def test_a_setup_that_is_refused_the_first_time() -> None:
    refusal = Close(code=1007, reason="Request contains an invalid argument.")
    emulator = Emulator(Script([Rule(method=SETUP, request=1, steps=[refusal])]))
    async with serving(emulator) as url:
        async with live(url) as client:
            await client.send(setup={"model": MODEL})
            assert await client.closed() == (1007, "Request contains an invalid argument.")
        async with live(url) as client:
            assert await client.setup() == {"setupComplete": {}}


async def test_a_setup_that_is_never_answered() -> None:
    emulator = befalling(Stall(), method=SETUP)
    async with serving(emulator) as url:
        async with live(url) as client:
            await client.send(setup={"model": MODEL})
            # The close is answered, and nothing came before it.
            await client.socket.close()
            assert client.socket.close_code == 1000
        await emulator.idle()
    (entry,) = emulator.journal
    assert entry.status == 1000


async def test_a_step_that_sessions_do_not_have_is_told() -> None:
    async with serving(befalling(Html(), method="bidi*Content")) as url, live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Hi")
        closed = await client.closed()
    assert closed == (1011, "the script's step Html cannot be played here in a Live session")


@pytest.mark.parametrize("step", [GoAway(), Close()])
async def test_a_step_of_sessions_is_told_to_requests(step: Step) -> None:
    emulator = Emulator(Script([Rule(steps=[step])]))
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    body = {"contents": [{"parts": [{"text": "Hi"}]}]}
    async with (
        serving(emulator) as url,
        aiohttp.ClientSession(headers={"x-goog-api-key": "k"}) as session,
        session.post(url + path, json=body) as response,
    ):
        assert response.status == 400
        assert "is for Live sessions only" in await response.text()


def test_a_script_file_has_them() -> None:
    script = Script.decode(
        b"""
        [[rule]]
        match = { method = "bidiGenerateContent/connection" }
        [[rule.step]]
        fault = { kind = "go_away", time_left = 50 }
        [[rule.step]]
        fault = { kind = "close", code = 1008, reason = "policy" }
        """
    )
    assert list(script.rules[0].steps) == [GoAway(time_left=50), Close(code=1008, reason="policy")]


def test_they_are_listed() -> None:
    listed = {entry.kind: [field.name for field in entry.fields] for entry in live_fault_list()}
    assert listed == {
        "go_away": ["time_left"],
        "close": ["code", "reason"],
        "lifetime": ["seconds", "farewell", "code", "reason"],
        "half_frame": ["bytes"],
    }


@pytest.mark.parametrize("fields", [{"code": 1006}, {"code": 999}, {"reason": "x" * 124}])
def test_a_close_that_cannot_be_sent_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Close(**fields)  # type: ignore[arg-type]


async def test_words_keep_the_pace() -> None:
    emulator = Emulator(rate=0.05, clock=Clock(scale=1000, start=0))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        asked_at = emulator.clock.now()
        await client.ask("Hi")
        assert said(await client.turn()) == "You said: Hi"
        # Three tokens at 20 s each; the turn's entry is made at its end.
        assert emulator.journal[0].at - asked_at > 59


async def test_recordings_hold_no_sessions(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text('{"candidates": []}')
    async with serving(Emulator(replay=[body])) as url:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with live(url, PATH):
                pass
