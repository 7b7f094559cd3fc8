"""The one exception tree of gemstream.

Everything the library raises on purpose is one of these; exceptions of the libraries
underneath are translated in ``net`` and never reach a caller.

::

    GemstreamError                      .retryable  .retry_at  .delivered
    │                                   .partial  .usage  .cost  .continuation_token
    ├── InvalidRequest (ValueError)     cannot be sent, nothing was
    │   ├── StreamingNotSupported       .model
    │   ├── UnsupportedMedia            .mime_type
    │   ├── MissingCredentials
    │   └── ConfigError
    ├── InvalidState (RuntimeError)     right call, wrong time
    ├── TransportError                  bytes could not move
    │   ├── ConnectFailed               nothing was sent
    │   ├── StreamInterrupted           the wire broke after something was sent
    │   └── StreamTimeout (TimeoutError)  .timeout
    │       ├── ConnectTimeout · FirstChunkTimeout · IdleTimeout · TotalTimeout
    ├── ProtocolError                   the service broke the rules   .excerpt .offset
    │   ├── DecodeError                 .path
    │   └── StreamTruncated             a clean end without a finish reason
    ├── BudgetExceeded                  going on would cost more than max_cost, or than a key's
    │                                   budget   .max_cost .period .retry_delay
    ├── APIError                        the service answered with an error
    │   │                               .code .status .message .details .retry_delay
    │   ├── InvalidArgument · Unauthenticated · PermissionDenied · NotFound
    │   ├── ResourceExhausted           .quotas .daily
    │   ├── Cancelled · DeadlineExceeded
    │   └── Unavailable · Internal
    ├── RateLimited                     our own limiter refused, nothing was sent
    │                                   .quota .limit .retry_delay
    ├── SessionClosed                   a Live session ended   .code .reason .resumable
    │   ├── SessionClosedOK             with a normal close
    │   └── SessionClosedError
    └── StoreUnavailable                state shared with other processes is out of reach

A finish reason (``SAFETY``, ``MAX_TOKENS``, …) is data, not an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

__all__ = (
    "APIError",
    "BudgetExceeded",
    "Cancelled",
    "ConfigError",
    "ConnectFailed",
    "ConnectTimeout",
    "DeadlineExceeded",
    "DecodeError",
    "FirstChunkTimeout",
    "GemstreamError",
    "IdleTimeout",
    "Internal",
    "InvalidArgument",
    "InvalidRequest",
    "InvalidState",
    "MissingCredentials",
    "NotFound",
    "PermissionDenied",
    "ProtocolError",
    "RateLimited",
    "ResourceExhausted",
    "SessionClosed",
    "SessionClosedError",
    "SessionClosedOK",
    "StoreUnavailable",
    "StreamInterrupted",
    "StreamTimeout",
    "StreamTruncated",
    "StreamingNotSupported",
    "TotalTimeout",
    "TransportError",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMedia",
)


class GemstreamError(Exception):
    """Root of everything gemstream raises.

    ``retryable``: the same call may succeed later. ``retry_at``: the earliest useful moment on
    the event loop's clock, when it is known. ``delivered``: chunks the caller had received before
    it was raised; a call that delivered something is never retried.

    Of an answer that broke off: ``partial`` is the text received before, ``usage`` the token counts
    known by then, ``cost`` what they cost when the model's price is known, ``continuation_token``
    the newest token the service gave for going on from there.
    """

    retryable: bool = False
    retry_at: float | None = None
    delivered: int = 0
    partial: str = ""
    usage: Any = None
    cost: Any = None
    continuation_token: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only constructors break the default protocol; an error must reach the parent
        # of a worker process whole.
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(
    kind: type[GemstreamError], args: tuple[Any, ...], state: dict[str, Any]
) -> GemstreamError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidRequest(GemstreamError, ValueError):
    """The call cannot be sent as it is; nothing was."""


class StreamingNotSupported(InvalidRequest):
    """The model cannot stream what was asked of it."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"model {model!r} does not stream: it has neither streamGenerateContent nor a Live "
            "session; call a method it supports (client.models.get lists them) or another model"
        )
        self.model = model


class UnsupportedMedia(InvalidRequest):
    """A file or blob has a media type that cannot be sent, or none that can be told."""

    def __init__(self, message: str, *, mime_type: str | None = None) -> None:
        super().__init__(message)
        self.mime_type = mime_type


class MissingCredentials(InvalidRequest):
    """No API key or other credential was given or found."""


class ConfigError(InvalidRequest):
    """An option has a value that cannot be used."""


class InvalidState(GemstreamError, RuntimeError):
    """The right call at the wrong time: a closed client, a second reader of one stream."""


class TransportError(GemstreamError):
    """Bytes could not move between here and the service."""


class ConnectFailed(TransportError):
    """No connection came about; nothing was sent."""

    retryable = True


class StreamInterrupted(TransportError):
    """The connection broke after something was sent."""

    retryable = True


class StreamTimeout(TransportError, TimeoutError):
    """One of the four timeouts passed; ``timeout`` is its length in seconds."""

    def __init__(self, message: str, *, timeout: float | None = None) -> None:
        super().__init__(message)
        self.timeout = timeout


class ConnectTimeout(StreamTimeout):
    """No connection came about within the ``connect`` timeout; nothing was sent."""

    retryable = True


class FirstChunkTimeout(StreamTimeout):
    """The service accepted the request and sent no chunk within ``first_chunk``."""

    retryable = True


