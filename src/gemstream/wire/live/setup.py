"""The first message of a Live session: which model, and how the session is to be held.

It is sent once. What it cannot hold is in ``policy.live.setup_check``.
Source: https://ai.google.dev/api/live#BidiGenerateContentSetup.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..codec import Message
from ..content import Content
from ..generation_config import GenerationConfig
from ..open_enum import OpenEnum
from ..safety import SafetySetting
from ..speech import AudioTranscriptionConfig
from ..tool import Tool

__all__ = (
    "ActivityHandling",
    "AutomaticActivityDetection",
    "AvatarConfig",
    "ContextWindowCompression",
    "CustomizedAvatar",
    "EndSensitivity",
    "HistoryConfig",
    "LiveSetup",
    "Proactivity",
    "RealtimeInputConfig",
    "SessionResumption",
    "SlidingWindow",
    "StartSensitivity",
    "TurnCoverage",
)


class StartSensitivity(OpenEnum):
    """How easily the beginning of speech is detected; the service's own choice is HIGH."""

    HIGH = "START_SENSITIVITY_HIGH"
    LOW = "START_SENSITIVITY_LOW"


class EndSensitivity(OpenEnum):
    """How easily the end of speech is detected: HIGH ends it sooner."""

    HIGH = "END_SENSITIVITY_HIGH"
    LOW = "END_SENSITIVITY_LOW"


class AutomaticActivityDetection(Message):
    """The service finds out when the user speaks; ``disabled`` leaves that to the client.

    ``prefix_padding_ms``: how long speech must last to count as begun. ``silence_duration_ms``: how
    long silence must last to end it.
    """

    disabled: bool | None = None
    start_of_speech_sensitivity: StartSensitivity | None = None
    end_of_speech_sensitivity: EndSensitivity | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None


class ActivityHandling(OpenEnum):
    """Whether the user's speech cuts the model short; by default it does."""

    INTERRUPTS = "START_OF_ACTIVITY_INTERRUPTS"
    NO_INTERRUPTION = "NO_INTERRUPTION"


class TurnCoverage(OpenEnum):
    """Which realtime input becomes part of the user's turn."""

    ONLY_ACTIVITY = "TURN_INCLUDES_ONLY_ACTIVITY"
    ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"
    AUDIO_ACTIVITY_AND_ALL_VIDEO = "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"


class RealtimeInputConfig(Message):
    """How realtime input is cut into turns.

    ``interim_transcript_timestamp_enabled``: interim transcriptions tell their times.
    """

    automatic_activity_detection: AutomaticActivityDetection | None = None
    activity_handling: ActivityHandling | None = None
    turn_coverage: TurnCoverage | None = None
    interim_transcript_timestamp_enabled: bool | None = None


class SessionResumption(Message):
    """Its presence alone makes the service send handles; ``handle`` resumes an earlier session.

    ``transparent``: updates also tell which messages the handle covers (Vertex only).
    """

    handle: str | None = None
    transparent: bool | None = None


class SlidingWindow(Message):
    """The oldest turns are left out until ``target_tokens`` remain; by default half the trigger."""

    target_tokens: int | None = None


class ContextWindowCompression(Message):
    """The context is made smaller at ``trigger_tokens``; by default at 80 % of the window."""

    trigger_tokens: int | None = None
    sliding_window: SlidingWindow | None = None


class Proactivity(Message):
    """Whether the model may speak unasked and keep silent when it is not meant."""

    proactive_audio: bool | None = None
    proactive_video: bool | None = None


class HistoryConfig(Message):
    """``initial_history_in_client_content``: the first client content is history, not a question.

    The service takes content until one completes a turn, and does not answer it.
    """

    initial_history_in_client_content: bool | None = None


class CustomizedAvatar(Message):
    """An avatar after a picture; ``image_data`` is base64."""

    image_mime_type: str | None = None
    image_data: str | None = None


class AvatarConfig(Message):
    """The model's face: one of the service's by name, or a customized one; bit rates in bit/s."""

    avatar_name: str | None = None
    customized_avatar: CustomizedAvatar | None = None
    audio_bitrate_bps: int | None = None
    video_bitrate_bps: int | None = None


class LiveSetup(Message):
    """The session's configuration; ``model`` is a resource name, as ``models/gemini-3.8-live``.

    The transcriptions are switched on by their presence, as is resumption. Vertex only:
    ``explicit_vad_signal``. With an ephemeral token the service ignores what the token locks.
    """

    model: str | None = None
    generation_config: GenerationConfig | None = None
    system_instruction: Content | None = None
    tools: Sequence[Tool] = ()
    realtime_input_config: RealtimeInputConfig | None = None
    session_resumption: SessionResumption | None = None
    context_window_compression: ContextWindowCompression | None = None
    input_audio_transcription: AudioTranscriptionConfig | None = None
    output_audio_transcription: AudioTranscriptionConfig | None = None
    proactivity: Proactivity | None = None
    history_config: HistoryConfig | None = None
    avatar_config: AvatarConfig | None = None
    safety_settings: Sequence[SafetySetting] = ()
    labels: dict[str, str] | None = None
    explicit_vad_signal: bool | None = None

    @property
    def detects_activity(self) -> bool:
        """True unless the setup leaves it to the client to say when the user speaks."""
        config = self.realtime_input_config
        detection = config.automatic_activity_detection if config else None
        return not (detection and detection.disabled)

    @property
    def begins_with_history(self) -> bool:
        """True when the first client content is history."""
        return bool(self.history_config and self.history_config.initial_history_in_client_content)
