"""GenerationConfig: how an answer is sampled, shaped and thought about.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerationConfig.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .codec import JSONObject, Message
from .open_enum import OpenEnum

__all__ = ("GenerationConfig", "ImageConfig", "SpeechConfig", "ThinkingConfig", "ThinkingLevel")


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


class SpeechConfig(Message):
    """Voice and language of a spoken answer."""

    voice_config: JSONObject | None = None
    multi_speaker_voice_config: JSONObject | None = None
    language_code: str | None = None


class ImageConfig(Message):
    """Shape and size of an image answer."""

    aspect_ratio: str | None = None
    image_size: str | None = None
    person_generation: str | None = None
    output_mime_type: str | None = None


class GenerationConfig(Message):
    """How an answer is made; every field is optional and left to the service when unset."""

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
    response_modalities: Sequence[str] = ()
    speech_config: SpeechConfig | None = None
    thinking_config: ThinkingConfig | None = None
    image_config: ImageConfig | None = None
    media_resolution: str | None = None
    enable_enhanced_civic_answers: bool | None = None
    audio_timestamp: bool | None = None
    audio_transcription_config: JSONObject | None = None
    translation_config: JSONObject | None = None
    response_format: Sequence[JSONObject] = ()
    routing_config: JSONObject | None = None
    model_selection_config: JSONObject | None = None
    enable_affective_dialog: bool | None = None
