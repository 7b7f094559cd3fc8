"""What has been used, in a plain list that is counted anew for each request.

No buckets, no running sums: this list is what gemstream's own limiter is held against, so it must
be right at a glance. Times are nanoseconds since 1970.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from ..policy.pacific import pacific_day
from .limits import Limits

__all__ = ("Entry", "Excess", "Quota", "QuotaLog")

_MINUTE = 60 * 1_000_000_000


class Quota(enum.Enum):
    """What is counted, by the service's id for it; the one of concurrency is the emulator's own."""

    RPM = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
    TPM = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
    RPD = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    CONCURRENCY = "GenerateConcurrentRequestsPerProjectPerModel-FreeTier"


class Excess(msgspec.Struct, frozen=True):
    """A limit that a request would break.

    ``delay``: nanoseconds until it would not, as far as the books can tell; None when no waiting
    helps (a prompt larger than the limit) or nobody knows (running answers).
    """

    quota: Quota
    limit: int
    delay: int | None


class Entry(msgspec.Struct, kw_only=True):
    """One answer that was let in."""

    request_id: str
    key: str
    model: str
    tokens: int
    at: int
    running: bool = True


class QuotaLog:
    """The list of what was let in, kept as long as the limits could count it; for any thread."""

    __slots__ = ("_entries", "_lock")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def admit(self, entry: Entry, limits: Limits) -> list[Excess]:
        """Add ``entry`` and return nothing, or leave it out and return all it would exceed."""
        with self._lock:
            self._forget(entry.at, limits)
            excesses = list(_excesses(self._entries, entry, limits))
            if not excesses:
                self._entries.append(entry)
        return excesses

    def end(self, request_id: str) -> None:
        """Note that an answer runs no more; again, and for one that is not listed, is nothing."""
        with self._lock:
            for entry in self._entries:
                if entry.request_id == request_id:
                    entry.running = False

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def _forget(self, now: int, limits: Limits) -> None:
        since = now - _MINUTE
        if limits.counts_days:
            since = min(since, pacific_day(now)[0] - 1)
        self._entries = [entry for entry in self._entries if entry.running or entry.at > since]


def _excesses(entries: Sequence[Entry], new: Entry, limits: Limits) -> Iterator[Excess]:
    allowed = limits.for_model(new.model)
    mine = [entry for entry in entries if (entry.key, entry.model) == (new.key, new.model)]
    minute = [entry for entry in mine if entry.at > new.at - _MINUTE]
    if allowed.rpm is not None and len(minute) + 1 > allowed.rpm:
        yield Excess(Quota.RPM, allowed.rpm, _delay(minute, new, allowed.rpm, lambda entry: 1))
    tokens = sum(entry.tokens for entry in minute)
    if allowed.tpm is not None and tokens + new.tokens > allowed.tpm:
        delay = _delay(minute, new, allowed.tpm, lambda entry: entry.tokens)
        yield Excess(Quota.TPM, allowed.tpm, delay)
    if allowed.rpd is not None:
        began, ends = pacific_day(new.at)
        if sum(entry.at >= began for entry in mine) + 1 > allowed.rpd:
            yield Excess(Quota.RPD, allowed.rpd, ends - new.at if allowed.rpd else None)
    running = sum(entry.running for entry in mine)
    if allowed.concurrency is not None and running + 1 > allowed.concurrency:
        yield Excess(Quota.CONCURRENCY, allowed.concurrency, None)


def _delay(
    minute: Sequence[Entry], new: Entry, limit: int, cost: Callable[[Entry], int]
) -> int | None:
    """Return how long until so many of ``minute`` have left it that ``new`` fits."""
    leaving = sorted(minute, key=lambda entry: entry.at)
    for place, entry in enumerate(leaving, start=1):
        if sum(map(cost, leaving[place:])) + cost(new) <= limit:
            return entry.at + _MINUTE - new.at
    return None
