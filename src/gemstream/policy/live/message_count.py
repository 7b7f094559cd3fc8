"""Which messages of a Live session count as messages when they are paced."""

from __future__ import annotations

from ...wire.live.client_message import ClientMessage

__all__ = ("counts_as_message",)


def counts_as_message(message: ClientMessage) -> bool:
    """Return whether ``message`` says something in words that the model is to answer.

    That is a completed turn of content, and text as it happens. Sound, pictures and the marks
    around them come many times a second. History only prepares a turn, and what functions returned
    goes on with one that was counted: held back, the call would be cancelled.
    """
    content, realtime = message.client_content, message.realtime_input
    if content is not None:
        return bool(content.turn_complete)
    return realtime is not None and realtime.text is not None
