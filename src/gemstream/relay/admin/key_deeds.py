"""What operators do with callers' keys. Those of the file are looked at here and changed there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from ...config.relay.options import KeyOptions
from ...config.relay.reading import nearest
from ...errors import ConfigError, InvalidRequest
from ..keys.store import GRACE
from ..keys.stored_key import MintedKey, StoredKey
from .desk import Declined, Deed, Desk, missing
from .fields import KeyEdit, NewKey, Rotation, key_options
from .views import Done, Keys, KeyView, Minted, key_view

__all__ = (
    "disable_key",
    "edit_key",
    "enable_key",
    "list_keys",
    "mint_key",
    "revoke_key",
    "rotate_key",
    "show_key",
)


async def list_keys(desk: Desk, deed: Deed) -> Keys:
    """Return all keys; the revoked ones too when ``revoked`` is true."""
    stored = await desk.keys.keys(revoked=deed.query.get("revoked") == "true")
    configured = tuple(key_view(one) for one in desk.options().keys)
    return Keys(keys=(*configured, *(key_view(one.options, one) for one in stored)))


async def show_key(desk: Desk, deed: Deed) -> KeyView:
    """Return one key, by its id; a key of the file has its name for one."""
    key_id = deed.params["id"]
    for one in desk.options().keys:
        if one.name == key_id:
            return key_view(one)
    stored = await _stored(desk, key_id)
    return key_view(stored.options, stored)


async def mint_key(desk: Desk, deed: Deed) -> Minted:
    """Make a key and show its text, this once."""
    assert isinstance(deed.body, NewKey)
    options = key_options(deed.body, KeyOptions(name=deed.body.name))
    await _check(desk, options)
    try:
        minted = await desk.keys.mint(options, actor=deed.actor)
    except ConfigError:
        raise
    except InvalidRequest as error:
        raise Declined(409, str(error)) from None
    await desk.refresh()
    return _shown(minted)


async def edit_key(desk: Desk, deed: Deed) -> KeyView:
    """Change what a key may do."""
    assert isinstance(deed.body, KeyEdit)
    stored = await _stored(desk, deed.params["id"])
    given = deed.body.revision
    revision = stored.revision if isinstance(given, msgspec.UnsetType) else given
    options = key_options(deed.body, stored.options)
    await _check(desk, options)
    try:
        edited = await desk.keys.edit(stored.id, options, actor=deed.actor, revision=revision)
    except ConfigError:
        raise
    except InvalidRequest as error:
        raise Declined(409, str(error)) from None
    await desk.refresh()
    return key_view(edited.options, edited)


async def rotate_key(desk: Desk, deed: Deed) -> Minted:
    """Give a key another text and show it, this once; the old one works for a while."""
    assert deed.body is None or isinstance(deed.body, Rotation)
    given = msgspec.UNSET if deed.body is None else deed.body.grace
    grace = GRACE if isinstance(given, msgspec.UnsetType) else given
    stored = await _stored(desk, deed.params["id"])
    minted = await desk.keys.rotate(stored.id, actor=deed.actor, grace=grace)
    await desk.refresh()
    return _shown(minted)


async def disable_key(desk: Desk, deed: Deed) -> KeyView:
    """Let a key open nothing, until it is enabled."""
    stored = await _stored(desk, deed.params["id"])
    edited = await desk.keys.disable(stored.id, actor=deed.actor)
    await desk.refresh()
    return key_view(edited.options, edited)


async def enable_key(desk: Desk, deed: Deed) -> KeyView:
    """Let a disabled key open again what it did."""
    stored = await _stored(desk, deed.params["id"])
    edited = await desk.keys.enable(stored.id, actor=deed.actor)
    await desk.refresh()
    return key_view(edited.options, edited)


async def revoke_key(desk: Desk, deed: Deed) -> Done:
    """Let a key open nothing, for ever; what runs with it ends as it began."""
    stored = await _stored(desk, deed.params["id"])
    await desk.keys.revoke(stored.id, actor=deed.actor)
    await desk.refresh()
    return Done(action="revoke", target=stored.id)


def _shown(minted: MintedKey) -> Minted:
    return Minted(id=minted.id, name=minted.name, text=minted.text)


async def _stored(desk: Desk, key_id: str) -> StoredKey:
    """Return a key that can be changed here; raises Declined for any other."""
    for one in await desk.keys.keys():
        if one.id == key_id:
            return one
    if any(one.name == key_id for one in desk.options().keys):
        raise Declined(409, f"key {key_id} stands in the file; change it there and reload")
    raise missing("key", key_id)


async def _check(desk: Desk, options: KeyOptions) -> None:
    """Raise for a key that names accounts or groups that nobody has, or a name of the file's.

    A key that waits for an account would be served by whoever takes that name later.
    """
    if any(one.name == options.name for one in desk.options().keys):
        raise Declined(409, f"the file has a key named {options.name}; choose another name")
    if not options.accounts and not options.groups:
        return
    accounts = [*desk.options().accounts, *(one.options for one in await desk.accounts.stored())]
    names = {one.name for one in accounts}
    groups = {group for one in accounts for group in one.groups}
    problems = [
        *_unknown("accounts", options.accounts, names),
        *_unknown("groups", options.groups, groups),
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def _unknown(field: str, named: tuple[str, ...], known: Collection[str]) -> Iterator[str]:
    for name in named:
        if name not in known:
            yield f"{field} names {name}, which no account has; {nearest(name, known)}"
