"""The ``openai`` SDK streams and asks through the relay as it would of its own service."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel

from relay.sdks.openai_sdk import asked, openai_face
from support.picture import png
from support.relay_server import ACK, RelayServer, relay_server, said
from support.relayed import MODEL
from support.sdk_face import FACES, Face

COUNTED = "1, 2, 3, 4, 5"


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, house: RelayServer) -> AsyncIterator[Face]:
    async with openai_face(request.param, house) as face:
        yield face


def _text(chunks: list[Any], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


async def test_a_whole_answer(face: Face) -> None:
    answer = await face.call(lambda client: client.chat.completions.create(**asked()))
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", COUNTED)
    assert (choice.finish_reason, answer.object, answer.model) == ("stop", "chat.completion", MODEL)
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (4, 4, 8)


@pytest.mark.parametrize("name", FACES)
async def test_text_comes_as_it_is_said(name: str) -> None:
    """The next chunk is released only after the SDK gave the last to the program."""
    words = ("one ", "two ", "three")
    script = said(words[0], ACK, words[1], ACK, words[2])
    async with relay_server(script) as house, openai_face(name, house) as face:

        def seen(chunk: Any) -> None:
            if _text([chunk]) in words[:2]:
                house.ack()

        chunks = await face.read(
            lambda client: client.chat.completions.create(**asked(stream=True)), seen
        )
    assert [text for chunk in chunks if (text := _text([chunk]))] == list(words)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


async def test_the_usage_of_a_stream_is_its_last_chunk(face: Face) -> None:
    options = {"include_usage": True}
    chunks = await face.read(
        lambda client: client.chat.completions.create(**asked(stream=True, stream_options=options))
    )
    assert _text(chunks) == COUNTED
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices == []
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (4, 4)
    assert len({chunk.id for chunk in chunks}) == 1


async def test_the_stream_helper_folds_what_it_saw(face: Face) -> None:
    events, completion = await face.follow(
        lambda client: client.chat.completions.stream(**asked()), "get_final_completion"
    )
    deltas = [event.delta for event in events if event.type == "content.delta"]
    assert "".join(deltas) == completion.choices[0].message.content == COUNTED
    assert len(deltas) > 1


async def test_several_choices(face: Face) -> None:
    chunks = await face.read(
        lambda client: client.chat.completions.create(**asked(stream=True, n=3))
    )
    whole = await face.call(lambda client: client.chat.completions.create(**asked(n=3)))
    texts = [choice.message.content for choice in whole.choices]
    assert texts == [COUNTED, f"Answer 2: {COUNTED}", f"Answer 3: {COUNTED}"]
    assert [_text(chunks, index) for index in range(3)] == texts


@pytest.mark.parametrize("stop", ["4", ["4", "3"]])
async def test_stop_sequences(face: Face, stop: str | list[str]) -> None:
    answer = await face.call(lambda client: client.chat.completions.create(**asked(stop=stop)))
    assert answer.choices[0].message.content == COUNTED.partition(stop[-1])[0]


async def test_the_limit_of_tokens_is_a_length(face: Face) -> None:
    answer = await face.call(
        lambda client: client.chat.completions.create(**asked(max_completion_tokens=1))
    )
    assert answer.choices[0].finish_reason == "length"
    assert COUNTED.startswith(answer.choices[0].message.content)


@pytest.mark.parametrize("role", ["system", "developer"])
async def test_system_prompts(face: Face, house: RelayServer, role: str) -> None:
    messages = [{"role": role, "content": "Be terse"}, {"role": "user", "content": "Hi"}]
    await face.call(lambda client: client.chat.completions.create(model=MODEL, messages=messages))
    sent = house.emulator.requests[-1].json
    assert sent["systemInstruction"]["parts"] == [{"text": "Be terse"}]
    assert [turn["role"] for turn in sent["contents"]] == ["user"]


async def test_a_long_conversation(face: Face, house: RelayServer) -> None:
    roles = ("user", "assistant")
    messages = [{"role": roles[turn % 2], "content": f"turn {turn} …"} for turn in range(401)]
    answer = await face.call(
        lambda client: client.chat.completions.create(model=MODEL, messages=messages)
    )
    assert answer.choices[0].message.content == "You said: turn 400 …"
    assert len(house.emulator.requests[-1].json["contents"]) == 401


async def test_a_picture_goes_in(face: Face) -> None:
    url = f"data:image/png;base64,{base64.b64encode(png(7, 3)).decode()}"
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "auto"}},
    ]
    answer = await face.call(
        lambda client: client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": content}]
        )
    )
    assert answer.choices[0].message.content.startswith("You sent a PNG image of 7 x 3 pixels.")


async def test_a_picture_comes_out(face: Face) -> None:
    wish = asked("Draw a dot", modalities=["text"], extra_body={"modalities": ["text", "image"]})
    answer = await face.call(lambda client: client.chat.completions.create(**wish))
    (image,) = answer.choices[0].message.model_extra["images"]
    assert _is_png(image["image_url"]["url"])
    chunks = await face.read(
        lambda client: client.chat.completions.create(**{**wish, "stream": True})
    )
    streamed = [
        image["image_url"]["url"]
        for chunk in chunks
        for choice in chunk.choices
        for image in (choice.delta.model_extra or {}).get("images", ())
    ]
    assert streamed == [image["image_url"]["url"]]


def _is_png(url: str) -> bool:
    kind, _, data = url.partition(",")
    is_whole = base64.b64decode(data, validate=True).startswith(b"\x89PNG\r\n")
    return kind == "data:image/png;base64" and is_whole


class Person(BaseModel):
    name: str
    age: int
    nicknames: list[str]


async def test_structured_output(face: Face) -> None:
    parsed = await face.call(
        lambda client: client.chat.completions.parse(**asked("Invent one"), response_format=Person)
    )
    assert isinstance(parsed.choices[0].message.parsed, Person)
    events, completion = await face.follow(
        lambda client: client.chat.completions.stream(
            **asked("Invent one"), response_format=Person
        ),
        "get_final_completion",
    )
    assert completion.choices[0].message.parsed == parsed.choices[0].message.parsed
    assert {event.type for event in events} >= {"content.delta", "content.done"}


async def test_json_without_a_schema(face: Face) -> None:
    answer = await face.call(
        lambda client: client.chat.completions.create(
            **asked("Say it", response_format={"type": "json_object"})
        )
    )
    assert json.loads(answer.choices[0].message.content) == {"answer": "You said: Say it"}


async def test_the_effort_of_thinking(face: Face, house: RelayServer) -> None:
    answer = await face.call(
        lambda client: client.chat.completions.create(**asked(reasoning_effort="low"))
    )
    assert answer.choices[0].message.content == COUNTED
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    assert "thinkingConfig" in house.emulator.requests[-1].json["generationConfig"]


async def test_thoughts_come_beside_the_content(face: Face) -> None:
    google = {"thinking_config": {"include_thoughts": True}}
    extra = {"extra_body": {"google": google}}
    chunks = await face.read(
        lambda client: client.chat.completions.create(**asked(stream=True, extra_body=extra))
    )
    thoughts = [
        (choice.delta.model_extra or {}).get("reasoning_content") or ""
        for chunk in chunks
        for choice in chunk.choices
    ]
    assert "".join(thoughts).startswith("**Reading the request**")
    assert _text(chunks) == COUNTED


async def test_what_the_relay_adds_in_the_head(face: Face) -> None:
    raw = await face.call(
        lambda client: client.chat.completions.with_raw_response.create(
            **asked(logit_bias={"1": 1})
        )
    )
    assert raw.headers["x-request-id"].startswith("req_")
    assert "logit_bias" in raw.headers["x-relay-dropped"]
    parsed = raw.parse()
    assert parsed.choices[0].message.content == COUNTED
