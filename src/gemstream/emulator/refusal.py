"""The errors of the service in its own words, each made in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import APIError, DecodeError
from ..wire.codec import Message
from ..wire.scalar import encode_duration
from ..wire.status import (
    BadRequest,
    ErrorInfo,
    FieldViolation,
    Help,
    LocalizedMessage,
    QuotaFailure,
    QuotaViolation,
    RetryInfo,
    api_error,
)
from .quota import Excess
from .scripts.faults import ErrorFault

__all__ = (
    "bad_continuation_token",
    "bad_json",
    "bad_key",
    "bad_page_token",
    "bad_token",
    "bad_value",
    "deadline_exceeded",
    "deadline_too_short",
    "internal",
    "invalid",
    "missing_cache",
    "missing_credentials",
    "missing_key",
    "not_loopback",
    "not_served",
    "over_quota",
    "retired_model",
    "scripted_error",
    "too_large",
    "unknown_fields",
    "unknown_model",
    "unknown_publisher_model",
    "unsupported_encoding",
)

_SERVICE = "generativelanguage.googleapis.com"


def bad_key() -> APIError:
    """The key is not one."""
    message = "API key not valid. Please pass a valid API key."
    info = ErrorInfo(
        reason="API_KEY_INVALID", domain="googleapis.com", metadata={"service": _SERVICE}
    )
    localized = LocalizedMessage(locale="en-US", message=message)
    return api_error(400, message, details=[info, localized])


def missing_key() -> APIError:
    """No key and no token came along."""
    return api_error(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def bad_token() -> APIError:
    """The bearer token is not one."""
    info = ErrorInfo(reason="ACCESS_TOKEN_TYPE_UNSUPPORTED", domain="googleapis.com")
    return api_error(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        details=[info],
    )


def missing_credentials() -> APIError:
    """No token and no key came along to Vertex."""
    info = ErrorInfo(
        reason="CREDENTIALS_MISSING",
        domain="googleapis.com",
        metadata={"service": "aiplatform.googleapis.com"},
    )
    return api_error(
        401,
        "Request is missing required authentication credential. Expected OAuth 2 access token, "
        "login cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        details=[info],
    )


def unknown_publisher_model(resource: str) -> APIError:
    """Vertex has no such model, or the project may not use it."""
    return api_error(
        404,
        f"Publisher Model `{resource}` was not found or your project does not have access to it. "
        "Please ensure you are using a valid model version. For more information, see: "
        "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
    )


def unknown_model(resource: str, version: str, method: str) -> APIError:
    """There is no such model, or it cannot do that."""
    return api_error(
        404,
        f"{resource} is not found for API version {version}, or is not supported for {method}. "
        "Call ListModels to see the list of available models and their supported methods.",
    )


def retired_model(resource: str, replacement: str) -> APIError:
    """The model was switched off; the message names another."""
    return api_error(
        404, f"{resource} is no longer available. Please use {replacement} for newer requests."
    )


def not_served(method: str, path: str) -> APIError:
    """The emulator does not know this path."""
    return api_error(
        404,
        f"the emulator does not serve {method} {path}; it serves generateContent, "
        "streamGenerateContent, countTokens, embedContent, batchEmbedContents, models and "
        "auth_tokens",
    )


def missing_cache(name: str) -> APIError:
    """The request builds on a cache that is not there."""
    return api_error(404, f"{name} is not found: the emulator keeps no cached contents")


def not_loopback() -> APIError:
    """A control endpoint was called from another machine."""
    return api_error(403, "the emulator's controls answer this machine only")


def bad_json(error: DecodeError) -> APIError:
    """The body is not JSON."""
    reason = str(error).partition("(")[2].partition("):")[0]
    return api_error(400, f"Invalid JSON payload received. {reason}")


def bad_value(error: DecodeError) -> APIError:
    """A field has a value of the wrong type."""
    field = error.path.removeprefix("$").removeprefix(".")
    shown = error.excerpt.decode("utf-8", "replace")
    message = f"Invalid value at '{field}', {shown}" if field else f"Invalid value: {shown}"
    return _bad_request(message, [(field, message)])


def unknown_fields(found: Iterable[tuple[str, str]]) -> APIError:
    """The body has fields that the service does not know."""
    violations = []
    for path, name in found:
        where = f" at '{path}'" if path else ""
        message = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
        violations.append((path, message))
    return _bad_request("\n".join(message for _, message in violations), violations)


def invalid(message: str) -> APIError:
    """The request breaks a rule of its fields."""
    return api_error(400, message)


def bad_continuation_token(reason: str) -> APIError:
    """The continuation token goes nowhere."""
    return api_error(400, f"Invalid value at 'continuation_token': {reason}.")


def bad_page_token() -> APIError:
    """The page token is not one that was given."""
    return api_error(400, "Page token is not valid.")


def too_large(limit: int) -> APIError:
    """The body is larger than the service takes."""
    return api_error(
        400,
        f"Request payload size exceeds the limit: {limit} bytes. Please use a smaller payload size "
        "or upload the files first.",
    )


def unsupported_encoding(encoding: str) -> APIError:
    """The body comes in an encoding the service does not read, or is broken in it."""
    return api_error(400, f"Request body cannot be read as Content-Encoding {encoding}.")


def deadline_exceeded() -> APIError:
    """The answer took longer than the client's X-Server-Timeout."""
    return api_error(504, _WORDS[504])


