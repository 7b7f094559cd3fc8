"""Live sessions in OpenTelemetry: a span each, one in it for each turn, and the measurements."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace

from gemstream.emulator import Cut, Emulator, Rule, Script
from gemstream.telemetry import AttemptFailed, AttemptStarted, Outcome
from support.clock import in_no_time
from support.emulated import async_client
from telemetry.exported import Exported, plain_span
from telemetry.told import QUOTA, tell
from telemetry.told_live import MODEL, SESSION, TURN, lost_session, session, turn

SENT, RECEIVED = {"network.io.direction": "transmit"}, {"network.io.direction": "receive"}


@pytest.fixture
def exported() -> Exported:
    return Exported()


def test_a_turn_is_a_span_of_its_session(exported: Exported) -> None:
    tell(exported.hook(), session())
    spoken, whole = exported.spans
    assert spoken.parent == whole.get_span_context()
    assert spoken.start_time is not None
    assert spoken.end_time is not None
    assert spoken.end_time - spoken.start_time == 2_000_000_000
    assert plain_span(spoken) == {
        "name": f"realtime_inference {MODEL}",
        "kind": "CLIENT",
        "status": ("UNSET", None),
        "events": [],
        "attributes": {
            **TURN,
            "gen_ai.response.finish_reasons": ("interrupted",),
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.usage.input_tokens": 30,
            "gen_ai.usage.output_tokens": 7,
            "gen_ai.usage.audio.output_tokens": 7,
            "gemstream.live.tool_calls": 2,
            "gemstream.outcome": "finished",
        },
    }


def test_a_session_has_its_totals_and_its_losses(exported: Exported) -> None:
    tell(exported.hook(), lost_session())
    *_, whole = exported.spans
    assert plain_span(whole) == {
        "name": f"live {MODEL}",
        "kind": "CLIENT",
        "status": ("ERROR", "SessionClosedError"),
        "events": [
            ("gemstream.live.opened", {"gemstream.attempts": 1, "gemstream.live.seconds": 0.25}),
            (
                "gemstream.live.disconnected",
                {"gemstream.live.close_code": 1011, "gemstream.live.is_planned": False},
            ),
            (
                "gemstream.live.reconnected",
                {
                    "gemstream.live.state_restored": False,
                    "gemstream.live.turn_is_lost": True,
                    "gemstream.live.may_be_lost": 3,
                    "gemstream.live.repeated": 3,
                    "gemstream.live.seconds": 0.5,
                    "gemstream.attempts": 2,
                },
            ),
        ],
        "attributes": {
            **SESSION,
            "gemstream.live.resumed": True,
            "gemstream.live.messages_sent": 7,
            "gemstream.live.messages_received": 60,
            "gemstream.live.bytes_sent": 700,
            "gemstream.live.bytes_received": 9900,
            "gemstream.live.turns": 1,
            "gemstream.live.interruptions": 1,
            "gemstream.live.tool_calls": 2,
            "gemstream.live.reconnects": 1,
            "gemstream.live.seconds_lost": 0.5,
            "gemstream.outcome": "failed",
            "error.type": "1008",
        },
    }


def test_the_numbers_are_added_up_once(exported: Exported) -> None:
    tell(exported.hook(), lost_session())
    metrics = exported.metrics
    assert metrics["gemstream.live.messages"] == [(SESSION | SENT, 7), (SESSION | RECEIVED, 60)]
    assert metrics["gemstream.live.bytes"] == [(SESSION | SENT, 700), (SESSION | RECEIVED, 9900)]
    assert metrics["gemstream.live.interruptions"] == [(SESSION, 1)]
    assert metrics["gemstream.live.errors"] == [
        (SESSION | {"error.type": "1011"}, 1),
        (SESSION | {"error.type": "1008"}, 1),
    ]
    afresh = SESSION | {"gemstream.live.state_restored": False}
    assert metrics["gemstream.live.outage.duration"] == [(afresh, 0.5)]
    failed = SESSION | {"error.type": "1008"}
    assert metrics["gemstream.live.session.duration"] == [(failed, 10.0)]


def test_turns_are_measured_as_calls_are(exported: Exported) -> None:
    tell(exported.hook(), session())
    metrics = exported.metrics
    assert metrics["gen_ai.client.operation.duration"] == [(TURN, 2.0)]
    assert metrics["gen_ai.client.operation.time_to_first_chunk"] == [(TURN, 0.25)]
    assert metrics["gen_ai.client.token.usage"] == [
        (TURN | {"gen_ai.token.type": "input"}, 30),
        (TURN | {"gen_ai.token.type": "output"}, 7),
    ]


def test_a_turn_without_a_question_is_not_measured_in_time(exported: Exported) -> None:
    start, opened, _, end = session()
    spoken = turn(asked=False, first_output_seconds=None)
    tell(exported.hook(), [start, opened, spoken, end])
    assert "gen_ai.client.operation.duration" not in exported.metrics
    assert "gen_ai.client.token.usage" in exported.metrics


# A turn → how its generation finished, and the status of its span.
FINISHES: list[tuple[dict[str, Any], str, tuple[str, str | None]]] = [
    ({"interrupted": False}, "stop", ("UNSET", None)),
    ({"interrupted": True}, "interrupted", ("UNSET", None)),
    ({"reason": "MALFORMED_FUNCTION_CALL"}, "malformed_function_call", ("UNSET", None)),
    ({"interrupted": False, "outcome": Outcome.STOPPED}, "error", ("UNSET", None)),
    ({"outcome": Outcome.FAILED, "error_type": "1006"}, "error", ("ERROR", "lost to 1006")),
]


@pytest.mark.parametrize(("told", "reason", "status"), FINISHES)
def test_how_a_turn_ended_is_its_finish_reason(
    told: dict[str, Any], reason: str, status: tuple[str, str | None], exported: Exported
) -> None:
    start, opened, _, end = session()
    tell(exported.hook(), [start, opened, turn(**told), end])
    span = plain_span(exported.spans[0])
    assert span["attributes"]["gen_ai.response.finish_reasons"] == (reason,)
    assert span["status"] == status


def test_tries_to_open_a_session_are_on_its_span(exported: Exported) -> None:
    start, opened, *rest = session()
    attempt = AttemptStarted(call=1, at=100.0, attempt=1, headers={})
    failed = AttemptFailed(call=1, at=100.1, attempt=1, error=QUOTA, retry_in=0.5)
    tell(exported.hook(propagate=True), [start, attempt, failed, opened, *rest])
    whole = exported.spans[-1]
    assert [event.name for event in whole.events] == ["gemstream.retry", "gemstream.live.opened"]
    assert f"{whole.get_span_context().span_id:016x}" in attempt.headers["traceparent"]


def test_the_span_that_is_current_is_the_parent_of_the_session(exported: Exported) -> None:
    hook, tracer = exported.hook(), exported.tracer_provider.get_tracer("app")
    start, *rest = session()
    with tracer.start_as_current_span("page") as page:
        hook(start)
        assert trace.get_current_span() is page
    tell(hook, rest)
    whole = exported.spans[-1]
    assert whole.parent is not None
    assert whole.parent.span_id == page.get_span_context().span_id


def test_the_words_of_an_error_are_told_only_when_content_is(exported: Exported) -> None:
    tell(exported.hook(), lost_session())
    assert "private" not in exported.everything()
    told = Exported()
    tell(told.hook(capture_content="SPAN_ONLY"), lost_session())
    assert "private words" in told.everything()


def test_events_of_a_session_whose_start_was_not_seen_say_nothing(exported: Exported) -> None:
    tell(exported.hook(), lost_session()[1:])
    assert (exported.spans, exported.metrics) == ([], {})


def test_a_session_whose_end_is_never_told_makes_way(exported: Exported) -> None:
    hook = exported.hook(max_open=1)
    tell(hook, session(1)[:2])
    tell(hook, session(2))
    lost, *_ = exported.spans
    assert dict(lost.attributes or {})["gemstream.outcome"] == "lost"


def test_a_session_with_the_emulator_says_nothing_of_what_was_said(exported: Exported) -> None:
    emulator = Emulator(Script([Rule(method="bidiGenerateContent", request=1, steps=[Cut()])]))
    options: dict[str, Any] = {"response_modalities": ["TEXT"]}

    async def main() -> None:
        client = async_client(emulator, on_event=exported.hook(), api_key="secret-key")
        async with client, client.live(MODEL, **options) as talk:
            assert (await talk.send_text("hush")).text == "You said: hush"

    in_no_time(main())
    assert [span.name for span in exported.spans] == [
        f"realtime_inference {MODEL}",
        f"live {MODEL}",
    ]
    everything = exported.everything()
    assert "hush" not in everything
    assert "secret-key" not in everything
    assert exported.metrics["gemstream.live.errors"][0][1] == 1
