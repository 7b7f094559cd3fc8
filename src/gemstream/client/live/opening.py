"""How a session begins: its first connection, and what will bring it the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ...config.timeouts import Timeouts
from ...policy.capability import answers_client_content
from ...policy.live.memory import SessionMemory
from ...policy.live.reconnection import ReconnectPolicy
from ...policy.live.resumption import Resumption
from ...policy.live.switch import SwitchPolicy
from ...wire.live.setup import LiveSetup
from ..call import Admit
from ..service import Service
from .dialer import Dialer
from .lifeline import Lifeline
from .observation import Ended, LiveObservation, Told
from .revival import Revival

__all__ = ("SessionOpener",)

# A setup that is to resume was answered within a second wherever it was measured; one that is not
# answered is better tried again while the session's patience lasts.
_SETUP_PATIENCE = 10.0


class SessionOpener(msgspec.Struct, frozen=True):
    """All that a session needs to be opened; ``given``: the options of ``LiveOptions``.

    ``admit`` lets the tries to open it through. What brings a session back asks nobody: a session
    that waits for its turn under a limit would be lost.
    """

    service: Service
    setup: LiveSetup
    timeouts: Timeouts
    given: Mapping[str, Any]
    admit: Admit
    observation: LiveObservation

    async def open(self, told: Told, ended: Ended) -> Lifeline:
        """Return the open session's lifeline; raises what ``live`` tells."""
        with self.observation.opening():
            dialer = Dialer(self.service, self.timeouts, self.observation)
            opened = await dialer.open(self.setup, self.admit)
        asked = self.setup.session_resumption
        resumption = Resumption()
        if asked is not None:
            resumption = Resumption(asked.handle, transparent=bool(asked.transparent))
        switch = self.given.get("switch", SwitchPolicy())
        return Lifeline(opened, SessionMemory(resumption), self._revival(), switch, told, ended)

    def _revival(self) -> Revival | None:
        """Return what brings the session back; None when it is to be one connection."""
        policy = self.given.get("reconnect", True)
        if policy is False:
            return None
        first = self.timeouts.first_chunk
        timeouts = msgspec.structs.replace(
            self.timeouts,
            first_chunk=_SETUP_PATIENCE if first is None else min(first, _SETUP_PATIENCE),
        )
        return Revival(
            Dialer(self.service, timeouts, self.observation),
            self.setup,
            ReconnectPolicy() if policy is True else policy,
            takes_content=answers_client_content(self.setup.model or ""),
        )
