"""The fault proxy on sockets: exact bytes, exact ends, and nothing left when it is over."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

import pytest

from gemstream.emulator.fault_proxy import chaos
from gemstream.emulator.toxics import (
    Bandwidth,
    Cut,
    Direction,
    Latency,
    Place,
    Refuse,
    Reset,
    SlowClose,
    Swallow,
    Toxic,
)
from gemstream.errors import ConfigError
from support.peers import left_behind, raw_server

ANSWER = bytes(range(256)) * 4


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a line with ``ANSWER`` and close."""
    await reader.readline()
    writer.write(ANSWER)
    await writer.drain()


class Slept:
    """Lets no time pass and notes how much would have."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _said(*toxics: Toxic, seed: int = 0, sleep: Slept | None = None) -> bytes:
    """Return what a client reads up to the FIN; raises ConnectionResetError for an RST."""
    before = asyncio.all_tasks()
    async with (
        raw_server(_answer) as far,
        chaos(far, *toxics, seed=seed, sleep=sleep or Slept()) as near,
    ):
        said = await _read(near)
    assert not left_behind(before)
    return said


async def _read(url: str) -> bytes:
    reader, writer = await _connect(url)
    writer.write(b"hi\n")
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_without_toxics_every_byte_passes() -> None:
    assert await _said() == ANSWER


@pytest.mark.parametrize("at", [0, 1, 700, len(ANSWER)])
async def test_a_cut_is_a_clean_end_at_its_byte(at: int) -> None:
    assert await _said(Cut(at=at)) == ANSWER[:at]


async def test_a_cut_that_is_never_reached_cuts_nothing() -> None:
    assert await _said(Cut(at=len(ANSWER) + 1)) == ANSWER


@pytest.mark.parametrize("at", [0, 1, 700, len(ANSWER)])
async def test_a_reset_is_no_clean_end(at: int) -> None:
    with pytest.raises(ConnectionResetError):
        await _said(Reset(at=at))


async def test_a_reset_on_the_way_up_keeps_the_rest_of_the_request() -> None:
    heard = bytearray()
    over = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read())
        over.set()

    toxic = Reset(at=3, direction=Direction.UP)
    async with raw_server(listen) as far, chaos(far, toxic) as near:
        reader, writer = await _connect(near)
        writer.write(b"hello")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        await over.wait()
    assert bytes(heard) == b"hel"


async def test_the_first_of_two_breaks_breaks() -> None:
    assert await _said(Cut(at=9), Reset(at=500)) == ANSWER[:9]


async def test_the_seed_chooses_the_byte() -> None:
    toxic = Cut(at=0, to=1000)
    lengths = [len(await _said(toxic, seed=seed)) for seed in (1, 2, 3, 1, 2, 3)]
    assert lengths[:3] == lengths[3:]
    assert len(set(lengths)) == 3


async def test_each_connection_has_its_own_faults() -> None:
    toxics = [Cut(at=1, connection=1), Cut(at=2, connection=3)]
    async with raw_server(_answer) as far, chaos(far, *toxics) as near:
        assert [len(await _read(near)) for _ in range(4)] == [1, len(ANSWER), 2, len(ANSWER)]


async def test_a_bandwidth_lets_so_many_bytes_pass_in_a_second() -> None:
    slept = Slept()
    assert await _said(Bandwidth(rate=100), sleep=slept) == ANSWER
    assert sum(slept.seconds) == pytest.approx(len(ANSWER) / 100)
    assert max(slept.seconds) == pytest.approx(0.05)


async def test_a_latency_holds_each_read_and_a_slow_close_the_end() -> None:
    slept = Slept()
    assert await _said(Latency(ms=70), SlowClose(ms=9000), sleep=slept) == ANSWER
    assert slept.seconds == [0.07] * (len(slept.seconds) - 1) + [9.0]


async def test_jitter_comes_from_the_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        slept = Slept()
        await _said(Latency(ms=70, jitter=30, reads=1), seed=seed, sleep=slept)
        drawn.append(slept.seconds)
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0.04 <= one <= 0.1 for seconds in drawn for one in seconds)


async def test_what_is_held_has_not_passed() -> None:
    """The byte waits for the sleep to end, and for nothing else."""
    held, over = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        held.set()
        await over.wait()

    async with raw_server(_answer) as far, chaos(far, Latency(ms=1), sleep=sleep) as near:
        reading = asyncio.create_task(_read(near))
        await held.wait()
        assert not reading.done()
        over.set()
        assert await reading == ANSWER


async def test_swallowing_reaches_nobody_and_ends_with_the_proxy() -> None:
    async def unwanted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("it was reached")

    async with raw_server(unwanted) as far:
        async with chaos(far, Swallow()) as near:
            reader, writer = await _connect(near)
            writer.write(b"hi\n")
            await writer.drain()
        with contextlib.suppress(
            ConnectionResetError
        ):  # what was not read yet makes the end an RST
            assert await reader.read() == b""
        writer.close()


async def test_refusing_is_a_port_where_nobody_listens() -> None:
    async with raw_server(_answer) as far, chaos(far, Refuse()) as near:
        with pytest.raises(ConnectionRefusedError):
            await _connect(near)


async def test_a_client_that_leaves_is_passed_on() -> None:
    left = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        left.set()

    async with raw_server(listen) as far, chaos(far) as near:
        _, writer = await _connect(near)
        writer.write(b"hi\n")
        writer.close()
        await left.wait()


async def test_a_server_that_is_gone_closes_the_connection() -> None:
    async with raw_server(_answer) as far:
        pass
    async with chaos(far) as near:
        assert await _read(near) == b""


async def test_much_more_than_the_buffers_hold_passes_whole() -> None:
    size = 16 * 1024 * 1024

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(bytes(size))
        await writer.drain()

    async with raw_server(pour) as far, chaos(far) as near:
        assert len(await _read(near)) == size


REFUSED = [
    ({"host": "0.0.0.0"}, [], "on this machine only"),
    ({"host": "example.com"}, [], "on this machine only"),
    ({"port": 99999}, [], "cannot listen on 127.0.0.1:99999"),
    ({}, ["reset"], "'reset' is not a toxic"),
    ({"url": "https://127.0.0.1:1"}, [Cut(place=Place.HEAD)], "it needs plain HTTP"),
]


@pytest.mark.parametrize(("options", "toxics", "words"), REFUSED)
async def test_what_cannot_work_is_refused(
    options: dict[str, object], toxics: list[Toxic], words: str
) -> None:
    options = {"url": "http://127.0.0.1:1", **options}
    with pytest.raises(ConfigError, match=words):
        async with chaos(options.pop("url"), *toxics, **options):  # type: ignore[arg-type]
            pass
