"""Relays side by side: each a process between callers and the stand-in for the service."""

from __future__ import annotations

from .contest import Contest

__all__ = ("Contest",)
