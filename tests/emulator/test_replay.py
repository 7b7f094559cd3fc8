"""Recordings replayed: the same bytes in the same reads at the recorded pace, and then no more."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from emulator.driver import Interrupted, Talk, answer, ask, method_url, prompt, stream_url
from gemstream.emulator import Emulator, Replay, Rule, Script
from gemstream.emulator.journal import End
from gemstream.errors import ConfigError, NotFound, StreamInterrupted
from gemstream.net.recording import Read, Recording, RecordingEnd, encode
from gemstream.wire.payload import PayloadDecoder
from support.clock import in_no_time
from support.emulated import async_client
from support.recorded import RESPONSES, STREAMS, UNARY, recorded
from support.service import SSE, chunk, finish, sse

STREAM_PATH = f"{stream_url()}"
COUNT_PATH = method_url("countTokens")


def recording(*pieces: bytes, **fields: Any) -> Recording:
    """Return a recording of ``pieces``, a second apart."""
    reads = [Read(1000 * number, piece) for number, piece in enumerate(pieces, start=1)]
    fields = {"path": STREAM_PATH, "headers": {"content-type": SSE, "x-new": "1"}, **fields}
    return Recording(reads=reads, **fields)


def streamed(emulator: Emulator, **headers: str) -> Talk:
    return ask(emulator, stream_url(), prompt("hi"), headers=headers)


async def test_the_reads_come_as_they_were_recorded() -> None:
    emulator = Emulator(replay=Replay([recording(b"on", b"e\r", b"\n")], pace=0))
    talk = streamed(emulator)
    assert await talk.head() == (200, {"content-type": SSE, "x-new": "1"})
    assert await talk.read_all() == [b"on", b"e\r", b"\n"]


async def test_what_belonged_to_the_connection_is_not_replayed() -> None:
    headers = {"Content-Type": "a/b", "Content-Length": "9", "Content-Encoding": "gzip"}
    talk = streamed(Emulator(replay=Replay([recording(b"one", headers=headers)], pace=0)))
    assert await talk.head() == (200, {"content-type": "a/b"})
    assert await talk.read_all() == [b"one"]


PACES = [(1.0, [500, 1000, 2000, 2500]), (0.5, [250, 500, 1000, 1250]), (0.0, [0, 0, 0, 0])]


@pytest.mark.parametrize(("pace", "expected"), PACES)
def test_the_recorded_pace_is_kept(pace: float, expected: list[int]) -> None:
    async def times() -> list[int]:
        one = recording(b"one", b"two", at_ms=500, end_ms=2500)
        talk = streamed(Emulator(replay=Replay([one], pace=pace)))
        now = asyncio.get_running_loop().time
        seen = []
        for step in (talk.head, talk.read, talk.read, talk.read):
            await step()
            seen.append(round(now() * 1000))
        return seen

    assert in_no_time(times()) == expected


@pytest.mark.parametrize("end", [RecordingEnd.BROKEN, RecordingEnd.ABORTED])
async def test_what_broke_off_breaks_off(end: RecordingEnd) -> None:
    emulator = Emulator(replay=Replay([recording(b"one", end=end)], pace=0))
    talk = streamed(emulator)
    await talk.head()
    assert await talk.read() == b"one"
    with pytest.raises(Interrupted):
        await talk.read()
    assert [entry.end for entry in emulator.journal] == [End.ERROR]


async def test_a_client_is_told_of_an_answer_that_broke_off() -> None:
    broken = recording(sse(chunk("half an ans")), end=RecordingEnd.BROKEN)
    async with async_client(Emulator(replay=Replay([broken], pace=0))) as client:
        with pytest.raises(StreamInterrupted) as caught:
            await client.generate_stream("hi").finish()
    assert caught.value.partial == "half an ans"


async def test_requests_are_answered_in_order_method_by_method() -> None:
    count = recording(b'{"totalTokens": 3}', path=COUNT_PATH, headers={})
    first, second = recording(b"first"), recording(b"second")
    emulator = Emulator(replay=Replay([first, count, second], pace=0))
    for expected in (b"first", b"second"):
        talk = streamed(emulator)
        await talk.head()
        assert await talk.read_all() == [expected]
    assert await answer(emulator, COUNT_PATH, prompt("hi")) == (200, {"totalTokens": 3})


async def test_used_up_recordings_are_told_and_nothing_is_made_up() -> None:
    emulator = Emulator(replay=Replay([recording(sse(finish("a")))], pace=0))
    async with async_client(emulator) as client:
        assert (await client.generate_stream("hi").finish()).text == "a"
        with pytest.raises(NotFound, match=r"1 recordings for POST streamGenerateContent are used"):
            await client.generate_stream("hi").finish()
        with pytest.raises(NotFound, match="none of the emulator's recordings answers POST count"):
            await client.count_tokens("hi")
        emulator.reset()
        assert (await client.generate_stream("hi").finish()).text == "a"


async def test_recordings_repeat_when_asked_to() -> None:
    emulator = Emulator(replay=Replay([recording(b"a"), recording(b"b")], pace=0, again=True))
    said = []
    for _ in range(5):
        talk = streamed(emulator)
        await talk.head()
        said += await talk.read_all()
    assert said == [b"a", b"b", b"a", b"b", b"a"]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two recordings in one file, and a bare body in another."""
    several, bare = tmp_path / "several.jsonl", tmp_path / "busy.json"
    several.write_bytes(encode(recording(b"one")) + encode(recording(b"two")))
    bare.write_bytes(b'{"error": {"code": 429, "message": "busy"}}')
    return [several, bare]


