"""How a request about a file ends when somebody does not go on: relay, caller, account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.config.timeouts import Timeouts
from gemstream.errors import StreamInterrupted
from gemstream.net.transport import Deadlines, Exchange, HTTPRequest
from relay.files.test_files import command, service, start_headers, started, uploaded
from support.clock import in_no_time
from support.relayed import RELAY_KEY, Relayed, relayed

PATIENT = ServerOptions(timeouts=Timeouts(first_chunk=300, idle=120))


async def _stuck(brought: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"x" * 1024
    brought.set()
    await asyncio.Event().wait()


async def _many() -> AsyncIterator[bytes]:
    for _ in range(64):
        yield b"x" * 65536


async def _sent(house: Relayed, pieces: AsyncIterator[bytes]) -> Exchange:
    at = await started(house, 64 * 65536)
    told = command("upload, finalize", 0)
    request = HTTPRequest("POST", f"http://relay{at}", told, stream=pieces)
    return await house.transport.open(request, Deadlines())


async def test_a_relay_that_goes_down_tells_who_uploads(tmp_path: Path) -> None:
    one = service()
    brought = asyncio.Event()
    async with relayed(tmp_path, one) as house:
        opening = asyncio.ensure_future(_sent(house, _stuck(brought)))
        await brought.wait()
        await house.relay.cut()
        exchange = await opening
        assert exchange.status == 503
        await exchange.aclose()
        async with asyncio.timeout(10):
            await one.left.wait()
        rows = await house.rows()
    assert rows[-1]["status"] == "drained"


def test_a_caller_who_does_not_go_on_is_told_and_the_account_is_not_blamed(tmp_path: Path) -> None:
    async def scenario() -> None:
        one = service()
        async with relayed(tmp_path, one, server=PATIENT) as house:
            exchange = await _sent(house, _stuck(asyncio.Event()))
            assert exchange.status == 504
            await exchange.aclose()
            rows = await house.rows()
            facts = house.relay.parts.pool.facts(0.0)
            assert rows[-1]["status"] == "client_cancel"
            assert not facts.ejections and facts.in_flight == 0

    in_no_time(scenario())


def test_an_account_that_does_not_go_on_is_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        one = service()
        async with relayed(tmp_path, one, server=PATIENT) as house:
            await uploaded(house)
            one.gate.clear()
            exchange = await _sent(house, _many())
            assert exchange.status == 504
            await exchange.aclose()
            rows = await house.rows()
            assert (rows[-1]["status"], rows[-1]["error"]) == ("upstream_error", "IdleTimeout")

    in_no_time(scenario())


@pytest.mark.parametrize("at_byte", [1, 9, 15])
async def test_half_a_download_does_not_look_whole(tmp_path: Path, at_byte: int) -> None:
    one = service()
    async with relayed(tmp_path, one) as house:
        name = (await uploaded(house))["name"]
        one.cut_at = at_byte
        exchange = await house.open(f"/v1beta/{name}:download?alt=media")
        received = b""
        with pytest.raises(StreamInterrupted):
            while data := await exchange.receive():
                received += data
        rows = await house.rows()
    assert received == f"bytes of {name}".encode()[:at_byte]
    assert rows[-1]["status"] == "upstream_error"


async def test_each_request_counts_under_the_keys_limits(tmp_path: Path) -> None:
    keys = (KeyOptions(name="team-a", key=RELAY_KEY, rpm=2),)
    async with relayed(tmp_path, service(), keys=keys) as house:
        await uploaded(house)
        late = await house.ask("/v1beta/files")
    assert late.status == 429


async def test_a_service_that_refuses_the_key_is_not_told(tmp_path: Path) -> None:
    one = service()
    one.fails = lambda method, path: (401, "API key upstream-key-of-one is bad")
    async with relayed(tmp_path, one) as house:
        path = "/upload/v1beta/files"
        answer = await house.ask(path, {"file": {}}, headers=start_headers(3))
        facts = house.relay.parts.pool.facts(0.0)
    assert answer.status == 503
    assert b"upstream-key" not in answer.body
    assert [fact.state.value for fact in facts.accounts] == ["disabled"]


@pytest.mark.parametrize("host", ["relay.test/@evil", "a b", "user@relay.test", ""])
async def test_a_host_that_is_none_makes_no_address(tmp_path: Path, host: str) -> None:
    async with relayed(tmp_path, service()) as house:
        headers = {**start_headers(3), "host": host}
        answer = await house.ask("/upload/v1beta/files", {"file": {}}, headers=headers)
    assert answer.status == 400
    assert "x-goog-upload-url" not in answer.headers
