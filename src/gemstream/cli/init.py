"""``gemstream init``: a key that is stored safely, and a tier and a model that are yours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import GemstreamError
from .exit_codes import ExitCode
from .options import AsJSON, BaseURL, Debug, KeyFile, ModelName, TierName
from .session import run_command, say
from .terminal import stdout, visible

if TYPE_CHECKING:
    from .init_setup import Done, Wishes

__all__ = ("init",)

_SCHEMA = "gemstream.init/1"
_PATIENCE = 60.0  # as doctor's


def init(
    api_key_file: KeyFile = None,
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Store the key in the system's keyring.")
    ] = False,
    tier: TierName = None,
    model: ModelName = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the service whether it works.")
    ] = False,
    as_json: AsJSON = False,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", help="Longest time for each step online."),
    ] = _PATIENCE,
    base_url: BaseURL = None,
    debug: Debug = False,
) -> None:
    """Store a key where only you can read it, and choose a tier and a model.

    On a terminal it asks for what no option says. --api-key-file - reads the key from stdin. What
    is there stays; nothing is stored before the service has accepted it.
    """

    def main() -> ExitCode:
        from .init_setup import Wishes, set_up

        wishes = Wishes(
            api_key_file=api_key_file,
            keyring=keyring,
            tier=tier,
            model=model,
            base_url=base_url,
            timeout=timeout,
            is_online=not offline,
            is_silent=as_json,
        )
        if as_json:
            return _in_json(wishes)
        done = set_up(wishes)
        for line in done.lines:
            stdout().line(visible(line))
        for remark in done.remarks:
            say(remark)
        return done.exit_code

    run_command(main, debug=debug)


def _in_json(wishes: Wishes) -> ExitCode:
    from .init_setup import set_up
    from .summary import error_fields

    try:
        done = set_up(wishes)
    except GemstreamError as error:
        _write({"error": error_fields(error)})
        raise
    _write(_fields(done))
    for remark in done.remarks:
        say(remark)
    return done.exit_code


def _fields(done: Done) -> dict[str, Any]:
    return {
        "exit_code": int(done.exit_code),
        "account": done.account,
        "model": done.model,
        "tier": done.tier,
        "changed": list(done.changed),
        "checks": [
            {"check": each.check, "state": each.state, "message": each.message}
            for each in done.findings
        ],
    }


def _write(fields: dict[str, Any]) -> None:
    from ..wire.codec import encode

    stdout().line(encode({"schema": _SCHEMA, **fields}).decode())
