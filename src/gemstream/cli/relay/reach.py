"""How a command reaches what operators work on: a running relay, or its database.

Both are asked the same way: without a relay, its operators' side runs in this process for as long
as the command does.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from ...errors import ConfigError, GemstreamError, InvalidRequest
from ..exit_codes import ExitCode, exit_code_of
from ..session import read_text, run_command, run_loop
from ..terminal import stderr, stdout, visible
from .check import FILE_NAME

if TYPE_CHECKING:
    from ...config.relay.options import AdminOptions, RelayOptions
    from ...net.transport import Exchange, Transport

__all__ = ("TOKEN_VARIABLE", "URL_VARIABLE", "Operator", "Place", "operate")

URL_VARIABLE = "GEMSTREAM_RELAY_ADMIN"
"""Names a running relay where no option does."""
TOKEN_VARIABLE = "GEMSTREAM_RELAY_ADMIN_TOKEN"
"""Holds the operators' token where no option names another place."""
# Of this process alone: what is behind it never leaves it.
_HERE = "http://operators.invalid"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command's requests go; ``needs_relay``: a database alone cannot answer them."""

    admin: str | None = None
    token_env: str | None = None
    token_file: Path | None = None
    config: Path | None = None
    needs_relay: bool = False


class _Problems(InvalidRequest):
    """Several things are wrong; each is told on a line of its own."""

    def __init__(self, message: str, problems: list[str]) -> None:
        super().__init__(message)
        self.problems = problems


class Operator:
    """Sends an operator's requests; each raises what the relay refused, typed."""

    def __init__(self, transport: Transport, url: str, token: str) -> None:
        self._transport = transport
        self._url = url.rstrip("/")
        self._token = token

    async def ask(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] = {}
    ) -> Any:
        """Return the object that ``path`` answers with."""
        return msgspec.json.decode(await self.read(method, path, body, query))

    async def read(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] = {}
    ) -> bytes:
        """Return all that ``path`` answers with."""
        pieces = [piece async for piece in self.pieces(method, path, body, query)]
        return b"".join(pieces)

    async def pieces(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] = {}
    ) -> AsyncIterator[bytes]:
        """Yield what ``path`` answers with, as it comes."""
        exchange = await self._open(method, path, body, query)
        try:
            if exchange.status >= 400:
                raise _refused(exchange.status, await _all(exchange))
            while piece := await exchange.receive():
                yield piece
        finally:
            await exchange.aclose()

    async def _open(self, method: str, path: str, body: Any, query: Mapping[str, Any]) -> Exchange:
        from ...net.transport import Deadlines, HTTPRequest

        given = {name: str(value) for name, value in query.items() if value is not None}
        url = f"{self._url}{path}" + (f"?{urlencode(given)}" if given else "")
        headers = {"authorization": f"Bearer {self._token}", "x-gemstream-actor": _actor()}
        data = b""
        if body is not None:
            headers["content-type"] = "application/json"
            data = msgspec.json.encode(body)
        request = HTTPRequest(method, url, headers, data)
        return await self._transport.open(request, Deadlines(connect=5.0, idle=60.0))


def operate(
    work: Callable[[Operator], Coroutine[Any, Any, ExitCode | None]],
    place: Place,
    *,
    schema: str = "",
    debug: bool = False,
) -> None:
    """Run a command that is ``work``, and leave with its exit code.

    ``schema``: of the object that is written for an error too, ``""`` where people read.
    """

    def main() -> ExitCode:
        try:
            return run_loop(_worked(work, place)) or ExitCode.OK
        except GemstreamError as error:
            if schema:
                stdout().line(_error_line(schema, error))
            if not isinstance(error, _Problems):
                raise
            for problem in error.problems:
                stderr().error(visible(problem))
            return exit_code_of(error)

    run_command(main, debug=debug)


async def _worked(
    work: Callable[[Operator], Coroutine[Any, Any, ExitCode | None]], place: Place
) -> ExitCode | None:
    async with _reached(place) as operator:
        return await work(operator)


