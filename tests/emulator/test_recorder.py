"""The emulator as a recording relay: in real time, key passed and not stored, ends passed on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver import Talk, answer, ask, method_url, prompt, stream_url
from gemstream import AsyncClient
from gemstream.emulator import (
    Cut,
    Emulator,
    JournalEnd,
    Recorder,
    Replay,
    Rule,
    Script,
    Stall,
    Step,
    WaitForAck,
    serving,
)
from gemstream.errors import ConfigError, StreamInterrupted
from gemstream.net.asgi import ASGITransport
from gemstream.net.recording import Recording, RecordingEnd, load
from support.service import AT_ONCE, KEY, SSE, Asked, Service, chunk, failed, finish, said, streamed


@contextlib.asynccontextmanager
async def recording(upstream: Any, to: Any, **options: Any) -> AsyncIterator[Emulator]:
    """Give an emulator that records from ``upstream``, in process."""
    async with Recorder("http://up/", to, transport=ASGITransport(upstream), **options) as recorder:
        yield Emulator(record=recorder)


def playing(*steps: Step) -> Emulator:
    return Emulator(Script([Rule(steps=steps)]))


async def test_each_chunk_reaches_the_client_before_the_next_is_made(tmp_path: Path) -> None:
    """Over real sockets, both hops: the upstream goes on only when the client has what it sent."""
    upstream = playing("one ", WaitForAck(), "two ", WaitForAck(), "three")
    file = tmp_path / "r.jsonl"
    async with (
        serving(upstream) as far,
        Recorder(far, file) as recorder,
        serving(Emulator(record=recorder)) as near,
        AsyncClient(KEY, base_url=near, retry=AT_ONCE) as client,
    ):
        texts = []
        async for one in client.generate_stream("hi"):
            texts.append(one.text)
            upstream.ack()
    assert texts == ["one ", "two ", "three"]
    (recorded,) = load(file)
    assert (len(recorded.reads), recorded.end) == (3, RecordingEnd.CLEAN)
    assert KEY not in file.read_text()


async def test_what_was_recorded_is_replayed_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    asked = [(stream_url(), "Count to 5"), (method_url("generateContent"), "hi")]
    async with recording(Emulator(), file) as emulator:
        recorded = [await _seen(emulator, *one) for one in asked]
        assert None not in [entry.usage for entry in emulator.journal]
    replayed = [await _seen(Emulator(replay=Replay([file], pace=0)), *one) for one in asked]
    assert replayed == recorded
    assert len(recorded[0][2]) == 5


async def _seen(emulator: Emulator, url: str, text: str) -> tuple[int, str, list[bytes]]:
    talk = ask(emulator, url, prompt(text))
    status, headers = await talk.head()
    return status, headers["content-type"], await talk.read_all()


async def _asked(url: str, **headers: str) -> Asked:
    service = Service(said({"totalTokens": 3}))
    async with recording(service, [].append) as emulator:
        assert (await answer(emulator, url, prompt("hi"), headers=headers))[0] == 200
    return service.last


async def test_the_request_goes_upstream_as_it_is() -> None:
    headers = {"x-goog-api-key": KEY, "X-Custom": "1", "X-Emulator-Replay": "1", "TE": "x"}
    asked = await _asked(method_url("countTokens") + "?alt=json", **headers)
    assert (asked.method, asked.url) == ("POST", method_url("countTokens") + "?alt=json")
    assert asked.json == prompt("hi")
    assert asked.headers["x-goog-api-key"] == KEY
    assert asked.headers["x-custom"] == "1"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["host"] == "up"
    assert not asked.headers.keys() & {"te", "x-emulator-replay"}


async def test_a_key_in_the_url_goes_upstream_as_a_header() -> None:
    service = Service(said({}))
    async with recording(service, [].append) as emulator:
        url = method_url("countTokens") + f"?key={KEY}"
        talk = Talk(emulator, "POST", url, b"{}", {})
        assert (await talk.head())[0] == 200
        await talk.read_all()
    assert service.last.url == method_url("countTokens")
    assert service.last.headers["x-goog-api-key"] == KEY


async def test_paths_the_emulator_does_not_know_go_upstream_too() -> None:
    service = Service(said({"files": []}))
    async with recording(service, [].append) as emulator:
        url = "/v1beta/files/a%20b"
        talk = Talk(emulator, "GET", "/v1beta/files/a b", b"", {})
        assert (await talk.head())[0] == 200
        await talk.read_all()
        assert [entry.method for entry in emulator.journal] == ["/v1beta/files/a b"]
    assert service.asked[0].url in (url, "/v1beta/files/a b")


async def test_errors_of_the_service_pass_as_they_are() -> None:
    recordings: list[Recording] = []
    service = Service(failed(429, "RESOURCE_EXHAUSTED", message="slow down", retry_after="7"))
    async with recording(service, recordings.append) as emulator:
        talk = ask(emulator, stream_url(), prompt("hi"), headers={"x-goog-api-key": "bad-key"})
        status, headers = await talk.head()
        body = b"".join(await talk.read_all())
        assert (status, headers["retry-after"]) == (429, "7")
        assert b"slow down" in body
        assert [entry.end for entry in emulator.journal] == [JournalEnd.ERROR]
    assert [(one.status, one.body) for one in recordings] == [(429, body)]


async def test_an_answer_that_breaks_upstream_breaks_here() -> None:
    recordings: list[Recording] = []
    async with recording(playing("half", Cut()), recordings.append) as emulator:
        transport = ASGITransport(emulator)
        async with AsyncClient(
            KEY, base_url="http://e", transport=transport, retry=AT_ONCE
        ) as client:
            with pytest.raises(StreamInterrupted) as caught:
                await client.generate_stream("hi").finish()
    assert caught.value.partial == "half"
    assert [one.end for one in recordings] == [RecordingEnd.BROKEN]


async def test_a_client_that_leaves_ends_the_upstream_exchange() -> None:
    recordings: list[Recording] = []
    upstream = playing("one", Stall())
    async with recording(upstream, recordings.append) as emulator:
        talk = ask(emulator, stream_url(), prompt("hi"))
        await talk.head()
        assert b"one" in await talk.read()
        await talk.leave()
        await upstream.idle()
        assert [entry.end for entry in upstream.journal] == [JournalEnd.ABORTED]
        assert [entry.end for entry in emulator.journal] == [JournalEnd.ABORTED]
    assert [one.end for one in recordings] == [RecordingEnd.ABORTED]


async def test_a_service_that_is_not_there_is_told() -> None:
    async with Recorder("http://127.0.0.1:1", [].append) as recorder:
        status, body = await answer(Emulator(record=recorder), stream_url(), prompt("hi"))
    assert status == 503
    (error,) = body if isinstance(body, list) else [body]
    assert "records from http://127.0.0.1, which gave no answer: no connection" in str(error)


async def test_what_is_to_be_redacted_is_not_stored_and_passes() -> None:
    recordings: list[Recording] = []
    service = Service(streamed(chunk("private"), finish("ly")))
    paths = ["contents.parts.text", "candidates.content.parts.text"]
    async with recording(service, recordings.append, redact=paths) as emulator:
        talk = ask(emulator, stream_url(), prompt("secret"))
        assert (await talk.head())[1]["content-type"] == SSE
        assert b"private" in b"".join(await talk.read_all())
    assert b"secret" in service.last.body
    assert b"secret" not in recordings[0].request_body
    assert b"private" not in recordings[0].body
    assert recordings[0].body.count(b'"REDACTED"') == 2


async def test_many_clients_record_at_once(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    async with recording(Emulator(), file) as emulator:
        seen = await asyncio.gather(
            *[_seen(emulator, stream_url(), f"Count to {number}") for number in range(2, 22)]
        )
    bodies = sorted(b"".join(writes) for _, _, writes in seen)
    assert sorted(one.body for one in load(file)) == bodies


@pytest.mark.parametrize("url", ["", "up:80", "ftp://up", "http://", "http://up?a=b"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not where a service is"):
        Recorder(url, [].append)
