"""The official SDK, unmodified, against the emulator on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pydantic
import pytest
from google import genai
from google.genai import types

from emulator.driver import MODEL
from gemstream.emulator import Emulator, Rule, Script, WaitForAck, serving

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with serving(emulator) as url:
        yield url


@pytest.fixture(params=["aiohttp", "httpx"])
async def sdk(request: pytest.FixtureRequest, url: str) -> AsyncIterator[genai.Client]:
    """The SDK over aiohttp, and over httpx, which it takes when it is given a transport."""
    options: dict[str, Any] = {"base_url": url}
    if request.param == "httpx":
        options["async_client_args"] = {"transport": httpx2.AsyncHTTPTransport()}
    client = genai.Client(api_key="k", http_options=types.HttpOptions(**options))
    yield client
    await client.aio.aclose()
    client.close()


async def in_thread(url: str, work: Callable[[genai.Client], Any]) -> Any:
    """Use the SDK's blocking face where it does not stop the emulator's loop."""

    def run() -> Any:
        client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
        try:
            return work(client)
        finally:
            client.close()

    return await asyncio.to_thread(run)


class Recipe(pydantic.BaseModel):
    name: str
    steps: list[str]
    minutes: int


SURVEY = types.FunctionDeclaration(
    name="get_weather",
    parameters=types.Schema(
        type=types.Type.OBJECT,
        properties={"city": types.Schema(type=types.Type.STRING)},
        required=["city"],
    ),
)


async def test_it_generates(sdk: genai.Client) -> None:
    answer = await sdk.aio.models.generate_content(model=MODEL, contents="Count to five")
    assert answer.text == "1, 2, 3, 4, 5"
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count == 8


async def test_it_streams(sdk: genai.Client) -> None:
    stream = await sdk.aio.models.generate_content_stream(model=MODEL, contents="Count to nine")
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert len(chunks) == 9
    assert len({chunk.response_id for chunk in chunks}) == 1


async def test_a_chunk_is_seen_before_the_next_is_made(
    sdk: genai.Client, emulator: Emulator
) -> None:
    steps = ["one ", WaitForAck(), "two ", WaitForAck(), "three"]
    emulator.script = Script([Rule(steps=steps)])
    stream = await sdk.aio.models.generate_content_stream(model=MODEL, contents="go")
    seen = []
    async for chunk in stream:
        seen.append(chunk.text)
        emulator.ack()  # without it nothing more would come
    assert seen == ["one ", "two ", "three"]


async def test_it_counts_embeds_and_lists(sdk: genai.Client) -> None:
    count = await sdk.aio.models.count_tokens(model=MODEL, contents="Count to five")
    assert count.total_tokens == 4
    embedded = await sdk.aio.models.embed_content(
        model="gemini-embedding-001",
        contents=["one", "two", "one"],
        config=types.EmbedContentConfig(output_dimensionality=64),
    )
    one, two, again = (embedding.values for embedding in embedded.embeddings)
    assert len(one) == 64 and one == again != two
    names = [model.name async for model in await sdk.aio.models.list(config={"page_size": 7})]
    assert len(names) == len(set(names)) > 20
    model = await sdk.aio.models.get(model=MODEL)
    assert model.name == f"models/{MODEL}" and model.input_token_limit == 1_048_576


async def test_functions_are_called_and_their_results_told(sdk: genai.Client) -> None:
    tools = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[SURVEY])])
    question = types.Content(
        role="user", parts=[types.Part(text="Use get_weather for the city of Paris")]
    )
    asked = await sdk.aio.models.generate_content(model=MODEL, contents=[question], config=tools)
    (call,) = asked.function_calls
    assert call.name == "get_weather" and call.args == {"city": "Paris"} and call.id
    result = types.Part.from_function_response(name=call.name, response={"result": "sunny"})
    turn = types.Content(role="user", parts=[result])
    told = await sdk.aio.models.generate_content(
        model=MODEL,
        contents=[question, asked.candidates[0].content, turn],
        config=tools,
    )
    assert told.text == "The function get_weather returned sunny."


async def test_a_schema_is_filled(sdk: genai.Client) -> None:
    answer = await sdk.aio.models.generate_content(
        model=MODEL,
        contents="A recipe",
        config={"response_mime_type": "application/json", "response_schema": Recipe},
    )
    assert isinstance(answer.parsed, Recipe)
    plain = await sdk.aio.models.generate_content(
        model=MODEL,
        contents="A recipe",
        config={
            "response_mime_type": "application/json",
            "response_json_schema": Recipe.model_json_schema(),
        },
    )
    assert Recipe.model_validate_json(plain.text)


async def test_everything_a_request_can_hold_is_understood(sdk: genai.Client) -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be kind",
        temperature=0.5,
        top_p=0.5,
        top_k=3,
        candidate_count=2,
        max_output_tokens=100,
        stop_sequences=["STOP"],
        seed=7,
        presence_penalty=0.1,
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                threshold=types.HarmBlockThreshold.BLOCK_NONE,
            )
        ],
        tools=[types.Tool(google_search=types.GoogleSearch())],
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=30),
        media_resolution=types.MediaResolution.MEDIA_RESOLUTION_LOW,
    )
    contents = ["look", types.Part.from_bytes(data=b"\xfb\xff\xfe", mime_type="audio/wav")]
    answer = await sdk.aio.models.generate_content(model=MODEL, contents=contents, config=config)
    assert len(answer.candidates) == 2
    assert answer.usage_metadata.thoughts_token_count == 60
    assert "a file of type audio/wav with 3 bytes" in answer.text


async def test_the_blocking_face_works_too(url: str, emulator: Emulator) -> None:
    def work(client: genai.Client) -> list[Any]:
        models = client.models
        stream = models.generate_content_stream(model=MODEL, contents="Count to 3")
        answer = models.generate_content(model=MODEL, contents="hi").text
        count = models.count_tokens(model=MODEL, contents="Count to 3").total_tokens
        embedded = models.embed_content(model="gemini-embedding-2", contents="a").embeddings
        names = [model.name for model in models.list()]
        model = models.get(model=MODEL).display_name
        return [
            "".join(chunk.text for chunk in stream),
            answer,
            count,
            len(embedded[0].values),
            len(names) > 20,
            model,
        ]

    assert await in_thread(url, work) == [
        "1, 2, 3",
        "You said: hi",
        3,
        3072,
        True,
        "Gemini 2.5 Flash",
    ]


async def test_the_blocking_stream_is_real_time(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(steps=["one ", WaitForAck(), "two"])])

    def work(client: genai.Client) -> list[str]:
        seen = []
        for chunk in client.models.generate_content_stream(model=MODEL, contents="x"):
            seen.append(chunk.text)
            emulator.ack()
        return seen

    assert await in_thread(url, work) == ["one ", "two"]
