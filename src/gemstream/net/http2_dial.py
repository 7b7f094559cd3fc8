"""How a connection comes about: name, socket, a proxy's tunnel, TLS."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from .http2_errors import ProxyRefused, system_said

__all__ = ("Dial", "Dialled")

_PORTS = {"http": 80, "https": 443}
_NEXT_ADDRESS = 0.25  # seconds until the next is tried beside it (RFC 8305, 5: 250 ms)
_LARGEST_ANSWER = 16 * 1024  # of a proxy
_ANSWER = re.compile(rb"HTTP/1\.[01] (\d{3}) ?([^\r\n]*)\r?\n")
_ANSWER_END = re.compile(rb"\r?\n\r?\n")

Addresses = Sequence[tuple[Any, ...]]


class Dialled(Protocol):
    """What is connected, besides an ``asyncio.Protocol``."""

    def abort(self) -> None:
        """Break the connection off, if there is one."""


class Dial(NamedTuple):
    """Where an origin is reached: ``tls`` None for none, ``proxy`` an ``http://`` URL."""

    scheme: str
    host: str
    port: int | None
    tls: ssl.SSLContext | None
    proxy: str | None

    @property
    def real_port(self) -> int:
        """The port, the scheme's own where none is named."""
        return self.port or _PORTS[self.scheme]

    async def connect(self, connection: Dialled, found: Addresses | None = None) -> None:
        """Connect ``connection``, an ``asyncio.Protocol``.

        ``found``: the host's addresses as ``getaddrinfo`` gives them, None to ask for them.
        Raises ProxyRefused, and what sockets and TLS raise. Cancelling closes what was begun.
        """
        if self.proxy is None:
            sock = await _socket(self.host, self.real_port, found)
        else:
            sock = await _tunnel(urlsplit(self.proxy), self.host, self.real_port)
        try:
            protocol: Any = connection
            await asyncio.get_running_loop().create_connection(
                lambda: protocol,
                sock=sock,
                ssl=self.tls,
                server_hostname=self.host if self.tls else None,
            )
        except BaseException:
            connection.abort()
            sock.close()
            raise


async def _socket(host: str, port: int, found: Addresses | None = None) -> socket.socket:
    import aiohappyeyeballs

    loop = asyncio.get_running_loop()
    if found is None:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    sock = await aiohappyeyeballs.start_connection(
        found, happy_eyeballs_delay=_NEXT_ADDRESS, loop=loop
    )
    # So that the system notices a peer that is gone, as the default transport has it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


async def _tunnel(proxy: SplitResult, host: str, port: int) -> socket.socket:
    """Return a socket through an HTTP proxy (RFC 9110, 9.3.6)."""
    try:
        sock = await _socket(proxy.hostname or "", proxy.port or _PORTS["http"])
    except OSError as error:
        said = system_said(error)
        raise ProxyRefused(f"no connection to the proxy: {said}", retryable=True) from None
    try:
        await asyncio.get_running_loop().sock_sendall(sock, _request(proxy, host, port))
        _check_answer(await _answer(sock))
    except BaseException:
        sock.close()
        raise
    return sock


def _request(proxy: SplitResult, host: str, port: int) -> bytes:
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {at} HTTP/1.1", f"Host: {at}"]
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


async def _answer(sock: socket.socket) -> bytes:
    """Return the head of the proxy's answer; behind it the client is the first to speak."""
    answer = b""
    while not _ANSWER_END.search(answer) and len(answer) < _LARGEST_ANSWER:
        data = await asyncio.get_running_loop().sock_recv(sock, _LARGEST_ANSWER)
        if not data:
            break
        answer += data
    return answer


def _check_answer(answer: bytes) -> None:
    said = _ANSWER.match(answer)
    if said is None or not _ANSWER_END.search(answer):
        raise ProxyRefused("no connection through the proxy: its answer is no HTTP", retryable=True)
    status = int(said[1])
    if not 200 <= status < 300:
        reason = said[2].decode("latin-1").strip()
        raise ProxyRefused(
            f"the proxy lets no connection through: {status}, {reason}", retryable=status >= 500
        )
