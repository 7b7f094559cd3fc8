"""What an option of a Live session may be; told at once, by the option's own name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ...errors import InvalidRequest
from ...policy.live.reconnection import ReconnectPolicy
from ...policy.live.switch import SwitchPolicy
from ...wire.generation_config import GenerationConfig, Modality
from ...wire.live.setup import (
    ContextWindowCompression,
    LiveSetup,
    Proactivity,
    RealtimeInputConfig,
)
from ...wire.safety import SafetySetting
from ...wire.speech import AudioTranscriptionConfig
from ..generate_options import check_kind, check_sampling

__all__ = ("check_config", "check_names", "check_values")

# What people who come from REST, from the wire or from other SDKs write → what to write here.
_INSTEAD = {
    "generation_config": "give its fields by name, or all in config=LiveSetup(…)",
    "handle": "the handle to go on from is resume",
    "limit_wait": "it is a field of timeouts=Timeouts(limit_wait=…)",
    "response_schema": "ask for the form in the system instruction, or use generate",
    "safety": "it is safety_settings, a list of SafetySettings",
    "schema": "ask for the form in the system instruction, or use generate",
    "session_resumption": "the handle to go on from is resume; handles come unasked",
    "stop_sequences": "stop by interrupting the turn",
    "system_instruction": "it is system",
    "thinking": "it is thinking_config, a ThinkingConfig",
    "voice": "a voice is chosen by speech_config, a SpeechConfig",
}
_MODALITIES = (Modality.TEXT.value, Modality.AUDIO.value)

# A dict in the form of the wire does for a message; it is judged with the whole setup.
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "config": ((LiveSetup,), "a LiveSetup"),
    "context_window_compression": (
        (ContextWindowCompression, bool, dict),
        "a ContextWindowCompression, or False for none",
    ),
    "input_audio_transcription": (
        (AudioTranscriptionConfig, bool, dict),
        "True, or an AudioTranscriptionConfig",
    ),
    "output_audio_transcription": (
        (AudioTranscriptionConfig, bool, dict),
        "True, or an AudioTranscriptionConfig",
    ),
    "proactivity": ((Proactivity, dict), "a Proactivity"),
    "realtime_input_config": ((RealtimeInputConfig, dict), "a RealtimeInputConfig"),
    "reconnect": ((ReconnectPolicy, bool), "a ReconnectPolicy, or False for none"),
    "switch": ((SwitchPolicy,), "a SwitchPolicy"),
    "transparent": ((bool,), "True or False"),
}


def check_names(names: Collection[str], known: Collection[str]) -> None:
    """Raise InvalidRequest for an option that does not exist, with the one that was meant."""
    for name in names:
        if name not in known:
            raise InvalidRequest(f"a Live session has no option {name!r}{_hint(name, known)}")


def check_values(given: Mapping[str, Any]) -> None:
    """Raise InvalidRequest for a value of the wrong type."""
    for name, value in given.items():
        if name in _TYPES:
            types, said = _TYPES[name]
            if not isinstance(value, types):
                raise _wrong(name, value, said)
        elif name in _LISTS:
            fits, said = _LISTS[name]
            if isinstance(value, str | bytes) or not isinstance(value, Sequence):
                raise _wrong(name, value, said)
            if not all(map(fits, value)):
                raise _wrong(name, value, said)
        else:
            check_kind(name, value)


def check_config(config: GenerationConfig) -> None:
    """Raise InvalidRequest for a value that no session has, wherever it was given."""
    for name in GenerationConfig.__struct_fields__:
        if name != "extra":
            check_sampling(name, getattr(config, name))
    modalities = [str(modality) for modality in config.response_modalities or ()]
    for modality in modalities:
        near = difflib.get_close_matches(modality.upper(), _MODALITIES, n=1)
        if near and modality not in _MODALITIES:
            raise InvalidRequest(f"there is no modality {modality!r}; did you mean {near[0]!r}?")
    if len(modalities) > 1:
        raise InvalidRequest(
            f"a Live session answers in one modality, not in {' and '.join(modalities)}; "
            "output_audio_transcription=True gives speech in writing, too"
        )


def _hint(name: str, known: Collection[str]) -> str:
    if instead := _INSTEAD.get(name):
        return f"; {instead}"
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _is_safety_setting(item: object) -> bool:
    return isinstance(item, SafetySetting | dict)


def _is_any(item: object) -> bool:
    return True  # what is no tool is told when the tools are read, each by its kind


_LISTS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "safety_settings": (_is_safety_setting, "a list of SafetySettings"),
    "tools": (_is_any, "a list of functions, FunctionTools, Tools and FunctionDeclarations"),
}


def _wrong(name: str, value: object, said: str) -> InvalidRequest:
    return InvalidRequest(f"{name} is {value!r:.80}; it takes {said}")
