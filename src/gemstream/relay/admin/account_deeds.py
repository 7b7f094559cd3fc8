"""What operators do with accounts. Those of the file are looked at here and changed there."""

from __future__ import annotations

import time

import msgspec

from ...config.relay.options import AccountOptions
from ...errors import InvalidRequest
from ...policy.account.fact import Fact
from ..accounts.account import Account
from ..accounts.store import StoredAccount
from .desk import Declined, Deed, Desk, missing
from .fields import AccountEdit, NewAccount, Probe, account_options
from .probe import probe
from .views import Accounts, AccountView, Done, Verdict, account_view

__all__ = (
    "create_account",
    "delete_account",
    "disable_account",
    "edit_account",
    "enable_account",
    "list_accounts",
    "reset_account",
    "show_account",
    "test_account",
)


async def list_accounts(desk: Desk, deed: Deed) -> Accounts:
    """Return all accounts."""
    return Accounts(accounts=tuple(await _views(desk)))


async def show_account(desk: Desk, deed: Deed) -> AccountView:
    """Return one account."""
    return await _view(desk, deed.params["name"])


async def create_account(desk: Desk, deed: Deed) -> AccountView:
    """Make an account in the database; its API key is sealed."""
    assert isinstance(deed.body, NewAccount)
    options = account_options(deed.body, AccountOptions(name=deed.body.name))
    if _of_file(desk, options.name) is not None:
        raise Declined(409, f"the file has an account {options.name}; choose another name")
    Account(options)  # raises for what cannot be used
    try:
        await desk.accounts.create(options, actor=deed.actor)
    except InvalidRequest as error:
        raise Declined(409, str(error)) from None
    await desk.refresh()
    return await _view(desk, options.name)


async def edit_account(desk: Desk, deed: Deed) -> AccountView:
    """Change an account of the database."""
    assert isinstance(deed.body, AccountEdit)
    stored = await _stored(desk, deed.params["name"])
    given = deed.body.revision
    revision = stored.revision if isinstance(given, msgspec.UnsetType) else given
    options = account_options(deed.body, stored.options)
    return await _edited(desk, deed, options, stored, revision)


async def disable_account(desk: Desk, deed: Deed) -> AccountView:
    """Let an account of the database be asked nothing, until it is enabled."""
    return await _switched(desk, deed, is_enabled=False)


async def enable_account(desk: Desk, deed: Deed) -> AccountView:
    """Let a disabled account be asked again."""
    return await _switched(desk, deed, is_enabled=True)


async def delete_account(desk: Desk, deed: Deed) -> Done:
    """Delete an account of the database, with its sealed key; what runs ends as it began."""
    name = deed.params["name"]
    await _stored(desk, name)
    await desk.accounts.delete(name, actor=deed.actor)
    await desk.refresh()
    return Done(action="delete", target=name)


async def reset_account(desk: Desk, deed: Deed) -> Done:
    """Let every relay forget what speaks against an account, of the file or the database."""
    name = deed.params["name"]
    await _options(desk, name)
    await desk.accounts.reset(name, actor=deed.actor)
    await desk.refresh()
    return Done(action="reset", target=name)


async def test_account(desk: Desk, deed: Deed) -> Verdict:
    """Ask the service with an account, for something that costs nothing; changes no standing."""
    assert deed.body is None or isinstance(deed.body, Probe)
    model = None if deed.body is None else deed.body.model
    options = await _options(desk, deed.params["name"])
    await desk.accounts.note("test", f"account {options.name}", actor=deed.actor)
    return await probe(Account(options), desk.transport, model if isinstance(model, str) else None)


async def _switched(desk: Desk, deed: Deed, *, is_enabled: bool) -> AccountView:
    stored = await _stored(desk, deed.params["name"])
    options = msgspec.structs.replace(stored.options, is_enabled=is_enabled)
    return await _edited(desk, deed, options, stored, stored.revision)


async def _edited(
    desk: Desk, deed: Deed, options: AccountOptions, stored: StoredAccount, revision: str
) -> AccountView:
    key = options.api_key or desk.accounts.opened(stored).api_key
    Account(msgspec.structs.replace(options, api_key=key))  # raises for what cannot be used
    await desk.accounts.edit(options, actor=deed.actor, revision=revision)
    await desk.refresh()
    return await _view(desk, options.name)


async def _views(desk: Desk) -> list[AccountView]:
    standing = _standing(desk)
    configured = desk.options().accounts
    names = {one.name for one in configured}
    views = [account_view(one, standing=standing.get(one.name, ())) for one in configured]
    for one in await desk.accounts.stored():
        is_shadowed = one.name in names
        facts = () if is_shadowed else standing.get(one.name, ())
        views.append(account_view(one.options, one, is_shadowed=is_shadowed, standing=facts))
    return views


async def _view(desk: Desk, name: str) -> AccountView:
    for view in await _views(desk):
        if view.name == name:
            return view
    raise missing("account", name)


async def _stored(desk: Desk, name: str) -> StoredAccount:
    """Return an account that can be changed here; raises Declined for any other."""
    for one in await desk.accounts.stored():
        if one.name == name:
            return one
    if _of_file(desk, name) is not None:
        raise Declined(409, f"account {name} stands in the file; change it there and reload")
    raise missing("account", name)


async def _options(desk: Desk, name: str) -> AccountOptions:
    """Return what is used of that name, with its key."""
    configured = _of_file(desk, name)
    return configured or desk.accounts.opened(await _stored(desk, name))


def _of_file(desk: Desk, name: str) -> AccountOptions | None:
    return next((one for one in desk.options().accounts if one.name == name), None)


def _standing(desk: Desk) -> dict[str, tuple[Fact, ...]]:
    if desk.relay is None:
        return {}
    found: dict[str, tuple[Fact, ...]] = {}
    for fact in desk.relay.parts.pool.facts(time.monotonic()).accounts:
        found[fact.account] = (*found.get(fact.account, ()), fact)
    return found
