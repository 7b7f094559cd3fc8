"""A conversation: text, audio, tools, interruption; what is sent is what the service hears."""

from __future__ import annotations

import asyncio

import pytest

from gemstream import (
    AccessToken,
    AsyncClient,
    FunctionDeclaration,
    FunctionResponse,
    GenerationConfig,
    LiveSetup,
    Part,
)
from gemstream.client.live.events import (
    Audio,
    GoingAway,
    Interrupted,
    ResumptionUpdated,
    Text,
    ToolCallCancelled,
    ToolCalled,
    TurnCompleted,
)
from gemstream.client.live.turn import LiveAnswer
from gemstream.errors import InvalidRequest, InvalidState, UnsupportedMedia
from gemstream.policy.live import client_event as heard
from support.live import AUDIO_OUT, DONE, by_server, call, output
from support.live_service import MODEL, LiveService, Stage, client_of

HELLO = output({"text": "Hel"}), output({"text": "lo"})
USAGE = by_server(
    usageMetadata={"promptTokenCount": 1, "responseTokenCount": 2},
    serverContent={"turnComplete": True},
)


async def _greets(stage: Stage) -> None:
    while True:
        await stage.hear()
        await stage.say(*HELLO, USAGE)


async def _silent(stage: Stage) -> None:
    pass


async def test_send_text_returns_the_whole_answer_of_each_turn() -> None:
    service = LiveService(_greets)
    async with client_of(service).live(MODEL) as session:
        first, second = await session.send_text("Hi"), await session.send_text("Again")
    assert (first.text, first.is_complete, first.is_interrupted) == ("Hello", True, False)
    assert first.usage is not None
    assert first.usage.candidates_token_count == 2
    assert first == second
    said = [event.turns[0].parts[0].text for event in service.heard[1:]]  # type: ignore[union-attr]
    assert said == ["Hi", "Again"]
    assert service.left == [1000]


async def test_what_is_printed_shows_no_sound() -> None:
    answer = LiveAnswer(output_transcription="Hi", audio=bytes(96_000), is_complete=True)
    assert repr(answer) == (
        "LiveAnswer(audio=96,000 bytes, output_transcription='Hi', is_complete=True)"
    )
    assert repr(Audio(bytes(9600), "audio/pcm")) == "Audio(9,600 bytes, 'audio/pcm')"


async def test_a_stream_of_text_does_not_consume_the_session() -> None:
    async with client_of(LiveService(_greets)).live(MODEL) as session:
        for _ in range(2):
            assert [piece async for piece in session.send_text_stream("Hi")] == ["Hel", "lo"]
        assert (await session.send_text("Hi")).text == "Hello"


async def test_a_stream_of_text_sends_nothing_before_it_is_asked() -> None:
    service = LiveService(_greets)
    async with client_of(service).live(MODEL) as session:
        session.send_text_stream("Hi")
    assert len(service.heard) == 1


async def test_turns_end_and_the_session_goes_on() -> None:
    async with client_of(LiveService(_greets)).live(MODEL) as session:
        for _ in range(2):
            await session.send_client_content("Hi")
            assert session.is_in_turn
            kinds = [type(event).__name__ async for event in session.turn()]
            assert kinds == ["Text", "Text", "UsageReported", "TurnCompleted"]
            assert not session.is_in_turn


async def test_a_turn_that_is_left_is_read_on_by_the_next() -> None:
    async with client_of(LiveService(_greets)).live(MODEL) as session:
        await session.send_client_content("Hi")
        async for event in session.turn():
            assert isinstance(event, Text)
            break
        with pytest.raises(InvalidState, match="earlier turn"):
            await session.send_text("More")
        assert (await session.turn().finish()).text == "lo"


async def test_a_model_of_3_1_is_told_text_as_realtime_input() -> None:
    service = LiveService(_greets)
    async with client_of(service).live("gemini-3.1-flash-live-preview") as session:
        assert (await session.send_text("Hi")).text == "Hello"
    assert service.heard[1] == heard.TextGiven("Hi")


