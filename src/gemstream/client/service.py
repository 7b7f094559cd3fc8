"""One account at one address: how its requests are headed, sent, tried again and judged."""

from __future__ import annotations

import asyncio
import logging
import math
import platform
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from ..config.timeouts import Timeouts
from ..config.version import VERSION
from ..credentials.api_key import Credentials
from ..errors import APIError, DecodeError, GemstreamError, ProtocolError, RateLimited
from ..limits.admission import FREE, Admission, Free
from ..net.timer import total_timeout
from ..net.transport import Deadlines, Exchange, HTTPRequest, Transport
from ..policy.generation import check_content_type
from ..policy.limit.tokens import tokens_of
from ..policy.redaction import redacted
from ..policy.retry import GiveUp, RetryBudget, RetryPolicy
from ..telemetry.events import Hook, guarded
from ..wire.codec import decode_plain, from_plain
from ..wire.endpoint import Operation, path_url, url_for
from ..wire.model import model_resource, vertex_model_resource
from ..wire.status import decode_error
from ..wire.usage import UsageMetadata
from .call import Call, freely
from .headers import check_not_ephemeral
from .hints import hint_for
from .observation import Observation, Subject
from .waits import Waits

__all__ = ("Answered", "Attempt", "Broken", "Service", "ServiceSettings", "deadlines_of")

_log = logging.getLogger("gemstream.client")
# Shorter deadlines are refused by the service with a 400 and are ours alone to enforce.
_SHORTEST_SERVER_TIMEOUT = 10.0

T = TypeVar("T")


def _unlimited(call: Call) -> Call:
    return call


def _no_usage(answer: object) -> None:
    """Nothing is known of it."""


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same for all requests of a client; ``parent`` is Vertex AI's, else empty."""

    base_url: str
    api_version: str
    parent: str
    timeouts: Timeouts
    retry: RetryPolicy
    headers: Mapping[str, str]
    max_event_size: int
    max_request_size: int


class Attempt(msgspec.Struct, frozen=True):
    """One try: its number from 1, its deadlines, the headers of hooks, and what it may use."""

    number: int
    deadlines: Deadlines
    headers: Mapping[str, str] = {}
    admission: Admission | Free = FREE


class Broken(msgspec.Struct, frozen=True):
    """A stream that broke at a token it can go on from: why, and how often at this token."""

    error: GemstreamError
    times: int


