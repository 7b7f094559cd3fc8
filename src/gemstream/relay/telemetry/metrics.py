"""Counts what the facts say.

Of a single chunk nothing is told, so the gaps between chunks are derived: a stream of n chunks
counts n - 1 times with its mean gap. The count and the sum are those of all gaps; a long gap within
a stream of short ones is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...policy.account.signal import SignalKind
from ...wire.usage import ModalityTokenCount, UsageMetadata
from ..observer import AttemptEnded, End, RequestBegan, RequestEnded
from .cleaning import clean
from .counts import Counter, Histogram, Sample, Snapshot
from .known_models import OTHER, KnownModels
from .metric import SUMS, metric

__all__ = ("Metrics",)

_UNSAID = "unknown"
_MODALITIES = {name.upper(): name for name in ("text", "image", "video", "audio", "document")}
_SERVED = (End.STOP, End.CLIENT_ABORT)
_FAULTLESS = (SignalKind.SUCCESS, SignalKind.CALLER_FAULT)


class Metrics:
    """Counts for one relay in one process; ``models``: what may be named in a label.

    ``mode``: where limits are counted, ``process`` or ``shared``.
    """

    def __init__(self, models: Callable[[], KnownModels], *, mode: str) -> None:
        self._models = models
        self._mode = mode
        self._requests = Counter("requests")
        self._stream_end = Counter("stream_end")
        self._retries = Counter("retries")
        self._decisions = Counter("limit_decisions")
        self._tokens = Counter("tokens")
        self._cost = Counter("cost_micro_usd")
        self._stream_seconds = Histogram("stream_seconds")
        self._first_chunk = Histogram("first_chunk_seconds")
        self._overhead = Histogram("ttfb_overhead_seconds")
        self._gap = Histogram("chunk_gap_seconds")
        self._commit = Histogram("ledger_commit_seconds")
        self._keys = _Who("key")
        self._served_models = _Who("model")
        self._accounts = _Who("account")

    def request_began(self, fact: RequestBegan) -> None:
        """Do nothing: what runs is looked at when somebody asks."""

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Count an attempt."""
        settlement = fact.settlement
        self._commit.observe((), fact.commit)
        if fact.after is not None:
            self._retries.add((fact.after.value,))
        if settlement.cost:
            self._cost.add((), settlement.cost)
        output = total = 0
        if (usage := settlement.usage) is not None:
            self._count_tokens(usage)
            output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
            total = output + (usage.prompt_token_count or 0)
        failed = fact.signal is not None and fact.signal.kind not in _FAULTLESS
        micros = settlement.cost or 0
        self._accounts.count(fact.account_hash, failed, total, output, micros)

    def request_ended(self, fact: RequestEnded) -> None:
        """Count a request."""
        surface = fact.surface
        model = self._models().label(fact.model)
        code_class = f"{fact.status // 100}xx"
        self._requests.add((surface, model, code_class, fact.end.value))
        if fact.limit:
            self._decisions.add((fact.limit, "refused", self._mode))
        elif fact.is_admitted:
            self._decisions.add(("all", "granted", self._mode))
        if fact.first_chunk is not None:
            self._first_chunk.observe((model,), fact.first_chunk)
            if fact.overhead is not None:
                self._overhead.observe((surface,), fact.overhead)
        if fact.is_stream:
            self._count_stream(fact)
        output = total = 0
        if (usage := fact.usage) is not None:
            output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
            total = output + (usage.prompt_token_count or 0)
        failed = fact.end not in _SERVED
        micros = fact.cost or 0
        if fact.key_id:
            self._keys.count(fact.key_id, failed, total, output, micros)
        if model:
            self._served_models.count(model, failed, total, output, micros)

    def snapshot(self) -> Snapshot:
        """Return what was counted so far."""
        counters = (
            self._requests,
            self._stream_end,
            self._retries,
            self._decisions,
            self._tokens,
            self._cost,
        )
        histograms = (
            self._stream_seconds,
            self._first_chunk,
            self._overhead,
            self._gap,
            self._commit,
        )
        samples = {one.name: one.samples() for one in counters}
        for sums in (self._keys, self._served_models, self._accounts):
            samples |= sums.samples()
        return Snapshot(
            samples,
            {one.name: one.distributions() for one in histograms},
        )

    def _count_stream(self, fact: RequestEnded) -> None:
        self._stream_end.add((fact.end.value,))
        self._stream_seconds.observe((fact.surface,), fact.duration)
        if fact.chunks > 1:
            gaps = fact.chunks - 1
            self._gap.observe((fact.surface,), fact.passing / gaps, gaps)

    def _count_tokens(self, usage: UsageMetadata) -> None:
        thoughts = usage.thoughts_token_count or 0
        prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
        self._count_shares("input", prompt, usage.prompt_tokens_details)
        output = (usage.candidates_token_count or 0) + thoughts
        self._count_shares("output", output, usage.candidates_tokens_details)
        if cached := usage.cached_content_token_count:
            self._count_shares("cached", cached, usage.cache_tokens_details)
        if thoughts:
            self._tokens.add(("thoughts", _UNSAID), thoughts)

    def _count_shares(
        self, direction: str, rest: int, details: Iterable[ModalityTokenCount] | None
    ) -> None:
        for detail in details or ():
            modality = _MODALITIES.get(detail.modality or "", _UNSAID)
            self._tokens.add((direction, modality), detail.token_count)
            rest -= detail.token_count
        if rest > 0:
            self._tokens.add((direction, _UNSAID), rest)


class _Who:
    """The sums of one sort of things: keys, models, accounts."""

    __slots__ = ("_most", "_rows", "_sort")

    def __init__(self, sort: str) -> None:
        self._sort = sort
        self._most = metric(f"{sort}_{SUMS[0]}").most
        self._rows: dict[str, list[int]] = {}

    def count(self, name: str, failed: bool, tokens: int, output: int, micros: int) -> None:
        row = self._rows.get(name)
        if row is None:
            kept = name if len(self._rows) < self._most - 1 else OTHER
            row = self._rows.setdefault(kept, [0] * len(SUMS))
        row[0] += 1
        row[1] += failed
        row[2] += tokens
        row[3] += output
        row[4] += micros

    def samples(self) -> dict[str, tuple[Sample, ...]]:
        return {
            f"{self._sort}_{what}": tuple(
                Sample((clean(name),), row[at]) for name, row in self._rows.items()
            )
            for at, what in enumerate(SUMS)
        }
