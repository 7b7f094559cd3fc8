"""The official SDK, unmodified, on the emulator's Vertex paths, and with what answers can hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import google.auth.credentials
import pytest
from google import genai
from google.genai import errors, types

from emulator.driver import MODEL
from emulator.test_image_header import read_image_header
from gemstream.emulator import Emulator, Rule, Script, Status, serving

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")


class Token(google.auth.credentials.Credentials):  # type: ignore[misc]
    """Credentials that are always fresh."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = "t"

    def refresh(self, request: Any) -> None:
        """Nothing to do."""

    @property
    def expired(self) -> bool:
        return False


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with serving(emulator) as url:
        yield url


@pytest.fixture(params=["project", "express"])
async def vertex(request: pytest.FixtureRequest, url: str) -> AsyncIterator[genai.Client]:
    """A project with a token, and express mode with a key."""
    options = types.HttpOptions(base_url=url)
    if request.param == "project":
        client = genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Token(),
            http_options=options,
        )
    else:
        client = genai.Client(vertexai=True, api_key="k", http_options=options)
    yield client
    await client.aio.aclose()
    client.close()


@pytest.fixture
async def gemini(url: str) -> AsyncIterator[genai.Client]:
    client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
    yield client
    await client.aio.aclose()
    client.close()


async def test_it_generates_streams_and_counts(vertex: genai.Client) -> None:
    answer = await vertex.aio.models.generate_content(model=MODEL, contents="Count to five")
    assert answer.text == "1, 2, 3, 4, 5" and answer.create_time is not None
    assert answer.usage_metadata.traffic_type == types.TrafficType.ON_DEMAND
    stream = await vertex.aio.models.generate_content_stream(model=MODEL, contents="Count to 9")
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert len(chunks) == 9
    config = types.CountTokensConfig(system_instruction="Be kind")
    count = await vertex.aio.models.count_tokens(
        model=MODEL, contents="Count to five", config=config
    )
    assert count.total_tokens == 6


@pytest.mark.parametrize("model", ["gemini-embedding-001", "text-embedding-004"])
async def test_it_embeds_both_ways(vertex: genai.Client, model: str) -> None:
    config = types.EmbedContentConfig(output_dimensionality=16, task_type="RETRIEVAL_QUERY")
    embedded = await vertex.aio.models.embed_content(model=model, contents="one", config=config)
    assert len(embedded.embeddings[0].values) == 16


async def test_it_lists_and_shows_models(vertex: genai.Client) -> None:
    names = [model.name async for model in await vertex.aio.models.list(config={"page_size": 7})]
    assert len(names) == len(set(names)) > 20
    model = await vertex.aio.models.get(model=MODEL)
    assert model.name == f"publishers/google/models/{MODEL}"


async def test_its_errors_are_vertex_ones(vertex: genai.Client, emulator: Emulator) -> None:
    with pytest.raises(errors.ClientError, match=r"Publisher Model .* was not found"):
        await vertex.aio.models.generate_content(model="gemini-9", contents="x")
    emulator.script = Script([Rule(steps=[Status(code=429)])])
    with pytest.raises(errors.ClientError, match="Resource exhausted") as caught:
        await vertex.aio.models.generate_content(model=MODEL, contents="x")
    assert caught.value.code == 429


async def test_a_call_is_streamed_in_pieces(vertex: genai.Client) -> None:
    config = types.GenerateContentConfig(
        labels={"team": "a"},
        tools=[
            types.Tool(
                function_declarations=[
                    types.FunctionDeclaration(
                        name="weather",
                        parameters=types.Schema(
                            type=types.Type.OBJECT,
                            properties={"city": types.Schema(type=types.Type.STRING)},
                            required=["city"],
                        ),
                    )
                ]
            )
        ],
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(stream_function_call_arguments=True)
        ),
    )
    stream = await vertex.aio.models.generate_content_stream(
        model=MODEL, contents="weather in Paris", config=config
    )
    calls = [call async for chunk in stream for call in chunk.function_calls or []]
    assert calls[0].name == "weather" and calls[0].will_continue
    pieces = [piece for call in calls for piece in call.partial_args or []]
    assert "".join(piece.string_value for piece in pieces) == "Paris"
    assert {piece.json_path for piece in pieces} == {"$.city"}


