"""The numbers of one Live session, counted up in plain integers over all its connections."""

from __future__ import annotations

from collections import Counter

from ...telemetry.live_events import LiveStats

__all__ = ("Tally",)


class Tally:
    """The fields of ``LiveStats``, as they grow; ``away_since``: when the connection was lost."""

    __slots__ = (
        "away_since",
        "bytes_received",
        "bytes_sent",
        "errors",
        "interruptions",
        "messages_received",
        "messages_sent",
        "reconnects",
        "seconds_lost",
        "tool_calls",
        "turns",
    )

    def __init__(self) -> None:
        self.messages_sent = 0
        self.messages_received = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.turns = 0
        self.interruptions = 0
        self.tool_calls = 0
        self.reconnects = 0
        self.seconds_lost = 0.0
        self.away_since: float | None = None
        self.errors: Counter[str] = Counter()

    def end_outage(self, seconds: float) -> None:
        """Note that the session has a connection again, or needs none any more."""
        self.away_since = None
        self.seconds_lost += seconds

    def stats(self, now: float) -> LiveStats:
        """Return the numbers as they stand, with the time since a loss."""
        away = 0.0 if self.away_since is None else now - self.away_since
        return LiveStats(
            messages_sent=self.messages_sent,
            messages_received=self.messages_received,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            turns=self.turns,
            interruptions=self.interruptions,
            tool_calls=self.tool_calls,
            reconnects=self.reconnects,
            seconds_lost=self.seconds_lost + away,
            errors=dict(self.errors),
        )