def deadline_too_short(seconds: int) -> APIError:
    """X-Server-Timeout is below the service's floor."""
    return api_error(
        400,
        f"Manually set deadline {seconds}s is too short. Minimum allowed deadline is 10s.",
    )


def internal() -> APIError:
    """The emulator has a defect."""
    return api_error(500, "An internal error has occurred. Please retry or report in the log.")


_WORDS = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials.",
    403: "The caller does not have permission.",
    404: "Requested entity was not found.",
    408: "Request timed out.",
    429: "Resource has been exhausted (e.g. check quota).",
    499: "The operation was cancelled.",
    500: "An internal error has occurred. Please retry or report in "
    "https://developers.generativeai.google/guide/troubleshooting",
    502: "Bad gateway.",
    503: "The model is overloaded. Please try again later.",
    504: "Deadline expired before operation could complete.",
}


def over_quota(excesses: Sequence[Excess], model: str, *, bare: bool = False) -> APIError:
    """The request would exceed limits, all of them listed; ``bare`` says only so, as Vertex does.

    The delay is that of the limit that frees last, to the nanosecond.
    """
    if bare:
        return api_error(429, _WORDS[429])
    violations = [_violation(one.quota.value, str(one.limit), model) for one in excesses]
    delay = max((one.delay for one in excesses if one.delay is not None), default=None)
    seconds = None if delay is None else delay / 1e9
    message = _quota_message(violations, model, seconds)
    details: list[Message] = [_QUOTA_HELP, QuotaFailure(violations=violations)]
    if seconds is not None:
        details.append(RetryInfo.of(seconds))
    return api_error(429, message, details=details)


def scripted_error(fault: ErrorFault, model: str) -> APIError:
    """Return the error that a script's fault asks for, in the service's words where it has none."""
    details: list[object] = []
    message = fault.message or _WORDS.get(fault.code, f"Scripted error {fault.code}.")
    if fault.quota is not None:
        violation = _violation(fault.quota, fault.quota_value, model)
        message = fault.message or _quota_message([violation], model, fault.retry_delay)
        details += [_QUOTA_HELP, QuotaFailure(violations=[violation])]
    if fault.retry_delay is not None:
        details.append(RetryInfo.of(fault.retry_delay))
    details += fault.details
    return api_error(fault.code, message, status=fault.status, details=details)  # type: ignore[arg-type]


_QUOTA_HELP = Help(
    links=[
        {
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }
    ]
)


# By a word of the quota's id; the empty one is in every id.
_COUNTED = {"Token": "input_token_count", "Concurrent": "concurrent_requests", "": "requests"}


def _violation(quota: str, value: str, model: str) -> QuotaViolation:
    plan = "free" if "FreeTier" in quota else "paid"
    counted = next(words for word, words in _COUNTED.items() if word in quota)
    return QuotaViolation(
        quota_metric=f"{_SERVICE}/generate_content_{plan}_tier_{counted}",
        quota_id=quota,
        quota_dimensions={"location": "global", "model": model},
        quota_value=value,
    )


def _quota_message(violations: Sequence[QuotaViolation], model: str, delay: float | None) -> str:
    exceeded = "".join(
        f"\n* Quota exceeded for metric: {one.quota_metric}, limit: {one.quota_value}, "
        f"model: {model}"
        for one in violations
    )
    retry = f"\nPlease retry in {encode_duration(delay)}." if delay is not None else ""
    return (
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. "
        "To monitor your current usage, head to: https://ai.dev/rate-limit. "
        f"{exceeded}{retry}"
    )


def _bad_request(message: str, violations: Sequence[tuple[str, str]]) -> APIError:
    fields = [FieldViolation(field=field or None, description=said) for field, said in violations]
    return api_error(400, message, details=[BadRequest(field_violations=fields)])
