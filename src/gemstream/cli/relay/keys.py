"""``gemstream relay keys``: callers' keys, minted, changed and revoked."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import typer

from ...errors import InvalidRequest
from ..session import say
from ..terminal import stdout
from .command import operators_command, operators_group
from .reach import Operator
from .settings import Settings, Unsettings, settings
from .tables import Output, print_fields, print_table, words

__all__ = ("keys",)

_SCHEMA = "gemstream.relay-keys/1"
_HEAD = ("ID", "NAME", "FROM", "STATE", "ENDS IN", "MODELS", "LIMITS", "BUDGET")
_LIMITS = ("rpm", "tpm", "rpd", "concurrency")
_BUDGETS = ("day", "month", "total")

keys = operators_group()
_command = functools.partial(operators_command, keys, schema=_SCHEMA)

Which = Annotated[str, typer.Argument(metavar="KEY", help="Its id, or its name.")]
Grace = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="How long the old text still works.  [default: a day]",
        show_default=False,
    ),
]


@_command("list", "Show all keys.")
async def _list(
    operator: Operator,
    output: Output,
    revoked: Annotated[bool, typer.Option("--revoked", help="The revoked ones too.")] = False,
) -> None:
    """Show all keys, those of the file first; no text of any."""
    query = {"revoked": "true"} if revoked else {}
    found = await operator.ask("GET", "/admin/keys", query=query)
    output.show(found, lambda: print_table(_HEAD, map(_row, found["keys"])))


@_command("show", "Show one key.")
async def _show_one(operator: Operator, output: Output, key: Which) -> None:
    """Show what one key may do."""
    _show(output, await operator.ask("GET", f"/admin/keys/{await _id(operator, key)}"))


@_command("create", "Mint a key; its text is shown once.")
async def _create(
    operator: Operator,
    output: Output,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called in reports.")],
    sets: Settings = None,
) -> None:
    """Mint a key. Its text goes to stdout, this once; nobody can read it afterwards."""
    body = {"name": name, **settings(sets, None, _known())}
    _show_minted(output, await operator.ask("POST", "/admin/keys", body))


@_command("edit", "Change what a key may do.")
async def _edit(
    operator: Operator,
    output: Output,
    key: Which,
    sets: Settings = None,
    unset: Unsettings = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another name.", show_default=False)
    ] = None,
) -> None:
    """Change what a key may do; what is not named stays as it is."""
    body = settings(sets, unset, _known())
    if name is not None:
        body["name"] = name
    if not body:
        raise InvalidRequest("nothing is to be changed; name it with --set, --unset or --name")
    _show(output, await operator.ask("PATCH", f"/admin/keys/{await _id(operator, key)}", body))


@_command("rotate", "Give a key another text, shown once.")
async def _rotate(operator: Operator, output: Output, key: Which, grace: Grace = None) -> None:
    """Give a key another text; the old one works for a while, so that callers can change over."""
    body = {} if grace is None else {"grace": grace}
    path = f"/admin/keys/{await _id(operator, key)}/rotate"
    _show_minted(output, await operator.ask("POST", path, body))


@_command("disable", "Let a key open nothing, until it is enabled.")
async def _disable(operator: Operator, output: Output, key: Which) -> None:
    """Let a key open nothing, until it is enabled; every relay heeds it within seconds."""
    _show(output, await operator.ask("POST", f"/admin/keys/{await _id(operator, key)}/disable"))


@_command("enable", "Let a disabled key open again what it did.")
async def _enable(operator: Operator, output: Output, key: Which) -> None:
    """Let a disabled key open again what it did."""
    _show(output, await operator.ask("POST", f"/admin/keys/{await _id(operator, key)}/enable"))


@_command("revoke", "Let a key open nothing, for ever.")
async def _revoke(operator: Operator, output: Output, key: Which) -> None:
    """Let a key open nothing, for ever; every relay heeds it within seconds."""
    done = await operator.ask("POST", f"/admin/keys/{await _id(operator, key)}/revoke")
    output.show(done, lambda: say(f"key {done['target']} is revoked"))


def _known() -> tuple[str, ...]:
    from ...config.relay.rows import BUDGET, KEY

    return tuple(name for name in (*KEY, *BUDGET) if name not in ("name", "key"))


async def _id(operator: Operator, named: str) -> str:
    """Return the id of the key of this id or name. Raises InvalidRequest for none."""
    from ...config.relay.reading import nearest

    found = (await operator.ask("GET", "/admin/keys"))["keys"]
    ids = {key["id"]: key["id"] for key in found}
    names = {key["name"]: key["id"] for key in found}
    key_id: str | None = ids.get(named) or names.get(named)
    if key_id is None:
        raise InvalidRequest(f"there is no key {named!r:.80}; {nearest(named, {*ids, *names})}")
    return key_id


def _show(output: Output, key: dict[str, Any]) -> None:
    output.show({"key": key}, lambda: print_fields(key))


def _show_minted(output: Output, minted: dict[str, Any]) -> None:
    def for_people() -> None:
        stdout().line(minted["text"])
        say(f"key {minted['id']} ({minted['name']}): this text is shown once and kept nowhere")

    output.show(minted, for_people)


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    limits = [f"{key[name]:,} {name}" for name in _LIMITS if key[name] is not None]
    budgets = {period: key[f"budget_{period}"] for period in _BUDGETS}
    return (
        key["id"],
        key["name"],
        key["source"],
        _state(key),
        f"…{key['last4']}",
        words(key["models"]),
        words(limits, "none"),
        words([f"${most:,.2f} {of}" for of, most in budgets.items() if most is not None], "none"),
    )


def _state(key: dict[str, Any]) -> str:
    if key["revoked"] is not None:
        return "revoked"
    if not key["enabled"]:
        return "disabled"
    return f"until {key['expires'][:10]}" if key["expires"] else "enabled"
