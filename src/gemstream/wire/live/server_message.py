"""What the service sends in a Live session.

Source: https://ai.google.dev/api/live#receive-messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..codec import Message
from ..content import Content, FunctionCall
from ..grounding import GroundingMetadata, URLContextMetadata
from ..media import Transcription
from ..open_enum import OpenEnum
from ..speech import VoiceConsentSignature
from .usage import LiveUsageMetadata

__all__ = (
    "GoAway",
    "InteractionStatus",
    "LiveToolCall",
    "LiveToolCallCancellation",
    "ServerContent",
    "ServerMessage",
    "SessionResumptionUpdate",
    "SetupComplete",
    "TurnCompleteReason",
    "VADSignalType",
    "VoiceActivity",
    "VoiceActivityDetectionSignal",
    "VoiceActivityType",
)


class SetupComplete(Message):
    """The service accepted the setup; from now on the client may speak."""

    session_id: str | None = None
    voice_consent_signature: VoiceConsentSignature | None = None


class TurnCompleteReason(OpenEnum):
    """Why a turn ended otherwise than by all being said."""

    MALFORMED_FUNCTION_CALL = "MALFORMED_FUNCTION_CALL"
    RESPONSE_REJECTED = "RESPONSE_REJECTED"
    NEED_MORE_INPUT = "NEED_MORE_INPUT"
    PROHIBITED_INPUT_CONTENT = "PROHIBITED_INPUT_CONTENT"
    IMAGE_PROHIBITED_INPUT_CONTENT = "IMAGE_PROHIBITED_INPUT_CONTENT"
    INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED = (
        "INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED"
    )
    INPUT_IMAGE_CELEBRITY = "INPUT_IMAGE_CELEBRITY"
    INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED = "INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED"
    INPUT_TEXT_NCII_PROHIBITED = "INPUT_TEXT_NCII_PROHIBITED"
    INPUT_OTHER = "INPUT_OTHER"
    INPUT_IP_PROHIBITED = "INPUT_IP_PROHIBITED"
    BLOCKLIST = "BLOCKLIST"
    UNSAFE_PROMPT_FOR_IMAGE_GENERATION = "UNSAFE_PROMPT_FOR_IMAGE_GENERATION"
    GENERATED_IMAGE_SAFETY = "GENERATED_IMAGE_SAFETY"
    GENERATED_CONTENT_SAFETY = "GENERATED_CONTENT_SAFETY"
    GENERATED_AUDIO_SAFETY = "GENERATED_AUDIO_SAFETY"
    GENERATED_VIDEO_SAFETY = "GENERATED_VIDEO_SAFETY"
    GENERATED_CONTENT_PROHIBITED = "GENERATED_CONTENT_PROHIBITED"
    GENERATED_CONTENT_BLOCKLIST = "GENERATED_CONTENT_BLOCKLIST"
    GENERATED_IMAGE_PROHIBITED = "GENERATED_IMAGE_PROHIBITED"
    GENERATED_IMAGE_CELEBRITY = "GENERATED_IMAGE_CELEBRITY"
    GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER = (
        "GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER"
    )
    GENERATED_IMAGE_IDENTIFIABLE_PEOPLE = "GENERATED_IMAGE_IDENTIFIABLE_PEOPLE"
    GENERATED_IMAGE_MINORS = "GENERATED_IMAGE_MINORS"
    OUTPUT_IMAGE_IP_PROHIBITED = "OUTPUT_IMAGE_IP_PROHIBITED"
    GENERATED_OTHER = "GENERATED_OTHER"
    MAX_REGENERATION_REACHED = "MAX_REGENERATION_REACHED"


class InteractionStatus(OpenEnum):
    """Whether more comes after a turn; models that send it do so beside ``turn_complete``.

    REQUIRES_ACTION is deprecated.
    """

    IN_PROGRESS = "IN_PROGRESS"
    IDLE = "IDLE"
    REQUIRES_ACTION = "REQUIRES_ACTION"


class ServerContent(Message):
    """A piece of the model's turn, or what happened to the turn; one message may hold several.

    ``generation_complete``: nothing more is generated, though it may still be spoken.
    ``turn_complete``: the turn is over; the two come in this order. ``interrupted``: the user cut
    the model short, and what was not played is void; ``turn_complete`` follows.
    ``waiting_for_input``: the model says nothing until more comes. Transcriptions are in no order
    to the audio.
    """

    model_turn: Content | None = None
    generation_complete: bool | None = None
    turn_complete: bool | None = None
    turn_complete_reason: TurnCompleteReason | None = None
    interrupted: bool | None = None
    waiting_for_input: bool | None = None
    interaction_status: InteractionStatus | None = None
    input_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    grounding_metadata: GroundingMetadata | None = None
    url_context_metadata: URLContextMetadata | None = None


class LiveToolCall(Message):
    """The model asks for functions to be run."""

    function_calls: Sequence[FunctionCall] = ()


class LiveToolCallCancellation(Message):
    """Calls whose results nobody waits for any more, as after an interruption."""

    ids: Sequence[str] = ()


class GoAway(Message):
    """The service will close the connection; ``time_left`` is a duration, as ``10s``."""

    time_left: str | None = None


class SessionResumptionUpdate(Message):
    """A handle for going on in another connection.

    While the model generates or a tool is pending it is empty and not ``resumable``.
    ``last_consumed_client_message_index``: what the handle covers (transparent resumption only).
    """

    new_handle: str | None = None
    resumable: bool | None = None
    last_consumed_client_message_index: int | None = None


class VoiceActivityType(OpenEnum):
    """What the service heard."""

    ACTIVITY_START = "ACTIVITY_START"
    ACTIVITY_END = "ACTIVITY_END"


class VoiceActivity(Message):
    """The user began or stopped speaking; ``audio_offset`` is a duration from the beginning."""

    type: VoiceActivityType | None = None
    audio_offset: str | None = None


class VADSignalType(OpenEnum):
    """Start or end of speech."""

    SOS = "VAD_SIGNAL_TYPE_SOS"
    EOS = "VAD_SIGNAL_TYPE_EOS"


class VoiceActivityDetectionSignal(Message):
    """The form of voice activity that only listed projects receive."""

    vad_signal_type: VADSignalType | None = None


class ServerMessage(Message):
    """One message of the service: one of the fields, with ``usage_metadata`` beside any."""

    setup_complete: SetupComplete | None = None
    server_content: ServerContent | None = None
    tool_call: LiveToolCall | None = None
    tool_call_cancellation: LiveToolCallCancellation | None = None
    usage_metadata: LiveUsageMetadata | None = None
    go_away: GoAway | None = None
    session_resumption_update: SessionResumptionUpdate | None = None
    voice_activity: VoiceActivity | None = None
    voice_activity_detection_signal: VoiceActivityDetectionSignal | None = None
