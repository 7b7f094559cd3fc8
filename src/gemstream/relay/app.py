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
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any

import msgspec

from ..errors import GemstreamError
from ..policy.key.presented import PresentationFault, presented_key
from ..wire.dialect.dialect import Dialect
from ..wire.dialect.refusal import Fault, Refusal, refusal_of
from ..wire.dialect.refusal_form import encode_refusal
from ..wire.model import model_resource
from .call import Call
from .dispatch import Dispatch
from .exchange import BodyTooLarge, CallerGone, Exchange, Header, Receive, Scope, Send
from .files.dispatch import FileDispatch
from .files.pinned import pinned_account
from .files.upload_session import UploadSession
from .job import Job
from .keys.key import Key
from .keys.refusal import UNKNOWN_KEY, key_refusal, too_many_failures
from .output_clamp import clamp_output
from .parts import Parts
from .refused import Refused
from .route import Action, Route, allowed_methods, dialect_of, route
from .surfaces.call import call_of
from .surfaces.files import file_request
from .surfaces.own import OWN_ACTIONS, own_answer
from .surfaces.request import Request
from .telemetry.exposition import CONTENT_TYPE
from .telemetry.health import Check, Probe
from .telemetry.telemetry import Telemetry
from .trail import Trail

__all__ = ("Relay",)

_log = logging.getLogger("gemstream.relay")

# What no path of ours has, raw: an escaped slash, dot, percent or control character, a step up, a
# beginning that is none, other separators.
_TRICKS = re.compile(
    rb"%(?:2[ef53]|5c|[01].|7f|3[fb]|40)|\.\.|[\\;#\x00-\x20\x7f]|//|^[^/]", re.IGNORECASE
)


