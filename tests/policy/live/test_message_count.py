"""Which messages of the client count when they are paced: what it says in words."""

from __future__ import annotations

import pytest

from gemstream.policy.live.message_count import counts_as_message
from gemstream.wire.content import Blob, Content, FunctionResponse, Part
from gemstream.wire.live.client_message import (
    ActivityEnd,
    ActivityStart,
    ClientContent,
    ClientMessage,
    ContextUpdate,
    RealtimeInput,
    ToolResponse,
)
from gemstream.wire.live.setup import LiveSetup

HI = [Content(role="user", parts=[Part(text="Hi")])]
SOUND = Blob.of(b"\0\0", "audio/pcm;rate=16000")


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        (ClientMessage(client_content=ClientContent(turns=HI, turn_complete=True)), True),
        (ClientMessage(client_content=ClientContent(turn_complete=True)), True),
        (ClientMessage(client_content=ClientContent(turns=HI, turn_complete=False)), False),
        (ClientMessage(client_content=ClientContent(turns=HI)), False),
        (ClientMessage(realtime_input=RealtimeInput(text="Hi")), True),
        (ClientMessage(realtime_input=RealtimeInput(audio=SOUND)), False),
        (ClientMessage(realtime_input=RealtimeInput(media_chunks=[SOUND])), False),
        (ClientMessage(realtime_input=RealtimeInput(video=Blob.of(b"", "image/jpeg"))), False),
        (ClientMessage(realtime_input=RealtimeInput(activity_start=ActivityStart())), False),
        (ClientMessage(realtime_input=RealtimeInput(activity_end=ActivityEnd())), False),
        (ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True)), False),
        (ClientMessage(tool_response=ToolResponse([FunctionResponse(id="1")])), False),
        (ClientMessage(context_update=ContextUpdate()), False),
        (ClientMessage(setup=LiveSetup()), False),
        (ClientMessage(), False),
    ],
)
def test_what_is_said_in_words_counts(message: ClientMessage, counts: bool) -> None:
    assert counts_as_message(message) is counts
