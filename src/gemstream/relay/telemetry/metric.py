"""The relay's metrics by name: what they count, their labels, and how those of workers add up.

Source of the buckets: OpenTelemetry's GenAI conventions, with three more for generations of
minutes.
"""

from __future__ import annotations

import enum

import msgspec

from ...telemetry.semconv import FIRST_TOKEN_BUCKETS, LONG_DURATION_BUCKETS

__all__ = ("METRICS", "PREFIX", "SUMS", "Kind", "Merge", "Metric", "metric")

PREFIX = "gemstream_relay_"


class Kind(enum.Enum):
    """What a number does."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(enum.Enum):
    """What becomes of the numbers of several workers."""

    SUM = "sum"
    MAX = "max"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One name. ``most``: how many sets of labels it may have; what comes beyond is ``other``.

    ``is_exposed``: Prometheus sees it; the others are of ``gemstream relay top`` alone, for who
    calls is no label of a metric.
    """

    name: str
    help: str
    kind: Kind = Kind.COUNTER
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: Merge = Merge.SUM
    most: int = 100
    is_exposed: bool = True

    @property
    def full_name(self) -> str:
        """The name with its prefix, and with ``_total`` for a counter."""
        return PREFIX + self.name + ("_total" if self.kind is Kind.COUNTER else "")


# Our own part of the time to the first content: bare Python adds half a millisecond.
_OVERHEAD = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_GAP = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_COMMIT = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SUMS = ("requests", "failures", "tokens", "output_tokens", "micros")
"""What is summed up of each key, model and account."""
_GAUGE, _HISTOGRAM = Kind.GAUGE, Kind.HISTOGRAM

_ALL = (
    Metric(
        name="requests",
        help="Requests that ended, also those that were refused.",
        labels=("surface", "model", "code_class", "outcome"),
        most=1200,
    ),
    Metric(
        name="stream_seconds",
        help="From a streamed request's arrival to its end.",
        kind=_HISTOGRAM,
        labels=("surface",),
        buckets=LONG_DURATION_BUCKETS,
        most=8,
    ),
    Metric(
        name="first_chunk_seconds",
        help="From a request's arrival to the first content that went down.",
        kind=_HISTOGRAM,
        labels=("model",),
        buckets=FIRST_TOKEN_BUCKETS,
        most=50,
    ),
    Metric(
        name="ttfb_overhead_seconds",
        help="What of the time to the first content was not spent waiting for an upstream.",
        kind=_HISTOGRAM,
        labels=("surface",),
        buckets=_OVERHEAD,
        most=8,
    ),
    Metric(
        name="chunk_gap_seconds",
        help="Mean gap between the chunks of a stream, counted once for each of its gaps.",
        kind=_HISTOGRAM,
        labels=("surface",),
        buckets=_GAP,
        most=8,
    ),
    Metric(
        name="streams_active",
        help="Streamed answers under way.",
        kind=_GAUGE,
        labels=("surface",),
        most=8,
    ),
    Metric(
        name="stream_end",
        help="Streamed requests by how they ended.",
        labels=("reason",),
        most=16,
    ),
    Metric(
        name="retries",
        help="Attempts after the first of a request, by what the one before had said.",
        labels=("class",),
        most=16,
    ),
    Metric(name="retry_budget_denied", help="Retries that the retry budget did not allow."),
    Metric(
        name="account_state",
        help="1 for each state that an account is in, with a model or (model empty) with all.",
        kind=_GAUGE,
        labels=("account_hash", "model", "state"),
        merge=Merge.MAX,
        most=1000,
    ),
    Metric(
        name="account_ejections",
        help="Accounts left alone for failing several times in a row.",
        labels=("cause",),
        most=50,
    ),
    Metric(
        name="limit_decisions",
        help="What the limits of keys decided.",
        labels=("limit", "decision", "mode"),
        most=40,
    ),
    Metric(
        name="limiter_degraded",
        help="1 while shared limits are out of reach and each process keeps to its share.",
        kind=_GAUGE,
        merge=Merge.MAX,
    ),
    Metric(name="ledger_open_rows", help="Attempts whose row is open in the ledger.", kind=_GAUGE),
    Metric(
        name="ledger_held_rows",
        help="Settlements that wait for the database to come back.",
        kind=_GAUGE,
    ),
    Metric(
        name="ledger_commit_seconds",
        help="Until the ledger had an attempt's row on disk.",
        kind=_HISTOGRAM,
        buckets=_COMMIT,
    ),
    Metric(
        name="ledger_reconcile_errors",
        help="Attempts of processes that died, closed without their counts.",
    ),
    Metric(
        name="tokens",
        help="Tokens of all attempts; cached ones are part of the input, thoughts of the output.",
        labels=("direction", "modality"),
        most=40,
    ),
    Metric(name="cost_micro_usd", help="What all attempts cost, in millionths of a US dollar."),
    Metric(
        name="event_loop_lag_seconds",
        help="By how much callbacks came late: the largest of the last 15 s.",
        kind=_GAUGE,
        merge=Merge.MAX,
    ),
    Metric(name="log_lines_dropped", help="Lines of the log that nobody read in time."),
    Metric(
        name="build_info",
        help="1, with the version.",
        kind=_GAUGE,
        labels=("version", "python"),
        merge=Merge.MAX,
    ),
    *(
        Metric(
            name=f"{who}_{what}",
            help=f"The {what} of each {who}.",
            labels=(who,),
            most=500,
            is_exposed=False,
        )
        for who in ("key", "model", "account")
        for what in SUMS
    ),
)

METRICS = {one.name: one for one in _ALL}
"""All of them, by the name without its prefix."""


def metric(name: str) -> Metric:
    """Return the metric that is called so."""
    return METRICS[name]
