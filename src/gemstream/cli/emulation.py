"""What ``gemstream emulate`` is told about recordings and the wire."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..emulator.toxics import Toxic

__all__ = (
    "Answers",
    "RecordFrom",
    "RecordTo",
    "Redacted",
    "ReplayAgain",
    "ReplayPace",
    "Replayed",
    "Toxics",
    "toxics_of",
)

Replayed = Annotated[
    list[Path] | None,
    typer.Option(
        "--replay",
        metavar="FILE",
        help="Answer from a recording or a bare body, in order; may be repeated.",
        show_default=False,
    ),
]
ReplayPace = Annotated[
    float,
    typer.Option("--replay-pace", metavar="X", help="Times the recorded waits; 0 is at once."),
]
ReplayAgain = Annotated[
    bool, typer.Option("--replay-again", help="Begin anew when all recordings are used up.")
]
RecordFrom = Annotated[
    str | None,
    typer.Option(
        "--record",
        metavar="URL",
        help="Forward every request to the service there and record it.",
        show_default=False,
    ),
]
RecordTo = Annotated[
    Path | None,
    typer.Option("--record-to", metavar="FILE", help="Where --record adds to.", show_default=False),
]
Redacted = Annotated[
    list[str] | None,
    typer.Option(
        "--redact",
        metavar="PATH",
        help="Do not record what stands there, as contents.parts.text; may be repeated.",
        show_default=False,
    ),
]
Toxics = Annotated[
    list[str] | None,
    typer.Option(
        "--chaos",
        metavar="TOXIC",
        help="Break the wire, as reset:at=120 or latency:ms=50,jitter=20; may be repeated.",
        show_default=False,
    ),
]


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answers come from, as the options say."""

    replay: Sequence[Path]
    pace: float
    again: bool
    record: str | None
    record_to: Path | None
    redact: Sequence[str]

    def options(self) -> dict[str, Any]:
        """Return what the emulator takes; raises ConfigError for options that do not fit."""
        self._check()
        if self.record is not None and self.record_to is not None:
            from ..emulator.recorder import Recorder

            return {"record": Recorder(self.record, self.record_to, redact=self.redact)}
        if self.replay:
            from ..emulator.replay import Replay

            return {"replay": Replay(self.replay, pace=self.pace, again=self.again)}
        return {}

    def _check(self) -> None:
        if self.record is not None and self.replay:
            raise ConfigError("--record and --replay exclude each other; choose one")
        if (self.record is None) != (self.record_to is None):
            raise ConfigError("--record URL and --record-to FILE belong together; give both")
        if self.redact and self.record is None:
            raise ConfigError("--redact is for --record; recordings are replayed as they are")
        if not self.replay and (self.again or self.pace != 1.0):
            raise ConfigError("--replay-pace and --replay-again are for --replay; name a recording")


def toxics_of(texts: Sequence[str]) -> list[Toxic]:
    """Return the toxics that ``--chaos`` names; raises ConfigError with the nearest name."""
    from ..emulator.toxics import decode_toxic

    return [decode_toxic(text) for text in texts]
