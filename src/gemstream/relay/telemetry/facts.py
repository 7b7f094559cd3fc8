"""The relay at a glance, for ``gemstream relay top``: counts by key, model and account.

Everything is counted since the start, so who shows rates takes differences. It names keys and
accounts and is for operators alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from ...policy.account.state import State
from .counts import Snapshot
from .metric import METRICS

if TYPE_CHECKING:
    from ..app import Relay

__all__ = ("AccountSums", "Facts", "Sums", "facts_of")


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What one key, model or account came to; ``micros``: in millionths of a US dollar."""

    name: str
    requests: int = 0
    failures: int = 0
    tokens: int = 0
    output_tokens: int = 0
    micros: int = 0


class AccountSums(Sums, frozen=True, kw_only=True):
    """An account; ``states``: as ``open``, or ``cooling with gemini-2.5-pro``, of the process that
    answered. ``in_flight`` likewise.
    """

    states: tuple[str, ...] = ()
    in_flight: int = 0


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at one moment; ``at`` in seconds since 1970, ``lag`` in seconds.

    ``first_chunk``: how many answers began within each of ``bounds`` (seconds), and behind the
    last. ``refused``: requests of which nothing was sent to any account.
    """

    at: float
    requests: int
    refused: int
    streams: int
    tokens: int
    output_tokens: int
    micros: int
    lag: float
    is_draining: bool
    bounds: tuple[float, ...]
    first_chunk: tuple[int, ...]
    keys: tuple[Sums, ...] = ()
    models: tuple[Sums, ...] = ()
    accounts: tuple[AccountSums, ...] = ()


def facts_of(relay: Relay, snapshot: Snapshot) -> Facts:
    """Return what ``snapshot`` says of ``relay``."""
    bounds = METRICS["first_chunk_seconds"].buckets
    first = [0] * (len(bounds) + 1)
    for each in snapshot.distributions.get("first_chunk_seconds", ()):
        first = [one + other for one, other in zip(first, each.reading.buckets, strict=True)]
    requests = snapshot.samples.get("requests", ())
    accounts = _rows(snapshot, "account")
    return Facts(
        at=time.time(),
        requests=round(sum(one.value for one in requests)),
        refused=round(sum(one.value for one in requests if one.labels[-1] == "refused")),
        streams=round(_sum(snapshot, "streams_active")),
        tokens=sum(row.tokens for row in accounts),
        output_tokens=sum(row.output_tokens for row in accounts),
        micros=sum(row.micros for row in accounts),
        lag=_sum(snapshot, "event_loop_lag_seconds"),
        is_draining=relay.is_draining,
        bounds=bounds,
        first_chunk=tuple(first),
        keys=_rows(snapshot, "key"),
        models=_rows(snapshot, "model"),
        accounts=_accounts(relay, accounts),
    )


def _rows(snapshot: Snapshot, sort: str) -> tuple[Sums, ...]:
    found: dict[str, dict[str, int]] = {}
    for field in ("requests", "failures", "tokens", "output_tokens", "micros"):
        for sample in snapshot.samples.get(f"{sort}_{field}", ()):
            found.setdefault(sample.labels[0], {})[field] = round(sample.value)
    return tuple(Sums(name=name, **fields) for name, fields in found.items())


def _accounts(relay: Relay, counted: tuple[Sums, ...]) -> tuple[AccountSums, ...]:
    by_hash = {row.name: row for row in counted}
    states: dict[str, list[str]] = {}
    in_flight: dict[str, int] = {}
    for fact in relay.parts.pool.facts(time.monotonic()).accounts:
        told = states.setdefault(fact.account, [])
        if not fact.model:
            in_flight[fact.account] = fact.in_flight
            told.append(fact.state.value)
        elif fact.state is not State.OPEN:
            told.append(f"{fact.state.value} with {fact.model}")
    rows = []
    for name, account in relay.parts.accounts.items():
        row = by_hash.get(account.hash, Sums(name=name))
        counts = {field: getattr(row, field) for field in Sums.__struct_fields__ if field != "name"}
        rows.append(
            AccountSums(
                name=name,
                states=tuple(states.get(name, ())),
                in_flight=in_flight.get(name, 0),
                **counts,
            )
        )
    return tuple(rows)


def _sum(snapshot: Snapshot, name: str) -> float:
    return sum(one.value for one in snapshot.samples.get(name, ()))
