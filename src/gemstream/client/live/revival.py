"""Bringing a session back: connection after connection, as the policy judges, until one stands."""

from __future__ import annotations

import asyncio
import random

import msgspec

from ...errors import GemstreamError, SessionClosed
from ...policy.live.memory import SessionMemory
from ...policy.live.reconnection import Loss, Outage, Reconnect, ReconnectPolicy, Stop
from ...policy.live.server_event import Closed, ServerEvent
from ...policy.live.transcript import Transcript
from ...wire.live.setup import HistoryConfig, LiveSetup, SessionResumption
from .connection import LiveConnection
from .dialer import Dialer

__all__ = ("Revival", "Revived")


class Revived(msgspec.Struct, frozen=True):
    """The connection that stands, what came with its setup, and how many were tried.

    ``restores_state``: it was opened with a handle. ``outage``: as it stands now.
    """

    connection: LiveConnection
    events: list[ServerEvent]
    restores_state: bool
    outage: Outage


class Revival:
    """How a session is brought back; ``takes_content``: its model takes content at any time."""

    __slots__ = ("_dialer", "_policy", "_setup", "takes_content")

    def __init__(
        self, dialer: Dialer, setup: LiveSetup, policy: ReconnectPolicy, *, takes_content: bool
    ) -> None:
        self._dialer = dialer
        self._policy = policy
        self._setup = setup
        self.takes_content = takes_content

    @property
    def patience(self) -> float:
        """For how many seconds another connection is sought."""
        return self._policy.patience

    def judge(self, loss: Loss, outage: Outage) -> Reconnect | Stop:
        """Return what is to be done about the loss of a connection that stood."""
        now = asyncio.get_running_loop().time()
        return self._policy.verdict(loss, outage, now=now, jitter=random.random())

    async def dial(self) -> LiveConnection:
        """Return a connection that waits to be set up; raises when the first try fails."""
        return await self._dialer.dial()

    async def move(self, dialed: LiveConnection, loss: Loss, memory: SessionMemory) -> Revived:
        """Return ``dialed`` set up, or what ``run`` brings when that fails."""
        outage = Outage(asyncio.get_running_loop().time())
        verdict = Reconnect(0.0, memory.resumption.handle_at(outage.since))
        return await self._seek(loss, outage, verdict, memory, dialed)

    async def run(
        self, loss: Loss, outage: Outage, verdict: Reconnect, memory: SessionMemory
    ) -> Revived:
        """Return the connection in which the session goes on; raises what its user is told.

        ``verdict``: what ``judge`` said. Cancelling leaves nothing open.
        """
        return await self._seek(loss, outage, verdict, memory, None)

    async def _seek(
        self,
        loss: Loss,
        outage: Outage,
        verdict: Reconnect,
        memory: SessionMemory,
        dialed: LiveConnection | None,
    ) -> Revived:
        now = asyncio.get_running_loop().time
        while True:
            if verdict.is_void:
                memory.resumption.give_up_handle()
            outage = outage.after(verdict)
            await asyncio.sleep(verdict.delay)
            setup = self._setup_with(verdict.handle, memory.transcript)
            try:
                opened = await self._dialer.set_up(setup, dialed, number=outage.attempts)
            except GemstreamError as error:
                handle = memory.resumption.handle_at(now())
                loss = _loss_of(error, loss, handle=handle, with_handle=verdict.restores_state)
            else:
                return Revived(*opened, verdict.restores_state, outage)
            dialed = None
            following = self._policy.verdict(loss, outage, now=now(), jitter=random.random())
            if isinstance(following, Stop):
                raise following.error
            verdict = following

    def _setup_with(self, handle: str | None, transcript: Transcript) -> LiveSetup:
        """Return the setup of a connection that goes on from ``handle``, or from words alone."""
        base = self._setup.session_resumption or SessionResumption()
        history = None
        if handle is None and not transcript.turns:
            history = self._setup.history_config  # the program's own is still to be told
        elif handle is None and not self.takes_content:
            history = HistoryConfig(initial_history_in_client_content=True)
        return msgspec.structs.replace(
            self._setup,
            session_resumption=msgspec.structs.replace(base, handle=handle),
            history_config=history,
        )


def _loss_of(error: GemstreamError, before: Loss, *, handle: str | None, with_handle: bool) -> Loss:
    """Return what a failed try means after the loss before it."""
    closed = None
    if isinstance(error, SessionClosed):
        closed = Closed(error.code, error.reason, in_setup=True)
    return Loss(
        closed=closed,
        error=error if closed is None else None,
        handle=handle,
        with_handle=with_handle,
        after_farewell=before.after_farewell,
    )
