"""Tool calls, turns and handles: what both ends keep in mind between messages."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.errors import InvalidRequest, InvalidState
from gemstream.policy.live.tool_calls import MAX_OPEN_CALLS
from gemstream.wire.live.client_message import ClientMessage
from support.live import (
    ASK,
    AUDIO_OUT,
    DONE,
    Client,
    Server,
    audio_in,
    by_client,
    by_server,
    call,
    connected,
    response,
)

# --- tool calls ------------------------------------------------------------------------------


def test_a_response_to_a_call_that_ended_says_how_it_did() -> None:
    client, server = connected()
    client.receive(server.send(call("one", "two", "three")))
    for key, words in (("thre", "did you mean 'three'"), ("x", "those that wait: 'one', 'two'")):
        with pytest.raises(InvalidRequest, match=f"no call '{key}' to respond to; {words}"):
            client.send(response(key))
    server.receive(client.send(response("one", willContinue=True)))
    server.receive(client.send(response("one")))
    client.receive(server.send(by_server(toolCallCancellation={"ids": ["two"]})))
    for key, fate in (("one", "answered"), ("two", "cancelled")):
        with pytest.raises(InvalidState, match=f"'{key}' was {fate} already"):
            client.send(response(key))
    assert client.open_calls == server.open_calls == ("three",)


def test_a_call_without_an_id_is_known_by_its_name() -> None:
    client, server = connected()
    client.receive(server.send(by_server(toolCall={"functionCalls": [{"name": "f"}]})))
    answer = by_client(toolResponse={"functionResponses": [{"name": "f"}]})
    server.receive(client.send(answer))
    assert client.open_calls == server.open_calls == ()


def test_only_the_last_ended_calls_are_remembered() -> None:
    client, server = connected()
    for number in range(MAX_OPEN_CALLS + 1):
        client.receive(server.send(call(str(number))))
        server.receive(client.send(response(str(number))))
    for key, words in (("1", "answered already"), ("0", "no call '0'")):
        with pytest.raises((InvalidRequest, InvalidState), match=words):
            client.send(response(key))


def test_a_call_may_be_open_again_after_it_ended() -> None:
    client, server = connected()
    for _ in range(2):
        client.receive(server.send(call("1")))
        server.receive(client.send(response("1")))
    assert client.open_calls == ()


# What happened since the setup, and whether the model may be silent because of a call.
WAITS: list[tuple[list[Any], bool]] = [
    ([], False),
    ([call("1")], True),
    ([call("1"), response("1")], False),
    ([call("1"), call("2"), response("1")], True),
    ([call("1"), response("1", willContinue=True)], True),
    ([call("1"), by_server(toolCallCancellation={"ids": ["1"]})], False),
    # What is open at the end of a turn is not waited for, then or later.
    ([call("1"), DONE], False),
    ([call("1"), DONE, ASK, AUDIO_OUT], False),
    ([call("1"), DONE, ASK, call("2")], True),
    ([call("1"), DONE, ASK, call("2"), response("2")], False),
    ([call("1"), DONE, response("1", willContinue=True), AUDIO_OUT], False),
    ([call("1"), DONE, response("1"), call("1")], True),
]


@pytest.mark.parametrize(("happened", "waits"), WAITS)
def test_the_model_waits_for_the_calls_of_its_turn(happened: list[Any], waits: bool) -> None:
    client, server = connected()
    _play(happened, client, server)
    assert (client.awaits_functions, server.awaits_functions) == (waits, waits)


@pytest.mark.parametrize("scheduling", ["INTERRUPT", "WHEN_IDLE", "SILENT"])
def test_a_call_outlives_its_turn_and_gives_results_until_it_ends(scheduling: str) -> None:
    client, server = connected()
    asked = [ASK, AUDIO_OUT, call("1"), AUDIO_OUT, DONE]
    more = response("1", scheduling=scheduling, willContinue=True)
    _play([*asked, more, ASK, AUDIO_OUT, more, DONE], client, server)
    assert client.open_calls == server.open_calls == ("1",)
    assert not client.is_in_turn
    last = by_client(toolResponse={"functionResponses": [{"id": "1", "willContinue": False}]})
    _play([last], client, server)
    assert client.open_calls == server.open_calls == ()


# --- turns -----------------------------------------------------------------------------------

_ASKED, _SAID, _CUT, _ENDED = ASK, AUDIO_OUT, by_server(serverContent={"interrupted": True}), DONE
_GOES_ON = by_server(serverContent={"turnComplete": True, "interactionStatus": "IN_PROGRESS"})
_IDLE = by_server(serverContent={"interactionStatus": "IDLE"})

# What happened since the setup, as the client sees it, and whether an answer is still due.
TURNS: list[tuple[list[Any], bool]] = [
    ([], False),
    ([audio_in()], False),
    ([by_client(clientContent={"turns": [{"parts": [{"text": "a"}]}]})], False),
    ([_ASKED], True),
    ([by_client(realtimeInput={"text": "a"})], True),
    ([_ASKED, _SAID], True),
    ([_ASKED, _SAID, _ENDED], False),
    ([_ASKED, _ENDED], False),
    # The model speaks unasked, as after speech that the service detected.
    ([_SAID], True),
    ([by_server(serverContent={"outputTranscription": {"text": "a"}})], True),
    ([by_server(serverContent={"inputTranscription": {"text": "a"}})], False),
    ([call("1")], True),
    ([_SAID, _ENDED], False),
    ([_SAID, _CUT], True),
    ([_SAID, _CUT, _ENDED], False),
    # Our own words interrupt: another turn follows.
    ([_ASKED, _SAID, _ASKED, _CUT, _ENDED], True),
    ([_ASKED, _SAID, _ASKED, _CUT, _ENDED, _SAID, _ENDED], False),
    ([_ASKED, _ASKED, _CUT, _ENDED], True),
    # Asked while the turn before ended on its own.
    ([_ASKED, _SAID, _ASKED, _ENDED], True),
    ([_ASKED, _SAID, _ASKED, _ENDED, _SAID, _ENDED], False),
    ([_SAID, _ASKED, _CUT, _ENDED], True),
    # Asked twice before anything was said: one answer.
    ([_ASKED, _ASKED, _SAID, _ENDED], False),
    # A model that tells its status.
    ([_ASKED, _SAID, _GOES_ON], True),
    ([_ASKED, _SAID, _GOES_ON, _SAID, _IDLE], False),
    ([_IDLE], False),
    ([_ENDED], False),
]


@pytest.mark.parametrize(("happened", "is_due"), TURNS)
def test_a_turn_lasts_as_long_as_an_answer_is_due(happened: list[Any], is_due: bool) -> None:
    client, server = connected()
    _play(happened, client, server)
    assert (client.is_in_turn, server.is_in_turn) == (is_due, is_due)


def _play(happened: list[Any], client: Client, server: Server) -> None:
    for message in happened:
        if isinstance(message, ClientMessage):
            server.receive(client.send(message))
        else:
            client.receive(server.send(message))


# --- handles ---------------------------------------------------------------------------------


def test_the_newest_handle_that_can_be_resumed_is_kept_at_both_ends() -> None:
    client, server = connected()
    seen = []
    for update in (
        {"newHandle": "a", "resumable": True},
        {"resumable": False},
        {"newHandle": "b"},
        {"newHandle": "c", "resumable": True},
    ):
        client.receive(server.send(by_server(sessionResumptionUpdate=update)))
        assert client.handle == server.handle
        seen.append(client.handle)
    assert seen == ["a", "a", "a", "c"]
