"""What any Gemini must do for our client: one table for the emulator and for the real service.

A scenario opens its client, makes its calls and looks at what came. It looks only at what is true
of every model, so the same lines judge both; where the two differ, the emulator is what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from gemstream import (
    AsyncClient,
    Content,
    FunctionDeclaration,
    FunctionResponse,
    LiveOptions,
    Part,
    ToolConfig,
)
from gemstream.errors import NotFound, Unauthenticated
from gemstream.wire.tool import FunctionCallingConfig, FunctionCallingMode
from support.picture import png

__all__ = ("MOST_CALLS", "SCENARIOS", "OpenClient", "Scenario")

# What one run against the real service may cost its owner.
MOST_CALLS = 20

OpenClient = Callable[..., AsyncClient]


class Scenario(NamedTuple):
    """What is played, and how many requests it makes."""

    play: Callable[[OpenClient], Awaitable[None]]
    calls: int = 1


async def _stream(open_client: OpenClient) -> None:
    async with open_client() as client, client.generate_stream("Count to 10") as stream:
        texts = [chunk.text async for chunk in stream]
    response = stream.response
    assert "".join(texts) == response.text
    assert "1" in response.text and "10" in response.text
    assert (response.finish_reason, response.complete) == ("STOP", "confirmed")
    assert response.usage is not None and response.usage.total_token_count


async def _whole(open_client: OpenClient) -> None:
    async with open_client() as client:
        answer = await client.generate("Count to 5")
    assert "5" in answer.text
    assert (answer.finish_reason, answer.complete) == ("STOP", "confirmed")
    assert answer.model_version and answer.response_id


async def _unknown_model(open_client: OpenClient) -> None:
    async with open_client() as client:
        with pytest.raises(NotFound) as caught:
            await client.generate("Hi", model="gemini-0.1-nano")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    assert "gemini-0.1-nano" in caught.value.message


async def _bad_key(open_client: OpenClient) -> None:
    async with open_client(api_key="bad-key") as client:
        with pytest.raises(Unauthenticated) as caught:
            await client.generate_stream("Hi").finish()
    assert (caught.value.code, caught.value.reason) == (400, "API_KEY_INVALID")
    assert not caught.value.retryable


async def _count(open_client: OpenClient) -> None:
    async with open_client() as client:
        counted = await client.count_tokens("How many tokens are there in this question?")
    assert 5 <= counted.total_tokens <= 20


async def _embed(open_client: OpenClient) -> None:
    async with open_client() as client:
        embedded = await client.embed(["a cat", "a dog"], output_dimensionality=256)
    cat, dog = embedded.embeddings
    assert len(cat.values) == len(dog.values) == 256
    assert list(cat.values) != list(dog.values)


async def _structured(open_client: OpenClient) -> None:
    colour = {"type": "string", "enum": ["red", "blue"]}
    schema = {"type": "object", "properties": {"colour": colour}, "required": ["colour"]}
    async with open_client() as client:
        answer = await client.generate("Choose a colour.", schema=schema)
    assert json.loads(answer.text)["colour"] in ("red", "blue")


async def _function(open_client: OpenClient) -> None:
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    weather = FunctionDeclaration(
        name="get_weather", description="The weather of a city", parameters_json_schema=city
    )
    must_call = FunctionCallingConfig(mode=FunctionCallingMode.ANY)
    question = Content(role="user", parts=[Part(text="How is the weather in Oslo?")])
    async with open_client() as client:
        asked = await client.generate_stream(
            question, tools=[weather], tool_config=ToolConfig(function_calling_config=must_call)
        ).finish()
        call = asked.function_calls[0]
        assert call.name == "get_weather" and isinstance((call.args or {}).get("city"), str)
        result = FunctionResponse(name=call.name, id=call.id, response={"sky": "overcast"})
        turn = asked.candidates[0].content  # whole: it holds the thought signature
        assert turn is not None
        told = await client.generate(
            [question, turn, Content(role="user", parts=[Part(function_response=result)])],
            tools=[weather],
        )
    assert told.text


async def _thinking(open_client: OpenClient) -> None:
    puzzle = "A farmer has 17 sheep, and all but 9 run away. How many are left? Think first."
    async with open_client() as client:
        answer = await client.generate_stream(puzzle, thinking=True).finish()
    assert answer.thoughts and answer.text
    assert answer.thoughts not in answer.text


async def _system(open_client: OpenClient) -> None:
    system = "You play table tennis: whatever is said, the word PONG is part of your answer."
    async with open_client() as client:
        answer = await client.generate("Say PONG", system=system)
    assert "PONG" in answer.text
    # The prompt alone is three or four tokens.
    assert answer.usage is not None and (answer.usage.prompt_token_count or 0) > 10


async def _turns(open_client: OpenClient) -> None:
    said = [("user", "I want to hear numbers."), ("model", "How many?"), ("user", "Count to 3")]
    turns = [Content(role=role, parts=[Part(text=text)]) for role, text in said]
    async with open_client() as client:
        answer = await client.generate(turns)
    assert "3" in answer.text


async def _image(open_client: OpenClient) -> None:
    prompt = [Part.of_bytes(png(64, 48), "image/png"), "Is this picture red?"]
    async with open_client() as client:
        answer = await client.generate(prompt)
    assert answer.text
    assert answer.usage is not None
    assert "IMAGE" in [count.modality for count in answer.usage.prompt_tokens_details]


async def _cancelled(open_client: OpenClient) -> None:
    async with open_client() as client:
        stream = client.generate_stream("Count to 500, one number a line")
        first = await anext(stream)
        stream.cancel()
        assert [chunk async for chunk in stream] == []
    assert stream.response.complete == "stopped"
    assert stream.response.text == first.text


async def _shortened(open_client: OpenClient) -> None:
    async with open_client() as client:
        answer = await client.generate_stream("Count to 100", max_output_tokens=5).finish()
    assert (answer.finish_reason, answer.complete) == ("MAX_TOKENS", "confirmed")


# Speech and its words: what every Live model gives.
_SPOKEN: LiveOptions = {"response_modalities": ["AUDIO"], "output_audio_transcription": True}


async def _session(open_client: OpenClient) -> None:
    async with open_client() as client, client.live(**_SPOKEN) as session:
        answer = await session.send_text("Count to 3")
        while not (handle := session.handle):  # it may come behind the answer
            await anext(session)
    words = answer.output_transcription.lower()
    assert "3" in words or "three" in words
    assert answer.is_complete and not answer.is_interrupted
    assert answer.audio and answer.audio_type.startswith("audio/pcm")
    assert answer.usage is not None and answer.usage.total_token_count
    async with open_client() as client, client.live(resume=handle, **_SPOKEN) as session:
        pieces = [piece async for piece in session.send_text_stream("How far did you count?")]
    assert "".join(pieces)


async def _models(open_client: OpenClient) -> None:
    async with open_client() as client:
        listed = {model.name: model for model in await client.models.list()}
        default = listed[f"models/{client.options.model}"]
    assert "generateContent" in default.supported_generation_methods
    assert default.input_token_limit


SCENARIOS = {
    "an answer is streamed": Scenario(_stream),
    "an answer comes whole": Scenario(_whole),
    "a model that is not there": Scenario(_unknown_model),
    "a key that is none": Scenario(_bad_key),
    "tokens are counted": Scenario(_count),
    "texts are embedded": Scenario(_embed),
    "an answer fits a schema": Scenario(_structured),
    "a function is called and its result told": Scenario(_function, calls=2),
    "thoughts are shown apart": Scenario(_thinking),
    "a system instruction is heard": Scenario(_system),
    "earlier turns go along": Scenario(_turns),
    "a picture is looked at": Scenario(_image),
    "a stream is cancelled": Scenario(_cancelled),
    "an answer is as short as asked": Scenario(_shortened),
    "models are listed": Scenario(_models),
    # Each connection counts, and each turn.
    "a session is spoken in, and resumed": Scenario(_session, calls=4),
}
