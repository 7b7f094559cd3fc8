"""A turn: what befalls an answer, from its first word to its end."""

from __future__ import annotations

from collections.abc import Mapping

from gemstream import Timeouts
from gemstream.emulator import (
    Cut,
    Garbage,
    HalfFrame,
    Huge,
    Stall,
    WaitForAck,
)
from gemstream.emulator.tcp.toxics import Direction, Latency
from gemstream.errors import (
    DecodeError,
    IdleTimeout,
    ProtocolError,
)
from gemstream.wire.live.setup import ActivityHandling, RealtimeInputConfig
from support.live_deeds import (
    adds_history,
    answers_a_call,
    asks,
    asks_before_the_end,
    asks_twice,
    hears_slowly,
    interrupts,
    is_moved_after_the_turn,
)
from support.live_faults.row import (
    ANSWER,
    CALL,
    INVALID,
    LOST,
    RESUME,
    TURN,
    UNAVAILABLE,
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
    Failed,
    Gone,
    Interrupted,
    Said,
    Sounded,
    Unknown,
)

__all__ = ("TURNS",)

# A turn's end that no handle follows: past the emulator's own order.
_BARE_END = Garbage(text='{"serverContent": {"turnComplete": true}}')


_NO_INTERRUPTION = RealtimeInputConfig(activity_handling=ActivityHandling.NO_INTERRUPTION)

