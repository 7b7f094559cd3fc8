"""``gemstream relay accounts``: what the relay asks, made, changed, tested and reset."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import GemstreamError, InvalidRequest
from ..session import read_text, say
from .command import operators_command, operators_group
from .reach import Operator
from .settings import Settings, Unsettings, settings
from .tables import Output, print_fields, print_table, words

__all__ = ("accounts",)

_SCHEMA = "gemstream.relay-accounts/1"
_HEAD = ("NAME", "KIND", "FROM", "STATE", "PRIORITY", "MODELS", "GROUPS", "LIMITS")
_LIMITS = ("rpm", "tpm", "rpd", "concurrency")
_PRIORITY = 4

accounts = operators_group()
_command = functools.partial(operators_command, accounts, schema=_SCHEMA)

Which = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its name.")]
KeyVariable = Annotated[
    str | None,
    typer.Option(
        "--api-key-env",
        metavar="NAME",
        help="The variable with its API key.",
        show_default=False,
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--api-key-file", metavar="FILE", help="Holds its API key.", show_default=False),
]


@_command("list", "Show all accounts.")
async def _list(operator: Operator, output: Output) -> None:
    """Show all accounts, those of the file first; no key of any."""
    found = await operator.ask("GET", "/admin/accounts")
    output.show(
        found,
        lambda: print_table(_HEAD, map(_row, found["accounts"]), right=(_PRIORITY,)),
    )


@_command("show", "Show one account.")
async def _show_one(operator: Operator, output: Output, account: Which) -> None:
    """Show one account, and what speaks against it where a relay runs."""
    _show(output, await operator.ask("GET", f"/admin/accounts/{_named(account)}"))


@_command("create", "Make an account in the database.")
async def _create(
    operator: Operator,
    output: Output,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called in reports.")],
    sets: Settings = None,
    api_key_env: KeyVariable = None,
    api_key_file: KeyFile = None,
) -> None:
    """Make an account; its API key is stored sealed, and every relay asks it within seconds."""
    key = _api_key(api_key_env, api_key_file)
    if key is None:
        raise InvalidRequest("an account has an API key; name it by --api-key-env or -file")
    body = {"name": name, "api_key": key, **settings(sets, None, _known())}
    _show(output, await operator.ask("POST", "/admin/accounts", body))


@_command("edit", "Change an account of the database.")
async def _edit(
    operator: Operator,
    output: Output,
    account: Which,
    sets: Settings = None,
    unset: Unsettings = None,
    api_key_env: KeyVariable = None,
    api_key_file: KeyFile = None,
) -> None:
    """Change an account of the database; what is not named stays as it is."""
    body = settings(sets, unset, _known())
    key = _api_key(api_key_env, api_key_file)
    if key is not None:
        body["api_key"] = key
    if not body:
        raise InvalidRequest("nothing is to be changed; name it with --set or --unset")
    _show(output, await operator.ask("PATCH", f"/admin/accounts/{_named(account)}", body))


@_command("disable", "Let an account be asked nothing, until it is enabled.")
async def _disable(operator: Operator, output: Output, account: Which) -> None:
    """Let an account be asked nothing, until it is enabled; what runs ends as it began."""
    _show(output, await operator.ask("POST", f"/admin/accounts/{_named(account)}/disable"))


@_command("enable", "Let a disabled account be asked again.")
async def _enable(operator: Operator, output: Output, account: Which) -> None:
    """Let a disabled account be asked again."""
    _show(output, await operator.ask("POST", f"/admin/accounts/{_named(account)}/enable"))


@_command("delete", "Delete an account of the database, with its key.")
async def _delete(operator: Operator, output: Output, account: Which) -> None:
    """Delete an account of the database, with its sealed key; what runs ends as it began."""
    done = await operator.ask("DELETE", f"/admin/accounts/{_named(account)}")
    output.show(done, lambda: say(f"account {done['target']} is deleted"))


@_command("reset", "Forget what speaks against an account.")
async def _reset(operator: Operator, output: Output, account: Which) -> None:
    """Let every relay forget what speaks against an account, as that its key was refused."""
    done = await operator.ask("POST", f"/admin/accounts/{_named(account)}/reset")
    output.show(done, lambda: say(f"account {done['target']} is asked again"))


@_command("test", "Ask the service with an account.")
async def _test(
    operator: Operator,
    output: Output,
    account: Which,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="Count tokens of this model instead of listing models.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Ask the service with an account, for something that costs nothing, and tell its verdict."""
    body = {} if model is None else {"model": model}
    verdict = await operator.ask("POST", f"/admin/accounts/{_named(account)}/test", body)
    output.show(verdict, lambda: say(_verdict(verdict)))
    if not verdict["is_ok"]:
        raise GemstreamError(f"the service does not serve account {verdict['account']}")


def _verdict(verdict: dict[str, Any]) -> str:
    asked, seconds = verdict["asked"], verdict["seconds"]
    if verdict["is_ok"]:
        return f"account {verdict['account']} answers {asked} in {seconds:.3f} s"
    return f"account {verdict['account']} was asked for {asked}: {verdict['error']}"


def _known() -> tuple[str, ...]:
    from ...config.relay.rows import ACCOUNT

    return tuple(name for name in ACCOUNT if name not in ("name", "api_key"))


def _named(account: str) -> str:
    """Return a name as it stands in a path. Raises InvalidRequest for what no account is named."""
    from ...config.relay.checks import name

    try:
        return name(account)
    except ValueError as error:
        raise InvalidRequest(f"{account!r:.80} names no account; {error}") from None


def _api_key(variable: str | None, file: Path | None) -> str | None:
    """Return the API key; an argument would be seen by all users of the machine."""
    if variable is not None and file is not None:
        raise InvalidRequest("--api-key-env and --api-key-file exclude each other; choose one")
    if file is not None:
        return read_text(file, "API key").strip()
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InvalidRequest(f"the variable {variable} is not set; it should hold the API key")
    return key


def _show(output: Output, account: dict[str, Any]) -> None:
    told = {**account, "standing": [_standing(one) for one in account["standing"]]}
    output.show({"account": account}, lambda: print_fields(told))


def _row(account: dict[str, Any]) -> tuple[str, ...]:
    limits = [f"{account[name]:,} {name}" for name in _LIMITS if account[name] is not None]
    return (
        account["name"],
        account["kind"],
        account["source"],
        _state(account),
        str(account["priority"]),
        words(account["models"]),
        words(account["groups"], "none"),
        words(limits, "none"),
    )


def _state(account: dict[str, Any]) -> str:
    if account["is_shadowed"]:
        return "not used: in the file"
    if not account["enabled"]:
        return "disabled"
    shut = [one for one in account["standing"] if one["state"] != "open"]
    return words([_standing(one) for one in shut], "enabled")


def _standing(fact: dict[str, Any]) -> str:
    of = f" with {fact['model']}" if fact["model"] else ""
    cause = f" ({fact['cause']})" if fact["cause"] else ""
    return f"{fact['state']}{of}{cause}"
