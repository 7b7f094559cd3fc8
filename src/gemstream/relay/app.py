"""The relay as an ASGI application: route, then admit, open, pump, settle.

Everything that a request is judged by is read from the raw ASGI path and the route that it matched:
a URL put together from the Host header is how gateways were bypassed (CVE-2026-48710).
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Mapping

from ..errors import GemstreamError
from ..policy.key.presented import PresentationFault, presented_key
from ..wire.dialect.dialect import Dialect
from ..wire.dialect.refusal import Fault, Refusal, refusal_of
from ..wire.dialect.refusal_form import encode_refusal
from .dispatch import Dispatch
from .exchange import BodyTooLarge, CallerGone, Exchange, Header, Receive, Scope, Send
from .job import Job
from .keys.key import Key
from .keys.refusal import UNKNOWN_KEY, key_refusal, too_many_failures
from .parts import Parts
from .refused import Refused
from .route import Action, Route, dialect_of, route
from .surfaces.call import call_of
from .surfaces.own import OWN_ACTIONS, own_answer
from .surfaces.request import Request

__all__ = ("Relay",)

_log = logging.getLogger("gemstream.relay")

# What no path of ours has, raw: an escaped slash, dot, percent or NUL, a step up, other separators.
_TRICKS = re.compile(rb"%(?:2[ef]|5c|00|25|3[fb]|23)|\.\.|[\\;#\x00-\x20\x7f]|//", re.IGNORECASE)


class Relay:
    """Serves callers out of ``parts``; an instance is the ASGI application.

    The parts are their owner's to start and to close.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._jobs: set[Job] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.is_draining = False

    @property
    def parts(self) -> Parts:
        """What its requests share."""
        return self._parts

    @property
    def running(self) -> int:
        """How many requests are being served."""
        return len(self._jobs)

    def begin_drain(self) -> None:
        """Be ready no more; what runs goes on."""
        self.is_draining = True

    async def cut(self) -> None:
        """End every answer that is running, each told in its own dialect, and wait for that."""
        for job in list(self._jobs):
            job.cut()
        await self._idle.wait()

    def note_progress(self) -> None:
        """Tell the books what all that runs has come to, should this process die."""
        for job in list(self._jobs):
            job.note_progress()

    async def flush(self) -> None:
        """Return once the books hold everything so far."""
        await self._parts.ledger.flush()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._serve(Exchange(scope, receive, send, f"req_{secrets.token_hex(12)}"))
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            raise NotImplementedError(f"the relay does not speak {scope['type']}")

    async def _serve(self, exchange: Exchange) -> None:
        headers = _by_name(exchange)
        try:
            try:
                await self._answer(exchange, headers)
            except GemstreamError as error:
                raise Refused(refusal_of(error)) from error
            except BodyTooLarge:
                most = self._parts.options.server.max_body
                raise Refused(
                    Refusal(Fault.TOO_LARGE, f"the body is longer than {most} bytes")
                ) from None
        except Refused as refused:
            await _refuse(exchange, headers, refused.refusal)
        except CallerGone:
            return
        except Exception:
            _log.exception("the relay failed on request %s", exchange.request_id)
            await _refuse(exchange, headers, _INTERNAL)

    async def _answer(self, exchange: Exchange, headers: Mapping[str, str]) -> None:
        if _TRICKS.search(exchange.raw_path or exchange.path.encode()):
            raise Refused(Refusal(Fault.INVALID, "the path is not one that is served here"))
        found = route(exchange.method, exchange.path, headers)
        if found is not None and found.action in (Action.LIVEZ, Action.READYZ):
            await self._tell_health(exchange, found.action)
            return
        key = self._key(exchange, dialect_of(exchange.path, headers))
        if found is None:
            raise Refused(
                Refusal(
                    Fault.NOT_FOUND, f"{exchange.method} {exchange.path:.200} is not served here"
                )
            )
        if found.action in OWN_ACTIONS:
            told = await own_answer(self._parts, key, found, exchange.query)
            await exchange.answer(200, _own_head(exchange), told)
            return
        body = await exchange.read_body(self._parts.options.server.max_body)
        await self._dispatch(exchange, self._request(exchange, headers, found, key, body))

    async def _dispatch(self, exchange: Exchange, request: Request) -> None:
        call = call_of(request)
        _check_model(request.key, call.asked, call.model)
        job = Job(self._parts, exchange, request.key, call)
        self._jobs.add(job)
        self._idle.clear()
        dispatch = Dispatch(job)
        try:
            async with exchange.watched(job.caller_left):
                await dispatch.run()
        except asyncio.CancelledError:
            if not job.is_cut and not exchange.is_gone:
                raise
            task = asyncio.current_task()
            assert task is not None, "a coroutine runs in a task"
            task.uncancel()
            if job.is_cut and exchange.status == 0 and not exchange.is_gone:
                raise Refused(_GOING_DOWN) from None
        finally:
            job.close()
            self._jobs.discard(job)
            if not self._jobs:
                self._idle.set()

    def _request(
        self,
        exchange: Exchange,
        headers: Mapping[str, str],
        found: Route,
        key: Key,
        body: bytes,
    ) -> Request:
        return Request(
            id=exchange.request_id,
            route=found,
            key=key,
            headers=headers,
            query=dict(exchange.query),
            body=body,
            options=self._parts.options,
            signatures=self._parts.signatures.of_key(key.id),
        )

    def _key(self, exchange: Exchange, surface: Dialect) -> Key:
        """Return the caller's key; raises Refused for none, and for one that may not be here."""
        failed = self._parts.failed_auth
        address = exchange.peer or None
        presented = presented_key(exchange.headers, exchange.query_string)
        if isinstance(presented, PresentationFault):
            raise Refused(key_refusal(presented))
        key = self._parts.book.find(presented)
        if key is None:
            # Asked of wrong keys alone: a good one may share its address with whoever guesses.
            delay = failed.delay(address)
            failed.fail(address)
            raise Refused(UNKNOWN_KEY if delay is None else too_many_failures(delay))
        fault = key.scope.fault(surface, address, time.time())
        if fault is not None:
            raise Refused(key_refusal(fault))
        return key

    async def _tell_health(self, exchange: Exchange, action: Action) -> None:
        is_well = action is Action.LIVEZ or (not self.is_draining and self._parts.pool.is_usable)
        body = b"ok\n" if is_well else b"not ready\n"
        await exchange.answer(200 if is_well else 503, ((b"content-type", b"text/plain"),), body)


_INTERNAL = Refusal(Fault.INTERNAL, "an error inside the relay")
_GOING_DOWN = Refusal(Fault.OVERLOADED, "the relay is shutting down; try again", retry_delay=1.0)


def _by_name(exchange: Exchange) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.headers}


def _own_head(exchange: Exchange) -> tuple[Header, ...]:
    return (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", exchange.request_id.encode()),
    )


def _check_model(key: Key, asked: str, model: str) -> None:
    """Raise Refused unless the key may use the model, by its own name or by its alias."""
    if asked and key.scope.model_fault(asked) and (fault := key.scope.model_fault(model)):
        raise Refused(key_refusal(fault))


async def _refuse(exchange: Exchange, headers: Mapping[str, str], refusal: Refusal) -> None:
    if exchange.status or exchange.is_gone:
        return
    dialect = dialect_of(exchange.path, headers)
    status, told, body = encode_refusal(dialect, refusal, exchange.request_id)
    await exchange.answer(
        status, [(name.encode(), value.encode("latin-1")) for name, value in told], body
    )


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; the parts are started and closed by their owner."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
