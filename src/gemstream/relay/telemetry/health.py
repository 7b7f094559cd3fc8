"""Whether the relay lives, has started, and can serve: asked often, so cheap and bounded.

``/livez`` asks nobody but the event loop: a process is not started anew because a database is away.
``/readyz`` asks the database at most once a second, however often it is asked itself, and waits for
no more than a second. Callers get a word; which check failed is for operators.
"""

from __future__ import annotations

import asyncio
import enum
import time

import msgspec

from ...errors import GemstreamError
from ...policy.account.pool import AccountPool
from ...stores.database import Database
from .loop_lag import LoopLag

__all__ = ("Check", "Health", "Probe")

_MOST_LAG = 5.0
_PATIENCE = 1.0
_FRESH = 1.0


class Probe(enum.Enum):
    """What is asked, by its path."""

    LIVE = "/livez"
    READY = "/readyz"
    STARTUP = "/startupz"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at; ``detail`` is for operators alone."""

    name: str
    is_well: bool
    detail: str = ""


class Health:
    """Looks at one relay; ``lag`` is of its event loop, started and stopped by its owner.

    ``is_degraded``: the shared limits are out of reach. That does not make it unready: each process
    then keeps to its share of them.
    """

    __slots__ = ("_database", "_database_check", "_looked", "_looking", "is_degraded", "lag")

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lag = LoopLag()
        self.is_degraded = False
        self._database_check = Check(name="database", is_well=True)
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def live(self) -> Check:
        """Return whether the event loop turns; asks nobody."""
        lag = self.lag.now
        return Check(name="event loop", is_well=lag < _MOST_LAG, detail=f"{lag * 1000:.0f} ms late")

    async def checks(self, pool: AccountPool, *, is_draining: bool) -> tuple[Check, ...]:
        """Return everything that readiness rests on, for operators; safe to cancel."""
        await self._look_at_database()
        return (
            self.live(),
            Check(name="draining", is_well=not is_draining),
            Check(
                name="accounts",
                is_well=pool.is_usable,
                detail="" if pool.is_usable else "all are switched off or refused",
            ),
            self._database_check,
            Check(
                name="limits",
                is_well=True,
                detail="out of reach; each process keeps to its share" if self.is_degraded else "",
            ),
        )

    async def is_ready(self, pool: AccountPool, *, is_draining: bool) -> bool:
        """Return whether callers should be sent here; safe to cancel."""
        if is_draining or not pool.is_usable:
            return False
        await self._look_at_database()
        return self._database_check.is_well

    async def _look_at_database(self) -> None:
        """Look, unless that was done a moment ago; all who ask together wait for one look."""
        if time.monotonic() - self._looked < _FRESH:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="relay readiness")
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        is_well, detail = True, ""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._database.fetch("SELECT 1")
        except TimeoutError:
            is_well, detail = False, f"no answer within {_PATIENCE:g} s"
        except GemstreamError as error:
            is_well, detail = False, type(error).__name__
        self._database_check = Check(name="database", is_well=is_well, detail=detail)
        self._looked = time.monotonic()
