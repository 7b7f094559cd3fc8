"""The options of a call, by name and kind; what they mean on the wire is told in ``request``."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from ..config.timeouts import Timeouts
from ..errors import InvalidRequest
from ..wire.codec import JSONObject
from ..wire.content import Content
from ..wire.generation_config import GenerationConfig, ImageConfig, Modality, ThinkingConfig
from ..wire.media import MediaResolution
from ..wire.request import ServiceTier
from ..wire.safety import SafetySetting
from ..wire.speech import AudioTranscriptionConfig, SpeechConfig, TranslationConfig
from ..wire.tool import FunctionDeclaration, Tool, ToolConfig

__all__ = ("GenerateOptions", "check_kind", "check_sampling", "given_options")


class GenerateOptions(TypedDict, total=False):
    """What ``generate``, ``generate_stream`` and ``count_tokens`` take beside the prompt.

    The sampling options are GenerationConfig's own fields; one given by name wins over the same
    field of ``config``. ``timeouts``: a number means ``total`` and leaves the client's others.
    ``limit_wait``: for how many seconds the call may wait for its turn under our own limits.
    ``extra_body`` is merged into the JSON body last, for fields that this version does not know.
    ``max_cost``, in USD: an answer that would cost more ends in BudgetExceeded; what the budget
    pays for caps ``max_output_tokens``. To count tokens is free. An option of None is one that was
    not given.
    """

    model: str | None
    system: str | Content | None
    files: Sequence[str | Path] | None
    schema: Any
    tools: Sequence[Tool | FunctionDeclaration] | None
    tool_config: ToolConfig | None
    safety: Sequence[SafetySetting] | Mapping[str, str] | None
    thinking: ThinkingConfig | bool | int | str | None
    config: GenerationConfig | None
    cached_content: str | None
    service_tier: ServiceTier | str | None
    store: bool | None
    labels: dict[str, str] | None
    continuation_token: str | None
    max_cost: Decimal | float | str | None
    timeouts: Timeouts | float | None
    limit_wait: float | None
    extra_body: JSONObject | None
    candidate_count: int | None
    stop_sequences: Sequence[str] | None
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: float | None
    seed: int | None
    response_mime_type: str | None
    response_schema: JSONObject | None
    response_json_schema: Any
    presence_penalty: float | None
    frequency_penalty: float | None
    response_logprobs: bool | None
    logprobs: int | None
    response_modalities: Sequence[Modality | str] | None
    speech_config: SpeechConfig | None
    thinking_config: ThinkingConfig | None
    image_config: ImageConfig | None
    media_resolution: MediaResolution | str | None
    enable_enhanced_civic_answers: bool | None
    audio_timestamp: bool | None
    audio_transcription_config: AudioTranscriptionConfig | JSONObject | None
    translation_config: TranslationConfig | JSONObject | None
    response_format: Sequence[JSONObject] | None
    routing_config: JSONObject | None
    model_selection_config: JSONObject | None
    enable_affective_dialog: bool | None


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given: None means "not given", whatever the option.

    Raises InvalidRequest for one that does not exist, naming the nearest that does, for two that
    say the same, and for a value of the wrong kind.
    """
    for name in options:
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidRequest(f"unknown option {name!r}{hint}")
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        check_kind(name, value)
    for one, other in _EXCLUSIVE:
        if one in given and other in given:
            raise InvalidRequest(f"{one} and {other} say the same; pass one of them")
    return given


def check_kind(name: str, value: Any) -> None:
    """Raise InvalidRequest when ``value`` is not of the kind that option ``name`` takes."""
    kind = _KINDS.get(name)
    if kind is not None and not kind.fits(value):
        raise InvalidRequest(f"{name} is {value!r:.80}; it takes {kind.said}")


def check_sampling(name: str, value: Any) -> None:
    """Raise InvalidRequest for a value that field ``name`` of a GenerationConfig cannot have."""
    if value is None:
        return
    if name in ("max_output_tokens", "candidate_count") and (type(value) is not int or value < 1):
        raise InvalidRequest(f"{name} is {value!r}; it must be a whole number of at least 1")
    check_kind(name, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest(f"{name} is {value!r}; it must be a finite number")


class _Kind(NamedTuple):
    """Types a value may have, in words too; ``items`` are those inside a sequence."""

    said: str
    types: tuple[type, ...]
    items: tuple[type, ...] = ()

    def fits(self, value: Any) -> bool:
        # To Python a bool is an int, and text a sequence of texts.
        if isinstance(value, bool):
            return bool in self.types
        if not self.items or not isinstance(value, Sequence):
            return isinstance(value, self.types)
        is_text = isinstance(value, str | bytes | bytearray)
        return not is_text and all(isinstance(item, self.items) for item in value)


_TEXT = _Kind("text", (str,))
_TEXTS = _Kind("a list of texts", (Sequence,), (str,))
_NUMBER = _Kind("a number", (int, float))
_WHOLE = _Kind("a whole number", (int,))
_SWITCH = _Kind("True or False", (bool,))
_OBJECT = _Kind("a dict", (dict,))
_OBJECTS = _Kind("a list of dicts", (Sequence,), (dict,))

_KINDS = {
    "model": _Kind("the name of a model, as text", (str,)),
    "files": _Kind("a list of paths", (Sequence,), (str, Path)),
    "tools": _Kind("a list of Tools and FunctionDeclarations", (Sequence,), (object,)),
    "tool_config": _Kind("a ToolConfig", (ToolConfig,)),
    "safety": _Kind(
        "a dict of category to threshold, or a list of SafetySettings",
        (Mapping, Sequence),
        (SafetySetting,),
    ),
    "thinking": _Kind(
        "a level, a token budget, True or False, or a ThinkingConfig",
        (ThinkingConfig, bool, int, str),
    ),
    "config": _Kind("a GenerationConfig", (GenerationConfig,)),
    "max_cost": _Kind("an amount in USD, as 0.01", (Decimal, float, int, str)),
    "labels": _OBJECT,
    "store": _SWITCH,
    "extra_body": _OBJECT,
    "speech_config": _Kind("a SpeechConfig", (SpeechConfig,)),
    "thinking_config": _Kind("a ThinkingConfig", (ThinkingConfig,)),
    "image_config": _Kind("an ImageConfig", (ImageConfig,)),
    **dict.fromkeys(("cached_content", "service_tier", "continuation_token"), _TEXT),
    **dict.fromkeys(("response_mime_type", "media_resolution"), _TEXT),
    **dict.fromkeys(("stop_sequences", "response_modalities"), _TEXTS),
    **dict.fromkeys(("candidate_count", "max_output_tokens", "seed", "logprobs"), _WHOLE),
    **dict.fromkeys(("temperature", "top_p", "top_k"), _NUMBER),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), _NUMBER),
    **dict.fromkeys(("response_logprobs", "audio_timestamp"), _SWITCH),
    **dict.fromkeys(("enable_enhanced_civic_answers", "enable_affective_dialog"), _SWITCH),
    "audio_transcription_config": _Kind(
        "an AudioTranscriptionConfig or a dict", (AudioTranscriptionConfig, dict)
    ),
    "translation_config": _Kind("a TranslationConfig or a dict", (TranslationConfig, dict)),
    **dict.fromkeys(("response_schema", "routing_config", "model_selection_config"), _OBJECT),
    "response_format": _OBJECTS,
}
_KNOWN = frozenset(GenerateOptions.__annotations__)
_EXCLUSIVE = (
    ("thinking", "thinking_config"),
    ("schema", "response_json_schema"),
    ("schema", "response_schema"),
)
