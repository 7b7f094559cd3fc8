"""The objects inside requests and answers: what programs write is what the service reads."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gemstream.wire.codec import Message, decode, encode, from_plain, strangers
from gemstream.wire.content import (
    ExecutableCode,
    FunctionResponse,
    FunctionResponsePart,
    Language,
    Part,
    PartialArg,
    ToolCall,
    ToolType,
)
from gemstream.wire.generation_config import GenerationConfig, ImageConfig, Modality
from gemstream.wire.grounding import GroundingMetadata, URLContextMetadata, URLRetrievalStatus
from gemstream.wire.media import (
    ContentLayer,
    MediaProcessing,
    MediaResolution,
    PartMediaResolution,
    SpeechMetadata,
    VideoMetadata,
)
from gemstream.wire.request import GenerateContentRequest, ModelArmorConfig, ServiceTier
from gemstream.wire.response import GenerateContentResponse
from gemstream.wire.safety import HarmBlockMethod, HarmCategory, SafetySetting
from gemstream.wire.speech import (
    AudioTranscriptionConfig,
    MultiSpeakerVoiceConfig,
    SpeakerVoiceConfig,
    SpeechConfig,
    TranscriptionMode,
    TranslationConfig,
    VoiceConfig,
)
from gemstream.wire.tool import (
    CodeExecution,
    ComputerEnvironment,
    ComputerUse,
    DynamicRetrievalConfig,
    DynamicRetrievalMode,
    FileSearch,
    GoogleMaps,
    GoogleSearch,
    GoogleSearchRetrieval,
    ImageSearch,
    Interval,
    MCPServer,
    SearchTypes,
    StreamableHTTPTransport,
    Tool,
    URLContext,
    WebSearch,
)
from support.recorded import STREAMS, UNARY, payloads_of, recorded

_DAYS = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z"}
_KORE = {"prebuiltVoiceConfig": {"voiceName": "Kore"}}

# What is built → the JSON that spec/gemini-protocol names for it.
SHAPES: list[tuple[Message, dict[str, Any]]] = [
    (Tool(google_search=GoogleSearch()), {"googleSearch": {}}),
    (
        Tool(
            google_search=GoogleSearch(
                search_types=SearchTypes(web_search=WebSearch(), image_search=ImageSearch()),
                time_range_filter=Interval(
                    start_time=_DAYS["startTime"], end_time=_DAYS["endTime"]
                ),
                exclude_domains=["example.com"],
            )
        ),
        {
            "googleSearch": {
                "searchTypes": {"webSearch": {}, "imageSearch": {}},
                "timeRangeFilter": _DAYS,
                "excludeDomains": ["example.com"],
            }
        },
    ),
    (
        Tool(
            google_search_retrieval=GoogleSearchRetrieval(
                dynamic_retrieval_config=DynamicRetrievalConfig(
                    mode=DynamicRetrievalMode.DYNAMIC, dynamic_threshold=0.5
                )
            )
        ),
        {
            "googleSearchRetrieval": {
                "dynamicRetrievalConfig": {"mode": "MODE_DYNAMIC", "dynamicThreshold": 0.5}
            }
        },
    ),
    (
        Tool(code_execution=CodeExecution(), url_context=URLContext()),
        {"codeExecution": {}, "urlContext": {}},
    ),
    (
        Tool(
            computer_use=ComputerUse(
                environment=ComputerEnvironment.BROWSER,
                excluded_predefined_functions=["drag_and_drop"],
                enable_prompt_injection_detection=True,
                disabled_safety_policies=["ACCOUNT_CREATION"],
            )
        ),
        {
            "computerUse": {
                "environment": "ENVIRONMENT_BROWSER",
                "excludedPredefinedFunctions": ["drag_and_drop"],
                "enablePromptInjectionDetection": True,
                "disabledSafetyPolicies": ["ACCOUNT_CREATION"],
            }
        },
    ),
    (
        Tool(file_search=FileSearch(file_search_store_names=["fileSearchStores/a"], top_k=3)),
        {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"], "topK": 3}},
    ),
    (Tool(google_maps=GoogleMaps(enable_widget=True)), {"googleMaps": {"enableWidget": True}}),
    (
        Tool(
            mcp_servers=[
                MCPServer(
                    name="a",
                    streamable_http_transport=StreamableHTTPTransport(
                        url="https://a", headers={"x_y": "z"}, sse_read_timeout="5s"
                    ),
                )
            ]
        ),
        {
            "mcpServers": [
                {
                    "name": "a",
                    "streamableHttpTransport": {
                        "url": "https://a",
                        "headers": {"x_y": "z"},
                        "sseReadTimeout": "5s",
                    },
                }
            ]
        },
    ),
    (SpeechConfig(voice_config=VoiceConfig.of("Kore")), {"voiceConfig": _KORE}),
    (
        SpeechConfig(
            multi_speaker_voice_config=MultiSpeakerVoiceConfig(
                speaker_voice_configs=[
                    SpeakerVoiceConfig(speaker="Ann", voice_config=VoiceConfig.of("Kore"))
                ]
            ),
            language_code="de-DE",
        ),
        {
            "multiSpeakerVoiceConfig": {
                "speakerVoiceConfigs": [{"speaker": "Ann", "voiceConfig": _KORE}]
            },
            "languageCode": "de-DE",
        },
    ),
    (
        GenerationConfig(
            media_resolution=MediaResolution.LOW,
            response_modalities=[Modality.TEXT, Modality.IMAGE],
            image_config=ImageConfig(aspect_ratio="16:9"),
            audio_transcription_config=AudioTranscriptionConfig(
                language_codes=["de-DE"], diarization=True, mode=TranscriptionMode.SMART
            ),
            translation_config=TranslationConfig(
                target_language_code="en", echo_target_language=False
            ),
        ),
        {
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "responseModalities": ["TEXT", "IMAGE"],
            "imageConfig": {"aspectRatio": "16:9"},
            "audioTranscriptionConfig": {
                "languageCodes": ["de-DE"],
                "diarization": True,
                "mode": "SMART",
            },
            "translationConfig": {"targetLanguageCode": "en", "echoTargetLanguage": False},
        },
    ),
    (
        Part(
            text="a",
            video_metadata=VideoMetadata(
                start_offset="1.5s", fps=2.0, content_layers=[ContentLayer.FRAMES]
            ),
            media_resolution=PartMediaResolution(level=MediaResolution.ULTRA_HIGH),
            media_processing=MediaProcessing.AGENTIC,
            speech_metadata=SpeechMetadata(speaker="Ann", style="calm"),
        ),
        {
            "text": "a",
            "videoMetadata": {"startOffset": "1.5s", "fps": 2.0, "contentLayers": ["FRAMES"]},
            "mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"},
            "mediaProcessing": "AGENTIC",
            "speechMetadata": {"speaker": "Ann", "style": "calm"},
        },
    ),
    (
        Part(executable_code=ExecutableCode(language=Language.PYTHON, code="1")),
        {"executableCode": {"language": "PYTHON", "code": "1"}},
    ),
    (
        Part(tool_call=ToolCall(id="a", tool_type=ToolType.GOOGLE_MAPS, args={"x_y": 1})),
        {"toolCall": {"id": "a", "toolType": "GOOGLE_MAPS", "args": {"x_y": 1}}},
    ),
    (
        GenerateContentRequest(
            service_tier=ServiceTier.FLEX,
            safety_settings=[
                SafetySetting(category=HarmCategory.HARASSMENT, method=HarmBlockMethod.SEVERITY)
            ],
            model_armor_config=ModelArmorConfig(prompt_template_name="a"),
        ),
        {
            "serviceTier": "flex",
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "method": "SEVERITY"}],
            "modelArmorConfig": {"promptTemplateName": "a"},
        },
    ),
    (
        FunctionResponse(name="f", parts=[FunctionResponsePart(media_processing="STATIC")]),
        {"name": "f", "parts": [{"mediaProcessing": "STATIC"}]},
    ),
    (
        PartialArg(json_path="$.a[0].b", null_value="NULL_VALUE", will_continue=True),
        {"jsonPath": "$.a[0].b", "nullValue": "NULL_VALUE", "willContinue": True},
    ),
]


@pytest.mark.parametrize(("message", "plain"), SHAPES, ids=lambda value: "")
def test_an_object_is_written_and_read_as_the_service_names_it(
    message: Message, plain: dict[str, Any]
) -> None:
    assert msgspec.json.decode(encode(message)) == plain
    assert decode(encode(message), type(message)) == message
    assert list(strangers(from_plain(plain, type(message)))) == []


@pytest.mark.parametrize(
    "message",
    [
        Tool(google_search={"searchTypes": {}, "new": 1}),  # type: ignore[arg-type]
        SpeechConfig(voice_config={"voice": "Kore"}),  # type: ignore[arg-type]
        GenerationConfig(translation_config={"targetLanguageCode": "en"}),  # type: ignore[arg-type]
        FunctionResponse(parts=[{"inlineData": {}}]),  # type: ignore[list-item]
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_plain_dict_in_the_place_of_an_object_passes_as_it_is(message: Message) -> None:
    (field,) = [name for name in message.__struct_fields__ if getattr(message, name)]
    (written,) = msgspec.json.decode(encode(message)).values()
    assert written == list(getattr(message, field)) or written == getattr(message, field)


def test_what_a_later_service_adds_inside_an_object_survives() -> None:
    plain = {"googleSearch": {"searchTypes": {"videoSearch": {}}, "depth": 2}}
    tool = from_plain(plain, Tool)
    assert tool.google_search is not None
    assert tool.google_search.extra == {"depth": 2}
    assert msgspec.json.decode(encode(tool)) == plain
    assert set(strangers(tool)) == {
        ("google_search", "depth"),
        ("google_search.search_types", "videoSearch"),
    }


GROUNDED = b"""{
  "webSearchQueries": ["q"],
  "groundingChunks": [{"web": {"uri": "https://a", "title": "A", "domain": "a"}}, {"maps": {}}],
  "groundingSupports": [{
    "segment": {"endIndex": 9, "text": "A passage"},
    "groundingChunkIndices": [0, "1"], "confidenceScores": [0.5]
  }],
  "retrievalMetadata": {"googleSearchDynamicRetrievalScore": 1}
}"""


def test_sources_and_passages_can_be_read_by_name() -> None:
    grounding = decode(GROUNDED, GroundingMetadata)
    page, place = grounding.grounding_chunks
    assert page.web is not None and place.maps is not None
    assert (page.web.uri, page.web.domain) == ("https://a", "a")
    (support,) = grounding.grounding_supports
    assert support.segment is not None
    assert (support.segment.start_index, support.segment.end_index) == (None, 9)
    assert list(support.grounding_chunk_indices) == [0, 1]
    assert grounding.retrieval_metadata is not None


def test_how_fetching_a_page_went_may_be_a_new_word() -> None:
    statuses = [{"urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"}, {"urlRetrievalStatus": "X"}]
    fetched, new = from_plain({"urlMetadata": statuses}, URLContextMetadata).url_metadata
    assert fetched.url_retrieval_status is URLRetrievalStatus.SUCCESS
    assert new.url_retrieval_status == "X"
    assert new.url_retrieval_status is not None and not new.url_retrieval_status.is_known


@pytest.mark.parametrize("name", [*STREAMS, *UNARY])
def test_a_recorded_answer_holds_nothing_that_is_not_typed(name: str) -> None:
    bodies = [recorded(name)] if name.startswith("unary") else payloads_of(name)
    found = {
        (path, stranger)
        for body in bodies
        for path, stranger in strangers(decode(body, GenerateContentResponse))
    }
    assert found <= {("", "error")}, found
