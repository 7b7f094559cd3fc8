"""``gemstream relay serve``: the relay as a program."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import ConfigError
from ..exit_codes import ExitCode
from ..options import AsJSON, Debug
from ..session import EMULATED_RATE, run_command, show_log
from ..terminal import stderr, stdout, visible
from .check import FILE_NAME, check_file

if TYPE_CHECKING:
    from ...config.relay.options import LogForm, RelayOptions
    from ...relay.server.serving import Addresses

__all__ = ("serve",)

_SCHEMA = "gemstream.relay-serve/1"


def serve(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            help=f"Accounts, keys and limits, in TOML.  [default: {FILE_NAME}]",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="Where to listen, over the file.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="0 takes a free one; over the file.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=256, help="Processes; over the file.", show_default=False
        ),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="A line for each request on stderr: json, plain or off; over the file.",
            show_default=False,
        ),
    ] = None,
    emulate: Annotated[
        bool, typer.Option("--emulate", help="Serve a local Gemini, with a key that is shown.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell what is wrong with the file, and leave.")
    ] = False,
    as_json: AsJSON = False,
    debug: Debug = False,
) -> None:
    """Serve callers until Ctrl-C or SIGTERM, which let running answers end.

    SIGHUP, or a change of the file, reads it again without cutting an answer.
    """

    def main() -> ExitCode:
        overrides = {"host": host, "port": port, "workers": workers, "log": _log_form(log)}
        if emulate:
            if config is not None or check:
                raise ConfigError("--emulate serves without a file; leave --config and --check out")
            if workers is not None and workers > 1:
                raise ConfigError("--emulate serves in one process; leave --workers out")
            return _serve_emulated(
                {"host": host, "port": port, "log": overrides["log"]}, as_json=as_json
            )
        path = Path(FILE_NAME) if config is None else config
        if check:
            return check_file(path, as_json=as_json, **overrides)
        return _serve_file(path, overrides, as_json=as_json, debug=debug)

    run_command(main, debug=debug)


def _log_form(written: str | None) -> LogForm | None:
    """Return the form that ``--log`` names; raises ConfigError."""
    if written is None:
        return None
    from ...config.relay.checks import log_form

    try:
        return log_form(written)
    except ValueError as error:
        raise ConfigError(f"--log is {written!r:.80}; {error}") from None


def _serve_file(path: Path, given: Mapping[str, object], *, as_json: bool, debug: bool) -> ExitCode:
    from ...config.relay.loading import Overrides, load_relay

    if not path.exists() and path == Path(FILE_NAME):
        raise ConfigError(
            f"there is no {FILE_NAME} here; name a file with --config, or try --emulate"
        )
    overrides = Overrides(**given)  # type: ignore[arg-type]  # by the options of the command
    load = partial(load_relay, path.absolute(), dict(os.environ), overrides=overrides)
    try:
        options = load()
    except ConfigError as error:
        return _refuse(error)
    from ...relay.server.relay_service import open_service
    from ...relay.server.serving import serve as serve_relay
    from ...relay.server.worker import Plan

    prepare = partial(show_log, debug=debug)
    plan = Plan(opened=open_service, path=path.absolute(), load=load, prepare=prepare)
    serve_relay(plan, options, partial(_announce, options, as_json=as_json))
    return ExitCode.OK


def _refuse(error: ConfigError) -> ExitCode:
    for problem in str(error).split("\n"):
        stderr().error(problem)
    return ExitCode.USAGE


def _serve_emulated(given: Mapping[str, object], *, as_json: bool) -> ExitCode:
    import secrets

    from ...relay.server.worker import loop_factory

    key = f"emulated-{secrets.token_urlsafe(24)}"
    with (
        tempfile.TemporaryDirectory(prefix="gemstream-relay-") as folder,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        runner.run(_emulated(given, key, f"sqlite:///{folder}/books.db", as_json=as_json))
    return ExitCode.OK


async def _emulated(given: Mapping[str, object], key: str, ledger: str, *, as_json: bool) -> None:
    from ...config.relay.emulated import emulated_options
    from ...config.relay.loading import Overrides, with_overrides
    from ...config.relay.options import LogForm
    from ...emulator.app import Emulator
    from ...emulator.server import serving
    from ...relay.server.relay_service import open_service
    from ...relay.server.serving import serve_here
    from ...relay.server.worker import Plan

    async with serving(Emulator(rate=EMULATED_RATE)) as upstream:
        options = with_overrides(
            emulated_options(upstream, key, ledger),
            # Somebody tries it out: lines for people, unless others are asked for.
            Overrides(**{**given, "log": given["log"] or LogForm.PLAIN}),  # type: ignore[arg-type]
            origin="--emulate",
        )
        plan = Plan(opened=open_service)
        await serve_here(plan, options, partial(_announce, options, key=key, as_json=as_json))


def _announce(
    options: RelayOptions, addresses: Addresses, *, as_json: bool, key: str | None = None
) -> None:
    """Say where it listens and for whom; of secrets only a key that was made for this run."""
    told = {
        "url": addresses.callers,
        "admin": addresses.admin,
        "workers": options.server.workers,
        "accounts": [account.name for account in options.accounts],
        "keys": [entry.name for entry in options.keys],
        "books": _books(options),
        "limits": options.limits if options.limits in ("process", "machine") else "redis",
    }
    if as_json:
        from ...wire.codec import encode

        shown = {"key": key} if key is not None else {}
        stdout().line(encode({"schema": _SCHEMA, **told, **shown}).decode())
        return
    err = stderr()
    err.line(f"the relay listens on {addresses.callers}; Ctrl-C ends it")
    if addresses.admin is not None:
        err.line(f"  operators   {addresses.admin}")
    for name in ("accounts", "keys"):
        names = ", ".join(told[name]) or f"none: see [[{name}]] of the file"  # type: ignore[arg-type]
        err.line(visible(f"  {name:<11} {names}"))
    err.line(visible(f"  books       {told['books']}"))
    if options.server.workers > 1:
        err.line(f"  workers     {options.server.workers}")
    if key is not None:
        err.line(f"  export GOOGLE_GEMINI_BASE_URL={addresses.callers}")
        err.line(f"  export GEMINI_API_KEY={key}")


def _books(options: RelayOptions) -> str:
    """Return where the books are, without a password."""
    from ...relay.opened import ledger_url

    url = ledger_url(options, os.environ).partition("?")[0]
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
