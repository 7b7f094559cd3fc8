"""GenerationConfig: how an answer is sampled, shaped and thought about.

A plain dict in the place of an object passes as it is, unchecked.
Source: https://ai.google.dev/api/generate-content#v1beta.GenerationConfig.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .codec import JSONObject, Message
from .media import MediaResolution
from .open_enum import OpenEnum
from .speech import AudioTranscriptionConfig, SpeechConfig, TranslationConfig

__all__ = (
    "GenerationConfig",
    "ImageConfig",
    "ImageOutputOptions",
    "Modality",
    "ThinkingConfig",
    "ThinkingLevel",
)


class ThinkingLevel(OpenEnum):
    """How hard a Gemini 3 or later model thinks."""

    MINIMAL = "MINIMAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    XHIGH = "XHIGH"


class ThinkingConfig(Message):
    """Thinking: a token budget (0 off, -1 automatic) or a level, and whether thoughts are shown."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: ThinkingLevel | None = None


class Modality(OpenEnum):
    """What an answer may be made of."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"


class ImageOutputOptions(Message):
    """The format of an image answer; ``compression_quality`` 0 to 100, for JPEG only."""

    mime_type: str | None = None
    compression_quality: int | None = None


class ImageConfig(Message):
    """Shape and size of an image answer.

    ``aspect_ratio``: as ``16:9``. ``image_size``: ``1K``, ``2K`` or ``4K``. The fields after them
    are Vertex only.
    """

    aspect_ratio: str | None = None
    image_size: str | None = None
    person_generation: str | None = None
    prominent_people: str | None = None
    output_mime_type: str | None = None
    output_compression_quality: int | None = None
    image_output_options: ImageOutputOptions | None = None


class GenerationConfig(Message):
    """How an answer is made; every field is optional and left to the service when unset.

    ``temperature`` 0 to 2; penalties from -2 to below 2; ``logprobs`` 0 to 20, with
    ``response_logprobs``; at most 5 ``stop_sequences``; ``response_schema`` xor
    ``response_json_schema``. Vertex only: ``audio_timestamp``, ``routing_config``,
    ``model_selection_config``, ``enable_affective_dialog``.
    """

    candidate_count: int | None = None
    stop_sequences: Sequence[str] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    seed: int | None = None
    response_mime_type: str | None = None
    response_schema: JSONObject | None = None
    response_json_schema: Any = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_modalities: Sequence[Modality] = ()
    speech_config: SpeechConfig | None = None
    thinking_config: ThinkingConfig | None = None
    image_config: ImageConfig | None = None
    media_resolution: MediaResolution | None = None
    enable_enhanced_civic_answers: bool | None = None
    audio_timestamp: bool | None = None
    audio_transcription_config: AudioTranscriptionConfig | None = None
    translation_config: TranslationConfig | None = None
    response_format: Sequence[JSONObject] = ()
    routing_config: JSONObject | None = None
    model_selection_config: JSONObject | None = None
    enable_affective_dialog: bool | None = None
