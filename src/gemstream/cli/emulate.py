"""``gemstream emulate``: the local Gemini as a server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
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
from .options import AsJSON, Debug
from .session import run_command
from .terminal import Printer, stderr, stdout

if TYPE_CHECKING:
    from ..emulator.scripts.fault_list import FaultEntry

__all__ = ("emulate",)

# As server.DEFAULT_PORT, which is not loaded for --help.
_PORT = 8089
_SCHEMA = "gemstream.faults/1"


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
    time_scale: Annotated[
        float,
        typer.Option(
            "--time-scale",
            metavar="X",
            help="Emulated seconds in a real one; 0: only POST /emulator/clock moves time.",
        ),
    ] = 1.0,
    tls: Annotated[
        bool, typer.Option("--tls", help="Serve HTTPS, by an authority made now.")
    ] = False,
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            "--tls-ca",
            metavar="FILE",
            help="Write that authority's certificate here.  [default: a temporary file]",
            show_default=False,
        ),
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="Show what a script can break, and leave.")
    ] = False,
    as_json: AsJSON = False,
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
        if list_faults:
            _write_faults(stdout(), as_json=as_json)
            return ExitCode.OK
        if as_json:
            raise ConfigError("--json goes with --list-faults only")

        from ..emulator.app import Emulator
        from ..emulator.authority import LocalAuthority
        from ..emulator.clock import Clock
        from ..emulator.scripts.script import Script
        from ..emulator.server import serve

        if tls_ca is not None and not tls:
            raise ConfigError("--tls-ca is for --tls; give both, or neither")
        loaded = None if script is None else Script.load(script)
        clock = Clock(scale=time_scale)
        source = Answers(
            replay=replay or (),
            pace=replay_pace,
            again=replay_again,
            record=record,
            record_to=record_to,
            redact=redact or (),
        ).options()
        emulator = Emulator(loaded, journal=journal, seed=seed, rate=rate, clock=clock, **source)
        err = stderr()
        authority = LocalAuthority() if tls else None
        toxics = toxics_of(chaos or ())
        with authority.file(tls_ca) if authority else nullcontext() as ca:
            serve(
                emulator,
                host,
                port,
                tls=authority,
                toxics=toxics,
                seed=seed,
                announce=lambda url: _announce(err, url, ca),
            )
        return ExitCode.OK

    run_command(main, debug=debug)


def _write_faults(out: Printer, *, as_json: bool) -> None:
    from ..emulator.scripts.fault_list import fault_list, live_fault_list, toxic_list

    faults, live, toxics = fault_list(), live_fault_list(), toxic_list()
    if as_json:
        from ..wire.codec import encode

        lists = {"schema": _SCHEMA, "faults": faults, "live": live, "toxics": toxics}
        out.line(encode(lists).decode())
        return
    out.line("faults of a script:")
    _write_entries(out, faults)
    out.line("faults that only a Live session has:")
    _write_entries(out, live)
    out.line("toxics of the wire, for --chaos:")
    _write_entries(out, toxics)


def _write_entries(out: Printer, entries: Iterable[FaultEntry]) -> None:
    for entry in entries:
        out.line(f"  {entry.kind}: {entry.sentence}")
        for field in entry.fields:
            default = "" if field.default is None else f" = {json.dumps(field.default)}"
            out.line(f"    {field.name}: {field.type}{default}")


def _announce(err: Printer, url: str, ca: Path | None) -> None:
    """Say where it listens, in lines to copy into another shell; Google's own SDK obeys them."""
    err.line(f"the emulator listens on {url}; Ctrl-C ends it")
    err.line(f"  export GOOGLE_GEMINI_BASE_URL={url}")
    err.line("  export GEMINI_API_KEY=any")
    if ca is not None:
        err.line(f"  export SSL_CERT_FILE={shlex.quote(str(ca.absolute()))}")
