"""What stands in a running relay at the moment when somebody asks; else it costs nothing."""

from __future__ import annotations

import platform
import time
from collections import Counter as Tally
from typing import TYPE_CHECKING

from ... import __version__
from ...policy.account.fact import PoolFacts
from ...policy.account.state import State
from .cleaning import clean
from .counts import Counter, Sample, Snapshot
from .known_models import OTHER, KnownModels
from .log_setup import dropped_lines

if TYPE_CHECKING:
    from ..app import Relay

__all__ = ("gauges",)


def gauges(relay: Relay, models: KnownModels) -> Snapshot:
    """Return what is looked at and not counted; ``models``: what may be named."""
    parts = relay.parts
    pool = parts.pool.facts(time.monotonic())
    numbers = {
        "retry_budget_denied": pool.refused_retries,
        "limiter_degraded": parts.health.is_degraded,
        "ledger_open_rows": parts.ledger.open_rows,
        "ledger_held_rows": parts.ledger.held,
        "ledger_reconcile_errors": parts.ledger.reconciled,
        "event_loop_lag_seconds": parts.health.lag.seconds,
        "log_lines_dropped": dropped_lines(),
    }
    ejections = Counter("account_ejections")
    for cause, times in pool.ejections.items():
        ejections.add((clean(cause),), times)
    streams = Tally(relay.streams())
    return Snapshot(
        {
            **{name: (Sample((), float(number)),) for name, number in numbers.items()},
            "build_info": (Sample((__version__, platform.python_version()), 1.0),),
            "streams_active": tuple(Sample((name,), float(n)) for name, n in streams.items()),
            "account_state": _states(relay, pool, models),
            "account_ejections": ejections.samples(),
        }
    )


def _states(relay: Relay, pool: PoolFacts, models: KnownModels) -> tuple[Sample, ...]:
    """All accounts first, then what is shut with single models, as far as there is room."""
    accounts = relay.parts.accounts
    found = Counter("account_state")
    for is_of_model in (False, True):
        for fact in pool.accounts:
            account = accounts.get(fact.account)
            is_told = not fact.model or fact.state is not State.OPEN
            if account is not None and is_told and bool(fact.model) is is_of_model:
                labels = (account.hash, models.label(fact.model), fact.state.value)
                if labels not in found:
                    found.add(labels)
    # What does not fit is not told at all: a sum of states would be no state.
    return tuple(one for one in found.samples() if one.labels[0] != OTHER)
