"""The official SDK's chats, unmodified, against the emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.genai import errors, types

from emulator.official_sdk import FACES, Face, open_face
from gemstream.emulator import ErrorInStream, Rule, Script, Status, serving
from gemstream.testing.served import ListeningEmulator

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")


@pytest.fixture
def emulator() -> ListeningEmulator:
    return ListeningEmulator()


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, emulator: ListeningEmulator) -> AsyncIterator[Face]:
    async with serving(emulator) as url:
        face = open_face(request.param, url)
        yield face
        await face.aclose()


async def say(face: Face, way: str, chat: Any, message: str) -> str:
    """Send a message either way and return the text of its answer."""
    if way == "send":
        return str((await face.send(chat, message)).text)
    return "".join(chunk.text or "" for chunk in await face.send_streamed(chat, message))


def sent(emulator: ListeningEmulator) -> list[list[tuple[str, str]]]:
    """The turns of each request, as role and text."""
    return [
        [
            (turn["role"], "".join(part.get("text", "") for part in turn["parts"]))
            for turn in request.json["contents"]
        ]
        for request in emulator.requests
    ]


WAYS = ("send", "send_streamed")
ways = pytest.mark.parametrize("way", WAYS)


@ways
async def test_a_chat_remembers(face: Face, emulator: ListeningEmulator, way: str) -> None:
    chat = face.chat()
    assert await say(face, way, chat, "hello") == "You said: hello"
    assert await say(face, way, chat, "Count to 3") == "1, 2, 3"
    first, second = sent(emulator)
    assert first == [("user", "hello")]
    assert second[0] == ("user", "hello") and second[-1] == ("user", "Count to 3")
    assert "".join(text for role, text in second if role == "model") == "You said: hello"
    history = chat.get_history(curated=True)
    assert [turn.parts[0].text for turn in history if turn.role == "user"] == [
        "hello",
        "Count to 3",
    ]
    assert history == chat.get_history()


async def test_both_ways_go_together(face: Face, emulator: ListeningEmulator) -> None:
    chat = face.chat()
    for way in (*WAYS, *WAYS):
        assert await say(face, way, chat, "Count to 2") == "1, 2"
    assert [role for role, _ in sent(emulator)[-1]].count("user") == 4


async def test_it_begins_with_a_history(face: Face, emulator: ListeningEmulator) -> None:
    turns = [
        types.Content(role="user", parts=[types.Part(text="I am Ann.")]),
        types.Content(role="model", parts=[types.Part(text="Hello, Ann.")]),
    ]
    config = types.GenerateContentConfig(system_instruction="Be kind")
    chat = face.chat(history=turns, config=config)
    await face.send(chat, "Who am I?")
    (asked,) = emulator.requests
    assert asked.json["systemInstruction"]["parts"] == [{"text": "Be kind"}]
    assert sent(emulator) == [
        [("user", "I am Ann."), ("model", "Hello, Ann."), ("user", "Who am I?")]
    ]


@ways
async def test_a_failed_message_leaves_no_trace(
    face: Face, emulator: ListeningEmulator, way: str
) -> None:
    emulator.script = Script(
        [
            Rule(request=1, steps=[Status(code=503)]),
            Rule(request=2, method="streamGenerateContent", steps=["be", ErrorInStream(code=500)]),
            Rule(request=2, steps=[Status(code=500)]),
        ]
    )
    chat = face.chat()
    for _ in range(2):
        with pytest.raises(errors.ServerError):
            await say(face, way, chat, "lost")
    assert chat.get_history() == []
    assert await say(face, way, chat, "kept") == "You said: kept"
    assert sent(emulator)[-1] == [("user", "kept")]


@ways
async def test_a_blocked_prompt_is_kept_out_of_what_is_sent(
    face: Face, emulator: ListeningEmulator, way: str
) -> None:
    chat = face.chat()
    await getattr(face, way)(chat, "[blocked] no")
    assert chat.get_history(curated=True) == []
    assert await say(face, way, chat, "hello") == "You said: hello"
    assert sent(emulator)[-1] == [("user", "hello")]


@ways
async def test_functions_are_run(face: Face, emulator: ListeningEmulator, way: str) -> None:
    def add(first: int, second: int) -> int:
        """Add two numbers."""
        return first + second

    chat = face.chat(config=types.GenerateContentConfig(tools=[add]))
    assert await say(face, way, chat, "add 3 and 4") == "The function add returned 7."
    assert await say(face, way, chat, "add 5 and 6") == "The function add returned 11."
    responses = [
        part["functionResponse"]["response"]
        for turn in emulator.requests[-1].json["contents"]
        for part in turn["parts"]
        if "functionResponse" in part
    ]
    assert responses == [{"result": 7}, {"result": 11}]


async def test_the_sdk_forgets_a_turn_with_an_empty_chunk(
    face: Face, emulator: ListeningEmulator
) -> None:
    """A defect of the SDK (go-genai issue 795): such chunks are real, so they must be met here."""
    chat = face.chat()
    assert await say(face, "send_streamed", chat, "[last without parts] hello")
    assert chat.get_history(curated=True) == []
    await face.send(chat, "again")
    assert sent(emulator)[-1] == [("user", "again")]
