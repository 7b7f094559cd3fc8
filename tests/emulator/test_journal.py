"""The books: one entry an answer, in memory and on disk, and never a key."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.driver import answer, ask, method_url, prompt, stream, stream_url
from gemstream.emulator import Cut, Emulator, JournalEnd, Rule, Script, Stall
from gemstream.emulator.journal import (
    MEMORY_ENTRIES,
    Journal,
    JournalEntry,
    attempt_of,
    key_hash_of,
)
from gemstream.errors import ConfigError

FIELDS = "request_id attempt key_hash model method status end usage bytes at"
ENTRY = JournalEntry(
    request_id="r",
    attempt=None,
    key_hash=None,
    model=None,
    method="generateContent",
    status=200,
    end=JournalEnd.FINISHED,
    usage=None,
    bytes=0,
    at=0.0,
)


async def test_every_way_to_end_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    steps: list[Any] = ["a", Stall()]
    script = Script([Rule(request=3, steps=steps), Rule(request=4, steps=["a", Cut()])])
    emulator = Emulator(script, journal=path)
    (*_, last) = await stream(emulator, prompt("1234"))
    await answer(emulator, method_url("generateContent"), prompt("1234"))
    for attempt in ("2", "req_ab.2"):
        talk = ask(emulator, stream_url(), prompt("x"), headers={"x-gemstream-attempt": attempt})
        await talk.head()
        await talk.read()
        await talk.leave()
    await answer(emulator, method_url("generateContent", "gemini-9"), prompt("x"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["end"] for line in lines] == ["finished", "finished", "aborted", "error", "error"]
    assert lines[0]["usage"] == lines[1]["usage"] == last["usageMetadata"]
    assert [line["attempt"] for line in lines] == [None, None, 2, "req_ab.2", None]
    assert [line["status"] for line in lines] == [200, 200, 200, 200, 404]
    assert lines[4]["usage"] is None and lines[2]["usage"]["totalTokenCount"] == 2
    assert [entry.plain() for entry in emulator.journal] == lines
    assert list(lines[0]) == FIELDS.split()


async def test_the_line_is_there_before_the_end_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    talk = ask(Emulator(journal=path), stream_url(), prompt("x"))
    await talk.head()
    while await talk.read():
        pass
    assert path.read_text().count("\n") == 1


async def test_keys_are_never_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    emulator = Emulator(journal=path)
    await answer(emulator, "/v1/models?key=very-secret", headers={"x-goog-api-key": ""})
    assert "very-secret" not in path.read_text()
    assert emulator.journal[0].key_hash == key_hash_of("very-secret")
    assert len(key_hash_of("very-secret")) == 16


async def test_memory_is_bounded_and_the_newest_stay() -> None:
    journal = Journal()
    for number in range(MEMORY_ENTRIES + 5):
        await journal.record(JournalEntry(**{**_fields(), "bytes": number}))
    assert len(journal.entries) == MEMORY_ENTRIES
    assert journal.entries[-1].bytes == MEMORY_ENTRIES + 4


def _fields() -> dict[str, Any]:
    return {name: getattr(ENTRY, name) for name in ENTRY.__struct_fields__}


def test_a_journal_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        Emulator(journal=tmp_path / "none" / "journal.jsonl")


async def test_a_line_is_written_though_its_client_leaves_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    loop, gate = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        loop.set_default_executor(pool)
        pool.submit(gate.wait)  # the line has to wait for a thread
        recording = asyncio.create_task(journal.record(ENTRY))
        await asyncio.sleep(0)
        recording.cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait([recording])
    assert recording.cancelled()
    assert path.read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("header", "kept"),
    [("", None), ("3", 3), ("req_0a.1", "req_0a.1"), ("9" * 101, None), ("a\nb", None)],
)
def test_an_attempt_is_a_number_or_a_name_and_no_scroll(
    header: str, kept: int | str | None
) -> None:
    assert attempt_of(header) == kept
