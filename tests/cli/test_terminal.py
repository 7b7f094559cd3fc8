"""What a terminal is spared, and when there is colour."""

from __future__ import annotations

import io

import pytest

from gemstream.cli.terminal import Printer, has_colour, visible


@pytest.mark.parametrize(
    ("environ", "is_terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_colour(environ: dict[str, str], is_terminal: bool, coloured: bool) -> None:
    assert has_colour(environ, is_terminal=is_terminal) is coloured


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 🌊", "plain ünïcode 🌊"),
        ("line\n\ttab\n", "line\n\ttab\n"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("over\rwritten\r\n", "overwritten\n"),
        ("c1 \x9b31m del \x7f", "c1 \ufffd31m del \ufffd"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_note_is_one_line() -> None:
    stream = io.StringIO()
    Printer(stream, {}).note("two\nlines \x1b[2J")
    assert stream.getvalue() == "note: two lines ␛[2J\n"
