"""Which share of the requests to an overloaded model is not even sent.

Source: Site Reliability Engineering, Handling Overload: a request is refused here with the
probability (requests - 2 * accepts) / (requests + 1) over two minutes.

Strategy. Requests are counted before they are sent, and as accepted until the service says
otherwise: an answer that takes minutes must not look like a refusal, nor a burst like an overload.
"""

from __future__ import annotations

from collections import deque

__all__ = ("Throttle",)

_RATIO = 2
_WINDOW = 120.0
_SPAN = 10.0
# Below this a ratio says nothing: one refusal of one request is no overload.
_LEAST_REQUESTS = 10


class Throttle:
    """The requests to one model, over all accounts, in spans of ten seconds."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: deque[list[int]] = deque()  # number of the span, requests, accepts

    def refuses(self, now: float, jitter: float) -> bool:
        """Count one request; True when it is not to be sent. ``jitter`` is in [0, 1)."""
        span = self._span(now)
        span[1] += 1
        if jitter < self._chance():
            return True
        span[2] += 1
        return False

    def receive_overload(self, sent: float) -> None:
        """Note that the service refused what was sent at ``sent``."""
        number = int(sent // _SPAN)
        span = next((span for span in self._spans if span[0] == number), None)
        if span is not None and span[2]:
            span[2] -= 1

    def chance(self, now: float) -> float:
        """Return the probability with which a request is refused."""
        self._forget(now)
        return self._chance()

    def _chance(self) -> float:
        requests = sum(span[1] for span in self._spans)
        accepts = sum(span[2] for span in self._spans)
        if requests < _LEAST_REQUESTS:
            return 0.0
        return max(0.0, (requests - _RATIO * accepts) / (requests + 1))

    def _span(self, now: float) -> list[int]:
        self._forget(now)
        number = int(now // _SPAN)
        if not self._spans or self._spans[-1][0] != number:
            self._spans.append([number, 0, 0])
        return self._spans[-1]

    def _forget(self, now: float) -> None:
        oldest = int((now - _WINDOW) // _SPAN)
        while self._spans and self._spans[0][0] <= oldest:
            self._spans.popleft()
