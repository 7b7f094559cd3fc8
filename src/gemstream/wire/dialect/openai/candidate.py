"""A candidate of a chat answer between its first event and its last."""

from __future__ import annotations

from typing import Any

from ...codec import JSONObject

__all__ = ("OpenCall", "OpenCandidate")


class OpenCall:
    """A function call on its way."""

    __slots__ = ("is_custom", "pieces")

    def __init__(self, is_custom: bool) -> None:
        self.is_custom = is_custom
        self.pieces: list[str] = []


class OpenCandidate:
    """What is known of one candidate until its end."""

    __slots__ = (
        "calls",
        "extras",
        "fresh_image",
        "has_audio",
        "images",
        "is_closed",
        "is_empty",
        "notes",
        "number",
        "parts",
        "signatures",
        "text",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_closed = False
        self.is_empty = True  # nothing of the answer itself has come
        self.has_audio = False
        self.images = 0
        self.fresh_image: int | None = None  # the one that the last event brought
        self.text: list[str] = []
        self.calls: dict[int, OpenCall] = {}
        self.signatures: dict[int, str] = {}
        self.extras: JSONObject = {}
        self.parts: list[Any] = []
        self.notes: dict[str, bytes] = {}
