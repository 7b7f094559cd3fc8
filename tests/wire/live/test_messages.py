"""Live messages: what is built is the JSON that the service names, and either key style is read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gemstream.wire.codec import Message, decode, encode
from gemstream.wire.content import Blob, Content, FunctionCall, FunctionResponse, Part, Scheduling
from gemstream.wire.generation_config import GenerationConfig, Modality
from gemstream.wire.live.client_message import (
    ActivityEnd,
    ActivityStart,
    ClientContent,
    ClientMessage,
    ContextUpdate,
    ContextUpdateTools,
    RealtimeInput,
    ToolResponse,
)
from gemstream.wire.live.server_message import (
    GoAway,
    InteractionStatus,
    LiveToolCall,
    LiveToolCallCancellation,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
    TurnCompleteReason,
    VADSignalType,
    VoiceActivity,
    VoiceActivityDetectionSignal,
    VoiceActivityType,
)
from gemstream.wire.live.setup import (
    ActivityHandling,
    AutomaticActivityDetection,
    ContextWindowCompression,
    EndSensitivity,
    HistoryConfig,
    LiveSetup,
    Proactivity,
    RealtimeInputConfig,
    SessionResumption,
    SlidingWindow,
    StartSensitivity,
    TurnCoverage,
)
from gemstream.wire.live.usage import LiveUsageMetadata
from gemstream.wire.media import Transcription
from gemstream.wire.speech import AudioTranscriptionConfig, SpeechConfig, VoiceConfig
from gemstream.wire.tool import Behavior, FunctionDeclaration, GoogleSearch, Tool
from gemstream.wire.usage import ModalityTokenCount, UsageMetadata

_SPEAK = {"prebuiltVoiceConfig": {"voiceName": "Kore"}}
_SAID = {"role": "user", "parts": [{"text": "Hi"}]}

CLIENT: list[tuple[ClientMessage, dict[str, Any]]] = [
    (
        ClientMessage(
            setup=LiveSetup(
                model="models/m",
                generation_config=GenerationConfig(
                    response_modalities=[Modality.AUDIO],
                    temperature=0.5,
                    speech_config=SpeechConfig(voice_config=VoiceConfig.of("Kore")),
                ),
                system_instruction=Content(parts=[Part(text="Be brief.")]),
                tools=[
                    Tool(
                        function_declarations=[
                            FunctionDeclaration(name="f", behavior=Behavior.NON_BLOCKING)
                        ]
                    )
                ],
                realtime_input_config=RealtimeInputConfig(
                    automatic_activity_detection=AutomaticActivityDetection(
                        disabled=False,
                        start_of_speech_sensitivity=StartSensitivity.LOW,
                        end_of_speech_sensitivity=EndSensitivity.HIGH,
                        prefix_padding_ms=20,
                        silence_duration_ms=100,
                    ),
                    activity_handling=ActivityHandling.NO_INTERRUPTION,
                    turn_coverage=TurnCoverage.ALL_INPUT,
                ),
                session_resumption=SessionResumption(handle="h", transparent=True),
                context_window_compression=ContextWindowCompression(
                    trigger_tokens=25_600, sliding_window=SlidingWindow(target_tokens=12_800)
                ),
                input_audio_transcription=AudioTranscriptionConfig(),
                output_audio_transcription=AudioTranscriptionConfig(language_codes=["de-DE"]),
                proactivity=Proactivity(proactive_audio=True),
                history_config=HistoryConfig(initial_history_in_client_content=True),
                explicit_vad_signal=True,
            )
        ),
        {
            "setup": {
                "model": "models/m",
                "generationConfig": {
                    "responseModalities": ["AUDIO"],
                    "temperature": 0.5,
                    "speechConfig": {"voiceConfig": _SPEAK},
                },
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "tools": [{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}],
                "realtimeInputConfig": {
                    "automaticActivityDetection": {
                        "disabled": False,
                        "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
                        "endOfSpeechSensitivity": "END_SENSITIVITY_HIGH",
                        "prefixPaddingMs": 20,
                        "silenceDurationMs": 100,
                    },
                    "activityHandling": "NO_INTERRUPTION",
                    "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
                },
                "sessionResumption": {"handle": "h", "transparent": True},
                "contextWindowCompression": {
                    "triggerTokens": 25_600,
                    "slidingWindow": {"targetTokens": 12_800},
                },
                "inputAudioTranscription": {},
                "outputAudioTranscription": {"languageCodes": ["de-DE"]},
                "proactivity": {"proactiveAudio": True},
                "historyConfig": {"initialHistoryInClientContent": True},
                "explicitVadSignal": True,
            }
        },
    ),
    (
        ClientMessage(
            client_content=ClientContent(
                turns=[Content(role="user", parts=[Part(text="Hi")])], turn_complete=False
            )
        ),
        {"clientContent": {"turns": [_SAID], "turnComplete": False}},
    ),
    (
        ClientMessage(
            realtime_input=RealtimeInput(audio=Blob.of(b"\xfb\xff", "audio/pcm;rate=16000"))
        ),
        {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "+/8="}}},
    ),
    (
        ClientMessage(realtime_input=RealtimeInput(video=Blob.of(b"j", "image/jpeg"))),
        {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "ag=="}}},
    ),
    (
        ClientMessage(realtime_input=RealtimeInput(media_chunks=[Blob.of(b"j", "image/jpeg")])),
        {"realtimeInput": {"mediaChunks": [{"mimeType": "image/jpeg", "data": "ag=="}]}},
    ),
    (
        ClientMessage(realtime_input=RealtimeInput(activity_start=ActivityStart())),
        {"realtimeInput": {"activityStart": {}}},
    ),
    (
        ClientMessage(realtime_input=RealtimeInput(activity_end=ActivityEnd())),
        {"realtimeInput": {"activityEnd": {}}},
    ),
    (
        ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True)),
        {"realtimeInput": {"audioStreamEnd": True}},
    ),
    (
        ClientMessage(
            tool_response=ToolResponse(
                function_responses=[
                    FunctionResponse(
                        id="1",
                        name="f",
                        response={"output": {"snake_key": 1}},
                        will_continue=True,
                        scheduling=Scheduling.WHEN_IDLE,
                    )
                ]
            )
        ),
        {
            "toolResponse": {
                "functionResponses": [
                    {
                        "id": "1",
                        "name": "f",
                        "response": {"output": {"snake_key": 1}},
                        "willContinue": True,
                        "scheduling": "WHEN_IDLE",
                    }
                ]
            }
        },
    ),
    (
        ClientMessage(
            context_update=ContextUpdate(
                tools=ContextUpdateTools(tools=[Tool(google_search=GoogleSearch())])
            )
        ),
        {"contextUpdate": {"tools": {"tools": [{"googleSearch": {}}]}}},
    ),
]

SERVER: list[tuple[ServerMessage, dict[str, Any]]] = [
    (
        ServerMessage(setup_complete=SetupComplete(session_id="s")),
        {"setupComplete": {"sessionId": "s"}},
    ),
    (
        ServerMessage(
            server_content=ServerContent(
                model_turn=Content(
                    role="model", parts=[Part.of_bytes(b"\0\1", "audio/pcm;rate=24000")]
                )
            )
        ),
        {
            "serverContent": {
                "modelTurn": {
                    "role": "model",
                    "parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}],
                }
            }
        },
    ),
    (
        ServerMessage(
            server_content=ServerContent(
                input_transcription=Transcription(text="hi", finished=True),
                interim_input_transcription=Transcription(text="h"),
                output_transcription=Transcription(text="hello"),
                generation_complete=True,
                interrupted=True,
                waiting_for_input=True,
                turn_complete=True,
                turn_complete_reason=TurnCompleteReason.NEED_MORE_INPUT,
                interaction_status=InteractionStatus.IDLE,
            ),
            usage_metadata=LiveUsageMetadata(
                prompt_token_count=1,
                response_token_count=2,
                total_token_count=3,
                response_tokens_details=[ModalityTokenCount(modality="AUDIO", token_count=2)],
            ),
        ),
        {
            "serverContent": {
                "inputTranscription": {"text": "hi", "finished": True},
                "interimInputTranscription": {"text": "h"},
                "outputTranscription": {"text": "hello"},
                "generationComplete": True,
                "interrupted": True,
                "waitingForInput": True,
                "turnComplete": True,
                "turnCompleteReason": "NEED_MORE_INPUT",
                "interactionStatus": "IDLE",
            },
            "usageMetadata": {
                "promptTokenCount": 1,
                "responseTokenCount": 2,
                "totalTokenCount": 3,
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
            },
        },
    ),
    (
        ServerMessage(
            tool_call=LiveToolCall(
                function_calls=[FunctionCall(id="1", name="f", args={"snake_key": 1})]
            )
        ),
        {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {"snake_key": 1}}]}},
    ),
    (
        ServerMessage(tool_call_cancellation=LiveToolCallCancellation(ids=["1"])),
        {"toolCallCancellation": {"ids": ["1"]}},
    ),
    (ServerMessage(go_away=GoAway(time_left="10s")), {"goAway": {"timeLeft": "10s"}}),
    (
        ServerMessage(
            session_resumption_update=SessionResumptionUpdate(
                new_handle="h", resumable=True, last_consumed_client_message_index=7
            )
        ),
        {
            "sessionResumptionUpdate": {
                "newHandle": "h",
                "resumable": True,
                "lastConsumedClientMessageIndex": 7,
            }
        },
    ),
    (
        ServerMessage(
            voice_activity=VoiceActivity(type=VoiceActivityType.ACTIVITY_START, audio_offset="1.5s")
        ),
        {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "1.5s"}},
    ),
    (
        ServerMessage(
            voice_activity_detection_signal=VoiceActivityDetectionSignal(
                vad_signal_type=VADSignalType.EOS
            )
        ),
        {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}},
    ),
]
# Keys inside these belong to the program, not to the protocol.
_FREE = ("args", "response", "labels")
every_message = pytest.mark.parametrize(("message", "plain"), CLIENT + SERVER, ids=lambda value: "")


def snake(plain: Any) -> Any:
    """The same JSON as other SDKs write it."""
    if isinstance(plain, list):
        return [snake(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    return {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in key): (
            value if key in _FREE else snake(value)
        )
        for key, value in plain.items()
    }


@every_message
def test_a_message_is_written_and_read_as_the_service_names_it(
    message: Message, plain: dict[str, Any]
) -> None:
    assert msgspec.json.decode(encode(message)) == plain
    assert decode(encode(message), type(message)) == message


@every_message
def test_a_message_of_snake_case_keys_is_the_same(message: Message, plain: dict[str, Any]) -> None:
    assert decode(msgspec.json.encode(snake(plain)), type(message)) == message


def test_every_field_of_both_envelopes_is_in_the_tables() -> None:
    for kind, rows in ((ClientMessage, CLIENT), (ServerMessage, SERVER)):
        shown = {key for _, plain in rows for key in plain}
        assert shown == set(kind.__struct_encode_fields__) - {"$extra"}


def test_numbers_in_strings_are_read_as_proto3_writes_them() -> None:
    payload = b'{"sessionResumptionUpdate":{"lastConsumedClientMessageIndex":"7"}}'
    update = decode(payload, ServerMessage).session_resumption_update
    assert update is not None
    assert update.last_consumed_client_message_index == 7


def test_strangers_are_kept_and_written_back() -> None:
    payload = b'{"serverContent":{"turnComplete":true,"mood":"fine"},"news":{"a":[1]}}'
    message = decode(payload, ServerMessage)
    assert (message.extra, message.server_content.extra) == ({"news": {"a": [1]}}, {"mood": "fine"})  # type: ignore[union-attr]
    assert msgspec.json.decode(encode(message)) == msgspec.json.decode(payload)


@pytest.mark.parametrize(
    ("wire", "count"),
    [
        ({"responseTokenCount": 5}, 5),
        ({"candidatesTokenCount": 6}, 6),
        ({"responseTokenCount": 0, "candidatesTokenCount": 6}, 0),
        ({}, None),
    ],
)
def test_tokens_are_told_under_the_names_of_all_answers(
    wire: dict[str, Any], count: int | None
) -> None:
    usage = decode(msgspec.json.encode(wire), LiveUsageMetadata).as_usage()
    assert usage == UsageMetadata(candidates_token_count=count)


def test_the_details_of_tokens_follow_the_same_rule() -> None:
    details = [ModalityTokenCount(modality="AUDIO", token_count=2)]
    for name in ("response_tokens_details", "candidates_tokens_details"):
        live = LiveUsageMetadata(**{name: details}, extra={"~": 1})  # type: ignore[arg-type]
        assert live.as_usage() == UsageMetadata(candidates_tokens_details=details, extra={"~": 1})