async def test_audio_passes_both_ways_as_bytes() -> None:
    async def speaks(stage: Stage) -> None:
        await stage.hear()
        await stage.say(AUDIO_OUT, DONE)

    service = LiveService(speaks)
    async with client_of(service).live(MODEL) as session:
        await session.send_realtime_input(audio=b"\0\1" * 160)
        first = await anext(session)
        assert first == Audio(b"\0\1", "audio/pcm;rate=24000")
        answer = await session.turn().finish()
        assert answer.is_complete
        await session.send_realtime_input(video=b"\xff\xd8")
        await session.send_realtime_input(audio_stream_end=True)
    assert service.heard[1:] == [
        heard.Audio(b"\0\1" * 160, "audio/pcm;rate=16000"),
        heard.VideoGiven(b"\xff\xd8", "image/jpeg"),
        heard.AudioStreamEnded(),
    ]


async def test_a_tool_is_called_and_answered_in_its_turn() -> None:
    async def calls(stage: Stage) -> None:
        await stage.hear()
        await stage.say(call("a", "b"))
        await stage.hear()
        await stage.say(*HELLO, DONE)

    service = LiveService(calls)
    tools = [FunctionDeclaration(name="f")]
    async with client_of(service).live(MODEL, tools=tools) as session:
        answer = await session.send_text("What is f?")
        assert (session.open_calls, answer.is_complete) == (("a", "b"), False)
        with pytest.raises(InvalidRequest, match="there is no call 'c'"):
            await session.send_tool_response(FunctionResponse(id="c", name="f", response={}))
        responses = [FunctionResponse(id=it.id, name="f", response={}) for it in answer.calls]
        await session.send_tool_response(responses)
        with pytest.raises(InvalidState, match="answered already"):
            await session.send_tool_response(responses)
        assert (await session.turn().finish()).text == "Hello"
    responded = service.heard[2]
    assert isinstance(responded, heard.ToolResponded)
    assert [response.id for response in responded.responses] == ["a", "b"]


async def test_a_stream_of_text_ends_when_functions_are_asked_for() -> None:
    async def calls(stage: Stage) -> None:
        await stage.hear()
        await stage.say(HELLO[0], call("a"))

    async with client_of(LiveService(calls)).live(MODEL) as session:
        stream = session.send_text_stream("Hi")
        assert [piece async for piece in stream] == ["Hel"]
        assert [it.id for it in stream.calls] == ["a"]


async def test_an_interruption_ends_the_turn_and_its_calls() -> None:
    async def interrupted(stage: Stage) -> None:
        await stage.hear()
        await stage.say(AUDIO_OUT, call("a"))
        await stage.hear()
        cancellation = by_server(toolCallCancellation={"ids": ["a"]})
        await stage.say(cancellation, by_server(serverContent={"interrupted": True}), DONE)
        await stage.say(*HELLO, DONE)

    async with client_of(LiveService(interrupted)).live(MODEL) as session:
        await session.send_client_content("Sing")
        assert isinstance(await anext(session), Audio)
        assert isinstance(await anext(session), ToolCalled)
        await session.send_client_content("Stop")
        events = [event async for event in session.turn()]
        assert events == [ToolCallCancelled(["a"]), Interrupted(), TurnCompleted()]
        assert (await session.turn().finish()).text == "Hello"


async def test_handles_and_farewells_are_told_and_the_handle_is_sent_to_resume() -> None:
    async def parting(stage: Stage) -> None:
        await stage.say(
            by_server(sessionResumptionUpdate={"newHandle": "new", "resumable": True}),
            by_server(goAway={"timeLeft": "9s"}),
        )

    service = LiveService(parting)
    async with client_of(service).live(MODEL, resume="old") as session:
        assert session.handle == "old"
        assert await anext(session) == ResumptionUpdated("new", resumable=True)
        assert await anext(session) == GoingAway(9.0)
        assert session.handle == "new"
    [setup] = service.heard
    assert isinstance(setup, heard.SetUp)
    assert setup.setup.session_resumption is not None
    assert setup.setup.session_resumption.handle == "old"


