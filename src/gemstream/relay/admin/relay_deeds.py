"""What operators do with the relay itself: look at it, reload it, seal its secrets anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ...errors import ConfigError
from ..telemetry.facts import Facts
from ..telemetry.health import Check
from .answer import Written
from .desk import Declined, Deed, Desk
from .views import Health, Pool, Reloaded, Rewrapped

if TYPE_CHECKING:
    from ..app import Relay

__all__ = (
    "livez",
    "readyz",
    "reload_options",
    "rotate_secrets",
    "show_facts",
    "show_metrics",
    "show_pool",
    "startupz",
)


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


async def show_facts(desk: Desk, deed: Deed) -> Facts:
    """Return what the relay came to so far, by key, model and account."""
    telemetry = desk.running.telemetry
    if telemetry is None:
        raise Declined(501, "nobody counts what happens here")
    return telemetry.facts()


async def livez(desk: Desk, deed: Deed) -> Written:
    """Tell whether the process works; a database that is away does not make it dead."""
    relay = desk.running
    running = f"{relay.running} are being served"
    return _health(relay.parts.health.live(), Check(name="requests", is_well=True, detail=running))


async def readyz(desk: Desk, deed: Deed) -> Written:
    """Tell whether callers should be sent here; check by check."""
    relay = desk.running
    return _health(*await relay.checks(), *_kept(relay))


async def startupz(desk: Desk, deed: Deed) -> Written:
    """Tell whether the relay has begun: its books are open, its keys and accounts read."""
    parts = desk.running.parts
    keys, accounts = len(parts.book.keys), len(parts.accounts)
    return _health(
        Check(name="keys", is_well=True, detail=f"{keys} were read"),
        Check(name="accounts", is_well=True, detail=f"{accounts} were read"),
    )


def _health(*checks: Check) -> Written:
    health = Health(is_well=all(one.is_well for one in checks), checks=checks)
    code = 200 if health.is_well else 503
    return Written("application/json", msgspec.json.encode(health), code)


def _kept(relay: Relay) -> Iterator[Check]:
    """Yield what is told and makes nothing unready: what was read last goes on being served."""
    parts = relay.parts
    for name, watch in (("keys", parts.key_watch), ("stored accounts", parts.account_watch)):
        detail = "as they were read last; the database is away" if watch.is_away else "up to date"
        yield Check(name=name, is_well=True, detail=detail)
    held = f"{parts.ledger.held} settlements wait to be written"
    yield Check(name="ledger", is_well=True, detail=held)
