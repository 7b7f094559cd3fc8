"""What to do about an error of the service, in the words of gemstream's own options."""

from __future__ import annotations

from ..errors import APIError, NotFound, PermissionDenied, ResourceExhausted, Unauthenticated

__all__ = ("default_model_hint", "hint_for")


def hint_for(error: APIError) -> str:
    """Return what helps against ``error``, or ``""`` when its own message says it all."""
    if isinstance(error, Unauthenticated):
        return "check api_key, or GOOGLE_API_KEY and GEMINI_API_KEY in the environment"
    if isinstance(error, PermissionDenied) and error.reason == "SERVICE_DISABLED":
        return "enable the API for the project of this key, or use another key"
    if isinstance(error, ResourceExhausted) and error.daily:
        return "a daily quota is used up until midnight US/Pacific; use another model or tier"
    if isinstance(error, NotFound) and error.replacement:
        return f"the service names {error.replacement!r} instead"
    if "deadline" in error.message and "too short" in error.message:
        return "raise timeouts.total to at least 10 seconds"
    return ""


def default_model_hint(error: NotFound, model: str) -> str:
    """Return how to choose another model than our default, which the service no longer has."""
    named = error.replacement
    choice = f"model={named.removeprefix('models/')!r}" if named else "another model"
    return (
        f"{model!r} is gemstream's default model; pass {choice} to the call or to the client "
        "(gemstream models lists them)"
    )
