"""A request as a surface reads it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ...config.relay.options import RelayOptions
from ..keys.key import Key
from ..route import Route

__all__ = ("Request",)


class Request(msgspec.Struct, frozen=True):
    """What came, before it is known what it means.

    ``headers``: by lower-case name. ``query``: the last value of each name.
    """

    id: str
    route: Route
    key: Key
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    options: RelayOptions

    def resolved(self, model: str) -> str:
        """Return the model that stands behind a name."""
        return self.options.aliases.get(model, model)
