"""The client's messages: when each may come, what it does to the session, what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...errors import InvalidRequest
from ...wire.content import Blob
from ...wire.live.client_message import ClientContent, ClientMessage, RealtimeInput, ToolResponse
from .client_event import (
    ActivityEnded,
    ActivityStarted,
    AudioStreamEnded,
    ClientEvent,
    ContentGiven,
    ContextChanged,
    SetUp,
    TextGiven,
    ToolResponded,
    VideoGiven,
)
from .progress import Progress, Step
from .realtime_check import check_our_realtime, check_realtime
from .server_event import Audio, UnknownFields
from .setup_check import check_setup

__all__ = ("ClientMessages",)

_FIELDS = ("setup", "client_content", "realtime_input", "tool_response", "context_update")
_STEPS = {
    "setup": Step.SETUP,
    "client_content": Step.INPUT,
    "realtime_input": Step.INPUT,
    "tool_response": Step.TOOL_RESPONSE,
    "context_update": Step.INPUT,
}


class ClientMessages:
    """What passes from the client to the service; both ends judge it by these rules."""

    __slots__ = ()

    kind = ClientMessage

    def check(self, message: ClientMessage, progress: Progress) -> None:
        """Raise InvalidRequest or InvalidState for a message that is wrong whoever sees it."""
        name = _only_field(message)
        # One that this version has no name for comes when the others do.
        progress.check(_STEPS[name] if name else Step.INPUT)
        if message.realtime_input is not None:
            check_realtime(message.realtime_input, progress)
        elif message.client_content is not None:
            _check_content(message.client_content)
        elif message.tool_response is not None:
            _check_responses(message.tool_response, progress)
        elif message.setup is not None:
            check_setup(message.setup, is_constrained=progress.is_constrained)

    def check_ours(self, message: ClientMessage, progress: Progress) -> None:
        """Raise for a message that only its sender can know to be wrong or useless."""
        if message.tool_response is not None:
            for response in message.tool_response.function_responses:
                progress.calls.check_open(response)
        if message.realtime_input is not None:
            check_our_realtime(message.realtime_input)

    def advance(self, message: ClientMessage, progress: Progress) -> None:
        """Note in ``progress`` what the message does."""
        if message.realtime_input is not None:
            _note_realtime(message.realtime_input, progress)
        elif message.client_content is not None:
            if message.client_content.turn_complete:
                progress.ask()
        elif message.tool_response is not None:
            for response in message.tool_response.function_responses:
                progress.calls.respond(response)
        elif message.setup is not None:
            progress.begin(message.setup)

    def events(self, message: ClientMessage, progress: Progress) -> list[ClientEvent]:
        """Return what the message means to the server; raises DecodeError for bad base64."""
        events: list[ClientEvent] = []
        if message.setup is not None:
            events.append(SetUp(message.setup))
        if message.client_content is not None:
            content = message.client_content
            complete = bool(content.turn_complete)
            events.append(ContentGiven(content.turns, complete, progress.is_history))
        if message.realtime_input is not None:
            events.append(_realtime_event(message.realtime_input))
        if message.tool_response is not None:
            events.append(_responded(message.tool_response, progress))
        if message.context_update is not None:
            events.append(ContextChanged(message.context_update))
        events.extend(_unknown(message))
        return events


def _only_field(message: ClientMessage) -> str | None:
    """Return the field that is set; None for a message of strangers alone."""
    given = [name for name in _FIELDS if getattr(message, name) is not None]
    if len(given) == 1:
        return given[0]
    if not given and message.extra:
        return None
    what = " and ".join(given) or "nothing"
    raise InvalidRequest(f"a message of the client holds exactly one of its fields, not {what}")


def _check_content(content: ClientContent) -> None:
    if not content.turns and not content.turn_complete:
        raise InvalidRequest("the message is empty: give it turns, or turn_complete")
    for turn in content.turns:
        if not getattr(turn, "parts", True):  # a plain dict passes as it is
            raise InvalidRequest("a turn without parts says nothing; give it at least one")


def _check_responses(response: ToolResponse, progress: Progress) -> None:
    if not response.function_responses:
        raise InvalidRequest("the tool response is empty: give it function responses")
    for item in response.function_responses:
        progress.calls.check_known(item)


def _note_realtime(realtime: RealtimeInput, progress: Progress) -> None:
    if realtime.audio is not None:
        return
    if realtime.activity_start is not None:
        progress.is_speaking = True
    elif realtime.activity_end is not None:
        progress.is_speaking = False
        progress.ask()
    elif realtime.text is not None:
        progress.ask()


def _realtime_event(realtime: RealtimeInput) -> ClientEvent:
    blob = realtime.audio or realtime.video or next(iter(realtime.media_chunks), None)
    if blob is not None:
        return _media_event(blob)
    if realtime.text is not None:
        return TextGiven(realtime.text)
    if realtime.activity_start is not None:
        return ActivityStarted()
    return ActivityEnded() if realtime.activity_end is not None else AudioStreamEnded()


def _media_event(blob: Blob) -> Audio | VideoGiven:
    mime_type = blob.mime_type or ""
    kind: Callable[[bytes, str], Audio | VideoGiven]
    kind = VideoGiven if mime_type.startswith("image/") else Audio
    return kind(blob.content, mime_type)


def _responded(response: ToolResponse, progress: Progress) -> ToolResponded:
    """Tell apart what was awaited from what crossed a cancellation on its way."""
    items = response.function_responses
    return ToolResponded(
        [item for item in items if progress.calls.is_open(item)],
        [item for item in items if not progress.calls.is_open(item)],
    )


def _unknown(message: ClientMessage) -> Iterator[UnknownFields]:
    for name in _FIELDS:
        inner = getattr(message, name)
        if inner is not None and inner.extra:
            yield UnknownFields(inner.extra, name)
    if message.extra:
        yield UnknownFields(message.extra)