class IdleTimeout(StreamTimeout):
    """The stream had begun and then brought nothing for ``idle`` seconds."""


class TotalTimeout(StreamTimeout):
    """The call, all its attempts and waits included, took longer than ``total``."""


class ProtocolError(GemstreamError):
    """The service broke the rules of the protocol.

    ``excerpt``: the beginning of the bytes in question. ``offset``: where in the body they stand.
    """

    def __init__(self, message: str, *, excerpt: bytes = b"", offset: int | None = None) -> None:
        super().__init__(message)
        self.excerpt = excerpt
        self.offset = offset


class DecodeError(ProtocolError):
    """Bytes that should be JSON of a known shape are not; ``path`` is where, as ``$.a[0].b``."""

    def __init__(
        self, message: str, *, excerpt: bytes = b"", offset: int | None = None, path: str = "$"
    ) -> None:
        super().__init__(message, excerpt=excerpt, offset=offset)
        self.path = path


class StreamTruncated(ProtocolError):
    """The stream ended cleanly although no finish reason had arrived: the answer is cut short."""

    retryable = True


class BudgetExceeded(GemstreamError):
    """Going on would cost more than the call's ``max_cost``, in USD; what had come is on it.

    ``cost``: what the answer cost until then, with an estimate of what the service had not counted
    yet. Raised before anything is sent only when the prompt alone is sure to cost more.

    Of a relay's key: ``max_cost`` is its budget for ``period`` ("day", "month" or "total"), and
    ``retry_delay`` the seconds until that is over, None when it never is.
    """

    def __init__(
        self,
        message: str,
        *,
        max_cost: Decimal,
        period: str = "",
        retry_delay: float | None = None,
    ) -> None:
        super().__init__(message)
        self.max_cost = max_cost
        self.period = period
        self.retry_delay = retry_delay


class APIError(GemstreamError):
    """The service answered with an error.

    ``code``: the HTTP code. ``status``: the canonical name, as ``RESOURCE_EXHAUSTED``.
    ``message``: the service's own words. ``details``: its typed details (``wire.status``).
    ``retry_delay``: seconds the service asks to wait, when it says.
    ``hint``: what gemstream adds: the option or action that helps.
    Source: google.rpc.Status and https://google.aip.dev/193.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int,
        status: str,
        details: Sequence[Any] = (),
        retry_delay: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = tuple(details)
        self.retry_delay = retry_delay
        self.hint = hint

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.code} {self.status}: {self.message}{hint}"

    @property
    def reason(self) -> str | None:
        """The ``reason`` of the error's ErrorInfo detail, as ``API_KEY_INVALID``."""
        return next((d.reason for d in self.details if getattr(d, "reason", None)), None)


class InvalidArgument(APIError):
    """400: the service refuses the request as it is."""


class Unauthenticated(APIError):
    """401, or a 400 with reason ``API_KEY_INVALID``: the credentials are not accepted."""


class PermissionDenied(APIError):
    """403: the credentials are not allowed to do this."""


class NotFound(APIError):
    """404: no such model or resource; ``replacement`` is the model the service names instead."""

    replacement: str | None = None


class ResourceExhausted(APIError):
    """429: a quota is used up.

    ``quotas``: the violated quotas as the service lists them. ``daily``: one of them is a
    per-day quota, so waiting a minute does not help and it is not retryable.
    """

    quotas: Sequence[Mapping[str, Any]] = ()
    daily: bool = False


class Cancelled(APIError):
    """499: the service says the request was cancelled."""


class DeadlineExceeded(APIError):
    """504: the service's own deadline passed."""


class Unavailable(APIError):
    """502, 503 or UNAVAILABLE: overloaded or down for the moment."""


class Internal(APIError):
    """500 and other 5xx: an error inside the service."""


class RateLimited(GemstreamError):
    """Our own limiter did not let the request through; nothing was sent.

    ``quota``: the limit that is full, as ``rpm``; ``limit``: its amount. ``retry_delay``: seconds
    until it would fit, None when that is up to what still runs. A request that is larger than a
    whole limit is not retryable.
    """

    def __init__(
        self,
        message: str,
        *,
        quota: str = "",
        limit: int | None = None,
        retry_delay: float | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(message)
        self.quota = quota
        self.limit = limit
        self.retry_delay = retry_delay
        self.retryable = retryable


class SessionClosed(GemstreamError):
    """A Live session has ended.

    ``code`` and ``reason`` are those of the WebSocket's close; 1006 stands for a connection that
    broke without one. ``resumable``: a handle is left from which a new session can go on.
    ``retry_delay``: seconds to leave the service alone, when the code asks for it.
    Source: RFC 6455 §7.4; ``wire.live.close_code`` says what each code means.
    """

    def __init__(
        self, message: str, *, code: int = 1006, reason: str = "", resumable: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.resumable = resumable
        self.retry_delay: float | None = None


class SessionClosedOK(SessionClosed):
    """The session ended with a normal close, code 1000."""


class SessionClosedError(SessionClosed):
    """The session ended otherwise: refused by the service, or lost and not to be had back."""


class StoreUnavailable(GemstreamError):
    """State that is shared with other processes, as in Redis, is out of reach; nothing was sent.

    ``is_outcome_known``: False when what was asked for may have been written all the same.
    """

    retryable = True
    is_outcome_known: bool = True
