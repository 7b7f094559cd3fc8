"""The ``anthropic`` SDK streams and asks through the relay as it would of its own service."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel

from relay.sdks.anthropic_sdk import anthropic_face, asked, text_of
from support.picture import png
from support.relay_server import ACK, RelayServer, relay_server, said
from support.relayed import MODEL
from support.sdk_face import FACES, Face

COUNTED = "1, 2, 3, 4, 5"
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, house: RelayServer) -> AsyncIterator[Face]:
    async with anthropic_face(request.param, house) as face:
        yield face


async def _streamed(face: Face, **fields: Any) -> Any:
    """Return the message that the SDK's helper makes of a stream."""
    _, message = await face.follow(
        lambda client: client.messages.stream(**fields), "get_final_message"
    )
    return message


async def test_a_whole_answer(face: Face) -> None:
    message = await face.call(lambda client: client.messages.create(**asked()))
    assert (message.role, message.type, message.model) == ("assistant", "message", MODEL)
    assert text_of(message) == COUNTED
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (4, 4)
    assert message.id.startswith("msg_") and message._request_id.startswith("req_")


@pytest.mark.parametrize("name", FACES)
async def test_text_comes_as_it_is_said(name: str) -> None:
    """The next chunk is released only after the SDK gave the last to the program."""
    words = ("one ", "two ", "three")
    script = said(words[0], ACK, words[1], ACK, words[2])
    async with relay_server(script) as house, anthropic_face(name, house) as face:
        texts = []

        def seen(event: Any) -> None:
            if event.type == "content_block_delta":
                texts.append(event.delta.text)
                house.ack()

        events = await face.read(lambda client: client.messages.create(**asked(stream=True)), seen)
    assert texts == list(words)
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[-2], kinds[-1]) == ("message_start", "message_delta", "message_stop")


async def test_the_stream_helper_folds_the_whole_message(face: Face) -> None:
    whole = await face.call(lambda client: client.messages.create(**asked()))
    streamed = await _streamed(face, **asked())
    assert text_of(streamed) == text_of(whole) == COUNTED
    assert streamed.stop_reason == whole.stop_reason
    assert streamed.usage.output_tokens == whole.usage.output_tokens == 4
    assert streamed.usage.input_tokens == whole.usage.input_tokens == 4


async def test_stop_sequences(face: Face) -> None:
    message = await face.call(
        lambda client: client.messages.create(**asked(stop_sequences=["3", "9"]))
    )
    assert text_of(message) == "1, 2, "
    streamed = await _streamed(face, **asked(stop_sequences=["3", "9"]))
    assert (streamed.stop_reason, text_of(streamed)) == (message.stop_reason, "1, 2, ")


async def test_the_limit_of_tokens(face: Face) -> None:
    message = await face.call(lambda client: client.messages.create(**asked(max_tokens=1)))
    assert message.stop_reason == "max_tokens"


@pytest.mark.parametrize("system", ["Be terse", [{"type": "text", "text": "Be terse"}]])
async def test_system_prompts(face: Face, house: RelayServer, system: Any) -> None:
    await face.call(lambda client: client.messages.create(**asked("Hi", system=system)))
    sent = house.emulator.requests[-1].json
    assert sent["systemInstruction"]["parts"] == [{"text": "Be terse"}]


async def test_a_long_conversation(face: Face, house: RelayServer) -> None:
    roles = ("user", "assistant")
    messages = [{"role": roles[turn % 2], "content": f"turn {turn} …"} for turn in range(401)]
    message = await face.call(
        lambda client: client.messages.create(model=MODEL, max_tokens=100, messages=messages)
    )
    assert text_of(message) == "You said: turn 400 …"
    assert len(house.emulator.requests[-1].json["contents"]) == 401


async def test_a_picture_goes_in(face: Face) -> None:
    source = {
        "type": "base64",
        "media_type": "image/png",
        "data": base64.b64encode(png(7, 3)).decode(),
    }
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    message = await face.call(lambda client: client.messages.create(**asked(content)))
    assert text_of(message).startswith("You sent a PNG image of 7 x 3 pixels.")


async def test_thoughts_are_blocks_of_their_own(face: Face) -> None:
    whole = await face.call(
        lambda client: client.messages.create(**asked(max_tokens=4000, thinking=THINKING))
    )
    streamed = await _streamed(face, **asked(max_tokens=4000, thinking=THINKING))
    for message in (whole, streamed):
        assert [block.type for block in message.content] == ["thinking", "text"]
        thought, _ = message.content
        assert thought.thinking.startswith("**Reading the request**")
        assert thought.signature
        assert text_of(message) == COUNTED


class Person(BaseModel):
    name: str
    age: int
    nicknames: list[str]


async def test_structured_output(face: Face) -> None:
    message = await face.call(
        lambda client: client.messages.parse(**asked("Invent one"), output_format=Person)
    )
    assert isinstance(message.parsed_output, Person)
    _, streamed = await face.follow(
        lambda client: client.messages.stream(**asked("Invent one"), output_format=Person),
        "get_final_message",
    )
    assert streamed.parsed_output == message.parsed_output


async def test_the_count_of_tokens(face: Face) -> None:
    messages = [{"role": "user", "content": "Count to five"}]
    count = await face.call(
        lambda client: client.messages.count_tokens(model=MODEL, messages=messages)
    )
    assert count.input_tokens == 4


async def test_the_list_of_models(face: Face) -> None:
    page = await face.call(lambda client: client.models.list())
    assert MODEL in [model.id for model in page.data]
    assert {model.type for model in page.data} == {"model"}
    model = await face.call(lambda client: client.models.retrieve(MODEL))
    assert (model.id, model.display_name) == (MODEL, "Gemini 2.5 Flash")


async def test_pages_of_models(face: Face) -> None:
    whole = await face.call(lambda client: client.models.list(limit=1000))
    names = [model.id for model in whole.data]
    first = await face.call(lambda client: client.models.list(limit=2))
    assert [model.id for model in first.data] == names[:2]
    assert first.has_more
    second = await face.call(lambda client: client.models.list(limit=2, after_id=first.last_id))
    assert [model.id for model in second.data] == names[2:4]


@pytest.mark.parametrize("name", FACES)
@pytest.mark.parametrize("prefix", ["/claude", "/anthropic", "/api"])
async def test_other_addresses(house: RelayServer, name: str, prefix: str) -> None:
    async with anthropic_face(name, house, prefix=prefix) as face:
        message = await face.call(lambda client: client.messages.create(**asked()))
        page = await face.call(lambda client: client.models.list())
    assert text_of(message) == COUNTED
    assert page.data[0].type == "model"


@pytest.mark.parametrize("name", FACES)
async def test_a_bearer_instead_of_a_key(house: RelayServer, name: str) -> None:
    """Agents are often given a token by ANTHROPIC_AUTH_TOKEN."""
    async with anthropic_face(name, house) as face:
        bare = face.client.with_options(api_key=None, auth_token=face.client.api_key)
        token = Face(bare, is_async=face.is_async)
        message = await token.call(lambda client: client.messages.create(**asked()))
    assert text_of(message) == COUNTED
