"""The service's messages: when each may come, what it does to the session, what it means."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ...wire.content import Content, Part
from ...wire.live.server_message import (
    GoAway,
    InteractionStatus,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    VoiceActivity,
)
from ...wire.scalar import decode_duration
from ...wire.status import error_of
from .progress import Progress, SessionState, Step
from .server_event import (
    Audio,
    GenerationCompleted,
    GoingAway,
    Grounded,
    InputTranscribed,
    Interrupted,
    OtherPart,
    OutputTranscribed,
    ResumptionUpdated,
    ServerEvent,
    SetupCompleted,
    Text,
    Thought,
    ToolCallCancelled,
    ToolCalled,
    TurnCompleted,
    UnknownFields,
    UsageReported,
    VoiceActivityHeard,
    WaitingForInput,
)

__all__ = ("ServerMessages",)


class ServerMessages:
    """What passes from the service to the client; both ends judge it by these rules."""

    __slots__ = ()

    kind = ServerMessage

    def check(self, message: ServerMessage, progress: Progress) -> None:
        """Raise InvalidRequest or InvalidState for a message that is wrong whoever sees it.

        Raises APIError for one that holds the service's ``error``.
        """
        if message.extra is not None and message.extra.get("error") is not None:
            raise error_of(message.extra["error"])
        if message.server_content is not None:
            progress.check(Step.OUTPUT)
        elif message.setup_complete is None and message.tool_call is None:
            progress.check(Step.NOTICE)
        if message.setup_complete is not None:  # also beside what is said
            progress.check(Step.SETUP_COMPLETE)
        if message.tool_call is not None:
            progress.check(Step.OUTPUT)
            progress.calls.check_new(message.tool_call.function_calls)
        if message.tool_call_cancellation is not None:
            progress.calls.check_cancellation(message.tool_call_cancellation.ids)

    def check_ours(self, message: ServerMessage, progress: Progress) -> None:
        """Raise for a message that only its sender can know to be wrong: there is none."""

    def advance(self, message: ServerMessage, progress: Progress) -> None:
        """Note in ``progress`` what the message does."""
        if message.setup_complete is not None:
            progress.take(Step.SETUP_COMPLETE)
        if message.server_content is not None:
            _note_content(message.server_content, progress)
        if message.tool_call is not None:
            progress.say()
            progress.calls.begin(message.tool_call.function_calls)
        if message.tool_call_cancellation is not None:
            progress.calls.cancel(message.tool_call_cancellation.ids)
        if message.session_resumption_update is not None:
            progress.update(message.session_resumption_update)

    def events(self, message: ServerMessage, progress: Progress) -> list[ServerEvent]:
        """Return what the message means to the client; raises DecodeError for bad base64."""
        events: list[ServerEvent] = []
        content = message.server_content
        if message.setup_complete is not None:
            events.append(SetupCompleted(message.setup_complete))
        if message.voice_activity is not None or message.voice_activity_detection_signal:
            events.extend(_voices(message))
        if content is not None:
            if content.model_turn is not None:
                _add_parts(content.model_turn, events)
            events.extend(_happenings(content))
        if message.tool_call is not None:
            events.append(ToolCalled(message.tool_call.function_calls))
        if message.tool_call_cancellation is not None:
            events.append(ToolCallCancelled(message.tool_call_cancellation.ids))
        if message.usage_metadata is not None:
            events.append(UsageReported(message.usage_metadata.as_usage()))
        if content is not None and _ends_turn(content, progress):
            events.append(_turn_completed(content))
        if message.session_resumption_update is not None:
            events.append(_updated(message.session_resumption_update))
        if message.go_away is not None:
            events.append(_going_away(message.go_away))
        # Most messages are content alone, and the look costs 0.5 µs of 5.
        if content is None or content.extra or message != ServerMessage(server_content=content):
            events.extend(_unknown(message))
        return events


_SUBMESSAGES = tuple(name for name in ServerMessage.__struct_fields__ if name != "extra")


def _note_content(content: ServerContent, progress: Progress) -> None:
    if content.model_turn is not None or content.output_transcription is not None:
        progress.say()
    if content.interrupted:
        progress.interrupt()
    if _ends_turn(content, progress):
        progress.end_turn(goes_on=_goes_on(content))


def _ends_turn(content: ServerContent, progress: Progress) -> bool:
    """True at a turn's end, which a model that tells its status may announce by that alone."""
    if content.interaction_status is None or content.turn_complete:
        return bool(content.turn_complete)
    is_idle = content.interaction_status is InteractionStatus.IDLE
    return is_idle and progress.state is SessionState.IN_TURN


def _goes_on(content: ServerContent) -> bool:
    return content.interaction_status is InteractionStatus.IN_PROGRESS


def _turn_completed(content: ServerContent) -> TurnCompleted:
    reason = content.turn_complete_reason
    if reason is not None and reason.is_unspecified:
        reason = None
    return TurnCompleted(reason, content.interaction_status, _goes_on(content))


def _add_parts(turn: Content, events: list[ServerEvent]) -> None:
    for part in turn.parts:
        blob = part.inline_data
        if blob is not None and (blob.mime_type or "").startswith("audio/"):
            events.append(Audio(blob.content, blob.mime_type or ""))
            if part != Part(inline_data=blob):
                events.append(OtherPart(msgspec.structs.replace(part, inline_data=None)))
        elif part.text is None:
            events.append(OtherPart(part))
        else:
            events.append(Thought(part.text, part) if part.thought else Text(part.text, part))
    if turn.extra:
        events.append(UnknownFields(turn.extra, "server_content.model_turn"))


def _happenings(content: ServerContent) -> Iterator[ServerEvent]:
    if (heard := content.input_transcription) is not None:
        yield InputTranscribed(heard.text or "", heard)
    if (heard := content.interim_input_transcription) is not None:
        yield InputTranscribed(heard.text or "", heard, interim=True)
    if (spoken := content.output_transcription) is not None:
        yield OutputTranscribed(spoken.text or "", spoken)
    if content.grounding_metadata is not None or content.url_context_metadata is not None:
        yield Grounded(content.grounding_metadata, content.url_context_metadata)
    if content.waiting_for_input:
        yield WaitingForInput()
    if content.generation_complete:
        yield GenerationCompleted()
    if content.interrupted:
        yield Interrupted()


def _voices(message: ServerMessage) -> Iterator[VoiceActivityHeard]:
    heard: VoiceActivity | None = message.voice_activity
    if heard is not None and heard.type is not None:
        offset = decode_duration(heard.audio_offset) if heard.audio_offset else None
        yield VoiceActivityHeard(heard.type, offset)
    signal = message.voice_activity_detection_signal
    if signal is not None and signal.vad_signal_type is not None:
        yield VoiceActivityHeard(signal.vad_signal_type)


def _updated(update: SessionResumptionUpdate) -> ResumptionUpdated:
    handle = update.new_handle or ""
    return ResumptionUpdated(
        handle, bool(update.resumable and handle), update.last_consumed_client_message_index
    )


def _going_away(farewell: GoAway) -> GoingAway:
    # proto3 JSON leaves a zero out.
    return GoingAway(decode_duration(farewell.time_left) if farewell.time_left else 0.0)


def _unknown(message: ServerMessage) -> Iterator[UnknownFields]:
    for name in _SUBMESSAGES:
        inner = getattr(message, name)
        if inner is not None and inner.extra:
            yield UnknownFields(inner.extra, name)
    if message.extra:
        yield UnknownFields(message.extra)