CHOICES = [("1", b"one"), ("2", b"two"), ("several#2", b"two"), ("busy", b'{"error"')]


@pytest.mark.parametrize(("choice", "beginning"), CHOICES)
async def test_a_header_chooses_any_number_of_times(
    choice: str, beginning: bytes, files: list[Path]
) -> None:
    emulator = Emulator(replay=Replay(files, pace=0))
    for _ in range(2):
        talk = streamed(emulator, **{"x-emulator-replay": choice})
        status, _ = await talk.head()
        assert status == (429 if choice == "busy" else 200)
        assert (await talk.read_all())[0].startswith(beginning)
    talk = streamed(emulator)  # a choice uses nothing up
    await talk.head()
    assert await talk.read_all() == [b"one"]


WRONG_CHOICES = [
    ("0", "names none of the emulator's 3 recordings"),
    ("bussy", "did you mean 'busy'?"),
    ("several", "several holds 2, chosen by several#1 and so on"),
    ("several#3", "several holds 2"),
]


@pytest.mark.parametrize(("choice", "words"), WRONG_CHOICES)
async def test_a_wrong_choice_is_told(choice: str, words: str, files: list[Path]) -> None:
    emulator = Emulator(replay=files)
    url = method_url("generateContent")
    status, said = await answer(emulator, url, {}, headers={"x-emulator-replay": choice})
    assert status == 404
    assert words in said["error"]["message"]


@pytest.mark.parametrize("name", [*STREAMS, *UNARY])
async def test_a_bare_body_is_answered_with_its_own_status(name: str) -> None:
    emulator = Emulator(replay=[RESPONSES / name])
    talk = streamed(emulator)
    status, headers = await talk.head()
    assert await talk.read_all() == [recorded(name)]
    assert status == _code_in(recorded(name))
    is_json = recorded(name).lstrip()[:1] in (b"{", b"[")
    assert headers["content-type"].startswith("application/json" if is_json else SSE)


def _code_in(body: bytes) -> int:
    try:
        return int(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return 200


async def test_the_journal_has_the_usage_of_the_recording() -> None:
    body = sse(chunk("a", tokens=2), finish("b"))
    emulator = Emulator(replay=Replay([recording(body[:70], body[70:])], pace=0))
    talk = streamed(emulator)
    await talk.head()
    await talk.read_all()
    (entry,) = emulator.journal
    assert (entry.method, entry.model, entry.bytes) == (
        "streamGenerateContent",
        "gemini-2.5-flash",
        len(body),
    )
    assert entry.usage is not None
    assert entry.usage.candidates_token_count == 9


async def test_a_bad_key_is_refused_as_ever() -> None:
    emulator = Emulator(replay=[recording(b"one")])
    talk = streamed(emulator, **{"x-goog-api-key": "bad-key"})
    assert (await talk.head())[0] == 400


async def test_a_client_reads_a_recorded_answer_whole() -> None:
    emulator = Emulator(replay=[RESPONSES / "streaming-success-basic-reply-long.txt"])
    decoder = PayloadDecoder(SSE)
    count = len(decoder.receive_data(recorded("streaming-success-basic-reply-long.txt")))
    async with async_client(emulator) as client:
        chunks = [one async for one in client.generate_stream("hi")]
    assert len(chunks) == count


async def test_a_script_and_recordings_exclude_each_other(tmp_path: Path) -> None:
    one = recording(b"one")
    with pytest.raises(ConfigError, match="a script and replay exclude each other"):
        Emulator(Script(), replay=[one])
    emulator = Emulator(replay=[one])
    with pytest.raises(ConfigError, match="a script would have no say"):
        emulator.script = Script([Rule(steps=["x"])])


def test_what_cannot_be_replayed_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.jsonl cannot be read: No such file"):
        Emulator(replay=[tmp_path / "nowhere.jsonl"])
    (tmp_path / "r.jsonl").write_text("data: x")
    with pytest.raises(ConfigError, match=r"r.jsonl:1: should be an object"):
        Emulator(replay=[tmp_path / "r.jsonl"])
    with pytest.raises(ConfigError, match="the pace of a replay is -1"):
        Replay([], pace=-1)
