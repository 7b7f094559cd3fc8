"""Speech in a generation config: the voices of an answer, and how what was said is written down.

Source: https://ai.google.dev/api/generate-content#SpeechConfig and the official SDK 3.4.0 for the
newer fields.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import Message
from .open_enum import OpenEnum

__all__ = (
    "AudioTranscriptionConfig",
    "LanguageAuto",
    "LanguageHints",
    "MultiSpeakerVoiceConfig",
    "PrebuiltVoiceConfig",
    "ReplicatedVoiceConfig",
    "SpeakerVoiceConfig",
    "SpeechConfig",
    "TranscriptionMode",
    "TranslationConfig",
    "VoiceConfig",
    "VoiceConsentSignature",
)


class PrebuiltVoiceConfig(Message):
    """One of the service's voices, as ``Kore``."""

    voice_name: str | None = None


class VoiceConsentSignature(Message):
    """The service's proof that a speaker agreed to be replicated."""

    signature: str | None = None


class ReplicatedVoiceConfig(Message):
    """A voice after a sample; both recordings are base64 of audio of type ``mime_type``."""

    mime_type: str | None = None
    voice_sample_audio: str | None = None
    consent_audio: str | None = None
    voice_consent_signature: VoiceConsentSignature | None = None


class VoiceConfig(Message):
    """One voice: a prebuilt one, a replicated one, or one by its name alone."""

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None
    replicated_voice_config: ReplicatedVoiceConfig | None = None
    voice: str | None = None

    @classmethod
    def of(cls, voice_name: str) -> VoiceConfig:
        """Return the service's voice of this name, as ``Kore``."""
        return cls(prebuilt_voice_config=PrebuiltVoiceConfig(voice_name=voice_name))


class SpeakerVoiceConfig(Message):
    """The voice of one speaker; ``speaker`` is the name that the prompt uses."""

    speaker: str | None = None
    voice_config: VoiceConfig | None = None


class MultiSpeakerVoiceConfig(Message):
    """The voices of a conversation; the service takes two."""

    speaker_voice_configs: Sequence[SpeakerVoiceConfig] = ()


class SpeechConfig(Message):
    """Voice and language of a spoken answer: one voice xor several, language as ``de-DE``."""

    voice_config: VoiceConfig | None = None
    multi_speaker_voice_config: MultiSpeakerVoiceConfig | None = None
    language_code: str | None = None


class TranscriptionMode(OpenEnum):
    """How speech is written down: word for word, or tidied."""

    VERBATIM = "VERBATIM"
    SMART = "SMART"


class LanguageAuto(Message):
    """The service finds out the language; it has no settings."""


class LanguageHints(Message):
    """Languages that are likely to be spoken, as ``de-DE``."""

    language_codes: Sequence[str] = ()


class AudioTranscriptionConfig(Message):
    """How what was said is written down.

    ``custom_vocabulary``: words to expect. ``word_timestamp``: a time for each word.
    ``diarization``: tell speakers apart. ``source_text``: what was read out, when it is known.
    """

    language_codes: Sequence[str] = ()
    language_auto: LanguageAuto | None = None
    language_hints: LanguageHints | None = None
    custom_vocabulary: Sequence[str] = ()
    adaptation_phrases: Sequence[str] = ()
    word_timestamp: bool | None = None
    diarization: bool | None = None
    mode: TranscriptionMode | None = None
    source_text: str | None = None


class TranslationConfig(Message):
    """Speech into speech of another language.

    ``echo_target_language``: what is said in the target language already is repeated, not left out.
    """

    target_language_code: str | None = None
    echo_target_language: bool | None = None
