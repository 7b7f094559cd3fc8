"""What can befall a Live session besides what every answer can meet; plain values."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import ConfigError
from ...wire.live.close_code import close_code
from .faults import Fault

__all__ = ("LIVE_FAULTS", "Close", "GoAway", "LiveFault")


class LiveFault(Fault, frozen=True, kw_only=True):
    """Base of the faults that only a Live session has."""


class GoAway(LiveFault, frozen=True, kw_only=True):
    """The service says that it will close in ``time_left`` seconds; whether it does is a Close."""

    time_left: float = 10.0

    @property
    def ends(self) -> bool:
        """False: the session goes on."""
        return False


class Close(LiveFault, frozen=True, kw_only=True):
    """The service closes with ``code`` and ``reason``.

    Raises ConfigError for a code that no peer may send, as 1006: that is a cut.
    """

    code: int = 1011
    reason: str = ""

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not close_code(self.code).may_be_sent:
            raise ConfigError(
                f"code should be a close code that a peer may send, not {self.code}; for a "
                "connection without a close frame use the fault 'cut'"
            )
        if len(self.reason.encode()) > 123:
            raise ConfigError("reason should have at most 123 bytes: a close frame holds no more")


LIVE_FAULTS: Mapping[str, type[Fault]] = {"go_away": GoAway, "close": Close}
