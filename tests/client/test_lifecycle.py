"""The life of a client: its key, its channels, its loops, and its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from gemstream import (
    AccessToken,
    APIKey,
    AsyncClient,
    Credentials,
    Driver,
    GemstreamError,
    GenerateStream,
)
from gemstream.client.channel import Channels
from gemstream.config.models import bundled_models
from gemstream.emulator import Emulator, Stall, Status, serving
from gemstream.errors import InvalidState
from support.emulated import async_client, blocking_client, scripted
from support.servers import free_port
from support.service import KEY, Service, client_of, finish, held, said

# --- the key ---------------------------------------------------------------------------------


async def test_the_key_travels_in_its_header_and_nowhere_else() -> None:
    service = Service(said({"totalTokens": 1, "models": [], "embeddings": [{}], **finish("a")}))
    client = client_of(service)
    for call in (
        client.generate("Hi"),
        client.generate_stream("Hi").finish(),
        client.count_tokens("Hi"),
        client.embed("Hi"),
        client.models.list(),
        client.models.get("gemini-2.5-flash"),
        client.request("POST", "corpora", {"a": 1}),
    ):
        await call
    for asked in service.asked:
        assert asked.headers.pop("x-goog-api-key") == KEY
        assert KEY not in repr(asked)


async def test_the_key_is_in_no_repr_and_no_log(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    client = async_client(scripted([Status(code=503)], [Status(code=400)]))
    stream = client.generate_stream("Hi")
    with pytest.raises(GemstreamError) as caught:
        await stream.finish()
    shown = [client, client.options, client.models, stream, caught.value, caught.value.__cause__]
    blocking = blocking_client(Emulator())
    shown += [blocking, blocking.options, blocking.generate_stream("Hi"), APIKey(KEY), vars(client)]
    assert caplog.records
    assert KEY not in f"{shown!r}{shown}{caplog.text}"
    blocking.close()


def test_a_key_shows_a_hash_that_is_the_same_for_equal_keys() -> None:
    assert repr(APIKey(KEY)) == repr(APIKey(KEY)) != repr(APIKey(KEY + "x"))
    assert KEY[:6] not in repr(APIKey(KEY))


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "second")
    assert _account_and_origin(AsyncClient()) == (APIKey("second").account, "GEMINI_API_KEY")
    monkeypatch.setenv("GOOGLE_API_KEY", "first")
    assert _account_and_origin(AsyncClient()) == (APIKey("first").account, "GOOGLE_API_KEY")
    assert _account_and_origin(AsyncClient("given")) == (APIKey("given").account, "given")


def _account_and_origin(client: AsyncClient) -> tuple[str, str]:
    return repr(client).split()[2], client.options.origins["api_key"]


def test_the_options_of_a_client_do_not_hold_its_key() -> None:
    client = AsyncClient(KEY)
    assert KEY not in str(msgspec.to_builtins(client.options))
    assert "api_key (given)" in repr(client.options)


def test_own_credentials_leave_the_key_of_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "second")
    client = AsyncClient(credentials=APIKey("own"))
    assert _account_and_origin(client) == (APIKey("own").account, "none")


class _Token:
    """Credentials of another kind: a bearer token that is new each time."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def account(self) -> str:
        return "the-account"

    async def headers(self) -> Mapping[str, str]:
        self.asked += 1
        return {"authorization": f"Bearer token-{self.asked}"}

    def redact(self, data: bytes) -> bytes:
        return data.replace(b"token", b"*****")


async def test_credentials_of_another_kind_are_asked_for_each_request() -> None:
    token, service = _Token(), Service(said(finish("a")))
    assert isinstance(token, Credentials)
    client = client_of(service, api_key=None, credentials=token)
    await client.generate("Hi")
    await client.generate("Hi")
    sent = [asked.headers["authorization"] for asked in service.asked]
    assert sent == ["Bearer token-1", "Bearer token-2"]
    assert "x-goog-api-key" not in service.last.headers
    assert "the-account" in repr(client)


# --- channels --------------------------------------------------------------------------------


def _channels() -> Channels:
    return Channels(async_client(Emulator())._service, bundled_models())


def test_the_first_use_of_a_model_from_many_threads_makes_one_channel() -> None:
    channels, together = _channels(), threading.Barrier(50)

    def use(_: int) -> object:
        together.wait()
        return channels.of("gemini-2.0-flash")

    with ThreadPoolExecutor(50) as threads:
        assert len({id(channel) for channel in threads.map(use, range(50))}) == 1


def test_a_bare_name_and_its_prefixed_form_share_a_channel() -> None:
    channels = _channels()
    assert channels.of("gemini-2.0-flash") is channels.of("models/gemini-2.0-flash")
    assert channels.of("gemini-2.0-flash") is not channels.of("gemini-2.0-flash-lite")


def test_the_number_of_channels_is_bounded() -> None:
    channels = _channels()
    for number in range(5000):
        channels.of(f"invented-{number}")
    assert len(channels._channels) <= 1024