async def test_the_setup_says_what_the_options_say() -> None:
    service = LiveService(_silent)
    client = client_of(service)
    session = client.live(
        MODEL,
        config=LiveSetup(labels={"a": "b"}),
        system="Be brief",
        tools=[FunctionDeclaration(name="f")],
        response_modalities=["AUDIO"],
        temperature=0.5,
        output_audio_transcription=True,
        context_window_compression=False,
    )
    async with session:
        pass
    [event] = service.heard
    assert isinstance(event, heard.SetUp)
    setup = event.setup
    assert setup.model == f"models/{MODEL}"
    assert setup.labels == {"a": "b"}
    assert setup.system_instruction is not None
    assert setup.system_instruction.parts[0].text == "Be brief"
    assert setup.tools[0].function_declarations[0].name == "f"
    assert setup.generation_config is not None
    assert setup.generation_config.temperature == 0.5
    assert setup.output_audio_transcription is not None
    assert setup.context_window_compression is None
    assert setup.session_resumption is not None


async def test_without_options_a_session_is_kept_going() -> None:
    service = LiveService(_silent)
    async with client_of(service).live() as session:
        assert session.model == f"models/{MODEL}"
    [event] = service.heard
    assert isinstance(event, heard.SetUp)
    compression = event.setup.context_window_compression
    assert compression is not None
    assert compression.sliding_window is not None


ADDRESSES = {
    "a key": (
        {},
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        f"models/{MODEL}",
    ),
    "an ephemeral token": (
        {"api_key": "auth_tokens/abcdefgh"},
        "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained",
        f"models/{MODEL}",
    ),
    "vertex": (
        {
            "vertexai": True,
            "project": "p",
            "location": "l",
            "api_key": None,
            "credentials": AccessToken("token"),
        },
        "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
        f"projects/p/locations/l/publishers/google/models/{MODEL}",
    ),
}


@pytest.mark.parametrize("case", ADDRESSES)
async def test_each_service_is_asked_at_its_address(case: str) -> None:
    options, path, model = ADDRESSES[case]
    service = LiveService(_silent)
    async with client_of(service, **options).live(MODEL):
        pass
    [scope] = service.scopes
    assert scope["path"] == path
    headers = dict(scope["headers"])
    assert (b"x-goog-api-key" in headers) is (case == "a key")
    if case == "an ephemeral token":
        assert headers[b"authorization"] == b"Token auth_tokens/abcdefgh"
    [event] = service.heard
    assert isinstance(event, heard.SetUp)
    assert event.setup.model == model


_JSON = GenerationConfig(response_mime_type="application/json")
REFUSED_HERE = {
    "a model without Live": (
        lambda client: client.live("gemini-2.5-flash"),
        "has no Live sessions",
    ),
    "no name of a model": (lambda client: client.live(".."), "is not valid"),
    "an unknown option": (lambda client: client.live(temprature=1), "did you mean 'temperature'"),
    "the option of another method": (
        lambda client: client.live(safety=[]),
        "it is safety_settings",
    ),
    "the name on the wire": (lambda client: client.live(system_instruction="x"), "it is system"),
    "no setup": (lambda client: client.live(config={}), "it takes a LiveSetup"),
    "two models": (
        lambda client: client.live(MODEL, config=LiveSetup(model="models/other")),
        "name one of them",
    ),
    "a modality in small letters": (
        lambda client: client.live(response_modalities=["text"]),
        "did you mean 'TEXT'",
    ),
    "two modalities": (
        lambda client: client.live(response_modalities=["TEXT", "AUDIO"]),
        "in one modality, not in TEXT and AUDIO",
    ),
    "no number": (lambda client: client.live(temperature=float("nan")), "a finite number"),
    "no token in a config": (
        lambda client: client.live(
            config=LiveSetup(generation_config=GenerationConfig(max_output_tokens=0))
        ),
        "max_output_tokens is 0; it must be a whole number of at least 1",
    ),
    "a switch that is none": (
        lambda client: client.live(input_audio_transcription="yes"),
        "input_audio_transcription is 'yes'; it takes True",
    ),
    "settings that are none": (
        lambda client: client.live(safety_settings=[3]),
        "safety_settings is .*; it takes a list of SafetySettings",
    ),
    "a function that is not in a list": (
        lambda client: client.live(tools=print),
        "it takes a list of functions",
    ),
    "a tool that is none": (lambda client: client.live(tools=[3]), "is a function, .*, not 3"),
    "no handle": (lambda client: client.live(resume=""), "pass the handle"),
    "a schema": (
        lambda client: client.live(config=LiveSetup(generation_config=_JSON)),
        "cannot be used in a Live session",
    ),
}


