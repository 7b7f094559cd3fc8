"""Where a broken answer can go on without repeating or losing a word.

Only from the newest continuation token, and only when the caller was given nothing that came after
it: the next hop begins exactly there. Source: protocol notes on long decode, checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..wire.response import first_candidate
from .answer import Chunk

__all__ = ("chunks_behind_token",)


def chunks_behind_token(last: Chunk | None, undelivered: Sequence[Chunk]) -> int | None:
    """Return how many of the newest ``undelivered`` chunks came after the newest token.

    ``last`` is the newest chunk that the caller was given. None when there is no token, or when
    something behind it was delivered.
    """
    for behind, chunk in enumerate(reversed(undelivered)):
        if _has_token(chunk):
            return behind
    return len(undelivered) if last is not None and _has_token(last) else None


def _has_token(chunk: Chunk) -> bool:
    first = first_candidate(chunk.message)
    return first is not None and first.continuation_token is not None
