"""A conversation as lines of JSON, as text and in times: every kind of event, without a session."""

from __future__ import annotations

import io
import json
from typing import Any, get_args

import pytest

from gemstream.cli.live_events import LiveOutcome, end_fields, event_fields, event_name
from gemstream.cli.live_forms import LiveForm, live_form_of
from gemstream.cli.live_timing import TurnTiming
from gemstream.cli.terminal import Printer
from gemstream.client.live import events
from gemstream.client.live.events import SessionEvent
from gemstream.errors import SessionClosedError
from gemstream.policy.live.server_event import Closed, SetupCompleted
from gemstream.wire.codec import encode
from gemstream.wire.content import FunctionCall, Part
from gemstream.wire.grounding import GroundingMetadata
from gemstream.wire.live.server_message import (
    SetupComplete,
    TurnCompleteReason,
    VoiceActivityType,
)
from gemstream.wire.media import Transcription
from gemstream.wire.usage import UsageMetadata

WORD = Transcription(text="Hi")
TEXT = events.Text("Hi", Part(text="Hi"))
AUDIO = events.Audio(bytes(9600), "audio/pcm;rate=24000")

# An event → its name, and what its line has beside schema and time.
LINES: list[tuple[SessionEvent, str, dict[str, Any]]] = [
    (TEXT, "text", {"text": "Hi"}),
    (events.Thought("Hm", Part(text="Hm", thought=True)), "thought", {"text": "Hm"}),
    (events.OutputTranscribed("Hi", WORD), "output_transcribed", {"text": "Hi"}),
    (
        events.InputTranscribed("Hi", WORD, interim=True),
        "input_transcribed",
        {"text": "Hi", "interim": True},
    ),
    (AUDIO, "audio", {"mime_type": "audio/pcm;rate=24000", "bytes": 9600, "seconds": 0.2}),
    (
        events.OtherPart(Part(text="x")),
        "other_part",
        {"part": {"text": "x"}},
    ),
    (events.Grounded(GroundingMetadata()), "grounded", {"grounding": {}, "url_context": None}),
    (events.Grounded(), "grounded", {"grounding": None, "url_context": None}),
    (
        events.ToolCalled([FunctionCall(id="1", name="f")]),
        "tool_called",
        {"calls": [{"id": "1", "name": "f"}]},
    ),
    (events.ToolCallCancelled(("1",)), "tool_call_cancelled", {"ids": ["1"]}),
    (
        events.UsageReported(UsageMetadata(total_token_count=3)),
        "usage_reported",
        {"usage": {"total_token_count": 3}},
    ),
    (events.GenerationCompleted(), "generation_completed", {}),
    (events.Interrupted(), "interrupted", {}),
    (events.WaitingForInput(), "waiting_for_input", {}),
    (events.TurnCompleted(), "turn_completed", {}),
    (
        events.TurnCompleted(reason=TurnCompleteReason.BLOCKLIST),
        "turn_completed",
        {"reason": "BLOCKLIST"},
    ),
    (events.GoingAway(9.5), "going_away", {"time_left": 9.5}),
    (
        events.ResumptionUpdated("h", True),
        "resumption_updated",
        {"handle": "h", "resumable": True},
    ),
    (
        events.VoiceActivityHeard(VoiceActivityType.ACTIVITY_START, 0.5),
        "voice_activity_heard",
        {"type": "ACTIVITY_START", "offset": 0.5},
    ),
    (
        events.UnknownFields({"new": 1}, "serverContent"),
        "unknown_fields",
        {"path": "serverContent", "fields": {"new": 1}},
    ),
    (
        events.Disconnected(1011, "busy"),
        "disconnected",
        {"code": 1011, "reason": "busy", "planned": False},
    ),
    (
        events.Resumed(state_restored=True, forgotten=2, gap=0.5),
        "resumed",
        {
            "state_restored": True,
            "turn_is_lost": False,
            "may_be_lost": 2,
            "repeated": 0,
            "gap": 0.5,
        },
    ),
]


