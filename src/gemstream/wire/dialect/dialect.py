"""Whose format it is."""

from __future__ import annotations

import enum

__all__ = ("Dialect",)


class Dialect(enum.Enum):
    """A format of requests, answers and errors."""

    GEMINI = "gemini"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
