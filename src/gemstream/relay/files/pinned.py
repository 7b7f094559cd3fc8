"""A request that names files goes to the account that has them, and to no other."""

from __future__ import annotations

from ...wire.dialect.refusal import Fault, Refusal
from ..refused import Refused
from .pins import Pins
from .references import references

__all__ = ("not_there", "pinned_account")

_MOST = 256  # names in one request; each is looked up


async def pinned_account(pins: Pins, key_id: str, body: bytes) -> str | None:
    """Return the account that has all that ``body`` names, None for a body that names nothing.

    Raises Refused for what the key has not, whoever else has it, and for files of two accounts;
    StoreUnavailable. Nothing is asked of the database where nothing is named.
    """
    names = sorted(references(body))
    if len(names) > _MOST:
        raise Refused(Refusal(Fault.INVALID, f"more than {_MOST} files are named"))
    holder, first = None, ""
    for name in names:
        pin = await pins.find(key_id, name)
        if pin is None:
            raise Refused(not_there(name))
        if holder is not None and pin.account != holder:
            raise Refused(_apart(first, name))
        holder, first = pin.account, name
    return holder


def not_there(name: str) -> Refusal:
    """Return what is said of a file that is not the key's: the same, whether it is another's."""
    return Refusal(
        Fault.NOT_FOUND,
        f"{name!r:.80} is not there: it was not brought through this relay with this key, or it is "
        "over; upload it with this key",
    )


def _apart(one: str, other: str) -> Refusal:
    return Refusal(
        Fault.INVALID,
        f"{one!r:.80} and {other!r:.80} are with different accounts, and no account sees both; "
        "upload both again, one after the other, then name the new ones",
    )