@contextlib.asynccontextmanager
async def _reached(place: Place) -> AsyncIterator[Operator]:
    url = place.admin
    if url is not None and place.config is not None:
        raise InvalidRequest("--admin and --config exclude each other; choose one")
    if url is None and place.config is None:
        url = os.environ.get(URL_VARIABLE) or None
    if url is not None:
        async with _over_the_network(url, _token(place)) as operator:
            yield operator
        return
    options = _options(place)
    if place.needs_relay:
        async with _over_the_network(_url(options.admin), options.admin.token or "") as operator:
            yield operator
        return
    async with _here(options) as operator:
        yield operator


@contextlib.asynccontextmanager
async def _over_the_network(url: str, token: str) -> AsyncIterator[Operator]:
    from ...config.relay.checks import url as checked
    from ...net.aiohttp_transport import AiohttpTransport

    try:
        checked(url)
    except ValueError as error:
        raise InvalidRequest(f"the operators' address is {url!r:.80}; {error}") from None
    transport = AiohttpTransport()
    try:
        yield Operator(transport, url, token)
    finally:
        await transport.aclose()


@contextlib.asynccontextmanager
async def _here(options: RelayOptions) -> AsyncIterator[Operator]:
    from ...net.asgi import ASGITransport
    from ...relay.admin.app import Admin
    from ...relay.admin.opened import opened_desk

    token = secrets.token_urlsafe(32)
    async with opened_desk(options, token) as desk:
        transport = ASGITransport(Admin(desk))
        try:
            yield Operator(transport, _HERE, token)
        finally:
            await transport.aclose()


def _options(place: Place) -> RelayOptions:
    from ...config.relay.loading import load_relay

    path = Path(FILE_NAME) if place.config is None else place.config
    if place.config is None and not path.exists():
        raise ConfigError(
            f"there is no {FILE_NAME} here; name the relay's file with --config, or a running "
            "relay with --admin"
        )
    return load_relay(path, os.environ)


def _token(place: Place) -> str:
    from ...wire.status import api_error

    if place.token_file is not None:
        return read_text(place.token_file, "operators' token").strip()
    variable = place.token_env or TOKEN_VARIABLE
    token = os.environ.get(variable, "").strip()
    if not token:
        raise api_error(
            401, f"no token of operators: set {variable}, or name a file with --token-file"
        )
    return token


def _url(admin: AdminOptions) -> str:
    if admin.token is None:
        raise ConfigError("the file has no admin.token, so its relay listens to no operators")
    host = _ANYWHERE.get(admin.host, admin.host)
    return f"http://[{host}]:{admin.port}" if ":" in host else f"http://{host}:{admin.port}"


def _actor() -> str:
    """Return who is named in the audit: the user of this process, as the system knows it."""
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without a name
        return "operator"
    return name if name.isascii() and name.isprintable() and len(name) <= 64 else "operator"


async def _all(exchange: Exchange) -> bytes:
    body = b""
    while piece := await exchange.receive():
        body += piece
    return body


# Whose fault it is: what these say, the one who asked can mend.
_OF_REQUESTS = (400, 404, 405, 409, 413)


def _refused(status: int, body: bytes) -> GemstreamError:
    from ...relay.admin.views import Error
    from ...wire.status import api_error

    try:
        failure = msgspec.json.decode(body, type=Error).error
    except msgspec.MsgspecError:
        return api_error(status, f"what answers with {status} there is no relay of ours")
    if failure.problems:
        return _Problems(failure.message, list(failure.problems))
    if status in _OF_REQUESTS:
        return InvalidRequest(failure.message)
    return api_error(status, failure.message, status=failure.status)


def _error_line(schema: str, error: GemstreamError) -> str:
    from ...wire.codec import encode
    from ..summary import error_fields

    fields = error_fields(error)
    if isinstance(error, _Problems):
        fields["problems"] = error.problems
    return encode({"schema": schema, "error": fields}).decode()
