"""The way to one model: every request to it passes here and nowhere else.

State that belongs to a model (its resource name, its limiter) is made at the first use of the
name, which is checked before anything is created.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from ..config.models import ModelCatalog
from ..config.timeouts import Timeouts
from ..errors import NotFound
from ..limits.admission import FREE, Admission, Free
from ..limits.limiter import Limiter, Limiters
from ..net.transport import Exchange
from ..policy.answer import Chunk, Response
from ..policy.capability import answers_client_content, answers_live_only, can_write_live
from ..policy.cost import Pricing
from ..policy.estimate import estimate
from ..policy.generation import Generation, check_content_type
from ..policy.limit.tokens import Tokens, tokens_of
from ..policy.unary import read_message, read_response
from ..telemetry.decision import Told
from ..telemetry.events import Outcome
from ..wire.codec import Message
from ..wire.endpoint import Operation, match
from ..wire.usage import UsageMetadata
from .admitting import Admitting
from .call import Admit, Call, freely
from .hints import default_model_hint
from .live.turn_opener import TurnOpener
from .observation import SILENT, Observation
from .service import Answered, Attempt, Broken, Service

__all__ = ("Channel", "Channels", "OpenStream")

_GENERATES = frozenset({Operation.GENERATE, Operation.STREAM})
# The service counts the others apart, and far above what a tier says of answers.
_LIMITED = frozenset(
    {
        Operation.GENERATE,
        Operation.STREAM,
        Operation.EMBED,
        Operation.BATCH_EMBED,
        Operation.PREDICT,
    }
)
# More models than any account has; a caller that invents names cannot grow the process.
_MOST_CHANNELS = 1024

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class OpenStream(msgspec.Struct, frozen=True):
    """A stream whose first chunks are here."""

    exchange: Exchange
    generation: Generation
    chunks: list[Chunk]
    admission: Admission | Free = FREE
    before: Tokens = Tokens()

    @property
    def used(self) -> Tokens:
        """What this hop has used so far; ``before`` is what the hops before it did."""
        return tokens_of(self.generation.usage).without(self.before)

    def close(self) -> None:
        """Break off what still comes, and settle with the limits; again is nothing."""
        try:
            self.exchange.abort()
        finally:  # a destructor may come here once the event loop is gone
            self._settle()

    def _settle(self) -> None:
        failure = self.generation.failure
        if failure is None:
            self.admission.ended(self.used)
        else:
            self.admission.failed(failure, self.used)


class Channel:
    """One model of one account."""

    __slots__ = ("_default", "_limiter", "_service", "model", "turns")

    def __init__(
        self,
        service: Service,
        model: str,
        limiter: Limiter | None,
        *,
        is_default: bool,
        turns: TurnOpener | None = None,
    ) -> None:
        self._service = service
        self._limiter = limiter
        self._default = is_default
        self.model = model
        self.turns = turns  # when the model answers in Live sessions alone

    @property
    def name(self) -> str:
        """The model's bare name."""
        return self.model.rpartition("/")[2]

    @property
    def max_size(self) -> int:
        """The most bytes a request may have."""
        return self._service.settings.max_request_size

    def request(
        self,
        operation: Operation,
        body: bytes,
        timeouts: Timeouts,
        watch: Observation = SILENT,
        pricing: Pricing | None = None,
    ) -> Call:
        """Return the request that asks the model for ``operation``."""
        url = self._service.url(operation, model=self.model)
        turns = self.turns if operation in _GENERATES else None
        call = Call(
            method="POST",
            url=url,
            body=body,
            timeouts=timeouts,
            watch=watch,
            pricing=pricing,
            opening=None if turns is None else turns.open,
        )
        return self.limited(operation, call)

    def limited(self, operation: Operation, call: Call) -> Call:
        """Return ``call`` so that each try of it is let through by the model's limits."""
        if self._limiter is None or operation not in _LIMITED:
            return call
        return msgspec.structs.replace(call, admit=self._admit(self._limiter, call))

    def opening(self, patience: float | None, told: Told | None) -> Admit:
        """Return what lets the tries to open one Live session through: each is a request.

        ``patience``: seconds that they may wait for it in all, None for as long as it takes.
        """
        if self._limiter is None:
            return freely
        return Admitting(self._limiter, Tokens(), patience, told)

    def watch(self, operation: Operation, body: bytes) -> Observation:
        """Tell that a call of the model begins, and return what tells the rest."""
        watch = self._service.watch()
        streams = operation is Operation.STREAM
        watch.started(self._service.subject(operation.value, self.name, streams=streams), body)
        return watch

    async def generate(self, call: Call) -> Response:
        """Return the whole answer to a generateContent request."""

        def read(answered: Answered) -> Response:
            return read_response(
                answered.body,
                answered.content_type,
                redact=self._service.credentials.redact,
                max_event_size=self._service.settings.max_event_size,
                pricing=call.pricing,
            )

        with self._hinting():
            response, attempts = await self._service.answer(call, read, lambda one: one.usage)
        return msgspec.structs.replace(response, attempts=attempts)

    async def open_stream(
        self, call: Call, before: Generation | None = None, broken: Broken | None = None
    ) -> tuple[OpenStream, int]:
        """Return the stream that answers, once its first chunk is here, and the attempts it took.

        Until then nothing was delivered, so failures are tried again. ``before``: the hop it goes
        on from, ``broken`` when that hop did not end by itself.
        """

        async def once(attempt: Attempt) -> OpenStream:
            exchange = await self._service.open(call, attempt, streams=True)
            try:
                return await self._first_chunks(exchange, attempt, before, call.pricing)
            except BaseException:
                exchange.abort()
                raise

        with self._hinting():
            return await self._service.attempts(once, call, broken)

    async def call(self, operation: Operation, body: bytes, kind: type[M], timeouts: Timeouts) -> M:
        """Return the answer to one of the model's other operations."""

        def read(answered: Answered) -> M:
            return read_message(answered.body, kind)

        watch = self.watch(operation, body)
        try:
            with self._hinting():
                request = self.request(operation, body, timeouts, watch)
                answer, _ = await self._service.answer(request, read, _usage)
        except BaseException as error:
            watch.failed(error)
            raise
        watch.ended(Outcome.FINISHED, usage=_usage(answer))
        return answer

    def _admit(self, limiter: Limiter, call: Call) -> Admit:
        """Return what lets a try of ``call`` through, estimated once for all of them."""
        tokens = estimate(call.body)
        told = call.watch.decided if call.watch.is_heard else None
        return Admitting(limiter, tokens, call.timeouts.limit_wait, told)

    async def _first_chunks(
        self,
        exchange: Exchange,
        attempt: Attempt,
        before: Generation | None,
        pricing: Pricing | None,
    ) -> OpenStream:
        content_type = exchange.headers.get("content-type")
        generation = Generation(
            content_type,
            max_event_size=self._service.settings.max_event_size,
            redact=self._service.credentials.redact,
            after=before,
            pricing=pricing,
        )
        chunks: list[Chunk] = []
        while not chunks:
            data = await exchange.receive()
            check_content_type(content_type, data)
            chunks = generation.receive_data(data) if data else generation.receive_eof()
        exchange.began()
        spent = tokens_of(None if before is None else before.spent)
        return OpenStream(exchange, generation, chunks, attempt.admission, spent)

    @contextlib.contextmanager
    def _hinting(self) -> Iterator[None]:
        """Tell of our setting when the service no longer has our default model."""
        try:
            yield
        except NotFound as error:
            if self._default and self.name in error.message:
                error.hint = default_model_hint(error, self.model)
            raise


