"""What lets the tries of one request through: their waits count together against its patience."""

from __future__ import annotations

import asyncio

from ..limits.admission import Admission
from ..limits.limiter import Limiter
from ..policy.limit.tokens import Tokens
from ..telemetry.decision import Told

__all__ = ("Admitting",)


class Admitting:
    """Called for each try; ``patience``: seconds that all of them may wait, None for any time."""

    __slots__ = ("_limiter", "_patience", "_tokens", "_told")

    def __init__(
        self, limiter: Limiter, tokens: Tokens, patience: float | None, told: Told | None
    ) -> None:
        self._limiter = limiter
        self._tokens = tokens
        self._patience = patience
        self._told = told

    async def __call__(self) -> Admission:
        """Return the admission of the next try. Raises RateLimited. Safe to cancel."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        admission = await self._limiter.admit(self._tokens, self._patience, self._told)
        if self._patience is not None:
            self._patience = max(0.0, self._patience - (loop.time() - began))
        return admission
