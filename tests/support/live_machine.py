"""A client and a server of one Live session, playing against each other in any order.

Each end sends whatever it likes; what its protocol refuses is not sent. Messages wait in the wire
until they are delivered, so those of the two sides cross each other. Whatever an end was allowed to
send, the other must accept, in every order; when the wire is empty, both must agree.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gemstream.errors import InvalidRequest, InvalidState
from gemstream.policy.live.progress import SessionState
from gemstream.policy.live.protocol import CLIENT, SERVER, LiveProtocol
from gemstream.policy.live.server_event import Closed, ToolCallCancelled, ToolCalled
from gemstream.wire.codec import encode
from gemstream.wire.live.client_message import ClientMessage
from support.live import AUDIO_OUT, DONE, SET_UP, audio_in, by_client, by_server, call, response

_TURN = [{"role": "user", "parts": [{"text": "Hi"}]}]
_CLIENT = [
    by_client(clientContent={"turns": _TURN, "turnComplete": True}),
    by_client(clientContent={"turns": _TURN}),
    by_client(clientContent={"turnComplete": True}),
    by_client(clientContent={}),
    audio_in(),
    audio_in(b""),
    by_client(realtimeInput={"text": "Hi"}),
    by_client(realtimeInput={"activityStart": {}}),
    by_client(realtimeInput={"activityEnd": {}}),
    by_client(realtimeInput={"audioStreamEnd": True}),
    by_client(contextUpdate={}),
    by_client(news=1),
    by_client(),
]
_SERVER = [
    SET_UP,
    AUDIO_OUT,
    DONE,
    by_server(serverContent={"interrupted": True}),
    by_server(serverContent={"generationComplete": True}),
    by_server(serverContent={"turnComplete": True, "interactionStatus": "IN_PROGRESS"}),
    by_server(serverContent={"interactionStatus": "IDLE"}),
    by_server(usageMetadata={"totalTokenCount": 1}),
    by_server(goAway={"timeLeft": "10s"}),
    by_server(voiceActivity={"type": "ACTIVITY_START"}),
    by_server(sessionResumptionUpdate={"resumable": False}),
    by_server(news=1),
    by_server(),
]


class LiveMachine(RuleBasedStateMachine):
    """The game; ``crosses`` is False in the one where every message arrives at once."""

    crosses: ClassVar[bool] = True
    delivered: ClassVar[int] = 0

    @initialize(
        detects=st.booleans(),
        history=st.booleans(),
        is_set_up=st.sampled_from([True, True, True, False]),
    )
    def connect(self, detects: bool, history: bool, is_set_up: bool) -> None:
        self.client, self.server = LiveProtocol(CLIENT), LiveProtocol(SERVER)
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.called: list[str] = []  # ids the client has been told of
        self.handles = 0
        self.calls = 0
        self.setup = by_client(
            setup={
                "model": "models/m",
                "realtimeInputConfig": {"automaticActivityDetection": {"disabled": not detects}},
                "historyConfig": {"initialHistoryInClientContent": history},
            }
        )
        if is_set_up:
            self.server.receive(self.client.send(self.setup))
            self.client.receive(self.server.send(SET_UP))

    @rule()
    def set_up(self) -> None:
        self._client_sends(self.setup)

    @rule(message=st.sampled_from(_CLIENT))
    def client_sends(self, message: ClientMessage) -> None:
        self._client_sends(message)

    @rule(
        data=st.data(),
        goes_on=st.booleans(),
        scheduling=st.sampled_from(["INTERRUPT", "WHEN_IDLE", "SILENT"]),
    )
    def client_responds(self, data: st.DataObject, goes_on: bool, scheduling: str) -> None:
        id = data.draw(st.sampled_from([*self.called, "never"]))
        self._client_sends(response(id, willContinue=goes_on, scheduling=scheduling))

    @rule(message=st.sampled_from(_SERVER))
    def server_sends(self, message: Any) -> None:
        self._server_sends(message)

    @rule()
    def server_accepts_or_goes_on(self) -> None:
        fresh = self.server.state is SessionState.SETTING_UP
        self._server_sends(SET_UP if fresh else AUDIO_OUT)

    @rule(count=st.integers(1, 2))
    def server_calls(self, count: int) -> None:
        ids = [f"call-{self.calls + number}" for number in range(count)]
        self.calls += count
        self._server_sends(call(*ids))

    @rule(data=st.data())
    def server_cancels(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from([*self.server.open_calls, "never"]), min_size=1))
        self._server_sends(by_server(toolCallCancellation={"ids": ids}))

    @rule(consumed=st.integers(0, 3))
    def server_gives_a_handle(self, consumed: int) -> None:
        self.handles += 1
        update = {
            "newHandle": f"h{self.handles}",
            "resumable": True,
            "lastConsumedClientMessageIndex": consumed,
        }
        self._server_sends(by_server(sessionResumptionUpdate=update))

    @precondition(lambda self: self.up)
    @rule()
    def deliver_up(self) -> None:
        self.server.receive(self.up.popleft())
        type(self).delivered += 1

    @precondition(lambda self: self.down)
    @rule()
    def deliver_down(self) -> None:
        for event in self.client.receive(self.down.popleft()):
            if isinstance(event, ToolCalled):
                self.called.extend(item.id or "" for item in event.calls)
        type(self).delivered += 1

    @rule()
    def deliver_all(self) -> None:
        while self.up or self.down:
            self.deliver_up() if self.up else self.deliver_down()

    @precondition(lambda self: self.called and not (self.up or self.down))
    @rule(code=st.sampled_from([None, 1000, 1011]))
    def break_the_wire(self, code: int | None) -> None:
        for end in (self.client, self.server):
            was_open = end.open_calls
            *cancelled, closed = end.receive_close(code)
            assert isinstance(closed, Closed)
            assert cancelled == ([ToolCallCancelled(was_open)] if was_open else [])
            assert end.state is SessionState.CLOSED
            assert end.open_calls == ()
        self.connect(detects=True, history=False, is_set_up=True)

    @invariant()
    def nobody_failed(self) -> None:
        if hasattr(self, "client"):
            assert self.client.failure is None
            assert self.server.failure is None

    @invariant()
    def both_agree_when_all_is_said(self) -> None:
        if hasattr(self, "client") and not (self.up or self.down):
            assert self.client.open_calls == self.server.open_calls
            assert self.client.awaits_functions == self.server.awaits_functions
            assert self.client.handle == self.server.handle
            ours, theirs = self.client.state, self.server.state
            assert ours is theirs or (
                self.crosses and {ours, theirs} == {SessionState.READY, SessionState.IN_TURN}
            )

    def _client_sends(self, message: ClientMessage) -> None:
        before = self.client.state, self.client.open_calls
        try:
            payload = self.client.send(message)
        except (InvalidRequest, InvalidState):
            assert (self.client.state, self.client.open_calls) == before
            return
        assert payload == encode(message)
        self.up.append(payload)
        if not self.crosses:
            self.deliver_up()

    def _server_sends(self, message: Any) -> None:
        before = self.server.state, self.server.open_calls
        try:
            payload = self.server.send(message)
        except (InvalidRequest, InvalidState):
            assert (self.server.state, self.server.open_calls) == before
            return
        self.down.append(payload)
        if not self.crosses:
            self.deliver_down()


class DirectLiveMachine(LiveMachine):
    """The game without a wire in between: both ends see one order, and always agree."""

    crosses = False