TURNS: Mapping[str, Row] = {
    "a cut before the first word": Row(
        line="1006 without a close frame",
        rules=[at(TURN, Cut())],
        does=asks,
        sees=[Gone(1006), Back(repeated=1), *ANSWER],
        ends=(1006, 1000),
    ),
    "a cut in the middle of the text": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Half a", Cut())],
        does=asks_twice,
        sees=[Said("Half a"), Gone(1006), LOST, *ANSWER],
        ends=(1006, 1000),
    ),
    "half a frame in the middle of the text": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Half a", HalfFrame())],
        does=asks_twice,
        sees=[Said("Half a"), Gone(1006), LOST, *ANSWER],
        ends=(1006, 1000),
    ),
    "a cut in the middle of the speech": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Half ", "a", Cut())],
        does=asks,
        options={"response_modalities": ["AUDIO"], "output_audio_transcription": False},
        sees=[Sounded(0.4), Gone(1006), LOST],
        ends=(1006, 1000),
    ),
    "half a frame in the middle of the speech": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Half ", HalfFrame(bytes=12_800))],
        does=asks,
        options={"response_modalities": ["AUDIO"], "output_audio_transcription": False},
        sees=[Sounded(0.2), Gone(1006), LOST],
        ends=(1006, 1000),
    ),
    "a cut while a call waits": Row(
        line="1006 without a close frame",
        rules=[at(TURN, CALL, Cut())],
        does=asks_twice,
        sees=[Called("get_weather"), Cancelled(1), Gone(1006), LOST, *ANSWER],
        ends=(1006, 1000),
    ),
    "a cut while a function runs": Row(
        line="1006 without a close frame",
        rules=[at(TURN, CALL, WaitForAck(), Cut())],
        does=asks_twice,
        tools=runs_for_ever,
        sees=[Called("get_weather"), Cancelled(1), Gone(1006), LOST, *ANSWER],
        ends=(1006, 1000),
    ),
    "a cut behind the result of a function": Row(
        line="1006 without a close frame",
        rules=[at(TURN, CALL, "It is", Cut())],
        does=answers_a_call,
        sees=[
            Called("get_weather"),
            Said("It is"),
            Gone(1006),
            Back(turn_is_lost=True, lost=("Hi", "the result of get_weather")),
        ],
        ends=(1006, 1000),
    ),
    "a cut behind the turn's end, before its handle": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Hello", _BARE_END, Cut())],
        does=is_moved_after_the_turn,
        sees=[Said("Hello"), Done(), Gone(1006), Back(lost=("Hi",))],
        ends=(1006, 1000),
    ),
    "a cut behind an interruption": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Once", WaitForAck()), at(TURN, Cut(), number=2)],
        does=interrupts,
        sees=[Said("Once"), Interrupted(), Done(), Gone(1006), Back(repeated=1), *ANSWER],
        ends=(1006, 1000),
    ),
    "a cut behind history that interrupts": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Once", Stall()), acked(Cut())],
        does=adds_history,
        sees=[Said("Once"), Interrupted(), Done(), Gone(1006), Back(repeated=1), *ANSWER],
        ends=(1006, 1000),
    ),
    # No handle comes while something waits for its turn, so the answer before it is in none.
    "a cut behind an answer, in the turn that waited for its end": Row(
        line="1006 without a close frame",
        rules=[at(TURN, "Once", WaitForAck(), " upon"), at(TURN, Cut(), number=2)],
        does=asks_before_the_end,
        options={"realtime_input_config": _NO_INTERRUPTION},
        sees=[Said("Once upon"), Done(), Gone(1006), Back(repeated=1, lost=("Well?",)), *ANSWER],
        ends=(1006, 1000),
    ),
    "a handle that is refused behind an interruption": Row(
        line="58:00 with 1011",
        rules=[
            at(TURN, "Once", WaitForAck()),
            at(TURN, Cut(), number=2),
            at(RESUME, INVALID),
        ],
        does=interrupts,
        sees=[
            Said("Once"),
            Interrupted(),
            Done(),
            Gone(1006),
            Back(restored=False, repeated=1, history=2, attempts=2),
            *ANSWER,
        ],
        ends=(1006, 1007, 1000),
    ),
    "unavailable before the first word": Row(
        line="1011 unavailable",
        rules=[at(TURN, UNAVAILABLE)],
        does=asks,
        sees=[Gone(1011), Back(repeated=1), *ANSWER],
        ends=(1011, 1000),
    ),
    "unavailable twice in a row": Row(
        line="1011 unavailable",
        rules=[at(TURN, UNAVAILABLE), at(TURN, UNAVAILABLE, number=2)],
        does=asks,
        sees=[Gone(1011), Back(repeated=1), Gone(1011), Back(repeated=1, attempts=2), *ANSWER],
        ends=(1011, 1011, 1000),
    ),
    "two answers that break off, one after the other": Row(
        line="1011 unavailable",
        rules=[at(TURN, "Half a", UNAVAILABLE), at(TURN, "Half a", Cut(), number=2)],
        does=asks_twice,
        sees=[Said("Half a"), Gone(1011), LOST, Said("Half a"), Gone(1006), LOST],
        ends=(1011, 1006, 1000),
    ),
    "a frame that is no JSON": Row(
        line="no message of the protocol",
        rules=[at(TURN, "Half a", Garbage(text="<html>"))],
        does=asks,
        sees=[Said("Half a"), Failed(DecodeError)],
        ends=(1002, 1000),
    ),
    "a message of 10 MB": Row(
        line="no message of the protocol",
        rules=[at(TURN, Huge(bytes=10_000_000))],
        does=asks,
        sees=[Failed(ProtocolError)],
        ends=(1006, 1000),
    ),
    "a message that is not known": Row(
        line="no message of the protocol",
        rules=[at(TURN, "Hel", Garbage(text='{"news": {}}'), "lo")],
        does=asks,
        sees=[Said("Hel"), Unknown("news"), Said("lo"), Done()],
        ends=(1000,),
    ),
    "a model that is silent for 50 s in the middle of its answer": Row(
        line="no answer in time",
        rules=[at(TURN, "At ", WaitForAck(), "last")],
        does=hears_slowly(50),
        sees=[Said("At last"), Done()],
        ends=(1000,),
        only_in=("in process",),
    ),
    "a connection on which nothing comes any more": Row(
        line="no answer in time",
        rules=[at(TURN, "Half a", Stall())],
        does=asks_twice,
        sees=[Said("Half a"), Gone(1006), LOST, *ANSWER],
        ends=(1006, 1000),
        only_in=("in process",),
    ),
    "a slow wire": Row(
        line="no answer in time",
        does=asks,
        toxics=[Latency(ms=20), Latency(ms=20, direction=Direction.UP)],
        sees=ANSWER,
        ends=(1000,),
        only_in=("sockets",),
    ),
    "an answer that stays out": Row(
        line="no answer in time",
        rules=[at(TURN, "Half a", Stall())],
        does=asks,
        options={"timeouts": Timeouts(idle=0.5)},
        sees=[Said("Half a"), Failed(IdleTimeout)],
        ends=(1006, 1000),
    ),
}
