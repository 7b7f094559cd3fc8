"""The emulator as a recording relay: requests go to a real service, or to another emulator.

Promises: bytes pass in real time and unchanged; the client's key goes upstream and is never stored;
a client that leaves ends the upstream exchange.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode, urlsplit

from ..errors import APIError, ConfigError, GemstreamError, InvalidRequest
from ..net.aiohttp_transport import AiohttpTransport
from ..net.recording import Recording, RecordingTransport
from ..net.transport import Deadlines, HTTPRequest, Transport
from ..net.transport import Exchange as Upstream
from ..wire.status import api_error
from .exchange import Cut, Exchange
from .journal import End
from .recorded_body import UsageReader
from .recorded_head import OF_THE_CONNECTION, message_headers
from .refusal import invalid

__all__ = ("Recorder",)

# How long the client waits is the client's affair; that nobody is there should be told at once.
_DEADLINES = Deadlines(connect=5.0)


class Recorder:
    """Forwards requests to the service at ``url`` and records what passes into ``to``.

    ``to``: a file, which recordings are added to, or a function that takes one. ``redact``: paths
    of JSON whose values are not stored, see ``net.redaction.Redaction``. ``transport``: how the
    service is reached, None over HTTP/1.1. Close it with ``aclose`` or ``async with``. Raises
    ConfigError for a URL that is none, a file that cannot be written and a path that is none.
    """

    def __init__(
        self,
        url: str,
        to: Path | str | Callable[[Recording], None],
        *,
        redact: Sequence[str] = (),
        transport: Transport | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            raise ConfigError(
                f"record: {url!r} is not where a service is; it should be as https://host"
            )
        self._url = url.rstrip("/")
        self._transport = RecordingTransport(transport or AiohttpTransport(), to, redact=redact)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections upstream; recordings of what still runs end here."""
        await self._transport.aclose()

    @property
    def judges(self) -> bool:
        """True: keys are the service's to judge."""
        return True

    def reset(self) -> None:
        """Keep what is recorded: it is in its file."""

    async def answer(self, exchange: Exchange, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Answer with what the service answers; raises Unavailable when it cannot be reached."""
        upstream = await self._open(exchange)
        try:
            await _pass_on(upstream, exchange)
        finally:
            await upstream.aclose()

    async def _open(self, exchange: Exchange) -> Upstream:
        try:
            return await self._transport.open(_request(self._url, exchange), _DEADLINES)
        except InvalidRequest as error:
            raise invalid(f"the emulator cannot forward the request: {error}") from None
        except GemstreamError as error:
            raise _unreachable(self._url, error) from None


async def _pass_on(upstream: Upstream, exchange: Exchange) -> None:
    usage = UsageReader(upstream.headers.get("content-type", ""))
    await exchange.send_head(upstream.status, message_headers(upstream.headers))
    try:
        while data := await upstream.receive():
            exchange.usage = usage.receive_data(data)
            await exchange.write(data)
    except GemstreamError:  # it broke upstream, so it breaks here
        raise Cut from None
    await exchange.finish(End.ERROR if upstream.status >= 400 else End.FINISHED)


def _request(url: str, exchange: Exchange) -> HTTPRequest:
    headers = {
        name: value
        for name, value in exchange.headers.items()
        if name not in OF_THE_CONNECTION and not name.startswith("x-emulator-")
    }
    # What is compressed would be recorded in other pieces than it was said in.
    headers["accept-encoding"] = "identity"
    query = dict(exchange.query)
    if key := query.pop("key", None):  # a URL is written into logs on its way
        headers.setdefault("x-goog-api-key", key)
    path = quote(exchange.path, safe="/:@!$&'()*+,;=~")
    target = f"{url}{path}" + (f"?{urlencode(query)}" if query else "")
    return HTTPRequest(exchange.method, target, headers, exchange.body)


def _unreachable(url: str, error: GemstreamError) -> APIError:
    place = urlsplit(url)
    return api_error(
        503,
        f"the emulator records from {place.scheme}://{place.hostname}, which gave no answer: "
        f"{error}; check --record",
    )
