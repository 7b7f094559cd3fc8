"""``gemstream models``: what the service offers, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ..errors import GemstreamError
from .exit_codes import ExitCode
from .options import AsJSON, BaseURL, Debug, Emulate, KeyFile, Timeout
from .session import Connection, open_client, run_command, run_loop, say
from .terminal import Printer, stdout, visible

if TYPE_CHECKING:
    from ..wire.model import Model

__all__ = ("models",)

_SCHEMA = "gemstream.models/1"
# Through a pipe nothing wraps: one line is one model.
_NO_WRAPPING = 1000


def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Show only this model, in full.", show_default=False),
    ] = None,
    emulate: Emulate = False,
    as_json: AsJSON = False,
    timeout: Timeout = None,
    base_url: BaseURL = None,
    api_key_file: KeyFile = None,
    debug: Debug = False,
) -> None:
    """List the models the key can use, with their limits and methods."""
    connection = Connection(
        emulate=emulate, base_url=base_url, api_key_file=api_key_file, timeout=timeout
    )

    def main() -> ExitCode:
        out = stdout()
        try:
            found = run_loop(_fetch(name, connection))
        except GemstreamError as error:
            if as_json:
                _write_json(out, {"error": _error_fields(error)})
            raise
        if as_json:
            _write_json(out, {"models": [_fields(model) for model in found]})
        else:
            _write_text(out, found, in_full=name is not None)
        return ExitCode.OK

    run_command(main, debug=debug)


async def _fetch(name: str | None, connection: Connection) -> Sequence[Model]:
    async with open_client(connection) as client:
        if connection.emulate:
            say("the emulator's models; no service was asked")
        return await client.models.list() if name is None else [await client.models.get(name)]


def _write_text(out: Printer, found: Sequence[Model], *, in_full: bool) -> None:
    lines = _card(found[0]) if in_full else _table(found, out)
    for line in lines:
        out.line(line)


def _write_json(out: Printer, fields: dict[str, Any]) -> None:
    from ..wire.codec import encode

    out.line(encode({"schema": _SCHEMA, **fields}).decode())


def _error_fields(error: GemstreamError) -> dict[str, Any]:
    from .summary import error_fields

    return error_fields(error)


def _fields(model: Model) -> dict[str, Any]:
    """Return what the service told, under the names it has in Python; ``name`` without prefix."""
    fields = msgspec.structs.asdict(model)
    extra = fields.pop("extra") or {}
    known = {key: value for key, value in fields.items() if value is not None}
    return {**known, "name": _bare(model), **extra}


def _card(model: Model) -> list[str]:
    rows = _fields(model)
    return [f"{key.replace('_', ' ')}: {visible(_shown(value))}" for key, value in rows.items()]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _table(found: Sequence[Model], out: Printer) -> list[str]:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, justify in (("MODEL", "left"), ("INPUT", "right"), ("OUTPUT", "right")):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("METHODS", overflow="fold")
    for model in found:
        limits = (_limit(model.input_token_limit), _limit(model.output_token_limit))
        methods = " ".join(model.supported_generation_methods)
        table.add_row(visible(_bare(model)), *limits, visible(methods))
    console = Console(
        width=out.width if out.is_terminal else _NO_WRAPPING,
        force_terminal=out.has_colour,
        no_color=not out.has_colour,
        markup=False,
        highlight=False,
    )
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]


def _bare(model: Model) -> str:
    return (model.name or "").removeprefix("models/")


def _limit(tokens: int | None) -> str:
    return "" if tokens is None else str(tokens)
