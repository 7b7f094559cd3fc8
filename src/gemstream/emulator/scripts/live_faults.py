"""What can befall a Live session besides what every answer can meet; plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ...errors import ConfigError
from ...wire.live.close_code import MAX_REASON, close_code
from .faults import Fault

__all__ = ("LIVE_FAULTS", "Close", "GoAway", "HalfFrame", "Lifetime", "LiveFault")


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
        _check_close(self.code, self.reason)


class Lifetime(LiveFault, frozen=True, kw_only=True):
    """The connection lives for ``seconds``, then the service closes with ``code`` and ``reason``.

    ``farewell`` seconds before, it says so (goAway); 0 says nothing. The life is counted from
    when the connection was opened, by the emulator's clock. Raises ConfigError as Close does, and
    for a farewell longer than the life.
    """

    seconds: float = 600.0
    farewell: float = 50.0
    code: int = 1011
    reason: str = "Deadline expired before operation could complete."

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        _check_close(self.code, self.reason)
        if self.farewell > self.seconds:
            raise ConfigError(
                f"farewell should be at most the {self.seconds:g} seconds of the connection's "
                f"life, not {self.farewell:g}"
            )


class HalfFrame(LiveFault, frozen=True, kw_only=True):
    """The connection breaks in the middle of a frame that was to have ``bytes`` bytes.

    Where the client runs in this process there are no frames, and it breaks here.
    """

    least: ClassVar[Mapping[str, int]] = {"bytes": 2}
    bytes: int = 1000


def _check_close(code: int, reason: str) -> None:
    if not close_code(code).may_be_sent:
        raise ConfigError(
            f"code should be a close code that a peer may send, not {code}; for a "
            "connection without a close frame use the fault 'cut'"
        )
    if len(reason.encode()) > MAX_REASON:
        raise ConfigError(
            f"reason should have at most {MAX_REASON} bytes: a close frame holds no more"
        )


LIVE_FAULTS: Mapping[str, type[Fault]] = {
    "go_away": GoAway,
    "close": Close,
    "lifetime": Lifetime,
    "half_frame": HalfFrame,
}
