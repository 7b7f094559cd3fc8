"""What befalls a session between turns, and while the user says something."""

from __future__ import annotations

from collections.abc import Mapping

from gemstream import FunctionDeclaration
from gemstream.emulator import (
    Close,
    Cut,
    Lifetime,
)
from gemstream.emulator.tcp.toxics import Cut as CutWire
from gemstream.emulator.tcp.toxics import Direction, Reset
from gemstream.errors import (
    SessionClosedError,
)
from gemstream.wire.live.setup import AutomaticActivityDetection, RealtimeInputConfig
from gemstream.wire.tool import Behavior
from support.live_deeds import (
    asks_in_the_outage,
    asks_while_time_passes,
    is_cut_while_idle,
    is_moved_after_the_turn,
    reads_nothing,
    sends_much,
    speaks,
    speaks_in_the_outage,
    speaks_with_marks,
)
from support.live_faults.row import (
    ANSWER,
    CALL,
    CONNECTION,
    INVALID,
    RESUME,
    TURN,
    Row,
    acked,
    at,
)
from support.live_talk import (
    Back,
    Called,
    Cancelled,
    Done,
    Failed,
    Gone,
    Over,
    Said,
)

__all__ = ("BETWEEN",)

_MARKS = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))

_SLOW = FunctionDeclaration(name="get_weather", behavior=Behavior.NON_BLOCKING)

BETWEEN: Mapping[str, Row] = {
    "a cut between turns": Row(
        line="1006 without a close frame",
        rules=[acked(Cut())],
        does=is_cut_while_idle,
        sees=[*ANSWER, Gone(1006), Back()],
        ends=(1006, 1000),
    ),
    "a cut that nobody reads": Row(
        line="1006 without a close frame",
        rules=[acked(Cut())],
        does=reads_nothing,
        sees=[*ANSWER, Gone(1006), Back()],
        ends=(1006, 1000),
    ),
    "a cut while the user speaks": Row(
        line="1006 without a close frame",
        rules=[acked(Cut())],
        does=speaks,
        sees=[Gone(1006), Back(repeated=10), Said("You said: 1.0 seconds of speech"), Done()],
        ends=(1006, 1000),
    ),
    "a cut while the user speaks, by the program's marks": Row(
        line="1006 without a close frame",
        rules=[acked(Cut())],
        does=speaks_with_marks,
        options={"realtime_input_config": _MARKS},
        sees=[Gone(1006), Back(repeated=11), Said("You said: 1.0 seconds of speech"), Done()],
        ends=(1006, 1000),
    ),
    "a question while there is no connection": Row(
        line="1006 without a close frame",
        rules=[acked(Cut())],
        does=asks_in_the_outage,
        sees=[Gone(1006), Back(), *ANSWER],
        ends=(1006, 1000),
    ),
    "a sentence while there is no connection": Row(
        line="1006 without a close frame",
        rules=[acked(Cut())],
        does=speaks_in_the_outage,
        options={"realtime_input_config": _MARKS},
        sees=[Gone(1006), Back(repeated=12), Said("You said: 1.0 seconds of speech"), Done()],
        ends=(1006, 1000),
    ),
    "a cut while a function runs that nobody waits for": Row(
        line="1006 without a close frame",
        rules=[at(TURN, CALL, "Meanwhile"), acked(Cut())],
        does=is_cut_while_idle,
        options={"tools": [_SLOW]},
        sees=[
            Called("get_weather"),
            Said("Meanwhile"),
            Done(),
            Cancelled(1),
            Gone(1006),
            Back(),
        ],
        ends=(1006, 1000),
    ),
    "a restart of the service": Row(
        line="1011 unavailable",
        rules=[acked(Close(code=1012, reason="restarting"))],
        does=is_cut_while_idle,
        sees=[*ANSWER, Gone(1012), Back()],
        ends=(1012, 1000),
        only_in=("in process",),
    ),
    "a cut in the middle of a large message": Row(
        line="1006 without a close frame",
        does=sends_much(3_000_000),
        toxics=[CutWire(at=1_000_000, direction=Direction.UP, connection=1)],
        sees=[Gone(1006), Back(repeated=1), *ANSWER],
        ends=(1006, 1000),
        only_in=("sockets",),
    ),
    "a reset in the middle of a message that is too large to keep": Row(
        line="1006 without a close frame",
        does=sends_much(5_000_000),
        toxics=[Reset(at=1_000_000, direction=Direction.UP, connection=1)],
        sees=[Gone(1006), Back(forgotten=1), *ANSWER],
        ends=(1006, 1000),
        only_in=("sockets",),
    ),
    "the end at ten minutes without a farewell": Row(
        line="life of 10 min",
        rules=[at(CONNECTION, Lifetime(farewell=0))],
        does=asks_while_time_passes(600),
        sees=[*ANSWER, Gone(1011), Back()],
        ends=(1011, 1000),
    ),
    "the end at 58:00": Row(
        line="58:00 with 1011",
        rules=[at(CONNECTION, Lifetime(seconds=58 * 60, farewell=0))],
        does=asks_while_time_passes(58 * 60),
        sees=[*ANSWER, Gone(1011), Back()],
        ends=(1011, 1000),
    ),
    "the end at 58:00, and a handle that is refused": Row(
        line="58:00 with 1011",
        rules=[
            at(CONNECTION, Lifetime(seconds=58 * 60, farewell=0)),
            at(RESUME, INVALID, number=None),
        ],
        does=asks_while_time_passes(58 * 60),
        sees=[*ANSWER, Gone(1011), Back(restored=False, history=2, attempts=2)],
        ends=(1011, 1007, 1000),
    ),
    "a connection that is left at 50 minutes": Row(
        line="58:00 with 1011",
        does=is_moved_after_the_turn,
        sees=[*ANSWER, Gone(1000, is_planned=True), Back()],
        ends=(1000, 1000),
        only_in=("in process",),
    ),
    "an intermediary's end at 150 s": Row(
        line="1008 at 150 s",
        rules=[at(CONNECTION, Lifetime(seconds=150, farewell=0, code=1008, reason=""))],
        does=asks_while_time_passes(150),
        sees=[*ANSWER, Failed(SessionClosedError, 1008)],
        ends=(1008, 1000),
    ),
    "a normal close between turns": Row(
        line="a normal close",
        rules=[acked(Close(code=1000))],
        does=is_cut_while_idle,
        sees=[*ANSWER, Over()],
        ends=(1000, 1000),
    ),
}
