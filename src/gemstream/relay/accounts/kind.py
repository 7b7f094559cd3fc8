"""What a kind of account is: how its service is asked.

A new kind is a file with a class of this shape and a row in ``kinds``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from ...config.relay.options import AccountOptions
from ...credentials.api_key import Credentials
from ...net.transport import HTTPRequest
from ...wire.dialect.dialect import Dialect
from ...wire.endpoint import Operation

__all__ = ("Call", "Kind")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of an upstream, before it is known which account is asked.

    ``model``: bare or a resource name. ``path``: that below the API version, of a request that is
    none of the operations, with its ``method``. ``query`` and ``headers``: the caller's, names of
    headers in small letters; for a request that was translated they are empty. ``total_left``:
    seconds that are left of the whole request. ``attempt``: the id of the attempt.
    """

    operation: Operation | None = None
    model: str | None = None
    version: str = "v1beta"
    method: str = "POST"
    path: str = ""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""
    total_left: float | None = None
    attempt: str = ""

    def __repr__(self) -> str:
        # Values of headers may be secrets, bodies are private.
        asked = self.operation.value if self.operation else f"{self.method} {self.path}"
        return f"Call({asked}, model={self.model!r}, {len(self.body)} B)"


class Kind(Protocol):
    """How accounts of one service are asked."""

    @property
    def name(self) -> str:
        """What ``kind`` says in an account's options."""
        ...

    @property
    def dialect(self) -> Dialect:
        """The format of its requests and answers."""
        ...

    def base_url(self, options: AccountOptions) -> str:
        """Return the address that requests of the account go to."""
        ...

    def credentials(self, options: AccountOptions) -> Credentials:
        """Return who pays; raises ConfigError for a key that cannot be one."""
        ...

    def request(
        self, options: AccountOptions, authorization: Mapping[str, str], call: Call
    ) -> HTTPRequest:
        """Return what is sent: the body untouched, under a head that is ours.

        ``authorization``: the headers of the credentials, which go into no URL. Raises
        InvalidRequest for a call that the service does not have.
        """
        ...