async def test_the_sdk_reads_sources_of_either_name(
    vertex: genai.Client, gemini: genai.Client
) -> None:
    for client in (vertex, gemini):
        answer = await client.aio.models.generate_content(
            model=MODEL, contents="[citations] One. Two."
        )
        assert len(answer.candidates[0].citation_metadata.citations) == 2


async def test_tools_of_the_service_leave_their_traces(gemini: genai.Client) -> None:
    tools = [types.Tool(google_search=types.GoogleSearch(), url_context=types.UrlContext())]
    answer = await gemini.aio.models.generate_content(
        model=MODEL,
        contents="Read https://example.com/a",
        config=types.GenerateContentConfig(tools=tools),
    )
    candidate = answer.candidates[0]
    support = candidate.grounding_metadata.grounding_supports[0]
    passage = answer.text.encode()[support.segment.start_index or 0 : support.segment.end_index]
    assert passage.decode() == support.segment.text
    (page,) = candidate.url_context_metadata.url_metadata
    assert page.retrieved_url == "https://example.com/a"


async def test_code_is_run(gemini: genai.Client) -> None:
    tools = [types.Tool(code_execution=types.ToolCodeExecution())]
    stream = await gemini.aio.models.generate_content_stream(
        model=MODEL, contents="What is 6*7?", config=types.GenerateContentConfig(tools=tools)
    )
    parts = [part async for chunk in stream for part in chunk.candidates[0].content.parts]
    assert parts[0].executable_code.code == "print(6*7)\n"
    assert parts[1].code_execution_result.output == "42\n"


async def test_images_are_drawn(gemini: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"],
        image_config=types.ImageConfig(aspect_ratio="16:9"),
    )
    answer = await gemini.aio.models.generate_content(model=MODEL, contents="cat", config=config)
    (drawn,) = [part.inline_data for part in answer.parts if part.inline_data]
    header = read_image_header(drawn.data)
    assert header is not None and (header.kind, header.width, header.height) == ("PNG", 84, 48)


async def test_signatures_survive_the_sdks_function_calling(gemini: genai.Client) -> None:
    def add(first: int, second: int) -> int:
        """Add two numbers."""
        return first + second

    config = types.GenerateContentConfig(tools=[add])
    chat = gemini.aio.chats.create(model="gemini-3.8-flash", config=config)
    answer = await chat.send_message("add 3 and 4")
    assert answer.text == "The function add returned 7."
    chat = gemini.aio.chats.create(model="gemini-4-argon", config=config)
    texts = [chunk.text or "" async for chunk in await chat.send_message_stream("add 3 and 4")]
    assert "".join(texts) == "The function add returned 7."


async def test_a_missing_signature_is_the_sdks_error(gemini: genai.Client) -> None:
    call = types.Part.from_function_call(name="f", args={})
    result = types.Part.from_function_response(name="f", response={"result": 1})
    contents = [
        types.Content(role="user", parts=[types.Part(text="f")]),
        types.Content(role="model", parts=[call]),
        types.Content(role="user", parts=[result]),
    ]
    with pytest.raises(errors.ClientError, match="missing a thought_signature"):
        await gemini.aio.models.generate_content(model="gemini-3.8-flash", contents=contents)
    call.thought_signature = b"skip_thought_signature_validator"
    answer = await gemini.aio.models.generate_content(model="gemini-3.8-flash", contents=contents)
    assert answer.text == "The function f returned 1."


async def test_the_sdk_joins_the_hops_of_a_long_answer() -> None:
    emulator = Emulator(hop_tokens=10)
    numbers = ", ".join(map(str, range(1, 31)))
    async with serving(emulator) as url:
        client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
        asked = {"model": "gemini-4-argon", "contents": "Count to 30"}
        answer = await client.aio.models.generate_content(**asked)
        chunks = [chunk async for chunk in await client.aio.models.generate_content_stream(**asked)]
        await client.aio.aclose()
        client.close()
    assert answer.text == numbers == "".join(chunk.text or "" for chunk in chunks)
    assert [entry.method for entry in emulator.journal] == [
        *["generateContent"] * 3,
        *["streamGenerateContent"] * 3,
    ]
