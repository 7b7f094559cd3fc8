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

    ``last`` is the newest chunk that the caller was given. None when there is no token, when
    something behind it was delivered, or when the answer ended at it, as at MAX_TOKENS.
    """
    given = () if last is None else (last,)
    for behind, chunk in enumerate((*reversed(undelivered), *given)):
        if _has_token(chunk):
            return None if chunk.is_final else behind
    return None


def _has_token(chunk: Chunk) -> bool:
    first = first_candidate(chunk.message)
    return first is not None and first.continuation_token is not None
