"""The measurements of calls, in the instruments that the GenAI conventions define.

``gen_ai.client.token.usage`` is always kept; the counters that succeed it come beside it when
``OTEL_SEMCONV_STABILITY_OPT_IN`` lists ``gen_ai_latest_experimental``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import semconv
from .attributes import LIMIT_QUOTA, LIMIT_VERDICT, Attributes, error_type
from .decision import Decision, Verdict
from .events import CallEnded
from .live_events import LiveTurnEnded
from .tokens import TokenCount, Tokens

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

__all__ = ("LIMIT_DECISIONS", "LIMIT_WAIT", "Instruments", "wants_latest")

# Ours: the conventions know no limits of a client.
LIMIT_DECISIONS = "gemstream.limit.decisions"
LIMIT_WAIT = "gemstream.limit.wait"
_GENERATIONS = frozenset({semconv.GENERATE_CONTENT, semconv.REALTIME_INFERENCE})


def wants_latest() -> bool:
    """Tell whether the environment opts in to the newest names."""
    asked = os.environ.get(semconv.OPT_IN_VARIABLE, "").split(",")
    return semconv.LATEST_EXPERIMENTAL in (name.strip() for name in asked)


class Instruments:
    """Records what calls took and used; ``latest`` adds the newer token metrics.

    ``identity`` are the attributes that tell calls apart, ``context`` holds the call's span: its
    exemplars lead from a measurement to a trace.
    """

    __slots__ = (
        "_decisions",
        "_duration",
        "_first_chunk",
        "_inference",
        "_per_chunk",
        "_tokens",
        "_wait",
    )

    def __init__(self, meter: Meter, *, latest: bool) -> None:
        durations = list(semconv.DURATION_BUCKETS)
        self._duration = meter.create_histogram(
            semconv.CLIENT_OPERATION_DURATION,
            unit="s",
            description="Time a call took, its retries included.",
            explicit_bucket_boundaries_advisory=durations,
        )
        self._first_chunk = meter.create_histogram(
            semconv.CLIENT_TIME_TO_FIRST_CHUNK,
            unit="s",
            description="Time from the start of a call until its caller had the first chunk.",
            explicit_bucket_boundaries_advisory=durations,
        )
        self._per_chunk = meter.create_histogram(
            semconv.CLIENT_TIME_PER_OUTPUT_CHUNK,
            unit="s",
            description="Time between one chunk of a stream and the next.",
            explicit_bucket_boundaries_advisory=durations,
        )
        self._tokens = meter.create_histogram(
            semconv.CLIENT_TOKEN_USAGE,
            unit="{token}",
            description="Input and output tokens that a call used.",
            explicit_bucket_boundaries_advisory=list(semconv.TOKEN_BUCKETS),
        )
        self._decisions = meter.create_counter(
            LIMIT_DECISIONS,
            unit="{decision}",
            description="Decisions of the limits that a client keeps.",
        )
        self._wait = meter.create_histogram(
            LIMIT_WAIT,
            unit="s",
            description="Time a request waited for its turn until it was let through.",
            explicit_bucket_boundaries_advisory=list(semconv.LONG_DURATION_BUCKETS),
        )
        self._inference = _Inference(meter) if latest else None

    def chunk_gap(self, seconds: float, identity: Attributes) -> None:
        """Record the time since the chunk before."""
        # No exemplars of ours here: they would take a chunk's cost from 9 to 12 µs.
        self._per_chunk.record(seconds, identity)

    def decided(self, decision: Decision, identity: Attributes, context: Context) -> None:
        """Record a decision of the limits; what was let through at once waited 0 s."""
        told = identity | {LIMIT_VERDICT: decision.verdict.value}
        if decision.quota:
            told[LIMIT_QUOTA] = decision.quota
        self._decisions.add(1, told, context)
        if decision.verdict is Verdict.GRANTED:
            self._wait.record(decision.delay or 0.0, identity, context)

    def ended(self, end: CallEnded, identity: Attributes, context: Context) -> None:
        """Record everything that is known once a call is over."""
        told = dict(identity)
        if end.response_model is not None:
            told[semconv.RESPONSE_MODEL] = end.response_model
        failure = {} if end.error is None else {semconv.ERROR_TYPE: error_type(end.error)}
        self._took(end.seconds, end.first_chunk_seconds, told, failure, context)
        if identity[semconv.OPERATION_NAME] != semconv.COUNT_TOKENS:  # it counts and uses none
            self._used(Tokens.of(end.usage), told, failure, context)

    def turn_ended(self, turn: LiveTurnEnded, identity: Attributes, context: Context) -> None:
        """Record what a turn of a Live session took and used; its first chunk is its first output.

        Both times count from the question: a turn whose question's moment is not known has none.
        """
        failure = {} if turn.error_type is None else {semconv.ERROR_TYPE: turn.error_type}
        if turn.asked:
            self._took(turn.seconds, turn.first_output_seconds, identity, failure, context)
        self._used(Tokens.of(turn.usage), identity, failure, context)

    def _took(
        self,
        seconds: float,
        first: float | None,
        told: Attributes,
        failure: Attributes,
        context: Context,
    ) -> None:
        self._duration.record(seconds, told | failure, context)
        if first is not None:
            self._first_chunk.record(first, told, context)

    def _used(
        self, tokens: Tokens, told: Attributes, failure: Attributes, context: Context
    ) -> None:
        for kind, count in (("input", tokens.input), ("output", tokens.output)):
            if count.total is not None:
                self._tokens.record(count.total, told | {semconv.TOKEN_TYPE: kind}, context)
        if self._inference is not None and told[semconv.OPERATION_NAME] in _GENERATIONS:
            self._inference.ended(tokens, told, failure)


class _Inference:
    """The generation after ``token.usage``: counters by modality, and one histogram a direction."""

    __slots__ = ("_counters", "_sizes")

    def __init__(self, meter: Meter) -> None:
        self._counters = {
            name: meter.create_counter(name, unit="{token}", description=description)
            for name, description in _COUNTERS.items()
        }
        self._sizes = {
            name: meter.create_histogram(
                name,
                unit="{token}",
                description=description,
                explicit_bucket_boundaries_advisory=list(semconv.TOKEN_BUCKETS),
            )
            for name, description in _SIZES.items()
        }

    def ended(self, tokens: Tokens, identity: Attributes, failure: Attributes) -> None:
        """Record each count; a call of unknown usage counts as 0, as the conventions ask."""
        totals = {
            semconv.USAGE_COUNTER_INPUT: tokens.input,
            semconv.USAGE_COUNTER_OUTPUT: tokens.output,
        }
        subsets = {
            semconv.USAGE_COUNTER_CACHE_READ: tokens.cache_read,
            semconv.USAGE_COUNTER_REASONING: tokens.reasoning,
        }
        self._count(totals, identity)
        self._count({name: count for name, count in subsets.items() if count.total}, identity)
        for name, count in (
            (semconv.INFERENCE_INPUT_TOKENS, tokens.input),
            (semconv.INFERENCE_OUTPUT_TOKENS, tokens.output),
        ):
            self._sizes[name].record(count.total or 0, identity | failure)

    def _count(self, counts: Mapping[str, TokenCount], identity: Attributes) -> None:
        for name, count in counts.items():
            for modality, share in count.shares.items():
                told = identity | {semconv.TOKEN_MODALITY: modality}
                self._counters[name].add(share, told)


_COUNTERS = {
    semconv.USAGE_COUNTER_INPUT: "Input tokens used, cached ones included.",
    semconv.USAGE_COUNTER_OUTPUT: "Output tokens used, reasoning included.",
    semconv.USAGE_COUNTER_CACHE_READ: "Input tokens that came from a cache.",
    semconv.USAGE_COUNTER_REASONING: "Output tokens used for reasoning.",
}
_SIZES = {
    semconv.INFERENCE_INPUT_TOKENS: "Input tokens of one call.",
    semconv.INFERENCE_OUTPUT_TOKENS: "Output tokens of one call.",
}
