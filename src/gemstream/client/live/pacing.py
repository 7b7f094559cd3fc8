"""How fast one Live session says things: with whom it shares a limit, and how it waits."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from ...config.budget import budgeted
from ...config.limits import Limits
from ...errors import ConfigError, InvalidRequest
from ...limits.live_rate_limiter import LiveRateLimiter
from ...policy.limit.tokens import Tokens
from ...policy.live.message_count import counts_as_message
from ...telemetry.decision import Decision, Told
from ...wire.live.client_message import ClientMessage
from ..service import Service
from ..settings import Setup
from ..waits import Waits

__all__ = ("Pacing", "limiter_for", "limiter_of_client", "told_as")

_NOTHING = Tokens()


class Pacing:
    """Lets one session's messages through its limiter; without one nothing is counted."""

    __slots__ = ("_limiter", "_service", "_told", "_waits")

    def __init__(
        self, limiter: LiveRateLimiter | None, service: Service, told: Told | None
    ) -> None:
        self._limiter = limiter
        self._service = service
        self._told = told
        self._waits = Waits("the session is closed; open another one")

    def counts(self, message: ClientMessage) -> bool:
        """Return whether ``message`` has to wait for its turn."""
        return self._limiter is not None and counts_as_message(message)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a message may be sent, and count it when it was, inside.

        One that was refused before it was sent is not counted; one that broke may have arrived.
        Raises InvalidState when the session or its client closes meanwhile. Safe to cancel.
        """
        if self._limiter is None:
            yield
            return
        async with self._service.waiting(), self._waits.waiting():
            admission = await self._limiter.admit(self._told)
        try:
            yield
        except BaseException as error:
            admission.failed(error)
            raise
        admission.ended(_NOTHING)

    def close(self) -> None:
        """Let nothing wait any more: the session is over."""
        self._waits.close()


def limiter_of_client(given: Mapping[str, Any], setup: Setup) -> LiveRateLimiter | None:
    """Return what all Live sessions of a client share: its tier's, None for no limit.

    Limits of the caller's own are instead of a tier's, and ``limits=None`` is none at all.
    """
    tier = setup.options.tier
    if "limits" in given or tier is None or tier.live_messages_per_minute is None:
        return None
    share = budgeted(Limits(rpm=tier.live_messages_per_minute), setup.options.config.budget)
    setting = f"tier {tier.name}, {setup.options.origins['tier']}"
    return LiveRateLimiter(share.rpm, setting=setting)


def limiter_for(
    given: Mapping[str, Any], of_client: LiveRateLimiter | None
) -> LiveRateLimiter | None:
    """Return the limiter of a session with these options; raises InvalidRequest."""
    limiter, amount = given.get("rate_limiter"), given.get("messages_per_minute")
    if limiter is not None and amount is not None:
        raise InvalidRequest(
            "rate_limiter and messages_per_minute exclude each other; pass one of them"
        )
    if limiter is not None and not isinstance(limiter, LiveRateLimiter):
        raise InvalidRequest(
            f"rate_limiter is {limiter!r:.80}; pass a LiveRateLimiter(messages_per_minute)"
        )
    if amount is None:
        return limiter or of_client
    try:
        return LiveRateLimiter(amount)
    except ConfigError as error:
        raise InvalidRequest(str(error)) from None


def told_as(scope: str, told: Told | None) -> Told | None:
    """Return what tells ``told`` of waits as those of ``scope``, an account and a model."""
    if told is None:
        return None
    listener = told

    def tell(decision: Decision) -> None:
        listener(msgspec.structs.replace(decision, scope=scope))

    return tell
