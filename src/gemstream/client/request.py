"""A call's options → the request on the wire, checked before anything is sent."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from ..config.timeouts import Timeouts
from ..errors import InvalidRequest
from ..wire.codec import JSONObject
from ..wire.content import Content
from ..wire.generation_config import (
    GenerationConfig,
    ImageConfig,
    SpeechConfig,
    ThinkingConfig,
    ThinkingLevel,
)
from ..wire.request import GenerateContentRequest
from ..wire.safety import HarmBlockThreshold, HarmCategory, SafetySetting
from ..wire.tool import FunctionDeclaration, Tool, ToolConfig
from .prompt import Prompt, contents_of, system_of
from .schema import json_schema_of

__all__ = ("GenerateOptions", "build_request", "check_options")


class GenerateOptions(TypedDict, total=False):
    """What ``generate``, ``generate_stream`` and ``count_tokens`` take beside the prompt.

    The sampling options are GenerationConfig's own fields; one given by name wins over the same
    field of ``config``. ``extra_body`` is merged into the JSON body last, for fields that this
    version does not know.
    """

    model: str
    system: str | Content
    files: Sequence[str | Path]
    schema: Any
    tools: Sequence[Tool | FunctionDeclaration]
    tool_config: ToolConfig
    safety: Sequence[SafetySetting] | Mapping[str, str]
    thinking: ThinkingConfig | bool | int | str
    config: GenerationConfig
    cached_content: str
    service_tier: str
    store: bool
    labels: dict[str, str]
    continuation_token: str
    timeouts: Timeouts | float
    extra_body: JSONObject
    candidate_count: int
    stop_sequences: Sequence[str]
    max_output_tokens: int
    temperature: float
    top_p: float
    top_k: float
    seed: int
    response_mime_type: str
    response_schema: JSONObject
    response_json_schema: Any
    presence_penalty: float
    frequency_penalty: float
    response_logprobs: bool
    logprobs: int
    response_modalities: Sequence[str]
    speech_config: SpeechConfig
    thinking_config: ThinkingConfig
    image_config: ImageConfig
    media_resolution: str
    enable_enhanced_civic_answers: bool
    audio_timestamp: bool
    audio_transcription_config: JSONObject
    translation_config: JSONObject
    response_format: Sequence[JSONObject]
    routing_config: JSONObject
    model_selection_config: JSONObject
    enable_affective_dialog: bool


_SAMPLING = frozenset(GenerationConfig.__struct_fields__) - {"extra"}
_PASSED = ("tool_config", "cached_content", "service_tier", "store", "labels", "continuation_token")
_KNOWN = frozenset(GenerateOptions.__annotations__)


def check_options(options: GenerateOptions) -> None:
    """Raise InvalidRequest for an option that does not exist, naming the nearest that does."""
    for name in options:
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidRequest(f"unknown option {name!r}{hint}")


async def build_request(
    prompt: Prompt, options: GenerateOptions, *, max_size: int
) -> GenerateContentRequest:
    """Return the request; raises InvalidRequest and UnsupportedMedia, reads files off the loop."""
    contents = await contents_of(prompt, options.get("files", ()), max_size=max_size)
    fields: dict[str, Any] = {
        name: options.get(name) for name in _PASSED if options.get(name) is not None
    }
    if "system" in options:
        fields["system_instruction"] = system_of(options["system"])
    if "tools" in options:
        fields["tools"] = _tools_of(options["tools"])
    if "safety" in options:
        fields["safety_settings"] = _safety_of(options["safety"])
    config = _config_of(options)
    if config != GenerationConfig():
        fields["generation_config"] = config
    return GenerateContentRequest(contents=contents, **fields)


def _config_of(options: GenerateOptions) -> GenerationConfig:
    given: dict[str, Any] = {name: value for name, value in options.items() if name in _SAMPLING}
    if "schema" in options:
        given["response_json_schema"] = json_schema_of(options["schema"])
        given.setdefault("response_mime_type", "application/json")
    if "thinking" in options:
        given["thinking_config"] = _thinking_of(options["thinking"])
    for name, value in given.items():
        _check_number(name, value)
    return msgspec.structs.replace(options.get("config", GenerationConfig()), **given)


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest(f"{name} is {value!r}; it must be a finite number")
    if name in ("max_output_tokens", "candidate_count") and (type(value) is not int or value < 1):
        raise InvalidRequest(f"{name} is {value!r}; it must be a whole number of at least 1")


def _thinking_of(thinking: ThinkingConfig | bool | int | str) -> ThinkingConfig:
    """Return the config that a level, a token budget or a switch means."""
    if isinstance(thinking, ThinkingConfig):
        return thinking
    if isinstance(thinking, bool):
        return ThinkingConfig(include_thoughts=thinking, thinking_budget=-1 if thinking else 0)
    if isinstance(thinking, int):
        return ThinkingConfig(thinking_budget=thinking)
    level = ThinkingLevel(str(thinking).upper())
    if not level.is_known:
        levels = ", ".join(known.value.lower() for known in ThinkingLevel)
        raise InvalidRequest(f"thinking is {thinking!r}; use one of {levels}, a budget or a bool")
    return ThinkingConfig(thinking_level=level)


def _tools_of(tools: Sequence[Tool | FunctionDeclaration]) -> list[Tool]:
    """Return the tools, declarations gathered into one of their own."""
    declared = [tool for tool in tools if isinstance(tool, FunctionDeclaration)]
    whole = [tool for tool in tools if isinstance(tool, Tool)]
    if len(declared) + len(whole) != len(tools):
        kinds = ", ".join(sorted({type(tool).__name__ for tool in tools}))
        raise InvalidRequest(f"a tool is a Tool or a FunctionDeclaration, not one of: {kinds}")
    return [*whole, Tool(function_declarations=declared)] if declared else whole


def _safety_of(safety: Sequence[SafetySetting] | Mapping[str, str]) -> list[SafetySetting]:
    """Return the settings; a mapping takes category to threshold, as HARASSMENT: BLOCK_NONE."""
    if not isinstance(safety, Mapping):
        return list(safety)
    return [
        SafetySetting(category=_category(category), threshold=HarmBlockThreshold(threshold))
        for category, threshold in safety.items()
    ]


def _category(name: str) -> HarmCategory:
    prefix = "HARM_CATEGORY_"
    return HarmCategory(name if name.startswith(prefix) else prefix + name.upper())