class Service:
    """Sends requests of one account; shared by all calls of a client."""

    def __init__(
        self,
        settings: ServiceSettings,
        transport: Transport,
        credentials: Credentials,
        hook: Hook | None,
        budget: RetryBudget,
    ) -> None:
        self.settings = settings
        self.credentials = credentials
        self.transport = transport
        self._hook = None if hook is None else guarded(hook)
        self._budget = budget
        self._waits = Waits()

    @property
    def is_vertex(self) -> bool:
        """True when Vertex AI is asked."""
        return bool(self.settings.parent)

    def model_resource(self, name: str) -> str:
        """Return how a model is named here; raises InvalidRequest for a name that cannot be one."""
        return vertex_model_resource(name) if self.is_vertex else model_resource(name)

    def url(
        self,
        operation: Operation,
        *,
        model: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        """Return the address of an operation; ``model`` is a resource name."""
        settings = self.settings
        return url_for(
            settings.base_url,
            settings.api_version,
            operation,
            model=model,
            query=query,
            parent=settings.parent,
        )

    def close(self) -> None:
        """Send nothing more, and break off what waits to be sent."""
        self._waits.close()

    def check_open(self) -> None:
        """Raise InvalidState once the service is closed."""
        self._waits.check_open()

    def waiting(self) -> AbstractAsyncContextManager[None]:
        """Hold a wait that ends with InvalidState when the service closes; safe to cancel."""
        return self._waits.waiting()

    def watch(self) -> Observation:
        """Return what tells the events of a new call."""
        return Observation(self._hook)

    def subject(self, operation: str, model: str, *, streams: bool = False) -> Subject:
        """Return what a call of ``operation``, the API's method, is about for whoever listens."""
        parts = urlsplit(self.settings.base_url)
        return Subject(
            operation=operation,
            model=model,
            provider="gcp.vertex_ai" if self.is_vertex else "gcp.gemini",
            server_address=parts.hostname or "",
            server_port=parts.port or (443 if parts.scheme == "https" else 80),
            streams=streams,
        )

    async def attempts(
        self,
        once: Callable[[Attempt], Awaitable[T]],
        call: Call,
        broken: Broken | None = None,
    ) -> tuple[T, int]:
        """Return what ``once`` returns and how many tries of ``call`` it took.

        Failures that pass are tried again as the retry policy says, within one total timeout, and
        each wait is logged. ``broken`` counts as failures before the first try. Cancelling is safe
        at any moment.
        """
        self.check_open()
        loop = asyncio.get_running_loop()
        deadlines = deadlines_of(call.timeouts, loop.time())
        number = failed = 0
        if broken is not None:
            number = failed = broken.times
            await self._wait_or_raise(broken.error, Attempt(number, deadlines), call.watch)
        while True:
            number += 1
            admission, deadlines = await self._admitted(call, deadlines)
            headers = call.watch.attempt_started(number)
            attempt = Attempt(number, deadlines, headers, admission)
            try:
                result = await once(attempt)
            except GemstreamError as error:
                admission.failed(error, tokens_of(error.usage))
                told = redacted(error, self.credentials.redact)
                await self._wait_or_raise(told, attempt, call.watch)
            except BaseException as error:
                admission.failed(error)
                raise
            else:
                if number == 1:
                    self._budget.deposit()
                return result, number - failed

    async def open(self, call: Call, attempt: Attempt, *, streams: bool = False) -> Exchange:
        """Send one request; raises APIError for an answer that is not a success."""
        headers = await self.headers(attempt, streams=streams)
        opening = call.opening
        if opening is None:
            check_not_ephemeral(headers)
            opening = self.transport.open
        request = HTTPRequest(call.method, call.url, headers, call.body)
        exchange = await opening(request, attempt.deadlines)
        try:
            if exchange.status >= 300:
                raise await self._refusal(exchange)
            attempt.admission.began()
        except BaseException:
            exchange.abort()
            raise
        return exchange

    async def fetch_once(self, call: Call, attempt: Attempt) -> Answered:
        """Send one request and return its whole body."""
        exchange = await self.open(call, attempt)
        exchange.began()  # the head of an unstreamed answer comes once the answer is made
        try:
            whole = await self._read(exchange)
        finally:
            exchange.abort()
        return Answered(whole, exchange.headers.get("content-type"))

    async def answer(
        self,
        call: Call,
        read: Callable[[Answered], T],
        usage_of: Callable[[T], UsageMetadata | None] = _no_usage,
    ) -> tuple[T, int]:
        """Return what ``read`` makes of the answer to a request, and how many tries it took.

        ``usage_of`` finds in it what was used.
        """

        async def once(attempt: Attempt) -> T:
            answered = await self.fetch_once(call, attempt)
            check_content_type(answered.content_type, answered.body)
            answer = read(answered)
            attempt.admission.ended(tokens_of(usage_of(answer)))
            return answer

        return await self.attempts(once, call)

    async def fetch(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: Mapping[str, str] | None = None,
        limited: Callable[[Call], Call] = _unlimited,
    ) -> Any:
        """Return the plain JSON answered at any ``path`` under the API version."""
        url = path_url(self.settings.base_url, self.settings.api_version, path, query)
        call = Call(method=method, url=url, body=body, timeouts=self.settings.timeouts)
        answer, _ = await self.answer(limited(call), _plain, _plain_usage)
        return answer

    async def _wait_or_raise(
        self, error: GemstreamError, attempt: Attempt, watch: Observation
    ) -> None:
        now = asyncio.get_running_loop().time()
        verdict = self.settings.retry.verdict(
            error,
            attempt=attempt.number,
            now=now,
            deadline=attempt.deadlines.total,
            jitter=random.random(),
            budget=self._budget,
        )
        retry_in = None if isinstance(verdict, GiveUp) else verdict.delay
        watch.attempt_failed(attempt.number, error, retry_in)
        if isinstance(verdict, GiveUp):
            _log.debug("no further attempt: %s", verdict.reason)
            if isinstance(error, APIError) and error.retryable and error.retry_delay is not None:
                error.retry_at = now + error.retry_delay
            raise error
        said = f"{error.code} {error.status}" if isinstance(error, APIError) else error
        wait = f"trying again in {verdict.delay:.2f} s"
        _log.warning("attempt %d failed (%s); %s", attempt.number, said, wait)
        async with self._waits.waiting():
            await asyncio.sleep(verdict.delay)

    async def _admitted(
        self, call: Call, deadlines: Deadlines
    ) -> tuple[Admission | Free, Deadlines]:
        """Return the admission of a try, and its deadlines without the time that it waited."""
        if call.admit is freely:
            return FREE, deadlines
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with self._waits.waiting():
                admission = await call.admit()
        except RateLimited as error:
            if error.retry_delay is not None:
                error.retry_at = loop.time() + error.retry_delay
            raise
        if deadlines.total is not None:
            total = deadlines.total + loop.time() - began
            deadlines = msgspec.structs.replace(deadlines, total=total)
        return admission, deadlines

    async def headers(self, attempt: Attempt, *, streams: bool = False) -> dict[str, str]:
        """Return the head of a request: who we are, who asks, and how long it may take."""
        headers = {**_IDENTITY, **self.settings.headers}
        headers |= attempt.headers
        for name, value in (await self._authorised(attempt.deadlines)).items():
            headers[name.lower()] = value  # in one case, or a header could travel twice
        if streams:
            # A compressor between us and the model would hold chunks back to fill its window.
            headers["accept-encoding"] = "identity"
        if attempt.number > 1:
            headers["x-gemstream-attempt"] = str(attempt.number)
        if attempt.deadlines.total is not None:
            left = attempt.deadlines.total - asyncio.get_running_loop().time()
            if left >= _SHORTEST_SERVER_TIMEOUT:
                headers["x-server-timeout"] = str(math.ceil(left))
        return headers

    async def _authorised(self, deadlines: Deadlines) -> Mapping[str, str]:
        """Return the credentials' headers; raises TotalTimeout when they take too long."""
        limit = asyncio.timeout_at(deadlines.total)
        try:
            async with limit:
                return await self.credentials.headers()
        except TimeoutError:
            if not limit.expired():
                raise
            raise total_timeout(deadlines) from None

    async def _refusal(self, exchange: Exchange) -> APIError:
        body = self.credentials.redact(await self._read(exchange))
        error = decode_error(body, http_status=exchange.status)
        if error.retry_delay is None:
            error.retry_delay = _retry_after(exchange.headers.get("retry-after"))
        error.hint = hint_for(error)
        return error

    async def _read(self, exchange: Exchange) -> bytes:
        """Return the whole body; raises ProtocolError above the cap, also when it unpacks to it."""
        pieces: list[bytes] = []
        size = 0
        while data := await exchange.receive():
            pieces.append(data)
            size += len(data)
            if size > self.settings.max_event_size:
                raise ProtocolError(
                    f"the answer exceeds max_event_size of {self.settings.max_event_size} bytes",
                    excerpt=pieces[0][:200],
                )
        return b"".join(pieces)


class Answered(msgspec.Struct, frozen=True):
    """A body and its content type."""

    body: bytes
    content_type: str | None


def _plain_usage(answer: Any) -> UsageMetadata | None:
    """Return the token counts in plain JSON; a list of chunks has them in its last."""
    newest = answer[-1] if isinstance(answer, list) and answer else answer
    usage = newest.get("usageMetadata") if isinstance(newest, dict) else None
    try:
        return None if usage is None else from_plain(usage, UsageMetadata)
    except DecodeError:
        return None


def _plain(answered: Answered) -> Any:
    return decode_plain(answered.body) if answered.body else None


_IDENTITY = {
    "content-type": "application/json",
    "user-agent": f"gemstream/{VERSION} python/{platform.python_version()}",
    "x-goog-api-client": f"gemstream/{VERSION}",
}


def deadlines_of(timeouts: Timeouts, now: float) -> Deadlines:
    """Return when a call that begins ``now`` runs out of each kind of time."""
    return Deadlines(
        connect=timeouts.connect,
        first_chunk=timeouts.first_chunk,
        idle=timeouts.idle,
        total=None if timeouts.total is None else now + timeouts.total,
        total_seconds=timeouts.total,
    )


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header; its date form is not used by the service."""
    return float(value) if value and value.isascii() and value.isdigit() else None
