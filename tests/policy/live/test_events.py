"""What each message means to the end that receives it, in whatever frame and style it comes."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from gemstream.policy.live.client_event import (
    ActivityEnded,
    ActivityStarted,
    AudioStreamEnded,
    ContentGiven,
    ContextChanged,
    SetUp,
    TextGiven,
    ToolResponded,
    VideoGiven,
)
from gemstream.policy.live.protocol import CLIENT, SERVER, LiveProtocol
from gemstream.policy.live.server_event import (
    Audio,
    GenerationCompleted,
    GoingAway,
    Grounded,
    InputTranscribed,
    Interrupted,
    OtherPart,
    OutputTranscribed,
    ResumptionUpdated,
    SetupCompleted,
    Text,
    Thought,
    ToolCallCancelled,
    ToolCalled,
    TurnCompleted,
    UnknownFields,
    UsageReported,
    VoiceActivityHeard,
    WaitingForInput,
)
from gemstream.wire.content import FunctionCall, FunctionResponse, Part
from gemstream.wire.grounding import GroundingMetadata
from gemstream.wire.live.client_message import ContextUpdate
from gemstream.wire.live.server_message import (
    InteractionStatus,
    SetupComplete,
    TurnCompleteReason,
    VADSignalType,
    VoiceActivityType,
)
from gemstream.wire.media import Transcription
from gemstream.wire.usage import UsageMetadata
from support.live import SETUP, by_client, by_server, call, connected

_PCM = {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}


def _content(**fields: Any) -> dict[str, Any]:
    return {"serverContent": fields}


def _turn(*parts: dict[str, Any]) -> dict[str, Any]:
    return _content(modelTurn={"role": "model", "parts": list(parts)})


FROM_SERVICE: list[tuple[dict[str, Any], list[Any]]] = [
    ({}, []),
    (_turn({"text": "a"}), [Text("a", Part(text="a"))]),
    (_turn({"text": ""}), [Text("", Part(text=""))]),
    (_turn({"text": "a", "thought": True}), [Thought("a", Part(text="a", thought=True))]),
    (
        _turn({"inlineData": _PCM}, {"text": "b"}),
        [Audio(b"\0\1", "audio/pcm;rate=24000"), Text("b", Part(text="b"))],
    ),
    (
        _turn({"inlineData": _PCM, "thoughtSignature": "s"}),
        [Audio(b"\0\1", "audio/pcm;rate=24000"), OtherPart(Part(thought_signature="s"))],
    ),
    (
        _turn({"inlineData": {"mimeType": "image/png", "data": "AAE="}}),
        [OtherPart(Part.of_bytes(b"\0\1", "image/png"))],
    ),
    (_content(modelTurn={}), []),
    (
        _content(inputTranscription={"text": "hi", "finished": True}),
        [InputTranscribed("hi", Transcription(text="hi", finished=True))],
    ),
    (
        _content(interimInputTranscription={"text": "h"}),
        [InputTranscribed("h", Transcription(text="h"), interim=True)],
    ),
    (_content(outputTranscription={}), [OutputTranscribed("", Transcription())]),
    (
        _content(groundingMetadata={"webSearchQueries": ["q"]}),
        [Grounded(GroundingMetadata(web_search_queries=["q"]))],
    ),
    (_content(waitingForInput=True), [WaitingForInput()]),
    (_content(waitingForInput=False, turnComplete=False), []),
    # The end of a turn comes last, its tokens before it.
    (
        {
            "usageMetadata": {"responseTokenCount": 2},
            **_content(generationComplete=True, turnComplete=True),
        },
        [
            GenerationCompleted(),
            UsageReported(UsageMetadata(candidates_token_count=2)),
            TurnCompleted(),
        ],
    ),
    (_content(interrupted=True, turnComplete=True), [Interrupted(), TurnCompleted()]),
    (
        _content(turnComplete=True, turnCompleteReason="BLOCKLIST", interactionStatus="IDLE"),
        [TurnCompleted(TurnCompleteReason.BLOCKLIST, InteractionStatus.IDLE)],
    ),
    (
        _content(
            turnComplete=True,
            turnCompleteReason="TURN_COMPLETE_REASON_UNSPECIFIED",
            interactionStatus="IN_PROGRESS",
        ),
        [TurnCompleted(None, InteractionStatus.IN_PROGRESS, goes_on=True)],
    ),
    (
        {"toolCall": {"functionCalls": [{"id": "1", "name": "f"}]}},
        [ToolCalled([FunctionCall(id="1", name="f")])],
    ),
    ({"usageMetadata": {}}, [UsageReported(UsageMetadata())]),
    ({"goAway": {"timeLeft": "9.5s"}}, [GoingAway(9.5)]),
    ({"goAway": {}}, [GoingAway(0.0)]),
    (
        {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
        [ResumptionUpdated("h", True)],
    ),
    (
        {"sessionResumptionUpdate": {"lastConsumedClientMessageIndex": "4"}},
        [ResumptionUpdated("", False, 4)],
    ),
    ({"sessionResumptionUpdate": {"resumable": True}}, [ResumptionUpdated("", False)]),
    (
        {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "1.5s"}},
        [VoiceActivityHeard(VoiceActivityType.ACTIVITY_START, 1.5)],
    ),
    (
        {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}},
        [VoiceActivityHeard(VADSignalType.EOS)],
    ),
    # What nobody has a name for is told, wherever it stands.
    ({"news": {"a": 1}}, [UnknownFields({"news": {"a": 1}})]),
    ({"goAway": {"why": 1}}, [GoingAway(0.0), UnknownFields({"why": 1}, "go_away")]),
    (
        {**_content(turnComplete=True), "goAway": {"timeLeft": "1s", "why": 1}},
        [TurnCompleted(), GoingAway(1.0), UnknownFields({"why": 1}, "go_away")],
    ),
    (
        _content(modelTurn={"mood": 1}, weather=2),
        [
            UnknownFields({"mood": 1}, "server_content.model_turn"),
            UnknownFields({"weather": 2}, "server_content"),
        ],
    ),
]

FROM_CLIENT: list[tuple[dict[str, Any], list[Any]]] = [
    ({"clientContent": {"turnComplete": True}}, [ContentGiven((), turn_complete=True)]),
    ({"realtimeInput": {"audio": _PCM}}, [Audio(b"\0\1", "audio/pcm;rate=24000")]),
    (
        {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AAE="}}},
        [VideoGiven(b"\0\1", "image/jpeg")],
    ),
    (
        {"realtimeInput": {"mediaChunks": [_PCM, _PCM]}},
        [Audio(b"\0\1", "audio/pcm;rate=24000")],
    ),
    (
        {"realtimeInput": {"mediaChunks": [{"mimeType": "image/jpeg", "data": "AAE="}]}},
        [VideoGiven(b"\0\1", "image/jpeg")],
    ),
    ({"realtimeInput": {"text": "a"}}, [TextGiven("a")]),
    ({"realtimeInput": {"audioStreamEnd": True}}, [AudioStreamEnded()]),
    ({"contextUpdate": {}}, [ContextChanged(ContextUpdate())]),
    ({"news": 1}, [UnknownFields({"news": 1})]),
    (
        {"contextUpdate": {"a": 1}},
        [ContextChanged(ContextUpdate(extra={"a": 1})), UnknownFields({"a": 1}, "context_update")],
    ),
]


def snake(plain: Any) -> Any:
    """The same JSON in the other style, every key."""
    if isinstance(plain, dict):
        return {
            "".join(f"_{c.lower()}" if c.isupper() else c for c in key): snake(value)
            for key, value in plain.items()
        }
    return [snake(item) for item in plain] if isinstance(plain, list) else plain


@pytest.mark.parametrize("style", [lambda plain: plain, snake], ids=["camel", "snake"])
@pytest.mark.parametrize("frame", [bytes, bytes.decode], ids=["binary", "text"])
@pytest.mark.parametrize(("plain", "events"), FROM_SERVICE, ids=lambda value: "")
def test_a_message_of_the_service_means(
    plain: dict[str, Any], events: list[Any], style: Any, frame: Any
) -> None:
    client, _ = connected()
    assert client.receive(frame(msgspec.json.encode(style(plain)))) == events


@pytest.mark.parametrize("style", [lambda plain: plain, snake], ids=["camel", "snake"])
@pytest.mark.parametrize("frame", [bytes, bytes.decode], ids=["binary", "text"])
@pytest.mark.parametrize(("plain", "events"), FROM_CLIENT, ids=lambda value: "")
def test_a_message_of_the_client_means(
    plain: dict[str, Any], events: list[Any], style: Any, frame: Any
) -> None:
    _, server = connected()
    assert server.receive(frame(msgspec.json.encode(style(plain)))) == events


def test_the_setup_and_its_acceptance_are_events_too() -> None:
    client, server = LiveProtocol(CLIENT), LiveProtocol(SERVER)
    assert SETUP.setup is not None
    assert server.receive(client.send(SETUP)) == [SetUp(SETUP.setup)]
    payload = b'{"setupComplete":{"sessionId":"s"}}'
    assert client.receive(payload) == [SetupCompleted(SetupComplete(session_id="s"))]


def test_audio_is_read_in_either_alphabet_padded_or_not() -> None:
    data = bytes(range(256)) * 7 + b"\xfb"
    standard = base64.b64encode(data).decode()
    url_safe = base64.urlsafe_b64encode(data).decode()
    for text in (standard, url_safe, standard.rstrip("="), url_safe.rstrip("=")):
        client, server = connected()
        plain: dict[str, Any] = {"mimeType": "audio/pcm", "data": text}
        heard = client.receive(msgspec.json.encode(_turn({"inlineData": plain})))
        said = server.receive(msgspec.json.encode({"realtimeInput": {"audio": plain}}))
        assert heard == said == [Audio(data, "audio/pcm")]


def test_the_client_marks_speech_when_the_service_does_not_detect_it() -> None:
    off = {"automaticActivityDetection": {"disabled": True}}
    client, server = connected(by_client(setup={"model": "m", "realtimeInputConfig": off}))
    start, end = ({"activityStart": {}}, ActivityStarted()), ({"activityEnd": {}}, ActivityEnded())
    for plain, event in (start, end):
        assert server.receive(client.send(by_client(realtimeInput=plain))) == [event]


def test_the_first_turn_may_be_history() -> None:
    setup = {"model": "m", "historyConfig": {"initialHistoryInClientContent": True}}
    client, server = connected(by_client(setup=setup))
    turn = [{"role": "user", "parts": [{"text": "a"}]}]
    told = []
    for complete in (False, True, True):
        message = by_client(clientContent={"turns": turn, "turnComplete": complete})
        (event,) = server.receive(client.send(message))
        assert isinstance(event, ContentGiven)
        told.append((event.turn_complete, event.is_history, client.is_in_turn, server.is_in_turn))
    assert told == [
        (False, True, False, False),
        (True, True, False, False),
        (True, False, True, True),
    ]


def test_a_cancellation_and_a_response_that_cross_are_told_as_such() -> None:
    client, server = connected()
    client.receive(server.send(call("1", "2")))
    answers = client.send(by_client(toolResponse={"functionResponses": [{"id": "1"}, {"id": "2"}]}))
    cancelled = server.send(by_server(toolCallCancellation={"ids": ["2"]}))
    assert server.receive(answers) == [
        ToolResponded([FunctionResponse(id="1")], late=[FunctionResponse(id="2")])
    ]
    assert client.receive(cancelled) == [ToolCallCancelled(["2"])]
    assert client.open_calls == server.open_calls == ()
