"""A request as a surface reads it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ...config.relay.options import RelayOptions
from ...errors import DecodeError
from ...policy.account.session_hash import session_hash
from ...wire.codec import decode_plain
from ...wire.dialect.dialect import Dialect
from ..keys.key import Key
from ..route import Route
from ..signatures import TenantSignatures

__all__ = ("Request",)


class Request(msgspec.Struct, frozen=True):
    """What came, before it is known what it means.

    ``headers``: by lower-case name. ``query``: the last value of each name. ``signatures``: those
    kept for the key.
    """

    id: str
    route: Route
    key: Key
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    options: RelayOptions
    signatures: TenantSignatures

    def resolved(self, model: str) -> str:
        """Return the model that stands behind a name."""
        return self.options.aliases.get(model, model)

    def session(self, dialect: Dialect) -> str | None:
        """Return what later requests of the same conversation have too, None when nothing tells.

        With one account there is nothing to keep a session on, and the body is not looked at.
        """
        if len(self.options.accounts) < 2:
            return None
        try:
            plain = decode_plain(self.body)
        except DecodeError:  # well-formed, but as 1e999 for the service alone to judge
            return None
        return session_hash(self.key.id, dialect, self.headers, plain) or None
