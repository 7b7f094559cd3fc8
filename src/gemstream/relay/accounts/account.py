"""One account as the relay uses it: its options, its kind and its credentials."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from ...config.relay.options import AccountOptions
from ...errors import ConfigError, InvalidRequest
from ...net.transport import HTTPRequest
from ...wire.dialect.dialect import Dialect
from .kind import Call
from .kinds import kind_named
from .origin import same_origin

__all__ = ("Account", "accounts_of")


class Account:
    """Makes requests in its name; its repr shows no secret.

    ``hash`` names it in logs and labels of metrics, which may be read by more people than may know
    the names of accounts. Raises ConfigError for a kind that there is not and a key that is none.
    """

    __slots__ = ("_credentials", "_kind", "hash", "options")

    def __init__(self, options: AccountOptions) -> None:
        self.options = options
        self.hash = hashlib.sha256(options.name.encode()).hexdigest()[:8]
        self._kind = kind_named(options.kind)
        self._credentials = self._kind.credentials(options)

    def __repr__(self) -> str:
        return f"Account({self.name!r}, kind={self.kind!r})"

    @property
    def name(self) -> str:
        """Its name."""
        return self.options.name

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self._kind.name

    @property
    def dialect(self) -> Dialect:
        """The format of its requests and answers."""
        return self._kind.dialect

    @property
    def base_url(self) -> str:
        """The address that its requests go to."""
        return self._kind.base_url(self.options)

    async def request(self, call: Call) -> HTTPRequest:
        """Return what is sent for ``call``; safe to cancel.

        Raises InvalidRequest for a call that the service does not have, MissingCredentials when
        no token is to be had.
        """
        authorization = await self._credentials.headers()
        return self._kind.request(self.options, authorization, call)

    async def authorized(self, request: HTTPRequest) -> HTTPRequest:
        """Return ``request`` in the account's name; safe to cancel.

        Raises InvalidRequest for a URL of another origin than the account's, wherever it is from:
        the credentials go nowhere else. MissingCredentials as ``request``.
        """
        if not same_origin(request.url, self.base_url):
            raise InvalidRequest("the address is not one of the account's own service")
        authorization = await self._credentials.headers()
        return msgspec.structs.replace(request, headers={**request.headers, **authorization})

    def redact(self, data: bytes) -> bytes:
        """Return what the service said without the account's credentials."""
        return self._credentials.redact(data)


def accounts_of(options: Iterable[AccountOptions]) -> dict[str, Account]:
    """Return the accounts by name; raises ConfigError as ``Account`` does, and for a name twice."""
    accounts: dict[str, Account] = {}
    for one in options:
        if one.name in accounts:
            raise ConfigError(f"two accounts are called {one.name!r}; give each its own name")
        accounts[one.name] = Account(one)
    return accounts
