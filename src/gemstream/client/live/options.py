"""The options of a Live session → its setup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from ...config.timeouts import Timeouts
from ...errors import InvalidRequest
from ...limits.live_rate_limiter import LiveRateLimiter
from ...policy.live.reconnection import ReconnectPolicy
from ...policy.live.setup_check import check_setup
from ...policy.live.switch import SwitchPolicy
from ...wire.content import Content
from ...wire.generation_config import GenerationConfig, Modality, ThinkingConfig
from ...wire.live.setup import (
    ContextWindowCompression,
    LiveSetup,
    Proactivity,
    RealtimeInputConfig,
    SessionResumption,
    SlidingWindow,
)
from ...wire.media import MediaResolution
from ...wire.safety import SafetySetting
from ...wire.speech import AudioTranscriptionConfig, SpeechConfig
from ..prompt import system_of
from ..tools.given_tools import GivenTool, given_tools
from ..tools.registry import DEFAULT_TIMEOUT, ToolRegistry
from .option_check import check_config, check_names, check_values

__all__ = ("SETUP_OPTIONS", "LiveOptions", "checked_options", "registry_of", "setup_of")


class LiveOptions(TypedDict, total=False):
    """What ``live`` takes beside the model; an option of None is one that was not given.

    The transcriptions: True switches one on; that of the output is on for a model that speaks, so
    that an answer has its words, until False says no.
    ``context_window_compression``: by default a sliding window, without which a session ends after
    minutes; False for none.
    ``tools``: Python functions and FunctionTools are run when the model calls them, each for up to
    ``tool_timeout`` seconds, 60 by default; what else is called is yours to answer.
    ``transparent``: handles tell which messages they cover (Vertex AI only).
    ``reconnect``: how patiently the session is brought back, see ``ReconnectPolicy``; False for one
    connection, whose loss is the session's end. ``switch``: when a connection is left for another
    before the service closes it, see ``SwitchPolicy``.
    ``messages_per_minute``: what this session may say by itself, instead of sharing the client's
    limit; ``rate_limiter``: what it shares with whoever has the same.
    ``timeouts``: ``connect`` and ``total`` for opening, ``first_chunk`` until the setup is
    complete, ``idle`` while an answer is due, ``limit_wait`` until it may be opened; a number
    means ``total``.
    """

    system: str | Content | None
    tools: Sequence[GivenTool] | None
    tool_timeout: float | None
    response_modalities: Sequence[Modality | str] | None
    speech_config: SpeechConfig | None
    thinking_config: ThinkingConfig | None
    media_resolution: MediaResolution | str | None
    temperature: float | None
    top_p: float | None
    top_k: float | None
    max_output_tokens: int | None
    seed: int | None
    enable_affective_dialog: bool | None
    input_audio_transcription: AudioTranscriptionConfig | bool | None
    output_audio_transcription: AudioTranscriptionConfig | bool | None
    realtime_input_config: RealtimeInputConfig | None
    context_window_compression: ContextWindowCompression | bool | None
    proactivity: Proactivity | None
    safety_settings: Sequence[SafetySetting] | None
    transparent: bool | None
    reconnect: ReconnectPolicy | bool | None
    switch: SwitchPolicy | None
    messages_per_minute: int | None
    rate_limiter: LiveRateLimiter | None
    timeouts: Timeouts | float | None


_KNOWN = frozenset(("config", *LiveOptions.__annotations__))
_IN_SETUP = ("realtime_input_config", "proactivity", "safety_settings")
_TRANSCRIPTIONS = ("input_audio_transcription", "output_audio_transcription")
_IN_GENERATION = (
    "response_modalities",
    "speech_config",
    "thinking_config",
    "media_resolution",
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "seed",
    "enable_affective_dialog",
)
# The options that say what a setup is to be; the others are about holding the session here.
SETUP_OPTIONS = frozenset(
    {
        *_IN_SETUP,
        *_TRANSCRIPTIONS,
        *_IN_GENERATION,
        "config",
        "context_window_compression",
        "system",
        "tools",
        "transparent",
    }
)


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given; raises InvalidRequest for one that cannot be."""
    check_names(options, _KNOWN)
    given = {name: value for name, value in options.items() if value is not None}
    check_values(given)
    return given


def registry_of(given: dict[str, Any]) -> ToolRegistry:
    """Take the functions out of ``given``, put their declarations there; raises InvalidRequest."""
    timeout = given.get("tool_timeout", DEFAULT_TIMEOUT)
    tools, registry = given_tools(given.get("tools", ()), timeout)
    if "tools" in given:
        given["tools"] = tools
    return registry


def setup_of(
    model: str | None,
    given: Mapping[str, Any],
    resume: str | None,
    *,
    is_constrained: bool = False,
) -> LiveSetup:
    """Return the setup of a session with ``model``, a resource name; raises InvalidRequest.

    ``is_constrained``: an ephemeral token has a say, so that the model may stand there.
    """
    base: LiveSetup = given.get("config") or LiveSetup()
    fields: dict[str, Any] = {name: given[name] for name in _IN_SETUP if name in given}
    if "system" in given:
        fields["system_instruction"] = system_of(given["system"])
    if "tools" in given:
        fields["tools"] = given["tools"]
    for name in _TRANSCRIPTIONS:
        if name in given:
            fields[name] = _switched(given[name], AudioTranscriptionConfig())
    compression = given.get("context_window_compression", base.context_window_compression)
    sliding = ContextWindowCompression(sliding_window=SlidingWindow())
    fields["context_window_compression"] = _switched(
        True if compression is None else compression, sliding
    )
    config = fields["generation_config"] = _generation_config(base, given)
    is_told = "output_audio_transcription" in given or base.output_audio_transcription is not None
    if not is_told and not is_constrained and _speaks(config):
        fields["output_audio_transcription"] = AudioTranscriptionConfig()
    fields["session_resumption"] = _resumption(base, given, resume)
    setup = msgspec.structs.replace(base, model=model, **fields)
    check_setup(setup, is_constrained=is_constrained)
    return setup


def _speaks(config: GenerationConfig | None) -> bool:
    """True unless the model is to write: audio is the service's own choice."""
    return config is None or Modality.TEXT not in config.response_modalities


def _switched(value: Any, usual: Any) -> Any:
    """Return what True and False mean; anything else means itself."""
    if isinstance(value, bool):
        return usual if value else None
    return value


def _generation_config(base: LiveSetup, given: Mapping[str, Any]) -> GenerationConfig | None:
    fields = {name: given[name] for name in _IN_GENERATION if name in given}
    config = base.generation_config
    if fields:
        config = msgspec.structs.replace(config or GenerationConfig(), **fields)
    if isinstance(config, GenerationConfig):
        check_config(config)
    return config


def _resumption(base: LiveSetup, given: Mapping[str, Any], resume: object) -> SessionResumption:
    """Return what makes the service send handles, with the one to go on from."""
    fields: dict[str, Any] = {}
    if resume is not None:
        if not isinstance(resume, str) or not resume:
            raise InvalidRequest(f"resume is {resume!r:.80}; pass the handle of a session, as text")
        fields["handle"] = resume
    if "transparent" in given:
        fields["transparent"] = given["transparent"]
    return msgspec.structs.replace(base.session_resumption or SessionResumption(), **fields)
