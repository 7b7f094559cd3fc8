"""The pytest plugin: an emulator for each test, scripted or recorded, and a check for leaks.

Loaded by pytest in every run of a project that has gemstream installed, so it imports nothing that
is slow before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .served import ServedEmulator

__all__ = ("gemini_emulator", "gemini_leak_check", "pytest_addoption", "pytest_configure")

_MARKS = (
    "gemini_script(*steps, prompt=, model=, request=, method=, file=): what the emulator answers "
    "in this test",
    "gemini_recording(name, redact=[]): the recording in recordings/ that answers in this test, "
    "made with --gemini-record",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what says when recordings are made."""
    group = parser.getgroup("gemini", "Gemini answers")
    group.addoption(
        "--gemini-record",
        choices=["none", "once", "all"],
        default="none",
        help="record what tests with the mark gemini_recording are answered by the real service: "
        "never, when there is no recording yet, or all of it anew (needs GEMINI_API_KEY)",
    )
    group.addoption(
        "--gemini-record-url",
        metavar="URL",
        help="where the real service is; GOOGLE_GEMINI_BASE_URL or Google's address without it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known, so that strict projects accept them."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)


@pytest.fixture(autouse=True)
def _gemini_first(request: pytest.FixtureRequest) -> None:
    """Set up what a test asks of this plugin before its other fixtures, also for a mark alone.

    A fixture that makes a client finds the emulator, whatever the order of the names; and what it
    closes is no leak, while the emulator's own sockets are none either.
    """
    asked = set(request.fixturenames)
    if any(map(request.node.get_closest_marker, ("gemini_script", "gemini_recording"))):
        asked.add("gemini_emulator")
    for name in ("gemini_emulator", "gemini_leak_check"):
        if name in asked:
            request.getfixturevalue(name)


@pytest.fixture
def gemini_emulator(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServedEmulator]:
    """A local Gemini on a socket, found by every client through the usual variables.

    ``.url`` and ``.api_key`` for clients that want them; ``.script``, or the mark ``gemini_script``
    or ``gemini_recording``, says what it answers; ``.requests`` and ``.journal`` what it was asked
    and what it answered.
    """
    from ..errors import ConfigError
    from .answers import emulator_for

    with ExitStack() as stack:
        try:
            served = stack.enter_context(emulator_for(request))
        except ConfigError as error:  # as for a server that is not installed
            pytest.fail(str(error), pytrace=False)
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        yield served


@pytest.fixture
def gemini_leak_check() -> Iterator[None]:
    """Fail the test when a task or a socket that it opened is still there after it."""
    from .leaks import LeakCheck

    check = LeakCheck()
    yield
    if leaks := check.leaks():
        pytest.fail("the test left behind:\n" + "\n".join(leaks), pytrace=False)
