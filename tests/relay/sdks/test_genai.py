"""The ``google-genai`` SDK streams and asks through the relay as it would of Google."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.genai import types
from pydantic import BaseModel

from gemstream.config.relay.options import KeyOptions
from relay.sdks.genai_sdk import GENAI_FACES, asked, genai_face, text_of
from support.picture import png
from support.relay_server import ACK, RelayServer, relay_server, said
from support.relayed import MODEL, RELAY_KEY
from support.sdk_face import Face

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

COUNTED = "1, 2, 3, 4, 5"
# It insists on the signatures of its own calls.
STRICT = "gemini-3.8-flash"


@pytest.fixture(params=GENAI_FACES)
async def face(request: pytest.FixtureRequest, house: RelayServer) -> AsyncIterator[Face]:
    async with genai_face(request.param, house) as face:
        yield face


async def _whole(face: Face, **given: Any) -> Any:
    return await face.call(lambda client: client.models.generate_content(**given))


async def _chunks(face: Face, seen: Any = None, **given: Any) -> list[Any]:
    return await face.read(lambda client: client.models.generate_content_stream(**given), seen)


async def test_a_whole_answer(face: Face) -> None:
    answer = await _whole(face, **asked())
    assert answer.text == COUNTED
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (4, 4)


@pytest.mark.parametrize("name", GENAI_FACES)
async def test_text_comes_as_it_is_said(name: str) -> None:
    """The next chunk is released only after the SDK gave the last to the program."""
    words = ("one ", "two ", "three")
    script = said(words[0], ACK, words[1], ACK, words[2])
    async with relay_server(script) as house, genai_face(name, house) as face:

        def seen(chunk: Any) -> None:
            if text_of(chunk) in words[:2]:
                house.ack()

        chunks = await _chunks(face, seen, **asked())
    assert [text for chunk in chunks if (text := text_of(chunk))] == list(words)


async def test_the_usage_of_a_stream(face: Face) -> None:
    chunks = await _chunks(face, **asked())
    assert text_of(*chunks) == COUNTED
    assert chunks[-1].usage_metadata.total_token_count == 8
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP


async def test_several_candidates(face: Face) -> None:
    answer = await _whole(face, **asked(candidate_count=2))
    texts = [candidate.content.parts[0].text for candidate in answer.candidates]
    assert texts == [COUNTED, f"Answer 2: {COUNTED}"]


async def test_stop_sequences_and_system_prompts(face: Face, house: RelayServer) -> None:
    answer = await _whole(face, **asked(stop_sequences=["4"], system_instruction="Be terse"))
    assert answer.text == "1, 2, 3, "
    sent = house.emulator.requests[-1].json
    assert sent["systemInstruction"]["parts"] == [{"text": "Be terse"}]


async def test_a_picture_goes_in(face: Face) -> None:
    part = types.Part.from_bytes(data=png(7, 3), mime_type="image/png")
    answer = await _whole(face, **asked([part, "What is it?"]))
    assert answer.text.startswith("You sent a PNG image of 7 x 3 pixels.")


async def test_a_picture_comes_out(face: Face) -> None:
    given = asked("Draw a dot", response_modalities=["TEXT", "IMAGE"])
    whole = await _whole(face, **given)
    chunks = await _chunks(face, **given)
    for answers in ([whole], chunks):
        data = [
            part.inline_data.data
            for one in answers
            for part in one.candidates[0].content.parts or ()
            if part.inline_data
        ]
        assert len(data) == 1 and data[0].startswith(b"\x89PNG\r\n")


class Person(BaseModel):
    name: str
    age: int
    nicknames: list[str]


async def test_structured_output(face: Face) -> None:
    given = asked("Invent one", response_mime_type="application/json", response_schema=Person)
    answer = await _whole(face, **given)
    assert isinstance(answer.parsed, Person)
    assert Person.model_validate_json(text_of(*await _chunks(face, **given))) == answer.parsed


async def test_thoughts(face: Face) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True)
    chunks = await _chunks(face, **asked(thinking_config=thinking))
    thoughts = [
        part.text for chunk in chunks for part in chunk.candidates[0].content.parts if part.thought
    ]
    assert "".join(thoughts).startswith("**Reading the request**")
    assert text_of(*chunks) == COUNTED


async def test_a_chat_with_functions_and_signatures(face: Face) -> None:
    """The SDK runs the functions by itself and sends back the signatures, two turns long."""

    def add(first: int, second: int) -> int:
        """Add two numbers."""
        return first + second

    def multiply(first: int, second: int) -> int:
        """Multiply two numbers."""
        return first * second

    config = types.GenerateContentConfig(tools=[add, multiply])
    chat = face.client.chats.create(model=STRICT, config=config)
    first = await Face(chat, is_async=face.is_async).call(
        lambda chat: chat.send_message("add 3 and 4")
    )
    chunks = await Face(chat, is_async=face.is_async).read(
        lambda chat: chat.send_message_stream("now add and multiply 3 and 4")
    )
    assert first.text == "The function add returned 7."
    assert text_of(*chunks) == "The function add returned 7. The function multiply returned 12."


async def test_a_long_chat(face: Face, house: RelayServer) -> None:
    history = [
        types.Content(role=("user", "model")[turn % 2], parts=[types.Part(text=f"turn {turn}")])
        for turn in range(400)
    ]
    chat = face.client.chats.create(model=MODEL, history=history)
    answer = await Face(chat, is_async=face.is_async).call(lambda chat: chat.send_message("…"))
    assert answer.text == "You said: …"
    assert len(house.emulator.requests[-1].json["contents"]) == 401


async def test_the_count_of_tokens(face: Face) -> None:
    count = await face.call(
        lambda client: client.models.count_tokens(model=MODEL, contents="Count to five")
    )
    assert count.total_tokens == 4


async def test_models(face: Face) -> None:
    model = await face.call(lambda client: client.models.get(model=MODEL))
    assert model.name == f"models/{MODEL}"
    pager = await face.call(lambda client: client.models.list(config={"page_size": 5}))
    first = [one.name for one in pager.page]
    assert len(first) == 5
    if face.is_async:
        await pager.next_page()
    else:
        await Face(pager, is_async=False).call(lambda pager: pager.next_page())
    assert len(pager.page) == 5 and not set(first) & {one.name for one in pager.page}


@pytest.mark.parametrize("name", GENAI_FACES)
async def test_the_models_of_a_key(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, models=("gemini-2.5-*",))]
    async with relay_server(keys=keys) as house, genai_face(name, house) as face:
        pager = await face.call(lambda client: client.models.list(config={"page_size": 1000}))
    names = [one.name for one in pager.page]
    assert names and all(one.startswith("models/gemini-2.5-") for one in names)


async def test_embeddings(face: Face) -> None:
    answer = await face.call(
        lambda client: client.models.embed_content(
            model="gemini-embedding-001", contents=["one", "two"]
        )
    )
    first, second = answer.embeddings
    assert len(first.values) == len(second.values) > 0
    assert first.values != second.values


@pytest.mark.parametrize("name", GENAI_FACES)
@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("prefix", ["", "/gemini"])
async def test_other_addresses(house: RelayServer, name: str, prefix: str, version: str) -> None:
    async with genai_face(name, house, prefix=prefix, api_version=version) as face:
        assert text_of(*await _chunks(face, **asked())) == COUNTED
        assert (await face.call(lambda client: client.models.get(model=MODEL))).name
    assert house.emulator.requests[-1].path.startswith(f"/{version}/")


async def test_bytes_are_in_url_safe_base64(face: Face, house: RelayServer) -> None:
    """What the SDK writes passes as it wrote it: nothing on the way reads it."""
    data = bytes(range(256))
    part = types.Part.from_bytes(data=data, mime_type="application/pdf")
    await _whole(face, **asked([part, "?"]))
    sent = house.emulator.requests[-1].json["contents"][0]["parts"][0]["inlineData"]["data"]
    assert base64.urlsafe_b64decode(sent) == data
