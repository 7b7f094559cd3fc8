"""TLS: who trusts the authority gets answers, who does not is told why."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google import genai
from google.genai import types

from gemstream import AsyncClient
from gemstream.emulator import (
    Emulator,
    LocalAuthority,
    Rule,
    Script,
    WaitForAck,
    serving,
)
from gemstream.errors import ConfigError, ConnectFailed, StreamInterrupted
from gemstream.net.aiohttp_transport import AiohttpTransport

# The official SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")


@pytest.fixture(scope="module")
def authority() -> LocalAuthority:
    return LocalAuthority()


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(emulator: Emulator, authority: LocalAuthority) -> AsyncIterator[str]:
    async with serving(emulator, tls=authority) as url:
        yield url


async def say_hi(url: str, context: ssl.SSLContext | None) -> str:
    """Return what a client of ours is answered."""
    transport = AiohttpTransport(ssl=context, trust_env=False)
    try:
        async with AsyncClient("k", base_url=url, transport=transport) as client:
            return (await client.generate("hi")).text
    finally:
        await transport.aclose()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_client_that_trusts_is_answered(
    url: str, authority: LocalAuthority, name: str
) -> None:
    assert url.startswith("https://127.0.0.1:")
    place = f"https://{name}:{urlsplit(url).port}"
    assert await say_hi(place, authority.client_context()) == "You said: hi"


async def test_an_address_of_six_words_is_certified(
    emulator: Emulator, authority: LocalAuthority
) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with serving(emulator, "::1", tls=authority) as url:
        assert await say_hi(url, authority.client_context()) == "You said: hi"


async def test_each_chunk_crosses_before_the_next(
    emulator: Emulator, url: str, authority: LocalAuthority
) -> None:
    emulator.script = Script([Rule(steps=["one", WaitForAck(), "two"])])
    transport = AiohttpTransport(ssl=authority.client_context(), trust_env=False)
    client = AsyncClient("k", base_url=url, transport=transport)
    seen = []
    async with client.generate_stream("x") as stream:
        async for chunk in stream:
            seen.append(chunk.text)
            if len(seen) == 1:
                emulator.ack()
    await client.aclose()
    await transport.aclose()
    assert "".join(seen) == "onetwo"


async def test_a_client_that_does_not_trust_says_so_and_does_not_try_again(
    emulator: Emulator, url: str
) -> None:
    for stranger in (None, LocalAuthority().client_context()):
        with pytest.raises(ConnectFailed, match=r"certificate verify failed.*SSL_CERT_FILE") as met:
            await say_hi(url, stranger)
        assert not met.value.retryable
    assert emulator.journal == []


async def test_a_certificate_of_another_name_is_refused(authority: LocalAuthority) -> None:
    """The authority is trusted, the server is not the one that was asked for."""
    context = authority.server_context("localhost")

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.2", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectFailed, match="IP address mismatch"):
            await say_hi(f"https://127.0.0.2:{port}", authority.client_context())


async def test_plain_http_where_tls_is_spoken_and_the_reverse(
    url: str, authority: LocalAuthority
) -> None:
    with pytest.raises(StreamInterrupted):
        await say_hi(url.replace("https:", "http:"), None)
    async with serving(Emulator()) as plain:
        with pytest.raises(ConnectFailed, match=r"no TLS connection: .*check base_url"):
            await say_hi(plain.replace("http:", "https:"), authority.client_context())


PROGRAM = """
from gemstream import Client
with Client("k", base_url={url!r}) as client:
    print(client.generate("hi").text)
"""


async def test_ssl_cert_file_is_honoured(url: str, authority: LocalAuthority) -> None:
    with authority.file() as ca:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM.format(url=url),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "SSL_CERT_FILE": str(ca)},
        )
        output, _ = await process.communicate()
    assert (process.returncode, output.strip()) == (0, b"You said: hi")


@pytest.mark.parametrize("face", ["async", "blocking"])
async def test_the_official_sdk_honours_it_too(
    url: str, authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    with authority.file() as ca:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        sdk = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
        ask = {"model": "gemini-2.5-flash", "contents": "hi"}
        if face == "async":
            answer = await sdk.aio.models.generate_content(**ask)
        else:
            answer = await asyncio.to_thread(sdk.models.generate_content, **ask)
        await sdk.aio.aclose()
        sdk.close()
    assert answer.text == "You said: hi"


def test_a_temporary_file_goes_and_a_given_one_stays(
    authority: LocalAuthority, tmp_path: Path
) -> None:
    with authority.file() as temporary, authority.file(tmp_path / "ca.pem") as given:
        assert temporary.read_bytes() == given.read_bytes() == authority.certificate
        assert b"PRIVATE KEY" not in given.read_bytes()
    assert given.exists() and not temporary.exists()


def test_a_file_that_cannot_be_written_is_told(authority: LocalAuthority, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"), authority.file(tmp_path):
        pass


def test_a_host_that_no_certificate_can_have_is_told(authority: LocalAuthority) -> None:
    with pytest.raises(ConfigError, match="no certificate"):
        authority.server_context("exa mple..")


MISSING = """
import sys
sys.modules["trustme"] = None
from gemstream.emulator import LocalAuthority
try:
    LocalAuthority()
except ValueError as error:
    print(type(error).__name__, error)
"""


async def test_a_missing_library_names_the_extra() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        MISSING,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    output, _ = await process.communicate()
    words = b"ConfigError the emulator's TLS needs trustme: pip install 'gemstream[emulator]'"
    assert output.strip() == words
