"""How an operator's command is made: its own options, then those that all of them have."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import AsJSON, Debug
from .reach import TOKEN_VARIABLE, URL_VARIABLE, Operator, Place, operate
from .tables import Output

__all__ = ("Work", "operators_command", "operators_group")

Work = Callable[..., Coroutine[Any, Any, None]]
"""What a command does: it gets an Operator, an Output, and its own options by name."""

_GIVEN = 2  # the operator and the output are no options
_HELP = {"help_option_names": ["-h", "--help"]}


def _option(name: str, metavar: str, text: str, *more: str) -> Any:
    return typer.Option(name, *more, metavar=metavar, help=text, show_default=False)


_SHARED = {
    "admin": Annotated[
        str | None,
        _option(
            "--admin", "URL", f"Where a running relay listens to operators.  [env: {URL_VARIABLE}]"
        ),
    ],
    "token_env": Annotated[
        str | None,
        _option("--token-env", "NAME", f"Holds the operators' token.  [default: {TOKEN_VARIABLE}]"),
    ],
    "token_file": Annotated[
        Path | None, _option("--token-file", "FILE", "Holds the operators' token.")
    ],
    "config": Annotated[
        Path | None,
        _option(
            "--config",
            "FILE",
            "The relay's file, whose database is asked itself.  [default: relay.toml]",
            "-c",
        ),
    ],
}


def operators_group() -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings=_HELP)


def operators_command(
    group: typer.Typer, name: str, short_help: str, schema: str, *, needs_relay: bool = False
) -> Callable[[Work], Work]:
    """Return what puts a function into ``group`` as a command; ``schema``: of its ``--json``.

    ``needs_relay``: a database alone cannot answer it, so ``--config`` names where the relay is.
    """

    def add(work: Work) -> Work:
        def command(**given: Any) -> None:
            as_json, debug = given.pop("as_json"), given.pop("debug")
            place = Place(
                needs_relay=needs_relay, **{option: given.pop(option) for option in _SHARED}
            )

            async def run(operator: Operator) -> None:
                await work(operator, Output(schema, as_json=as_json), **given)

            operate(run, place, schema=schema if as_json else "", debug=debug)

        _sign(command, work)
        group.command(name, short_help=short_help)(command)
        return work

    return add


def _sign(command: Callable[..., None], work: Work) -> None:
    """Give ``command`` the signature that its options are read from."""
    functools.update_wrapper(command, work)
    del command.__wrapped__  # type: ignore[attr-defined]  # whose signature would be taken
    own = list(inspect.signature(work, eval_str=True).parameters.values())[_GIVEN:]
    shared = [_parameter(name, hint, None) for name, hint in _SHARED.items()]
    more = [_parameter("as_json", AsJSON, False), _parameter("debug", Debug, False)]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    command.__signature__ = inspect.Signature([*parameters, *shared, *more])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in (*parameters, *shared, *more)}


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=hint)
