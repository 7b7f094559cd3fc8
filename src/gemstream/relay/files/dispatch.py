"""One request about files, from its admission to its answer.

A new file goes to an account as a request does, and its key's next ones to the same while that can
be asked; from then on all about it goes there. Nothing that a key has not brought is asked about:
the service knows its accounts, and not whose file is whose.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from ...errors import GemstreamError
from ...net.transport import HTTPRequest
from ...wire.dialect.refusal import Fault, Refusal
from ...wire.endpoint import path_url
from ..accounts.account import Account
from ..accounts.head import passed_up
from ..accounts.origin import same_origin
from ..call import FileOperation
from ..exchange import BodyTooLarge, Header
from ..job import Job
from ..json_check import check_json
from ..refused import Refused
from ..surfaces.files import FileRequest
from .address import passed_up_of_upload, public_address, upload_headers
from .asking import Asking, RequestOf, SaidNo, is_sayable, refusal_of_answer
from .attempt import DownloadAttempt, FileAttempt
from .incoming import Incoming
from .page import page_body, page_token, pin_of_token
from .pinned import not_there
from .pins import Pin, is_resource_name
from .upload_session import UploadSession

__all__ = ("FileDispatch",)

_JSON = b"application/json; charset=UTF-8"
# The metadata of a file; its bytes never come this way.
_MOST_METADATA = 1024 * 1024
_AT_ONCE = 8  # of the files of one page
_GONE = Refusal(
    Fault.NOT_FOUND, "this upload is not known, or is over; begin anew with command start"
)


class _Metadata(msgspec.Struct, frozen=True):
    """What the service says of a file, or is told; ``name`` as ``files/abc``."""

    name: str = ""


class _Enveloped(msgspec.Struct, frozen=True):
    file: _Metadata = _Metadata()


class FileDispatch:
    """Serves one job about files; ``run`` it once.

    ``headers`` by lower-case name. ``session``: the upload that the request goes on with.
    """

    def __init__(
        self,
        job: Job,
        request: FileRequest,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        session: UploadSession | None,
    ) -> None:
        self._job = job
        self._parts = job.parts
        self._request = request
        self._headers = headers
        self._query = query
        self._session = session
        self._asking = Asking(job)
        self._head: tuple[Header, ...] = ((b"x-request-id", job.exchange.request_id.encode()),)

    async def run(self) -> None:
        """Answer the caller. Raises Refused when the answer is no; GemstreamError as Dispatch."""
        job = self._job
        job.admission = admission = await self._parts.limits.admit(job.key, 0, 0)
        try:
            await _SERVED[self._request.operation](self)
        except SaidNo as said:
            await self._refuse(said.attempt)
        finally:
            if job.was_sent:
                admission.settle(0, 0)
            else:
                admission.cancel()

    # --- new files ---

    async def start(self) -> None:
        """Begin an upload, and give its address as one of ours."""
        body = await self._metadata()
        async with self._watched():
            holder = await self._holder_of_name(body)
            attempt = await self._asking.ask(self._to_upload(body), holder)
        url = attempt.headers.get("x-goog-upload-url", "")
        if not same_origin(url, attempt.account.base_url):
            raise Refused(Refusal(Fault.UPSTREAM_MALFORMED, "the service gave no upload address"))
        sealed = self._parts.uploads.seal(self._job.key.id, attempt.account.name, url)
        ours = public_address(
            self._job.exchange, self._parts.options.server.public_url, sealed
        ).encode()
        addresses = ((b"x-goog-upload-url", ours), (b"x-goog-upload-control-url", ours))
        await self._answer(attempt, addresses)

    async def upload(self) -> None:
        """Pass on a command to an upload that runs, or a whole file in one request."""
        session = self._session
        if "upload_id" in self._query and session is None:
            raise Refused(_GONE)
        if session is None:
            attempt = await self._sent_up(self._to_upload(), None)
        else:
            headers = self._passed_up() | passed_up_of_upload(self._headers)
            there = HTTPRequest("POST", session.url, headers)
            attempt = await self._sent_up(lambda _: there, session.account)
        await self._pin(attempt)
        await self._answer(attempt)

    async def create(self) -> None:
        """Make a file of metadata alone."""
        body = await self._metadata()
        async with self._watched():
            holder = await self._holder_of_name(body)
            attempt = await self._asking.ask(self._to("POST", "files", body=body), holder)
            await self._pin(attempt)
        await self._answer(attempt)

    # --- files there are ---

    async def get(self) -> None:
        """Tell of a file what its account says."""
        pin = await self._own_pin()
        async with self._watched():
            attempt = await self._ask(pin, "GET")
        await self._answer(attempt)

    async def delete(self) -> None:
        """Delete a file, and forget whose it was."""
        pin = await self._own_pin()
        async with self._watched():
            attempt = await self._ask(pin, "DELETE")
            await self._parts.pins.remove(self._job.key.id, pin)
        await self._answer(attempt)

    async def download(self) -> None:
        """Hand the bytes of a file down."""
        pin = await self._own_pin()
        async with self._watched():
            download = self._to("GET", f"{pin.name}:download", {"alt": "media"})
            await self._asking.ask(download, pin.account, kind=DownloadAttempt)

    async def list(self) -> None:
        """Tell of the key's files, each as its account says; those that are gone are forgotten."""
        await self._job.exchange.read_body(_MOST_METADATA)
        size = self._request.size
        after = pin_of_token(self._request.token)
        found = await self._parts.pins.page(self._job.key.id, size + 1, after)
        pins = found[:size]
        at_once = asyncio.Semaphore(_AT_ONCE)
        async with self._watched(), asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._listed(pin, at_once)) for pin in pins]
        told = [task.result() for task in tasks]
        for one in told:
            if isinstance(one, Exception):
                raise one
        token = page_token(pins[-1]) if len(found) > size else ""
        body = page_body([one for one in told if isinstance(one, bytes)], token)
        await self._send(200, body)

    async def _listed(self, pin: Pin, at_once: asyncio.Semaphore) -> bytes | Exception | None:
        """Return what is said of a file, None for one that is gone, or why nothing is known."""
        async with at_once:
            try:
                attempt = await self._ask(pin, "GET")
            except SaidNo as said:
                if refusal_of_answer(said.attempt).fault is not Fault.NOT_FOUND:
                    return said
                await self._parts.pins.remove(self._job.key.id, pin)
                return None
            except (Refused, GemstreamError) as error:
                return error
        return attempt.whole

    # --- what goes up ---

    async def _ask(self, pin: Pin, method: str) -> FileAttempt:
        return await self._asking.ask(self._to(method, pin.name), pin.account)

    async def _sent_up(self, request: RequestOf, pinned: str | None) -> FileAttempt:
        """Send the caller's body up as it comes; one that has no length and no chunks is empty."""
        exchange, most = self._job.exchange, self._parts.options.server.max_upload
        length = self._headers.get("content-length")
        if length is not None and length.isdigit() and int(length) > most:
            raise _too_large(most)
        if length == "0" or (length is None and "transfer-encoding" not in self._headers):
            await exchange.read_body(0)
            async with self._watched():
                return await self._asking.ask(request, pinned)
        framing = {} if length is None else {"content-length": length}
        incoming = Incoming(exchange, most, self._job.caller_left)
        try:
            return await self._asking.ask(request, pinned, incoming=incoming, more=framing)
        except BodyTooLarge:
            raise _too_large(most) from None
        finally:
            incoming.close()

    def _to(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        below: str = "",
        headers: Mapping[str, str] = {},
    ) -> RequestOf:
        """Return what makes the request for an account; ``below``: what is before the version."""
        version, passed = self._request.version, {**self._passed_up(), **headers}

        def request_of(account: Account) -> HTTPRequest:
            url = path_url(account.base_url.rstrip("/") + below, version, path, query)
            return HTTPRequest(method, url, passed, body)

        return request_of

    def _to_upload(self, body: bytes = b"") -> RequestOf:
        kind = self._query.get("uploadType")
        query = None if kind is None else {"uploadType": kind}
        headers = passed_up_of_upload(self._headers)
        return self._to("POST", "files", query, body=body, below="/upload", headers=headers)

    def _passed_up(self) -> dict[str, str]:
        passed = passed_up(self._headers, total_left=None)
        if "content-type" not in self._headers:
            del passed["content-type"]  # of bytes, only their caller knows what they are
        return passed

    async def _metadata(self) -> bytes:
        try:
            body = await self._job.exchange.read_body(_MOST_METADATA)
        except BodyTooLarge:
            raise _too_large(_MOST_METADATA) from None
        if body:
            check_json(body, self._parts.options.server.max_depth)
        return body

    async def _holder_of_name(self, body: bytes) -> str | None:
        """Return the account that has a file of the key by the name that is asked for."""
        name = _file_named(body)
        pin = await self._parts.pins.find(self._job.key.id, name) if name else None
        return None if pin is None else pin.account

    # --- what comes down ---

    def _watched(self) -> AbstractAsyncContextManager[None]:
        return self._job.exchange.watched(self._job.caller_left)

    async def _own_pin(self) -> Pin:
        await self._job.exchange.read_body(_MOST_METADATA)
        pin = await self._parts.pins.find(self._job.key.id, self._request.name)
        if pin is None:
            raise Refused(not_there(self._request.name))
        return pin

    async def _pin(self, attempt: FileAttempt) -> None:
        """Note whose a file is before its name is known to anybody."""
        name = _file_named(attempt.whole or b"")
        if is_resource_name(name):
            await self._parts.pins.add(self._job.key.id, name, attempt.account.name)

    async def _answer(self, attempt: FileAttempt, headers: Sequence[Header] = ()) -> None:
        """Hand down what the service said, in its own bytes."""
        said = upload_headers(attempt.headers)
        await self._send(attempt.answered, attempt.whole or b"", (*said, *headers))

    async def _refuse(self, attempt: FileAttempt) -> None:
        """Tell what the service refused with: how an upload stands is in the head of that, too."""
        refusal = refusal_of_answer(attempt)
        self._job.trail.refused(refusal)
        said = attempt.refusal
        if attempt.downstream.is_begun:
            return  # a connection that ends before its answer does says enough
        if said is None or said.status < 400 or not is_sayable(refusal):
            raise Refused(refusal)
        body = attempt.account.redact(said.body)
        await self._send(said.status, body, upload_headers(attempt.headers))

    async def _send(self, status: int, body: bytes, headers: Sequence[Header] = ()) -> None:
        self._job.trail.first_sent = time.monotonic()
        head = ((b"content-type", _JSON), *self._head, *headers)
        await self._job.exchange.answer(status, head, body)


_SERVED: Mapping[FileOperation, Callable[[FileDispatch], Awaitable[None]]] = {
    FileOperation.START: FileDispatch.start,
    FileOperation.UPLOAD: FileDispatch.upload,
    FileOperation.CREATE: FileDispatch.create,
    FileOperation.GET: FileDispatch.get,
    FileOperation.LIST: FileDispatch.list,
    FileOperation.DELETE: FileDispatch.delete,
    FileOperation.DOWNLOAD: FileDispatch.download,
}


def _file_named(body: bytes) -> str:
    """Return the name in ``{"file": {"name": …}}``, empty for none."""
    try:
        return msgspec.json.decode(body, type=_Enveloped).file.name
    except msgspec.DecodeError:
        return ""


def _too_large(most: int) -> Refused:
    return Refused(Refusal(Fault.TOO_LARGE, f"the body is longer than {most} bytes"))
