"""``gemstream doctor``: what a person would check when it does not work."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from ..config.timeouts import Timeouts
from .diagnosis import Finding, State, exit_code
from .exit_codes import ExitCode
from .limit_choice import LimitChoice, LimitStoreName, LimitWait, NoRateLimit
from .options import AsJSON, BaseURL, Debug, KeyFile, ModelName, TierName
from .session import Connection, run_command, run_loop, say
from .terminal import Printer, stdout, visible

__all__ = ("doctor",)

_SCHEMA = "gemstream.doctor/1"
# Seconds for each step of --online: a doctor is not waited for ten minutes.
_PATIENCE = 60.0
_COLOURS = {State.OK: "32", State.NOTE: "36", State.WARN: "33", State.FAIL: "1;31", State.SKIP: "2"}


def doctor(
    online: Annotated[
        bool,
        typer.Option(
            "--online", help="Ask the service too: key, model, a short stream, a session."
        ),
    ] = False,
    as_json: AsJSON = False,
    model: ModelName = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", help="Longest time for each step online."),
    ] = _PATIENCE,
    tier: TierName = None,
    base_url: BaseURL = None,
    api_key_file: KeyFile = None,
    limit_wait: LimitWait = None,
    no_rate_limit: NoRateLimit = False,
    limit_store: LimitStoreName = None,
    debug: Debug = False,
) -> None:
    """Check the setup, and say what to do about what is wrong."""
    connection = Connection(
        base_url=base_url,
        api_key_file=api_key_file,
        tier=tier,
        timeout=timeout,
        limits=LimitChoice(wait=limit_wait, is_off=no_rate_limit, store=limit_store),
    )

    def main() -> ExitCode:
        out = stdout()
        chart = _Chart(out, is_shown=not as_json)
        _look(connection, out, chart, model=model, online=online)
        if as_json:
            chart.write_json()
        elif not online and chart.exit_code is ExitCode.OK:
            say("nothing is wrong here; --online asks the service too")
        return chart.exit_code

    run_command(main, debug=debug)


def _look(
    connection: Connection, out: Printer, chart: _Chart, *, model: str | None, online: bool
) -> None:
    from .online_checks import check_online, skipped
    from .setup_checks import check_setup
    from .surroundings import look_around

    Timeouts(total=connection.timeout)  # refuses what no client would take
    here = look_around(connection, out, model=model)
    for finding in check_setup(here):
        chart.add(finding)
    if not online:
        return
    options = here.options
    if options is None or chart.exit_code is not ExitCode.OK:
        for finding in skipped("not tried: first mend what failed above"):
            chart.add(finding)
        return

    async def ask() -> None:
        async for finding in check_online(connection, options.model):
            chart.add(finding)

    run_loop(ask())


class _Chart:
    """The findings, each shown as soon as it is known."""

    __slots__ = ("_findings", "_is_shown", "_out")

    def __init__(self, out: Printer, *, is_shown: bool) -> None:
        self._out = out
        self._is_shown = is_shown
        self._findings: list[Finding] = []

    @property
    def exit_code(self) -> ExitCode:
        return exit_code(self._findings)

    def add(self, finding: Finding) -> None:
        self._findings.append(finding)
        if self._is_shown:
            self._out.line(_line(finding, self._out))

    def write_json(self) -> None:
        from ..wire.codec import encode

        fields: dict[str, Any] = {
            "schema": _SCHEMA,
            "exit_code": int(self.exit_code),
            "checks": [_fields(finding) for finding in self._findings],
        }
        self._out.line(encode(fields).decode())


def _line(finding: Finding, out: Printer) -> str:
    state = out.tinted(f"{finding.state:<4}", _COLOURS[finding.state])
    said = f"{finding.message}; {finding.advice}" if finding.advice else finding.message
    return f"{state}  {finding.check}: {visible(' '.join(said.split()))}"


def _fields(finding: Finding) -> dict[str, Any]:
    fields = msgspec.structs.asdict(finding)
    del fields["code"]
    return {name: value for name, value in fields.items() if value not in ("", {})}
