"""What operators can ask: one row for each method and path. What is not here does not exist.

Paths are matched as they stood on the wire; a name in one has letters, digits and . _ - only, so
nothing is ever decoded.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from ..ledger.attempt_row import AttemptRow
from ..ledger.report import UsageBy
from ..telemetry.facts import Facts
from . import account_deeds as accounts
from . import book_deeds as books
from . import key_deeds as keys
from . import relay_deeds as relay
from . import views
from .desk import Deed, Desk
from .fields import AccountEdit, KeyEdit, NewAccount, NewKey, Probe, Rotation

__all__ = ("NAME", "ROWS", "Act", "Param", "Row", "matched", "methods_of")

Act = Callable[[Desk, Deed], Awaitable[msgspec.Struct]]
"""What a row does; its answer is an object of JSON, ``Written`` or ``Streamed``."""

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What a name in a path may be."""


class Param(msgspec.Struct, frozen=True):
    """One parameter of a query; ``choices``: what it may be, empty for any text of one line."""

    name: str
    says: str
    choices: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One request that is served.

    ``body``: what must be sent; it may be left out where ``is_body_optional``. ``answer``: the
    type of the answer, or of each line of it. ``types``: the media types that it comes in.
    ``codes``: refusals that are its own.
    """

    method: str
    path: str
    act: Act
    answer: Any
    body: type[msgspec.Struct] | None = None
    is_body_optional: bool = False
    query: tuple[Param, ...] = ()
    code: int = 200
    types: tuple[str, ...] = ("application/json",)
    codes: tuple[int, ...] = ()


_BY = tuple(by.value for by in UsageBy)
_SINCE = Param("since", "The first day, of UTC, as 2027-01-31.")
_UNTIL = Param("until", "The last day, of UTC.")

ROWS: tuple[Row, ...] = (
    Row(
        method="GET",
        path="/admin/accounts",
        act=accounts.list_accounts,
        answer=views.Accounts,
    ),
    Row(
        method="POST",
        path="/admin/accounts",
        act=accounts.create_account,
        body=NewAccount,
        answer=views.AccountView,
        code=201,
        codes=(409,),
    ),
    Row(
        method="GET",
        path="/admin/accounts/{name}",
        act=accounts.show_account,
        answer=views.AccountView,
    ),
    Row(
        method="PATCH",
        path="/admin/accounts/{name}",
        act=accounts.edit_account,
        body=AccountEdit,
        answer=views.AccountView,
        codes=(409,),
    ),
    Row(
        method="DELETE",
        path="/admin/accounts/{name}",
        act=accounts.delete_account,
        answer=views.Done,
        codes=(409,),
    ),
    Row(
        method="POST",
        path="/admin/accounts/{name}/disable",
        act=accounts.disable_account,
        answer=views.AccountView,
        codes=(409,),
    ),
    Row(
        method="POST",
        path="/admin/accounts/{name}/enable",
        act=accounts.enable_account,
        answer=views.AccountView,
        codes=(409,),
    ),
    Row(
        method="POST",
        path="/admin/accounts/{name}/reset",
        act=accounts.reset_account,
        answer=views.Done,
    ),
    Row(
        method="POST",
        path="/admin/accounts/{name}/test",
        act=accounts.test_account,
        body=Probe,
        is_body_optional=True,
        answer=views.Verdict,
    ),
    Row(
        method="GET",
        path="/admin/keys",
        act=keys.list_keys,
        query=(Param("revoked", "Whether the revoked ones are told too.", ("true", "false")),),
        answer=views.Keys,
    ),
    Row(
        method="POST",
        path="/admin/keys",
        act=keys.mint_key,
        body=NewKey,
        answer=views.Minted,
        code=201,
        codes=(409,),
    ),
    Row(method="GET", path="/admin/keys/{id}", act=keys.show_key, answer=views.KeyView),
    Row(
        method="PATCH",
        path="/admin/keys/{id}",
        act=keys.edit_key,
        body=KeyEdit,
        answer=views.KeyView,
        codes=(409,),
    ),
    Row(
        method="POST",
        path="/admin/keys/{id}/rotate",
        act=keys.rotate_key,
        body=Rotation,
        is_body_optional=True,
        answer=views.Minted,
        codes=(409,),
    ),
    Row(
        method="POST",
        path="/admin/keys/{id}/disable",
        act=keys.disable_key,
        answer=views.KeyView,
        codes=(409,),
    ),
    Row(
        method="POST",
        path="/admin/keys/{id}/enable",
        act=keys.enable_key,
        answer=views.KeyView,
        codes=(409,),
    ),
    Row(
        method="POST",
        path="/admin/keys/{id}/revoke",
        act=keys.revoke_key,
        answer=views.Done,
        codes=(409,),
    ),
    Row(
        method="GET",
        path="/admin/usage",
        act=books.report_usage,
        query=(
            Param("by", "What the rows are about; by default keys.", _BY),
            _SINCE,
            _UNTIL,
            Param("key", "Only this key, by its id."),
            Param("account", "Only this account."),
            Param("model", "Only this model."),
            Param("surface", "Only this surface."),
            Param("format", "By default JSON.", ("json", "csv")),
        ),
        answer=views.Usage,
        types=("application/json", "text/csv"),
    ),
    Row(
        method="GET",
        path="/admin/requests/{id}",
        act=books.show_request,
        answer=views.Request,
    ),
    Row(
        method="GET",
        path="/admin/export",
        act=books.export_rows,
        query=(_SINCE, _UNTIL),
        answer=AttemptRow,
        types=("application/jsonl",),
    ),
    Row(
        method="GET",
        path="/admin/audit",
        act=books.list_audit,
        query=(
            Param("limit", "How many, by default 100."),
            Param("key", "Only this key, by its id."),
        ),
        answer=views.Audit,
    ),
    Row(
        method="GET",
        path="/admin/pool",
        act=relay.show_pool,
        answer=views.Pool,
        codes=(501,),
    ),
    Row(
        method="GET",
        path="/admin/facts",
        act=relay.show_facts,
        answer=Facts,
        codes=(501,),
    ),
    Row(
        method="POST",
        path="/admin/reload",
        act=relay.reload_options,
        answer=views.Reloaded,
        codes=(501,),
    ),
    Row(
        method="POST",
        path="/admin/secrets/rotate",
        act=relay.rotate_secrets,
        answer=views.Rewrapped,
    ),
    *(
        Row(method="GET", path=path, act=act, answer=views.Health, codes=(501,))
        for path, act in (
            ("/livez", relay.livez),
            ("/readyz", relay.readyz),
            ("/startupz", relay.startupz),
        )
    ),
    Row(
        method="GET",
        path="/metrics",
        act=relay.show_metrics,
        answer=str,
        types=("text/plain",),
        codes=(501,),
    ),
)
"""All of them. None is served without the operators' token."""

_PLACE = re.compile(r"\{([a-z]+)\}")
_PATTERNS = tuple((re.compile(_PLACE.sub(rf"(?P<\1>{NAME})", row.path)), row) for row in ROWS)


def matched(method: str, path: str) -> tuple[Row, dict[str, str]] | None:
    """Return the row of ``method`` and ``path`` (raw) with the path's names; None for none."""
    for pattern, row in _PATTERNS:
        if row.method == method and (found := pattern.fullmatch(path)):
            return row, found.groupdict()
    return None


def methods_of(path: str) -> tuple[str, ...]:
    """Return the methods that ``path`` is served by, none for a path that does not exist."""
    return tuple(row.method for pattern, row in _PATTERNS if pattern.fullmatch(path))