# --- loops and ends --------------------------------------------------------------------------


def test_one_client_serves_one_event_loop_after_another() -> None:
    port = free_port()
    client = AsyncClient(KEY, base_url=f"http://127.0.0.1:{port}")

    async def ask() -> str:
        async with serving(Emulator(), port=port):
            return (await client.generate("Count to 3")).text

    assert asyncio.run(ask()) == asyncio.run(ask())
    gc.collect()  # what the first loop left open would say so here
    asyncio.run(client.aclose())


async def _begun(client: AsyncClient) -> GenerateStream:
    stream = client.generate_stream("Count to 9")
    await anext(stream)
    return stream


async def _begun_over_a_socket() -> GenerateStream:
    async with serving(scripted(["a", Stall()])) as url:
        return await _begun(AsyncClient(KEY, base_url=url))


async def _begun_in_process() -> GenerateStream:
    return await _begun(async_client(scripted(["a", Stall()])))


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it was not closed, and may say so
@pytest.mark.parametrize("begun", [_begun_over_a_socket, _begun_in_process])
def test_a_stream_that_outlives_its_loop_does_not_fail(begun: Any) -> None:
    stream = asyncio.run(begun())
    assert stream.response.text
    del stream
    gc.collect()


async def test_a_closed_client_does_nothing_more() -> None:
    emulator = Emulator()
    client = async_client(emulator)
    await client.aclose()
    await client.aclose()
    for call in (client.generate, client.count_tokens, client.embed, client.generate_stream):
        with pytest.raises(InvalidState, match="the client is closed"):
            await call("Hi")
    for late in (client.models.list(), client.models.get("a"), client.request("GET", "models")):
        with pytest.raises(InvalidState, match="closed"):
            await late
    assert emulator.journal == []


async def test_a_stream_of_a_closed_client_does_not_open() -> None:
    client = async_client(Emulator())
    stream = client.generate_stream("Hi")
    await client.aclose()
    with pytest.raises(InvalidState):
        await anext(stream)


async def test_a_client_leaves_the_transport_it_was_given_open() -> None:
    emulator = Emulator()
    first = async_client(emulator)
    transport = first._service.transport
    await first.aclose()
    async with AsyncClient(KEY, base_url="http://x", transport=transport) as second:
        assert (await second.generate("Hi")).text


async def test_a_client_nobody_closed_says_so() -> None:
    async with serving(Emulator()) as url:
        client = AsyncClient(KEY, base_url=url)
        await client.generate("Hi")
        with pytest.warns(ResourceWarning, match="a gemstream client was not closed"):
            del client
            gc.collect()


async def test_a_client_that_sent_nothing_needs_no_closing() -> None:
    client = AsyncClient(KEY)
    del client
    gc.collect()


async def test_closing_a_stream_waits_until_its_opening_is_over() -> None:
    begun, is_over = asyncio.Event(), False

    async def fresh() -> str:
        nonlocal is_over
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            is_over = True
        return "never"

    client = client_of(Service(), api_key=None, credentials=AccessToken(fresh))
    stream = client.generate_stream("Hi")
    reading = asyncio.create_task(anext(stream, None))
    await begun.wait()
    await stream.aclose()
    assert is_over
    assert await reading is None


async def test_a_task_that_was_cancelled_before_sees_a_plain_end_of_its_stream() -> None:
    """Its clean-up may well read a stream, which somebody then ends while it opens."""
    silent = asyncio.Event()
    stream = client_of(Service(held(silent=silent))).generate_stream("Hi")

    async def clean_up() -> object:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await anext(stream, None)

    cleaning = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    cleaning.cancel()
    await silent.wait()
    stream.cancel()
    assert await cleaning is None


async def test_a_stream_that_was_closed_unsent_was_sent_no_time() -> None:
    stream = client_of(Service()).generate_stream("Hi")
    await stream.aclose()
    assert (stream.response.attempts, stream.response.complete) == (0, "stopped")


def _takes(driver: Driver) -> Driver:
    """Held by the type checker too."""
    return driver


def test_the_client_is_a_driver() -> None:
    assert isinstance(_takes(async_client(Emulator())), Driver)


async def _told_by(driver: Driver) -> str:
    """Held by the type checker too: a stream of any driver closes at the end of its block."""
    async with driver.generate_stream("Hi") as stream:
        async for chunk in stream:
            return chunk.text
    return stream.response.text


async def test_a_stream_of_a_driver_is_closed_by_its_block() -> None:
    emulator = Emulator()
    assert await _told_by(async_client(emulator))


def test_a_client_says_where_it_asks_and_for_whom() -> None:
    shown = repr(async_client(Emulator()))
    assert shown == f"<AsyncClient http://emulator {APIKey(KEY).account} model='gemini-2.5-flash'>"
    with blocking_client(Emulator()) as blocking:
        assert repr(blocking) == shown.replace("AsyncClient", "Client")