@pytest.mark.parametrize("case", REFUSED_HERE)
def test_what_cannot_be_is_refused_before_anything_is_sent(case: str) -> None:
    ask, said = REFUSED_HERE[case]
    with pytest.raises(InvalidRequest, match=said):
        ask(client_of(None))


async def test_a_config_names_the_model() -> None:
    service = LiveService(_silent)
    other = "models/gemini-3.1-flash-live-preview"
    async with client_of(service).live(config=LiveSetup(model=other)) as session:
        assert session.model == other
    [event] = service.heard
    assert isinstance(event, heard.SetUp)
    assert event.setup.model == other


OF_WRONG_TYPES = {
    "text": lambda session: session.send_text(3),
    "realtime text": lambda session: session.send_realtime_input(text=3),
    "a mark": lambda session: session.send_realtime_input(activity_start="no"),
    "the end of a turn": lambda session: session.send_client_content("x", turn_complete="no"),
    "a response": lambda session: session.send_tool_response(3),
    "a response as a dict": lambda session: session.send_tool_response({"id": "x"}),
    "a response among others": lambda session: session.send_tool_response([None]),
}


@pytest.mark.parametrize("case", OF_WRONG_TYPES)
async def test_what_has_the_wrong_type_is_not_sent(case: str) -> None:
    service = LiveService(_silent)
    async with client_of(service).live(MODEL) as session:
        with pytest.raises(InvalidRequest):
            await OF_WRONG_TYPES[case](session)
    assert [type(event) for event in service.heard] == [heard.SetUp]


async def test_input_that_cannot_be_is_refused_and_changes_nothing() -> None:
    service = LiveService(_greets)
    async with client_of(service).live(MODEL) as session:
        with pytest.raises(InvalidRequest):
            await session.send_text("")
        with pytest.raises(InvalidRequest):
            await session.send_client_content(turn_complete=False)
        with pytest.raises(InvalidRequest, match="exactly one"):
            await session.send_realtime_input()
        with pytest.raises(UnsupportedMedia):
            await session.send_realtime_input(audio=Part.of_bytes(b"x", "image/png").inline_data)
        with pytest.raises(InvalidRequest, match="must be a Blob, not str"):
            await session.send_realtime_input(audio="speech")  # type: ignore[arg-type]
        with pytest.raises(InvalidState, match="activity_start"):
            await session.send_realtime_input(activity_start=True)
        with pytest.raises(InvalidRequest, match="max_message_size"):
            await session.send_text("x" * 10_000_000)
        assert (await session.send_text("Hi")).text == "Hello"
    assert len(service.heard) == 2


async def test_one_task_reads_while_another_speaks() -> None:
    service = LiveService(_greets)
    async with client_of(service).live(MODEL) as session:
        reader = asyncio.create_task(session.turn().finish())
        await asyncio.sleep(0)
        with pytest.raises(InvalidState, match="already being read"):
            await anext(session)
        await session.send_client_content("Hi")
        assert (await reader).text == "Hello"


async def test_a_session_is_opened_once_and_by_async_with() -> None:
    client: AsyncClient = client_of(LiveService(_silent))
    session = client.live(MODEL)
    with pytest.raises(InvalidState, match="not open"):
        await anext(session)
    with pytest.raises(InvalidState, match="not open"):
        await session.send_client_content("Hi")
    async with session:
        pass
    with pytest.raises(InvalidState, match="opened once"):
        async with session:
            pass
    with pytest.raises(InvalidState, match="closed"):
        await session.send_client_content("Hi")
    assert [event async for event in session] == []
    await client.aclose()
    with pytest.raises(InvalidState):
        client.live(MODEL)


async def test_a_setup_may_be_the_second_argument() -> None:
    service = LiveService(_greets)
    config = LiveSetup(generation_config=GenerationConfig(temperature=0.5))
    async with client_of(service).live(MODEL, config, temperature=0.25) as session:
        assert (await session.send_text("Hi")).text == "Hello"
    [setup, _] = service.heard
    assert isinstance(setup, heard.SetUp)
    assert setup.setup.generation_config is not None
    assert setup.setup.generation_config.temperature == 0.25


def test_a_setup_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="config"):
        client_of(LiveService(_greets)).live(MODEL, {"temperature": 1})  # type: ignore[arg-type]
