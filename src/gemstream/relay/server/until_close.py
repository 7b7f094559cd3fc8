"""Answers without a length for callers of HTTP/1.0: the end of the connection is their end.

uvicorn frames them in chunks whoever asks; RFC 9112 §6.1 forbids that towards a caller who has not
said that it speaks 1.1, and such a caller takes the frames for the answer.
"""

from __future__ import annotations

from typing import Any

__all__ = ("answer_until_close",)


class _AnyLength(int):
    """A rest of a body that is never used up, and never missing."""

    def __sub__(self, sent: int) -> _AnyLength:
        return self

    def __gt__(self, sent: int) -> bool:
        return True

    def __lt__(self, sent: int) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def answer_until_close(cycle: Any) -> None:
    """Have uvicorn's ``cycle``, which has not begun to answer, frame nothing, and close behind it.

    A Content-Length that the application gives is sent as it is.
    """
    cycle.keep_alive = False
    cycle.chunked_encoding = False
    cycle.expected_content_length = _AnyLength()
