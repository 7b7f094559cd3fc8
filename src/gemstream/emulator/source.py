"""Where answers come from when neither a script nor the built-in model gives them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import ConfigError
from ..net.recording import Recording
from .exchange import Exchange
from .recorder import Recorder
from .replay import Replay

__all__ = ("Source", "source_of")

Sleep = Callable[[float], Awaitable[None]]


class Source(Protocol):
    """Answers every API request of an emulator."""

    @property
    def judges(self) -> bool:
        """True when keys and heads are judged there and not by the emulator."""
        ...

    async def answer(self, exchange: Exchange, sleep: Sleep) -> None:
        """Answer ``exchange`` to its end; raises APIError before the head, Cut after it."""
        ...

    def reset(self) -> None:
        """Begin anew."""
        ...


def source_of(
    replay: Replay | Sequence[Recording | Path | str],
    record: Recorder | None,
    *,
    is_scripted: bool,
) -> Source | None:
    """Return the one source that is meant, None for the emulator's own answers.

    Raises ConfigError when several are, and what Replay does.
    """
    replaying = replay if isinstance(replay, Replay) else Replay(replay) if replay else None
    given = {"a script": is_scripted, "replay": replaying, "record": record}
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        raise ConfigError(
            f"{' and '.join(names)} exclude each other: each would answer every request; choose one"
        )
    return replaying or record
