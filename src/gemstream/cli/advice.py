"""An error in one line: what went wrong, and what to do on the command line."""

from __future__ import annotations

from ..errors import (
    APIError,
    GemstreamError,
    Internal,
    MissingCredentials,
    NotFound,
    RateLimited,
    ResourceExhausted,
    SessionClosed,
    StreamingNotSupported,
    StreamInterrupted,
    StreamTruncated,
    TotalTimeout,
    Unavailable,
)

__all__ = ("describe",)

_NO_KEY = (
    "no API key: set GEMINI_API_KEY (or GOOGLE_API_KEY), store one with gemstream init, or name a "
    "file with --api-key-file; without a key, --emulate lets the local emulator answer"
)


def describe(error: GemstreamError) -> str:
    """Return ``error`` and the way out of it, on one line."""
    if isinstance(error, MissingCredentials):
        return _NO_KEY  # the library's own words are about arguments
    advice = _advice(error)
    said = " ".join(str(error).split())
    return f"{said.removesuffix('.')}; {advice}" if advice else said


def _advice(error: GemstreamError) -> str:
    """Return what helps, or ``""`` when the error's own message says it."""
    if isinstance(error, ResourceExhausted) and error.retry_delay is not None and not error.daily:
        return f"try again in {error.retry_delay:g} s"
    if isinstance(error, APIError) and error.hint:
        return ""
    if isinstance(error, SessionClosed):
        return next((advice for words, advice in _CLOSED if words in error.reason), "")
    return next((advice for kind, advice in _ADVICE if isinstance(error, kind)), "")


_ADVICE: tuple[tuple[type[GemstreamError] | tuple[type[GemstreamError], ...], str], ...] = (
    ((StreamTruncated, StreamInterrupted), "ask again for the whole answer"),
    (TotalTimeout, "--timeout raises the limit"),
    ((NotFound, StreamingNotSupported), "gemstream models lists what there is"),
    (ResourceExhausted, "try again in a minute, or with another model"),
    (RateLimited, "--tier names another tier, --no-rate-limit keeps no limits"),
    ((Unavailable, Internal), "try again in a moment"),
)
# What a close says, which is cut to 123 bytes.
_CLOSED = (
    ("session not found", "a handle holds for two hours; without --resume a session begins anew"),
    ("is not found", "gemstream models lists what there is"),
)
