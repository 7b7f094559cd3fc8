"""Hooks: in turn, each on its own, and never in the way of a call."""

from __future__ import annotations

import logging

import pytest

from gemstream.telemetry import Event, combined, guarded
from telemetry.told import ended, started, stream


def failing(event: Event) -> None:
    raise ZeroDivisionError


def test_no_hooks_are_none() -> None:
    assert combined() is None


def test_all_hooks_are_called_in_turn_even_after_one_that_fails() -> None:
    told: list[tuple[str, Event]] = []
    hook = combined(
        lambda event: told.append(("first", event)),
        failing,
        lambda event: told.append(("last", event)),
    )
    assert hook is not None
    event = started()
    hook(event)
    assert told == [("first", event), ("last", event)]


def test_each_hook_that_fails_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def failing_too(event: Event) -> None:
        raise KeyError

    hook = combined(failing, failing_too)
    assert hook is not None
    with caplog.at_level(logging.ERROR, logger="gemstream.telemetry"):
        for event in stream():
            hook(event)
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [
        ZeroDivisionError,
        KeyError,
    ]


def test_what_is_meant_to_end_the_program_does() -> None:
    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(interrupted)(started())


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ended().seconds = 1.0  # type: ignore[misc]
