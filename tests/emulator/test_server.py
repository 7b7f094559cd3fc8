"""The emulator on real sockets: real time, unclean ends, leaving clients, and its own end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from urllib.parse import urlsplit

import aiohttp
import pytest

from emulator.driver import prompt, stream_url
from gemstream.emulator import (
    Cut,
    Emulator,
    JournalEnd,
    Rule,
    Script,
    Stall,
    Step,
    WaitForAck,
    serving,
)
from gemstream.errors import ConfigError

HEADERS = {"x-goog-api-key": "k"}


def playing(*steps: Step) -> Emulator:
    return Emulator(Script([Rule(steps=steps)]))


async def test_each_chunk_crosses_the_socket_before_the_next() -> None:
    emulator = playing("one", WaitForAck(), "two")
    async with (
        serving(emulator) as url,
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.post(url + stream_url(), json=prompt("x")) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["server"] == "scaffolding on HTTPServer2"
        assert b"one" in await response.content.readany()
        emulator.ack()
        assert b"two" in await response.content.read()


@pytest.mark.parametrize("at_byte", [None, 1, 100])
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
async def test_a_cut_is_an_unclean_end(
    method: str, at_byte: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    emulator = playing("one", Cut(at_byte=at_byte))
    async with serving(emulator) as url, aiohttp.ClientSession(headers=HEADERS) as session:
        path = f"/v1/models/gemini-2.5-flash:{method}"
        async with session.post(url + path, json=prompt("x")) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
    assert not caplog.records  # what was asked for is no error


async def test_a_client_that_leaves_is_noticed() -> None:
    emulator = playing("one", Stall())
    async with serving(emulator) as url, aiohttp.ClientSession(headers=HEADERS) as session:
        async with session.post(url + stream_url(), json=prompt("x")) as response:
            await response.content.readany()
            response.close()
        await emulator.idle()
        assert [entry.end for entry in emulator.journal] == [JournalEnd.ABORTED]


async def test_stopping_breaks_running_answers_off() -> None:
    emulator = playing("one", Stall())
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        async with serving(emulator) as url:
            response = await session.post(url + stream_url(), json=prompt("x"))
            await response.content.readany()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.readany()
        response.close()
    assert [entry.end for entry in emulator.journal] == [JournalEnd.ABORTED]


async def test_stopping_does_not_wait_for_a_body(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Emulator()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        head = "Host: x\r\nContent-Length: 9\r\nExpect: 100-continue"
        writer.write(f"POST {stream_url()} HTTP/1.1\r\n{head}\r\n\r\n".encode())
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")  # it waits for the body
    await reader.read()
    writer.close()
    assert not caplog.records  # uvicorn tells when it has to cancel


async def test_a_chunked_request_body_is_read() -> None:
    async def pieces():
        yield b'{"contents": [{"parts": '
        yield b'[{"text": "pieces"}]}]}'

    async with serving(Emulator()) as url, aiohttp.ClientSession(headers=HEADERS) as session:
        path = "/v1/models/gemini-2.5-flash:generateContent"
        async with session.post(url + path, data=pieces()) as response:
            assert "You said: pieces" in await response.text()


async def test_a_port_that_is_taken_is_told() -> None:
    async with serving(Emulator()) as url:
        port = urlsplit(url).port
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serving(Emulator(), port=port or 0):
                pass


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 99999)])
async def test_an_address_that_is_none_is_told(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="cannot listen"):
        async with serving(Emulator(), host, port):
            pass


PROGRAM = """
from gemstream.emulator import Emulator, serve
serve(Emulator(), port=0, announce=lambda url: print(url, flush=True))
print("stopped")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_serve_ends_cleanly_at_a_signal(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.get(f"{url}/v1/models") as response,
    ):
        assert response.status == 200
    process.send_signal(number)
    output, errors = await process.communicate()
    assert (process.returncode, output, errors) == (0, b"stopped\n", b"")


MISSING = """
import sys
sys.modules["httptools"] = None
from gemstream.emulator import Emulator, serve
try:
    serve(Emulator())
except ValueError as error:
    print(type(error).__name__, error)
"""


async def test_a_missing_server_names_the_extra() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        MISSING,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    output, _ = await process.communicate()
    words = b"ConfigError the emulator's server needs httptools: pip install 'gemstream[emulator]'"
    assert output.strip() == words


async def test_an_address_of_six_words_is_written_in_brackets() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with serving(Emulator(), "::1") as url, aiohttp.ClientSession(headers=HEADERS) as session:
        assert url.startswith("http://[::1]:")
        async with session.get(f"{url}/v1/models") as response:
            assert response.status == 200
