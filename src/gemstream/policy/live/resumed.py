"""What a session that goes on in another connection tells of it.

These events are ours, not the service's: they stand in the session's iteration where the break was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ...wire.live.client_message import ClientMessage
from .server_event import Event, ServerEvent

__all__ = ("Disconnected", "Resumed", "SessionEvent")


class Disconnected(Event, frozen=True, gc=False):
    """The connection is over and another one is sought; ``Resumed`` or an error follows.

    ``code`` 1006 when it broke without a close. ``is_planned``: we left it ourselves, before the
    service did. Calls of functions that were open are cancelled.
    """

    code: int
    reason: str = ""
    is_planned: bool = False


class Resumed(Event, frozen=True, gc=False, kw_only=True):
    """The session goes on in another connection.

    ``state_restored``: the service goes on from what it knew; False for a session begun afresh,
    which was told ``history_turns`` turns of what had been said, in writing. ``turn_is_lost``: the
    answer that was due will not come, or no further: ask again. ``may_be_lost``: messages that the
    service may not know and that were not repeated, the oldest first; ``forgotten``: how many more
    there were, too old or too many to keep. ``repeated``: how many messages went out again.
    ``gap``: seconds without a connection. ``attempts``: connections tried for it.
    """

    state_restored: bool
    turn_is_lost: bool = False
    may_be_lost: Sequence[ClientMessage] = ()
    forgotten: int = 0
    repeated: int = 0
    history_turns: int = 0
    gap: float = 0.0
    attempts: int = 1


SessionEvent: TypeAlias = ServerEvent | Disconnected | Resumed