class Relay:
    """Serves callers out of ``parts``; an instance is the ASGI application.

    The parts are their owner's to start and to close. ``telemetry``: what is counted of it, None
    where nobody looks.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._jobs: set[Job] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.is_draining = False
        self.telemetry: Telemetry | None = None
        # Whoever can be asked has started, so a start is told as life is.
        self._probes: dict[str, Callable[[Exchange], Awaitable[bool]]] = {
            Probe.LIVE.value: self._tell_live,
            Probe.READY.value: self._tell_ready,
            Probe.STARTUP.value: self._tell_live,
            "/metrics": self._tell_metrics,
        }

    @property
    def parts(self) -> Parts:
        """What its requests share."""
        return self._parts

    @property
    def running(self) -> int:
        """How many requests are being served."""
        return len(self._jobs)

    def streams(self) -> Iterator[str]:
        """Yield the surface of each streamed answer under way."""
        return (job.call.surface.value for job in self._jobs if job.call.is_stream)

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
        told = self._probes.get(exchange.path)
        if told is not None and exchange.method in ("GET", "HEAD") and await told(exchange):
            return
        headers = _by_name(exchange)
        surface = dialect_of(exchange.path, headers)
        trail = Trail(exchange, headers, surface, self._parts.observer)
        try:
            await self._answer_or_refuse(exchange, headers, trail)
        except asyncio.CancelledError:
            trail.is_cancelled = True
            raise
        finally:
            trail.end()

    async def _answer_or_refuse(
        self, exchange: Exchange, headers: Mapping[str, str], trail: Trail
    ) -> None:
        try:
            try:
                await self._answer(exchange, headers, trail)
            except GemstreamError as error:
                trail.failed(error)
                raise Refused(refusal_of(error)) from error
            except BodyTooLarge:
                most = self._parts.options.server.max_body
                raise Refused(
                    Refusal(Fault.TOO_LARGE, f"the body is longer than {most} bytes")
                ) from None
        except Refused as refused:
            await _refuse(exchange, trail, refused.refusal)
        except CallerGone:
            return
        except Exception:
            _log.exception("the relay failed on request %s", exchange.request_id)
            await _refuse(exchange, trail, _INTERNAL)

    async def _answer(self, exchange: Exchange, headers: Mapping[str, str], trail: Trail) -> None:
        if _TRICKS.search(exchange.raw_path or exchange.path.encode()):
            raise Refused(Refusal(Fault.INVALID, "the path is not one that is served here"))
        found = route(exchange.method, exchange.path, headers)
        is_own = found is not None and found.action in OWN_ACTIONS
        session = self._session(exchange, found)
        key = trail.key = self._key(exchange, None if is_own else trail.surface, session)
        if found is None:
            raise Refused(_nowhere(exchange, headers))
        trail.surface = found.surface
        if found.action in OWN_ACTIONS:
            told = await own_answer(self._parts, key, found, exchange.query)
            await exchange.answer(200, _own_head(exchange), told)
            return
        if found.action is Action.FILES:
            await self._pass_file(exchange, headers, found, key, session, trail)
            return
        body = await exchange.read_body(self._parts.options.server.max_body)
        await self._dispatch(exchange, self._request(exchange, headers, found, key, body), trail)

    async def _dispatch(self, exchange: Exchange, request: Request, trail: Trail) -> None:
        call = clamp_output(call_of(request), request.key.max_output_tokens)
        _check_model(request.key, call.asked, call.model)
        pinned = await pinned_account(self._parts.pins, request.key.id, call.body)
        if pinned is not None:
            call = msgspec.structs.replace(call, pinned=pinned)
        job = Job(self._parts, exchange, request.key, call, trail)
        await self._run(job, _watched(job, Dispatch(job)))

    async def _pass_file(
        self,
        exchange: Exchange,
        headers: Mapping[str, str],
        found: Route,
        key: Key,
        session: UploadSession | None,
        trail: Trail,
    ) -> None:
        query = dict(exchange.query)
        request = file_request(exchange.method, found, headers, query)
        if session is not None and session.key_id != key.id:
            session = None  # to this key it is not there
        call = Call(surface=found.surface, operation=request.operation, asked="", model="")
        job = Job(self._parts, exchange, key, call, trail)
        await self._run(job, FileDispatch(job, request, headers, query, session).run())

    async def _run(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Run what serves a job, as one of those that a drain waits for."""
        exchange = job.exchange
        self._jobs.add(job)
        self._idle.clear()
        try:
            await work
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

    def _session(self, exchange: Exchange, found: Route | None) -> UploadSession | None:
        """Return the upload that a request goes on with, None for none that is known."""
        if found is None or found.action is not Action.FILES:
            return None
        upload_id = dict(exchange.query).get("upload_id")
        return None if upload_id is None else self._parts.uploads.open(upload_id)

    def _key(
        self, exchange: Exchange, surface: Dialect | None, session: UploadSession | None
    ) -> Key:
        """Return the caller's key; raises Refused for none, and for one that may not be here.

        The address of an upload is as good as the key that began it.
        """
        failed = self._parts.failed_auth
        address = exchange.peer or None
        presented = presented_key(exchange.headers, exchange.query_string)
        key = None
        if presented is PresentationFault.MISSING and session is not None:
            key = self._parts.book.of(session.key_id)
        elif isinstance(presented, PresentationFault):
            raise Refused(key_refusal(presented))
        else:
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

    async def _tell_live(self, exchange: Exchange) -> bool:
        return await _tell_health(exchange, is_well=self._parts.health.live().is_well)

    async def _tell_ready(self, exchange: Exchange) -> bool:
        is_ready = await self._parts.health.is_ready(self._parts.pool, is_draining=self.is_draining)
        return await _tell_health(exchange, is_well=is_ready)

    async def _tell_metrics(self, exchange: Exchange) -> bool:
        """Answer a scrape where the options want it on this port; else the path is not served."""
        if not self._parts.options.server.metrics or self.telemetry is None:
            return False
        headers = (
            (b"content-type", CONTENT_TYPE),
            (b"x-request-id", exchange.request_id.encode()),
        )
        await exchange.answer(200, headers, self.telemetry.exposition())
        return True

    async def checks(self) -> tuple[Check, ...]:
        """Return what readiness rests on, one by one: for operators alone."""
        return await self._parts.health.checks(self._parts.pool, is_draining=self.is_draining)


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
    """Raise Refused unless the key may use the model, by its own name or by its alias.

    Raises InvalidRequest for a name that could leave its place in a path: before any row is
    written, and before an account is blamed for it.
    """
    if model:
        model_resource(model)
    if asked and key.scope.model_fault(asked) and (fault := key.scope.model_fault(model)):
        raise Refused(key_refusal(fault))


def _nowhere(exchange: Exchange, headers: Mapping[str, str]) -> Refusal:
    """Return what is said of a path that is not served, or not with this method."""
    asked = f"{exchange.method} {exchange.path:.200}"
    allowed = allowed_methods(exchange.path, headers)
    if allowed:
        return Refusal(
            Fault.WRONG_METHOD,
            f"{asked} is not served here; use {', '.join(allowed)}",
            allow=allowed,
        )
    return Refusal(Fault.NOT_FOUND, f"{asked} is not served here", code="unknown_url")


async def _watched(job: Job, dispatch: Dispatch) -> None:
    async with job.exchange.watched(job.caller_left):
        await dispatch.run()


async def _refuse(exchange: Exchange, trail: Trail, refusal: Refusal) -> None:
    trail.refused(refusal)
    if exchange.status or exchange.is_gone:
        return
    status, told, body = encode_refusal(trail.surface, refusal, exchange.request_id)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in told]
    if trail.attempts:
        headers.append((b"x-gemstream-attempts", b"%d" % trail.attempts))
    await exchange.answer(status, headers, body)


async def _tell_health(exchange: Exchange, *, is_well: bool) -> bool:
    headers = ((b"content-type", b"text/plain"), (b"x-request-id", exchange.request_id.encode()))
    await exchange.answer(200 if is_well else 503, headers, b"ok\n" if is_well else b"not ready\n")
    return True


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; the parts are started and closed by their owner."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