def _usage(answer: object) -> UsageMetadata | None:
    return getattr(answer, "usage_metadata", None)


class Channels:
    """The channels of a client, made on first use; safe from many threads."""

    def __init__(
        self, service: Service, catalog: ModelCatalog, limiters: Limiters | None = None
    ) -> None:
        self._service = service
        self._limiters = limiters
        self._catalog = catalog
        self._channels: dict[str, Channel] = {}
        self._lock = threading.Lock()  # held for get-or-create only, never over an await

    def of(self, model: str) -> Channel:
        """Return the channel of ``model``; raises InvalidRequest for a name that cannot be one."""
        resource = self._service.model_resource(model)
        with self._lock:
            channel = self._channels.pop(resource, None) or self._create(resource)
            self._channels[resource] = channel  # the last is the one used last
        return channel

    def limiting(self, method: str, path: str) -> Callable[[Call], Call]:
        """Return what puts any request under the limits of the model that it asks, if it does."""
        route = match(method.upper(), f"/{self._service.settings.api_version}/{path}")
        if route is None or route.model is None:
            return lambda call: call
        return functools.partial(self.of(route.model).limited, route.operation)

    def _create(self, resource: str) -> Channel:
        if len(self._channels) >= _MOST_CHANNELS:
            del self._channels[next(iter(self._channels))]  # the one unused for longest
        defaults = (self._catalog.default, self._catalog.default_embedding)
        usual = [self._service.model_resource(name) for name in defaults]
        name = resource.rpartition("/")[2]
        limiter = None if self._limiters is None else self._limiters.of(name)
        return Channel(
            self._service,
            resource,
            limiter,
            is_default=resource in usual,
            turns=self._turns(resource),
        )

    def _turns(self, resource: str) -> TurnOpener | None:
        if not answers_live_only(resource, self._catalog):
            return None
        return TurnOpener(
            self._service,
            resource,
            can_write=can_write_live(resource, self._catalog),
            answers_content=answers_client_content(resource),
        )
