"""``gemstream models``: what the service offers, as a table or as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ..errors import GemstreamError
from .completion import model_names
from .exit_codes import ExitCode
from .options import AsJSON, BaseURL, Debug, Emulate, KeyFile, Timeout
from .session import Connection, open_client, run_command, run_loop, say
from .terminal import Printer, stdout, visible

if TYPE_CHECKING:
    from ..wire.model import Model

__all__ = ("models",)

_SCHEMA = "gemstream.models/1"
# The longest name of a method; less room than this would cut it.
_NARROWEST_METHODS = len("asyncBatchEmbedContent")


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Show only this model, in full.",
            show_default=False,
            autocompletion=model_names,
        ),
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
    width = out.width if out.is_terminal else None  # through a pipe one model is one line
    lines = _card(found[0]) if in_full else _table(found, width)
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


def _table(found: Sequence[Model], width: int | None) -> list[str]:
    """Return a row for each model; on a narrow terminal its methods go on into lines below."""
    rows = [("MODEL", "INPUT", "OUTPUT", "METHODS"), *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines: list[str] = []
    for name, *limits, methods in rows:
        numbers = "  ".join(
            f"{limit:>{size}}" for limit, size in zip(limits, widths[1:], strict=True)
        )
        row = f"{name:<{widths[0]}}  {numbers}  "
        if width is None or len(row) + len(methods) <= width:
            lines.append(f"{row}{methods}".rstrip())
        elif len(row) + _NARROWEST_METHODS <= width:
            lines.extend(_wrapped(methods, row, " " * len(row), width))
        else:
            lines.append(name)
            lines.extend(_wrapped(f"{' '.join(limits)} {methods}", "  ", "  ", width))
    return lines


def _row(model: Model) -> tuple[str, str, str, str]:
    methods = visible(" ".join(model.supported_generation_methods))
    limits = (_limit(model.input_token_limit), _limit(model.output_token_limit))
    return (visible(_bare(model)), *limits, methods)


def _wrapped(text: str, first: str, later: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        drop_whitespace=True,
        break_on_hyphens=False,
    )


def _bare(model: Model) -> str:
    return (model.name or "").removeprefix("models/")


def _limit(tokens: int | None) -> str:
    return "" if tokens is None else str(tokens)
