"""``gemstream limits``: how much of each limit is used, once or for as long as one looks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import GemstreamError, InvalidRequest
from .completion import model_names
from .exit_codes import ExitCode
from .limit_choice import LimitChoice, LimitStoreName
from .options import AsJSON, BaseURL, Debug, KeyFile, TierName
from .session import Connection, open_client, run_command, run_loop, say
from .terminal import stdout

if TYPE_CHECKING:
    from .limit_table import Report
    from .limit_watch import Show

__all__ = ("limits",)


def limits(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Show these models instead of those in use.",
            show_default=False,
            autocompletion=model_names,
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again, to Ctrl-C.")
    ] = False,
    as_json: AsJSON = False,
    as_jsonl: Annotated[
        bool, typer.Option("--jsonl", help="With --watch: a line of JSON for each change.")
    ] = False,
    tier: TierName = None,
    base_url: BaseURL = None,
    api_key_file: KeyFile = None,
    limit_store: LimitStoreName = None,
    debug: Debug = False,
) -> None:
    """Show how much of each limit is used; nothing is sent."""
    connection = Connection(
        base_url=base_url,
        api_key_file=api_key_file,
        tier=tier,
        limits=LimitChoice(store=limit_store),
    )

    def main() -> ExitCode:
        from .limit_watch import shown_by

        _check(watch=watch, as_json=as_json, as_jsonl=as_jsonl)
        out = stdout()
        show = shown_by(out, watch=watch, json=as_json or as_jsonl)
        try:
            with contextlib.suppress(KeyboardInterrupt):  # the way to end --watch
                run_loop(_look(connection, models or (), show, watch=watch))
        except GemstreamError as error:
            if as_json or as_jsonl:
                out.line(_error_line(error))
            raise
        return ExitCode.OK

    run_command(main, debug=debug)


async def _look(connection: Connection, models: Sequence[str], show: Show, *, watch: bool) -> None:
    from .limit_watch import keep_looking, look
    from .limiting import store_of, store_shown

    store = store_of(connection) or ""
    async with open_client(connection) as client:
        report = await look(client, models, store_shown(store))
        for remark in _remarks(report):
            say(remark)
        show(report)
        if watch:
            await keep_looking(client, models, report, show)


def _remarks(report: Report) -> list[str]:
    if report.tier is None:
        return [
            f"no limits are kept at {report.base_url}; --tier names a tier whose limits to keep"
        ]
    if report.store == "process":
        return ["counted is what this command itself asks; --limit-store names shared books"]
    return []


def _check(*, watch: bool, as_json: bool, as_jsonl: bool) -> None:
    if watch and as_json:
        raise InvalidRequest("--json is one object; --jsonl goes with --watch")
    if as_jsonl and not watch:
        raise InvalidRequest("--jsonl goes with --watch; --json is one object")


def _error_line(error: GemstreamError) -> str:
    from ..wire.codec import encode
    from .limit_table import SCHEMA
    from .summary import error_fields

    told: dict[str, Any] = {"schema": SCHEMA, "error": error_fields(error)}
    return encode(told).decode()
