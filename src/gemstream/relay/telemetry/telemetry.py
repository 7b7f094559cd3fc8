"""All that looks on at one relay, put together and taken apart again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...config.relay.options import LogForm
from ...limits.stores import PROCESS, lanes_at
from ...telemetry.decision import Decision, Verdict
from ..observer import Observer, Observers, Silent
from .counts import Snapshot, merged
from .exposition import Exposition
from .facts import Facts, facts_of
from .gauges import gauges
from .known_models import KnownModels
from .metrics import Metrics
from .request_log import LOGGER, RequestLog
from .siblings import Siblings, siblings_folder
from .spans import Spans

if TYPE_CHECKING:
    from ..app import Relay

__all__ = ("Telemetry", "observed")

# A library says nothing by itself: without this, Python would write warnings to stderr.
logging.getLogger(LOGGER).addHandler(logging.NullHandler())


class Telemetry:
    """Counts, logs and traces what ``relay`` does; see ``observed``."""

    def __init__(self, relay: Relay) -> None:
        options = relay.parts.options
        self._relay = relay
        self._models = KnownModels(options, relay.parts.prices)
        mode = "process" if options.limits == PROCESS else "shared"
        self._metrics = Metrics(self.models, mode=mode)
        self._exposition: Exposition | None = None
        self.siblings: Siblings | None = None
        observers: list[Observer] = [self._metrics]
        spans = Spans(self.models) if options.server.tracing else None
        if options.server.log is not LogForm.OFF:
            # Before the spans, whose ids it tells.
            trace_id: Callable[[str], str] | None = None if spans is None else spans.trace_id
            is_json = options.server.log is LogForm.JSON
            observers.append(RequestLog(self.models, json=is_json, trace_id=trace_id))
        if spans is not None:
            observers.append(spans)
        self.observer: Observer = Observers(observers)

    def models(self) -> KnownModels:
        """Return what may be named, by the options as they hold now."""
        parts = self._relay.parts
        if not self._models.holds(parts.options, parts.prices):
            self._models = KnownModels(parts.options, parts.prices)
        return self._models

    def exposition(self) -> bytes:
        """Return what Prometheus reads, of all workers; raises ConfigError without its client."""
        if self._exposition is None:
            self._exposition = Exposition(self.snapshot)
        return self._exposition()

    def facts(self) -> Facts:
        """Return the relay at a glance, for operators alone."""
        return facts_of(self._relay, self.snapshot())

    def snapshot(self) -> Snapshot:
        """Return the numbers of all workers."""
        return self.own() if self.siblings is None else self.siblings.all()

    def own(self) -> Snapshot:
        """Return the numbers of this process."""
        return merged([self._metrics.snapshot(), gauges(self._relay, self.models())])

    def decided(self, decision: Decision) -> None:
        """Note whether the shared limits are out of reach; called by any thread."""
        if decision.verdict in (Verdict.AWAY, Verdict.BACK):
            self._relay.parts.health.is_degraded = decision.verdict is Verdict.AWAY


@contextlib.asynccontextmanager
async def observed(relay: Relay, state: Path) -> AsyncIterator[Telemetry]:
    """Look on at ``relay`` within the block; ``state``: the folder where workers meet.

    Raises ConfigError for tracing without opentelemetry-api, OSError for a folder that cannot be
    written.
    """
    telemetry = Telemetry(relay)
    parts = relay.parts
    lanes = None if parts.options.limits == PROCESS else lanes_at(parts.options.limits)
    folder = siblings_folder(state)
    duty: asyncio.Task[None] | None = None
    if folder is not None:
        telemetry.siblings = Siblings(folder, telemetry.own)
        duty = asyncio.create_task(telemetry.siblings.follow(), name="relay numbers")
    if lanes is not None:
        lanes.listen(telemetry.decided)
    parts.health.lag.start()
    parts.observer, relay.telemetry = telemetry.observer, telemetry
    try:
        yield telemetry
    finally:
        parts.observer, relay.telemetry = Silent(), None
        parts.health.lag.stop()
        if lanes is not None:
            lanes.unlisten(telemetry.decided)
        if duty is not None and telemetry.siblings is not None:
            duty.cancel()
            await asyncio.gather(duty, return_exceptions=True)
            telemetry.siblings.leave()
