"""What operators do with the relay itself: look at it, reload it, seal its secrets anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec

from ...errors import ConfigError, GemstreamError
from ..app import Relay
from .answer import Written
from .desk import Declined, Deed, Desk
from .views import Check, Health, Pool, Reloaded, Rewrapped

__all__ = (
    "livez",
    "readyz",
    "reload_options",
    "rotate_secrets",
    "show_metrics",
    "show_pool",
    "startupz",
)

# Longer than any healthy database takes; who asks gives up after about a second.
_LOOK_SECONDS = 1.0


async def show_pool(desk: Desk, deed: Deed) -> Pool:
    """Return how the accounts stand, in the process that answers."""
    return Pool(pool=desk.running.parts.pool.facts(time.monotonic()))


async def reload_options(desk: Desk, deed: Deed) -> Reloaded:
    """Read the relay's file again; one that cannot be used changes nothing."""
    if desk.reload is None:
        raise Declined(501, "this needs a running relay: name its operators' address")
    try:
        changes = await desk.reload()
    except ConfigError as error:
        said = "the options stay as they were"
        raise Declined(400, said, tuple(str(error).split("\n"))) from None
    await desk.accounts.note("reload", "options", actor=deed.actor)
    return Reloaded(live=changes.live, restart=changes.restart)


async def rotate_secrets(desk: Desk, deed: Deed) -> Rewrapped:
    """Seal every stored API key with the newest master secret."""
    version = desk.accounts.secret_version
    rewrapped = await desk.accounts.rewrap(actor=deed.actor)
    older = {one.key.id for one in await desk.keys.credentials() if one.pepper != version}
    return Rewrapped(version=version, rewrapped=rewrapped, older_keys=tuple(sorted(older)))


async def show_metrics(desk: Desk, deed: Deed) -> Written:
    """Return the metrics as Prometheus reads them."""
    if desk.metrics is None:
        raise Declined(501, "nobody collects metrics here")
    return Written(content_type="text/plain; version=0.0.4; charset=utf-8", body=desk.metrics())


async def livez(desk: Desk, deed: Deed) -> Written:
    """Tell whether the process works; a database that is away does not make it dead."""
    relay = desk.running
    detail = f"{relay.running} requests are being served"
    return _health(Check(name="loop", is_ok=True, detail=detail))


async def readyz(desk: Desk, deed: Deed) -> Written:
    """Tell whether callers should be sent here; check by check."""
    return _health(*_standing(desk.running), await _database(desk))


async def startupz(desk: Desk, deed: Deed) -> Written:
    """Tell whether the relay has begun: its books are open, its keys and accounts read."""
    parts = desk.running.parts
    keys, accounts = len(parts.book.keys), len(parts.accounts)
    return _health(
        Check(name="keys", is_ok=True, detail=f"{keys} keys were read"),
        Check(name="accounts", is_ok=True, detail=f"{accounts} accounts were read"),
    )


def _health(*checks: Check) -> Written:
    health = Health(is_ok=all(one.is_ok for one in checks), checks=checks)
    code = 200 if health.is_ok else 503
    return Written("application/json", msgspec.json.encode(health), code)


def _standing(relay: Relay) -> Iterator[Check]:
    parts = relay.parts
    yield Check(
        name="drain",
        is_ok=not relay.is_draining,
        detail="on its way out" if relay.is_draining else "not draining",
    )
    usable = parts.pool.is_usable
    yield Check(
        name="accounts",
        is_ok=usable,
        detail="some can be asked" if usable else "none can be asked",
    )
    for name, watch in (("keys", parts.key_watch), ("stored accounts", parts.account_watch)):
        # What was read last goes on being served, so this is told and makes nothing unready.
        detail = "as they were read last; the database is away" if watch.is_away else "up to date"
        yield Check(name=name, is_ok=True, detail=detail)
    held = parts.ledger.held
    yield Check(name="ledger", is_ok=True, detail=f"{held} settlements wait to be written")


async def _database(desk: Desk) -> Check:
    """Look whether rows can be read; without books no attempt is let out."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await desk.keys.version()
    except (GemstreamError, TimeoutError) as error:
        # The words of an engine may name its host; the log has them.
        return Check(name="database", is_ok=False, detail=type(error).__name__)
    return Check(name="database", is_ok=True, detail="answers")
