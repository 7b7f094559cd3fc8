"""What befalls a session once the service has said that it goes away."""

from __future__ import annotations

from collections.abc import Mapping

from gemstream.emulator import (
    Close,
    Cut,
    GoAway,
    Lifetime,
    Stall,
    Status,
    WaitForAck,
)
from support.live_deeds import (
    answers_a_call_and_is_moved,
    asks_twice,
    asks_while_time_passes,
    is_cut_while_idle,
    is_moved_after_the_turn,
    outlives,
    reads_nothing,
)
from support.live_faults.row import (
    ANSWER,
    CALL,
    CONNECTION,
    HANDSHAKE,
    INVALID,
    LOST,
    RESUME,
    TURN,
    Row,
    acked,
    at,
    runs_for_ever,
)
from support.live_talk import (
    Back,
    Called,
    Cancelled,
    Done,
    Farewell,
    Gone,
    Said,
)

__all__ = ("FAREWELLS",)

_DEADLINE = "Deadline expired before operation could complete."
_STAYED = "client failed to close the connection after receiving a GoAway"
_MOVED = (Gone(1000, is_planned=True), Back())
FAREWELLS: Mapping[str, Row] = {
    "a farewell between turns": Row(
        line="farewell, then 1011",
        rules=[at(CONNECTION, Lifetime())],
        does=asks_while_time_passes(550),
        sees=[*ANSWER, Farewell(50), *_MOVED],
        ends=(1000, 1000),
    ),
    "a farewell in the middle of a turn": Row(
        line="farewell, then 1011",
        rules=[at(TURN, "Good", GoAway(time_left=50), "bye")],
        does=is_moved_after_the_turn,
        sees=[Said("Good"), Farewell(50), Said("bye"), Done(), *_MOVED],
        ends=(1000, 1000),
    ),
    "a farewell that nobody reads": Row(
        line="farewell, then 1011",
        rules=[acked(GoAway(time_left=50))],
        does=reads_nothing,
        sees=[*ANSWER, Farewell(50), *_MOVED],
        ends=(1000, 1000),
        only_in=("in process",),
    ),
    "the end between the farewell and the move, in a turn": Row(
        line="farewell, then 1011",
        rules=[at(TURN, "Good", GoAway(time_left=50), Close(code=1011, reason=_DEADLINE))],
        does=asks_twice,
        sees=[Said("Good"), Farewell(50), Gone(1011), LOST, *ANSWER],
        ends=(1011, 1000),
    ),
    "a farewell while a call waits": Row(
        line="farewell, then 1011",
        rules=[at(TURN, CALL, GoAway(time_left=50), "It is sunny")],
        does=answers_a_call_and_is_moved,
        sees=[Called("get_weather"), Farewell(50), Said("It is sunny"), Done(), *_MOVED],
        ends=(1000, 1000),
    ),
    "a farewell while a function runs for too long": Row(
        line="farewell, then 1011",
        rules=[at(TURN, CALL, WaitForAck(), GoAway(time_left=10), Stall())],
        does=asks_twice,
        tools=runs_for_ever,
        sees=[
            Called("get_weather"),
            Farewell(10),
            Gone(1000, is_planned=True),
            Cancelled(1),
            LOST,
            *ANSWER,
        ],
        ends=(1000, 1000),
        only_in=("in process",),
    ),
    "a farewell that leaves no time": Row(
        line="farewell, then 1011",
        rules=[at(TURN, "Good", GoAway(time_left=0), Stall())],
        does=asks_twice,
        sees=[Said("Good"), Farewell(0), Gone(1000, is_planned=True), LOST, *ANSWER],
        ends=(1000, 1000),
    ),
    "three lives of ten minutes": Row(
        line="life of 10 min",
        rules=[at(CONNECTION, Lifetime(), number=None)],
        does=outlives(3, 550),
        sees=[*ANSWER, Farewell(50), *_MOVED] * 3,
        ends=(1000, 1000, 1000, 1000),
    ),
    "a farewell of 300 s at the beginning": Row(
        line="farewell, then 1011",
        rules=[at(CONNECTION, GoAway(time_left=300))],
        does=is_moved_after_the_turn,
        sees=[Farewell(300), *ANSWER, *_MOVED],
        ends=(1000, 1000),
        only_in=("in process",),
    ),
    "a farewell, and nobody to go to at first": Row(
        line="farewell, then 1011",
        rules=[acked(GoAway(time_left=50)), at(HANDSHAKE, Status(code=503), number=2)],
        does=is_cut_while_idle,
        sees=[*ANSWER, Farewell(50), *_MOVED],
        ends=(503, 1000, 1000),
        only_in=("in process",),
    ),
    "a farewell, and 1008 for who stayed": Row(
        line="1008 naming GoAway",
        rules=[at(TURN, "Good", GoAway(time_left=50), Close(code=1008, reason=_STAYED))],
        does=asks_twice,
        sees=[Said("Good"), Farewell(50), Gone(1008), LOST, *ANSWER],
        ends=(1008, 1000),
    ),
    "1008 that names a farewell which never came": Row(
        line="1008 naming GoAway",
        rules=[acked(Close(code=1008, reason=_STAYED))],
        does=is_cut_while_idle,
        sees=[*ANSWER, Gone(1008), Back()],
        ends=(1008, 1000),
    ),
    "a move to a connection that breaks off": Row(
        line="farewell, then 1011",
        rules=[acked(GoAway(time_left=50)), at(RESUME, Cut())],
        does=is_cut_while_idle,
        sees=[*ANSWER, Farewell(50), Gone(1000, is_planned=True), Back(attempts=2)],
        ends=(1000, 1006, 1000),
    ),
    "a move with a handle that is refused": Row(
        line="farewell, then 1011",
        rules=[acked(GoAway(time_left=50)), at(RESUME, INVALID)],
        does=is_cut_while_idle,
        sees=[
            *ANSWER,
            Farewell(50),
            Gone(1000, is_planned=True),
            Back(restored=False, history=2, attempts=2),
        ],
        ends=(1000, 1007, 1000),
    ),
}