@pytest.mark.parametrize(("event", "name", "more"), LINES)
def test_an_event_is_a_line(event: SessionEvent, name: str, more: dict[str, Any]) -> None:
    line = json.loads(encode(event_fields(1.5, event)))
    assert line == {"schema": "gemstream.live/1", "event": name, "at_ms": 1.5, **more}
    assert event_name(event) == name


def test_every_kind_of_event_has_a_row() -> None:
    inner = {SetupCompleted, Closed}  # a session keeps these to itself
    assert {type(event) for event, *_ in LINES} == set(get_args(SessionEvent)) - inner
    assert event_name(SetupCompleted(SetupComplete())) == "setup_completed"


def test_the_end_tells_the_error() -> None:
    error = SessionClosedError("it broke", code=1006, resumable=True)
    line = json.loads(encode(end_fields(LiveOutcome(model="m", turns=2, handle="h", error=error))))
    assert (line["event"], line["turns"], line["handle"], line["stopped"]) == ("end", 2, "h", False)
    assert (line["error"]["type"], line["error"]["code"]) == ("SessionClosedError", 1006)


# --- as text ---------------------------------------------------------------------------------


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def shown(page: io.StringIO, *said: str, end: str) -> str:
    form: LiveForm = live_form_of(Printer(page, {"NO_COLOR": "1"}), jsonl=False)
    for text in said:
        form.show(0.0, events.OutputTranscribed(text, WORD))
    if end == "turn":
        form.show(0.0, events.TurnCompleted())
    elif end == "interruption":
        form.break_off()
    form.show_end(LiveOutcome())
    return page.getvalue()


@pytest.mark.parametrize("end", ["turn", "interruption", "loss"])
def test_an_answer_ends_its_line_once(end: str) -> None:
    assert shown(io.StringIO(), "Once ", "", "upon", end=end) == "Once upon\n"
    assert shown(io.StringIO(), "Once\n", end=end) == "Once\n\n"  # exactly the text, and one more
    assert shown(Screen(), "Once\n", end=end) == "Once\n"
    assert shown(io.StringIO(), end=end) == ""


@pytest.mark.parametrize(
    ("page", "out"),
    [
        pytest.param(Screen(), "Once \nupon\n", id="terminal"),
        pytest.param(io.StringIO(), "Once upon\n", id="pipe"),
    ],
)
def test_what_is_told_within_an_answer_has_a_line_on_a_terminal(
    page: io.StringIO, out: str
) -> None:
    form = live_form_of(Printer(page, {"NO_COLOR": "1"}), jsonl=False)
    form.new_line()  # nothing was said yet
    form.show(0.0, events.OutputTranscribed("Once ", WORD))
    form.new_line()
    form.new_line()
    form.show(0.0, events.OutputTranscribed("upon", WORD))
    form.show(0.0, events.TurnCompleted())
    assert page.getvalue() == out


def test_an_answer_cannot_move_the_cursor_of_a_terminal() -> None:
    assert "\x1b" not in shown(Screen(), "\x1b[2J", end="turn")
    assert shown(io.StringIO(), "\x1b[2J", end="turn") == "\x1b[2J\n"


# --- in times --------------------------------------------------------------------------------


def test_the_first_of_each_kind_counts() -> None:
    timing = TurnTiming()
    for at, event in enumerate([AUDIO, TEXT, AUDIO, TEXT, events.TurnCompleted()], start=1):
        timing.receive(at / 10, event)
    assert timing.line(3) == (
        "turn 3: first text 200.0 ms, first audio 100.0 ms, complete 500.0 ms"
    )


def test_what_did_not_come_has_no_time() -> None:
    timing = TurnTiming()
    timing.receive(0.1, events.Interrupted())
    timing.receive(0.25, events.TurnCompleted())
    assert timing.line(1) == "turn 1: complete 250.0 ms"
