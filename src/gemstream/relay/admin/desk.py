"""What operators work on: the database, the file's options, and the relay where one runs.

The same desk stands in a running relay and in a command that opened the database by itself; what
needs the relay says so where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ...config.relay.options import RelayOptions
from ...net.transport import Transport
from ...stores.database import Database
from ..accounts.store import AccountStore
from ..keys.store import KeyStore
from ..server.service import Reload

if TYPE_CHECKING:
    from ..app import Relay  # with all dialects, of which a command has no use

__all__ = ("Declined", "Deed", "Desk", "missing")


class Declined(Exception):
    """An operator's request ends here; ``code`` is the HTTP status, ``problems`` a line each."""

    def __init__(self, code: int, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.problems = problems


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One request of an operator, read and let in.

    ``params``: of the path. ``query``: one value for each name. ``body``: decoded, None for none.
    ``actor``: who is named in the audit.
    """

    params: dict[str, str] = {}
    query: dict[str, str] = {}
    body: msgspec.Struct | None = None
    actor: str = "operator"


class Desk:
    """Belongs to the event loop that opened ``database``; closes nothing that it was given.

    ``options`` and ``token``: as they hold now; a desk without a token lets nobody in. ``relay``
    and ``reload``: None where no relay runs. ``metrics``: gives the exposition of all metrics,
    None where nobody collects any.
    """

    __slots__ = (
        "accounts",
        "database",
        "keys",
        "metrics",
        "options",
        "relay",
        "reload",
        "token",
        "transport",
    )

    def __init__(
        self,
        *,
        database: Database,
        keys: KeyStore,
        accounts: AccountStore,
        options: Callable[[], RelayOptions],
        token: Callable[[], str | None],
        transport: Transport,
        relay: Relay | None = None,
        reload: Reload | None = None,
    ) -> None:
        self.database = database
        self.keys = keys
        self.accounts = accounts
        self.options = options
        self.token = token
        self.transport = transport
        self.relay = relay
        self.reload = reload
        self.metrics: Callable[[], bytes] | None = None

    @property
    def running(self) -> Relay:
        """The relay; raises Declined where there is none."""
        if self.relay is None:
            raise Declined(
                501,
                "this needs a running relay: name its operators' address with --admin URL",
            )
        return self.relay

    async def refresh(self) -> None:
        """Let the relay go by what the database has now; others see it within seconds."""
        if self.relay is not None:
            await self.relay.parts.refresh()


def missing(what: str, name: str) -> Declined:
    """Return the refusal for an account or a key that there is not."""
    return Declined(404, f"there is no {what} {name:.80}")
