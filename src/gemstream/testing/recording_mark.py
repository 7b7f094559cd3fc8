"""``@pytest.mark.gemini_recording(…)`` → which file holds a test's answers, and how it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ConfigError
from ..net.redaction import Redaction

__all__ = ("RecordingMark", "recording_of_mark")

FOLDER = "recordings"
_TAKES = (
    "gemini_recording takes the name of a file, as 'answers.jsonl', and redact=[…], paths of JSON "
    "that are not recorded"
)


class RecordingMark(msgspec.Struct, frozen=True):
    """Where a test's answers are, and the ``redact`` paths of what is neither kept nor compared."""

    path: Path
    redact: Sequence[str] = ()


def recording_of_mark(
    arguments: Sequence[Any], options: Mapping[str, Any], at: Path, test: str
) -> RecordingMark:
    """Return what a mark means for the test named ``test`` in the file ``at``.

    Files are in the folder ``recordings`` beside the test; without a name the file is that of the
    test, in a folder of the test's file. Raises ConfigError.
    """
    unknown = set(options) - {"redact"}
    if unknown or len(arguments) > 1 or not all(isinstance(one, str) for one in arguments):
        raise ConfigError(f"{_TAKES}{f'; not {min(unknown)!r}' if unknown else ''}")
    redact = options.get("redact", ())
    if isinstance(redact, str) or not isinstance(redact, Sequence):
        raise ConfigError(f"redact is {redact!r:.80}; it takes a list of paths")
    Redaction(redact)
    name = arguments[0] if arguments else f"{at.stem}/{_file_name(test)}.jsonl"
    if not name.endswith(".jsonl"):
        raise ConfigError(f"a recording's name ends in .jsonl, and {name!r:.80} does not")
    return RecordingMark(at.parent / FOLDER / name, tuple(redact))


def _file_name(test: str) -> str:
    """The test's name, with its parameters, as every file system takes it."""
    return re.sub(r"[^\w.-]+", "-", test).strip("-")[:150]
