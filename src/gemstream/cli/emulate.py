"""``gemstream emulate``: the local Gemini as a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .emulation import (
    Answers,
    RecordFrom,
    RecordTo,
    Redacted,
    ReplayAgain,
    Replayed,
    ReplayPace,
    Toxics,
    toxics_of,
)
from .exit_codes import ExitCode
from .options import Debug
from .session import run_command
from .terminal import Printer, stderr

__all__ = ("emulate",)

# As server.DEFAULT_PORT, which is not loaded for --help.
_PORT = 8089


def emulate(
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = _PORT,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answers and faults, in TOML.", show_default=False),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a line for each answer.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of every made-up value.")] = 0,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="TOKENS_PER_S",
            help="Pace of the answers.  [default: as fast as they are read]",
            show_default=False,
        ),
    ] = None,
    replay: Replayed = None,
    replay_pace: ReplayPace = 1.0,
    replay_again: ReplayAgain = False,
    record: RecordFrom = None,
    record_to: RecordTo = None,
    redact: Redacted = None,
    chaos: Toxics = None,
    debug: Debug = False,
) -> None:
    """Serve a local Gemini to build against; Ctrl-C ends it."""

    def main() -> ExitCode:
        from ..emulator.app import Emulator
        from ..emulator.script import Script
        from ..emulator.server import serve

        loaded = None if script is None else Script.load(script)
        source = Answers(
            replay=replay or (),
            pace=replay_pace,
            again=replay_again,
            record=record,
            record_to=record_to,
            redact=redact or (),
        ).options()
        emulator = Emulator(loaded, journal=journal, seed=seed, rate=rate, **source)
        err = stderr()
        toxics = toxics_of(chaos or ())
        serve(
            emulator,
            host,
            port,
            toxics=toxics,
            seed=seed,
            announce=lambda url: _announce(err, url),
        )
        return ExitCode.OK

    run_command(main, debug=debug)


def _announce(err: Printer, url: str) -> None:
    """Say where it listens, in lines to copy into another shell; Google's own SDK obeys them."""
    err.line(f"the emulator listens on {url}; Ctrl-C ends it")
    err.line(f"  export GOOGLE_GEMINI_BASE_URL={url}")
    err.line("  export GEMINI_API_KEY=any")
