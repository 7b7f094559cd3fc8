"""One hop of a long answer: from where the last one ended, as far as one request may go.

Strategy. The whole answer is made anew in every hop, for the same request makes the same answer,
and cut: thoughts that are not shown first, then the parts in their order, measured in characters.

Source: https://ai.google.dev/gemini-api/docs/long-decode.
"""

from __future__ import annotations

import msgspec

from ...wire.content import Part
from ...wire.response import FinishReason
from .answer import Draft
from .checkpoint import Checkpoints
from .text_pieces import graphemes, shortened
from .token_count import CHARACTERS_PER_TOKEN, answer_size

__all__ = ("STREAM_HOP_TOKENS", "WHOLE_HOP_TOKENS", "can_continue", "hop_of")

STREAM_HOP_TOKENS = 65_536
WHOLE_HOP_TOKENS = 32_768
_CHECKPOINT_TOKENS = 1024  # about a page; a dropped stream loses no more than that


def can_continue(model: str) -> bool:
    """True for a model whose answers may be longer than one request."""
    return model.startswith("gemini-4")


def hop_of(draft: Draft, *, start: int, tokens: int, fingerprint: bytes) -> Draft:
    """Return the piece of ``draft`` from character ``start`` on, at most ``tokens`` long.

    What is left is announced by CONTINUATION and a token; so is an answer that met its budget,
    for the budget may be raised. A character that is longer than a hop is a hop of its own.
    """
    cut = _Cut(start, start + tokens * CHARACTERS_PER_TOKEN)
    hidden = cut.take_hidden(draft.hidden_thoughts)
    for part in draft.parts:
        cut.take(part)
    every = max(1, min(_CHECKPOINT_TOKENS, tokens // 4)) * CHARACTERS_PER_TOKEN
    checkpoints = Checkpoints(fingerprint, start + hidden, every)
    reason = FinishReason.CONTINUATION if cut.is_full else draft.finish_reason
    closing = draft.closing
    if reason in (FinishReason.CONTINUATION, FinishReason.MAX_TOKENS):
        token = checkpoints.token_at(max(start, cut.told))
        closing = msgspec.structs.replace(closing, continuation_token=token)
    return msgspec.structs.replace(
        draft,
        parts=cut.parts,
        finish_reason=reason,
        hidden_thoughts=hidden,
        closing=closing,
        checkpoints=checkpoints,
    )


class _Cut:
    """Takes the parts that lie between two positions."""

    __slots__ = ("_end", "_position", "_start", "is_full", "parts", "told")

    def __init__(self, start: int, end: int) -> None:
        self._start = start
        self._end = end
        self._position = 0  # where the next part begins
        self.told = 0  # up to where the answer is told after this hop
        self.parts: list[Part] = []
        self.is_full = False

    def take_hidden(self, size: int) -> int:
        """Take the thoughts that are not shown; return how much of them is in the hop."""
        self._position = size
        self.told = min(size, self._end)
        self.is_full = size > self._end
        return max(0, self.told - self._start)

    def take(self, part: Part) -> None:
        """Take what of ``part`` lies in the hop."""
        begin, size = self._position, answer_size(part)
        self._position += size
        if self.is_full:
            return
        if part.is_plain_text and part.text:
            self._take_text(part, begin)
        elif size and begin >= self._end:
            self.is_full = True
        elif begin >= self._start if size else self._meets(begin):
            self.parts.append(part)
            self.told = self._position

    def _meets(self, place: int) -> bool:
        """True in the one hop of a part without size: the hop that tells what is before it."""
        return place > self._start or place == self._start == 0

    def _take_text(self, part: Part, begin: int) -> None:
        start = max(self._start, begin)
        text = (part.text or "")[start - begin :]
        if not text:
            return
        shown = shortened(text, max(0, self._end - start))
        if not shown and self.told <= self._start:
            shown = next(graphemes(text))
        if shown:
            self.parts.append(Part(text=shown, thought=part.thought))
            self.told = start + len(shown)
        self.is_full = shown != text
