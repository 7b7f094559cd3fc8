"""Where a test's answers come from: its scripts, its recording, or the real service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ..errors import ConfigError
from .new_recording import NewRecording
from .recording_mark import RecordingMark, recording_of_mark
from .script_mark import script_of_marks
from .served import ListeningEmulator, ServedEmulator
from .strict_replay import StrictReplay

__all__ = ("emulator_for",)

_WRITTEN = pytest.StashKey[dict[Path, str]]()


@contextmanager
def emulator_for(request: pytest.FixtureRequest) -> Iterator[ServedEmulator]:
    """Serve the emulator that the test's marks ask for; fails the test that they do not fit."""
    node = request.node
    try:
        marks = [(mark.args, mark.kwargs) for mark in node.iter_markers("gemini_script")]
        script = script_of_marks(marks, Path(node.path))
        recording = _recording(node)
        if recording and marks:
            raise ConfigError("gemini_script and gemini_recording exclude each other")
    except ConfigError as error:
        _fail(str(error))
    if recording is None:
        with ServedEmulator(ListeningEmulator(script)) as served:
            yield served
    elif _is_to_record(node, recording.path):
        yield from _recorded(request, recording)
    else:
        yield from _replayed(request, recording)


def _recording(node: Any) -> RecordingMark | None:
    mark = node.get_closest_marker("gemini_recording")
    if mark is None:
        return None
    return recording_of_mark(mark.args, mark.kwargs, Path(node.path), node.name)


def _is_to_record(node: Any, path: Path) -> bool:
    mode = node.config.getoption("gemini_record")
    if mode == "none" and not path.exists():
        _fail(
            f"there is no recording {_shown(node, path)}; record it once with a key in "
            "GEMINI_API_KEY: pytest --gemini-record=once",
        )
    return bool(mode == "all" or (mode == "once" and not path.exists()))


def _replayed(request: pytest.FixtureRequest, recording: RecordingMark) -> Iterator[ServedEmulator]:
    try:
        replay = StrictReplay(recording.path, recording.redact)
    except ConfigError as error:
        _fail(str(error))
    failed = request.session.testsfailed
    with ServedEmulator(ListeningEmulator(replay=replay)) as served:
        yield served
    complaints = replay.complaints()
    file = _shown(request.node, recording.path)
    if complaints and (replay.misfits or request.session.testsfailed == failed):
        told = "\n  ".join(complaints)
        _fail(
            f"the test does not fit its recording {file}:\n  {told}\n"
            "if the test is right, record anew: pytest --gemini-record=all",
        )


def _recorded(request: pytest.FixtureRequest, recording: RecordingMark) -> Iterator[ServedEmulator]:
    node, path = request.node, recording.path
    written = node.config.stash.setdefault(_WRITTEN, {})
    if written.setdefault(path, node.nodeid) != node.nodeid:
        _fail(
            f"{written[path]} records into {_shown(node, path)} too; a recording belongs to one "
            "test"
        )
    url = node.config.getoption("gemini_record_url")
    try:
        recorder = NewRecording(url, os.environ, redact=recording.redact)
    except ConfigError as error:
        _fail(str(error))
    failed = request.session.testsfailed
    with ServedEmulator(ListeningEmulator(record=recorder), closing=recorder.aclose) as served:
        yield served
    if not recorder.is_good and request.session.testsfailed > failed:
        return  # what the service refused is kept for a test that wants it so
    try:
        recorder.write(path)
    except ConfigError as error:
        _fail(str(error))


def _shown(node: Any, path: Path) -> str:
    root = node.config.rootpath
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _fail(why: str) -> NoReturn:
    # Without its cause: who reads it wants to know what to change, not where we noticed.
    raise pytest.fail.Exception(why, pytrace=False) from None
