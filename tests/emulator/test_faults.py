"""Every fault in the three forms of an answer: what bytes go out, and what the journal says."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from emulator.driver import (
    Interrupted,
    SleepsBy,
    ask,
    events,
    method_url,
    prompt,
    stream_url,
    text_of,
)
from gemstream.emulator import (
    Body,
    ContentType,
    Cut,
    Drip,
    Duplicate,
    Emulator,
    End,
    ErrorInStream,
    Garbage,
    GzipBomb,
    Headers,
    Html,
    Huge,
    JournalEnd,
    NoFinish,
    Rule,
    Script,
    Slice,
    Step,
    Usage,
    fault_list,
    serving,
)
from gemstream.emulator.scripts.faults import FAULTS
from gemstream.errors import ConfigError

WHOLE = method_url("generateContent")
ARRAY = method_url("streamGenerateContent")
EVENTS = stream_url()
URLS = (WHOLE, ARRAY, EVENTS)
FORMS = pytest.mark.parametrize("url", URLS, ids=["unary", "array", "sse"])
GZIP = {"accept-encoding": "gzip, deflate"}


def playing(*steps: Step, **options: Any) -> Emulator:
    return Emulator(Script([Rule(steps=steps)]), **options)


async def sent(
    emulator: Emulator, url: str, **more: Any
) -> tuple[int, dict[str, str], list[bytes]]:
    talk = ask(emulator, url, prompt("x"), **more)
    status, headers = await talk.head()
    writes = await talk.read_all()
    assert emulator.journal[-1].bytes == sum(map(len, writes))
    return status, headers, writes


async def body_of(emulator: Emulator, url: str, **more: Any) -> bytes:
    return b"".join((await sent(emulator, url, **more))[2])


def chunks_of(body: bytes, url: str) -> list[Any]:
    if url == WHOLE:
        return [json.loads(body)]
    if url == ARRAY:
        return list(json.loads(body))
    return events([event + b"\r\n\r\n" for event in body.split(b"\r\n\r\n")[:-1]])


def reasons(chunks: list[Any]) -> list[str]:
    found = (candidate.get("finishReason") for one in chunks for candidate in one["candidates"])
    return [reason for reason in found if reason is not None]


@FORMS
async def test_html_is_the_page_of_a_gateway(url: str) -> None:
    status, headers, (page,) = await sent(playing(Html(), "never"), url)
    assert (status, headers["content-type"]) == (502, "text/html; charset=UTF-8")
    assert page.startswith(b"<!DOCTYPE html>") and b"502 Bad Gateway" in page
    assert await body_of(playing(Html(code=599, body="<p>")), url) == b"<p>"


@pytest.mark.parametrize("url", [ARRAY, EVENTS])
async def test_html_after_the_head_stands_in_the_stream(url: str) -> None:
    emulator = playing("a", Html(body="<p>"))
    body = await body_of(emulator, url)
    assert b'"a"' in body and body.endswith(b"<p>")
    assert emulator.journal[0].end is JournalEnd.ERROR


ALTERED: list[list[Step]] = [["é 😀", "b"], []]  # scripted, and built in


@FORMS
@pytest.mark.parametrize("steps", ALTERED, ids=["scripted", "built in"])
async def test_slices_change_the_writes_and_no_byte(steps: list[Step], url: str) -> None:
    plain = await body_of(playing(*steps), url)
    _, _, writes = await sent(playing(Slice(sizes=[5, 1]), *steps), url)
    assert b"".join(writes) == plain
    assert [len(write) for write in writes] == [5] + [1] * (len(plain) - 5)
    emulators = [playing(*steps, Slice(), seed=seed) for seed in (7, 7, 8)]
    first, again, other = [(await sent(one, url))[2] for one in emulators]
    assert b"".join(first).count(b"candidates") == plain.count(b"candidates")
    assert list(map(len, first)) == list(map(len, again)) != list(map(len, other))
    assert max(map(len, first)) <= 64


@FORMS
async def test_a_drip_pauses_on_the_given_clock(url: str) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    plain = await body_of(playing("a"), url)
    _, _, writes = await sent(playing("a", Drip(bytes=3, pause=0.5), clock=SleepsBy(sleep)), url)
    assert b"".join(writes) == plain
    assert max(map(len, writes)) == 3 and slept == [0.5] * (len(writes) - 1)


@FORMS
async def test_a_content_type_changes_the_head_only(url: str) -> None:
    fault = ContentType(value="text/csv")
    _, headers, writes = await sent(playing("a", fault), url)
    assert headers["content-type"] == "text/csv"
    assert text_of(chunks_of(b"".join(writes), url)) == "a"
    assert (await sent(playing(ErrorInStream(), fault), url))[1]["content-type"] == "text/csv"


@FORMS
@pytest.mark.parametrize("lines", [1, 16])
async def test_headers_have_their_size(url: str, lines: int) -> None:
    _, headers, _ = await sent(playing(Headers(lines=lines)), url)
    added = {name: value for name, value in headers.items() if name.startswith("x-emulator-")}
    assert len(added) == lines
    assert sum(len(f"{name}: {value}\r\n") for name, value in added.items()) == 64 * 1024


@FORMS
async def test_a_duplicate_is_sent_twice_and_billed_once(url: str) -> None:
    emulator = playing("12345", "678", Duplicate(chunk=2))
    chunks = chunks_of(await body_of(emulator, url), url)
    assert text_of(chunks) == "12345678678"
    assert emulator.journal[0].usage.candidates_token_count == 2  # type: ignore[union-attr]


@FORMS
@pytest.mark.parametrize("steps", ALTERED, ids=["scripted", "built in"])
async def test_no_finish_is_whole_and_clean(steps: list[Step], url: str) -> None:
    plain, emulator = playing(*steps), playing(*steps, NoFinish())
    whole = chunks_of(await body_of(plain, url), url)
    chunks = chunks_of(await body_of(emulator, url), url)
    assert text_of(chunks) == text_of(whole)
    assert (reasons(whole), reasons(chunks)) == (["STOP"], [])
    assert emulator.journal[0].end is JournalEnd.FINISHED
    assert emulator.journal[0].usage == plain.journal[0].usage is not None


@FORMS
@pytest.mark.parametrize("mode", ["missing", "decreasing", "first_only"])
async def test_the_journal_knows_the_usage_that_the_wire_hides(mode: Any, url: str) -> None:
    plain, emulator = playing("a" * 8, "b", "c"), playing("a" * 8, "b", "c", Usage(mode=mode))
    await body_of(plain, url)
    chunks = chunks_of(await body_of(emulator, url), url)
    counts = [chunk.get("usageMetadata", {}).get("candidatesTokenCount") for chunk in chunks]
    expected = {
        "missing": [None, None, None],
        "decreasing": [1000, 500, 333],
        "first_only": [2, None, None],
    }[mode]
    unary = {"missing": [None], "decreasing": [333], "first_only": [2]}[mode]
    assert counts == (unary if url == WHOLE else expected)
    assert emulator.journal[0].usage == plain.journal[0].usage is not None


@FORMS
async def test_garbage_stands_in_its_place(url: str) -> None:
    body = await body_of(playing("a", Garbage(text="<<"), "b"), url)
    assert body.startswith(b"<<") is (url == WHOLE)
    before, after = body.split(b"<<")
    assert (b'"a"' in before, b'"b"' in after) == ((False, False) if url == WHOLE else (True, True))
    assert b"\xff\x00" in await body_of(playing(Garbage(base64="/wA=")), url)


@FORMS
async def test_random_garbage_comes_from_the_seed(url: str) -> None:
    bodies = [await body_of(playing(Garbage(bytes=9), seed=seed), url) for seed in (1, 1, 2)]
    assert bodies[0][:9] == bodies[1][:9] != bodies[2][:9]


@FORMS
@pytest.mark.parametrize("data", ["text", "inline"])
async def test_a_huge_chunk_has_its_size(url: str, data: Any) -> None:
    emulator = playing(Huge(bytes=200_001, data=data))
    _, _, writes = await sent(emulator, url)
    chunks = chunks_of(b"".join(writes), url)
    assert max(map(len, writes)) <= 65536
    (part,) = chunks[0]["candidates"][0]["content"]["parts"]
    filling = part["text"] if data == "text" else part["inlineData"]["data"]
    assert len(filling) == 200_004 and set(filling) == {"A"}
    assert reasons(chunks) == ["STOP"]
    tokens = emulator.journal[0].usage.candidates_token_count  # type: ignore[union-attr]
    assert tokens == (50_001 if data == "text" else 258)


async def test_huge_chunks_stand_among_others() -> None:
    body = await body_of(playing("a", Huge(bytes=8), "b"), WHOLE)
    (chunk,) = chunks_of(body, WHOLE)
    assert text_of([chunk]) == "aAAAAAAAAb" and reasons([chunk]) == ["STOP"]


@FORMS
async def test_a_bomb_is_small_until_it_is_unpacked(url: str) -> None:
    _, headers, writes = await sent(playing(GzipBomb(bytes=10**7)), url)
    body = b"".join(writes)
    assert headers["content-encoding"] == "gzip" and "content-length" not in headers
    assert len(body) < 10**5 < 10**7 < len(gzip.decompress(body))
    assert reasons(chunks_of(gzip.decompress(body), url)) == ["STOP"]


@FORMS
@pytest.mark.parametrize("steps", ALTERED, ids=["scripted", "built in"])
async def test_an_end_at_a_byte_is_clean(steps: list[Step], url: str) -> None:
    plain = await body_of(playing(*steps), url)
    for at_byte in (0, 1, 60, len(plain)):
        emulator = playing(*steps, End(at_byte=at_byte))
        assert await body_of(emulator, url) == plain[:at_byte]
        assert [entry.end for entry in emulator.journal] == [JournalEnd.FINISHED]
    assert await body_of(playing(*steps, End(at_byte=10**6)), url) == plain


@FORMS
async def test_the_earlier_of_cut_and_end_holds(url: str) -> None:
    assert len(await body_of(playing(End(at_byte=5), Cut(at_byte=9), End(at_byte=7)), url)) == 5
    talk = ask(playing(Cut(at_byte=0), Cut(at_byte=9), End(at_byte=5)), url, prompt("x"))
    await talk.head()
    with pytest.raises(Interrupted):
        await talk.read()


@FORMS
async def test_faults_combine(url: str) -> None:
    faults = [
        Duplicate(),
        NoFinish(),
        Usage(),
        Slice(sizes=[7]),
        Drip(bytes=2, pause=0),
        ContentType(),
        Headers(),
    ]
    emulator = playing("a", *faults, "b")
    _, headers, writes = await sent(emulator, url)
    chunks = chunks_of(b"".join(writes), url)
    assert max(map(len, writes)) == 2 and headers["content-type"].startswith("text/plain")
    assert text_of(chunks) == "aab" and not reasons(chunks)
    assert all("usageMetadata" not in chunk for chunk in chunks)
    assert emulator.journal[0].usage is not None


# --- compression -----------------------------------------------------------------------------


@FORMS
async def test_answers_are_compressed_when_that_is_accepted(url: str) -> None:
    plain = await body_of(playing("a", "b"), url)
    _, headers, writes = await sent(playing("a", "b"), url, headers=GZIP)
    assert headers["content-encoding"] == "gzip" and "content-length" not in headers
    unpacked = gzip.decompress(b"".join(writes))
    assert text_of(chunks_of(unpacked, url)) == text_of(chunks_of(plain, url)) == "ab"


async def test_each_compressed_chunk_can_be_read_at_once() -> None:
    _, _, writes = await sent(playing("a", "b"), EVENTS, headers=GZIP)
    unpack = zlib.decompressobj(wbits=31)
    first, second, rest = [unpack.decompress(write) for write in writes]
    assert text_of(events([first, second])) == "ab" and rest == b"" and unpack.eof


ACCEPTED = [
    ("gzip", True),
    ("br, GZIP;q=0.5", True),
    ("x-gzip", True),
    ("identity", False),
    ("gzip;q=0", False),
    ("gzip; q=0.0", False),
    ("", False),
]


@pytest.mark.parametrize(("accepted", "expected"), ACCEPTED)
async def test_gzip_is_used_where_it_is_accepted(accepted: str, expected: bool) -> None:
    _, headers, _ = await sent(Emulator(), WHOLE, headers={"accept-encoding": accepted})
    assert ("content-encoding" in headers) is expected


COUNTED: list[Step] = [Slice(), Drip(pause=0), End(at_byte=9**9), Body(content=b"{}")]


@pytest.mark.parametrize("step", COUNTED)
async def test_bytes_that_a_script_counts_are_not_compressed(step: Step) -> None:
    _, headers, _ = await sent(playing(step), WHOLE, headers=GZIP)
    assert "content-encoding" not in headers


# --- the list and the values -----------------------------------------------------------------


def test_every_fault_is_listed_with_a_sentence_and_its_fields() -> None:
    listed = fault_list()
    assert [fault.kind for fault in listed] == list(FAULTS)
    assert not any("``" in fault.sentence for fault in listed)
    assert all(fault.sentence.endswith(".") and "\n" not in fault.sentence for fault in listed)
    for fault in listed:
        names = [field.name for field in fault.fields]
        assert names == list(FAULTS[fault.kind].__struct_fields__)
        assert all("typing" not in field.type and "<" not in field.type for field in fault.fields)
    slices = next(fault for fault in listed if fault.kind == "slice")
    assert (slices.fields[0].type, slices.fields[0].default) == ("array of integer", [])


MISTAKES: list[tuple[type[Any], dict[str, Any]]] = [
    (Slice, {"sizes": [0]}),
    (Drip, {"bytes": 0}),
    (Cut, {"at_byte": -1}),
    (Headers, {"lines": 0}),
    (Duplicate, {"chunk": 0}),
    (Garbage, {"base64": "é"}),
    (ContentType, {"value": "a\r\nb"}),
]


@pytest.mark.parametrize(("kind", "fields"), MISTAKES)
def test_a_fault_that_makes_no_sense_is_refused(kind: type[Any], fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="should be"):
        kind(**fields)


async def test_a_client_that_asks_first_is_told_to_continue() -> None:
    body = json.dumps(prompt("x")).encode()
    head = f"POST {WHOLE} HTTP/1.1\r\nHost: e\r\nx-goog-api-key: k\r\nExpect: 100-continue\r\n"
    async with serving(Emulator()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
