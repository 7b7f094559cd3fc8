"""Scripted answers: chunks, waits and every fault, as events, as an array and as a whole."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from emulator.driver import (
    Interrupted,
    SleepsBy,
    answer,
    ask,
    events,
    method_url,
    prompt,
    stream,
    stream_url,
    text_of,
)
from gemstream.emulator import (
    Body,
    Chunk,
    Cut,
    Emulator,
    End,
    ErrorInStream,
    JournalEnd,
    NakedError,
    Pause,
    Rule,
    Script,
    Stall,
    Status,
    Step,
    WaitForAck,
)
from gemstream.wire.content import Content, Part
from gemstream.wire.response import Candidate, GenerateContentResponse
from gemstream.wire.sse import encode_event

FOLDER = Path(__file__).parents[1] / "vectors" / "responses" / "googleai"
RECORDED = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
WHOLE = method_url("generateContent")
ARRAY = method_url("streamGenerateContent")
STOPPED = {"candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "SAFETY"}]}


def playing(*steps: Step, **conditions: Any) -> Emulator:
    return Emulator(Script([Rule(steps=steps, **conditions)]))


def finish_reasons(chunks: list[Any]) -> list[str | None]:
    return [chunk["candidates"][0].get("finishReason") for chunk in chunks]


FINISHES = [
    (["a"], ["STOP"]),
    ([Chunk("a"), Chunk("b")], [None, "STOP"]),
    (["a", "b", Pause(0)], [None, "STOP"]),
    (["a", End()], [None]),
    (["a", Chunk(STOPPED)], [None, "SAFETY"]),
    ([Chunk(STOPPED), "a"], ["SAFETY", None]),
    ([Chunk({"candidates": [{"index": 0}]}), "a"], [None, "STOP"]),
    (["a", Chunk({"candidates": [{"index": 0}]})], [None, None]),
]


@pytest.mark.parametrize(("steps", "reasons"), FINISHES)
async def test_the_last_text_carries_the_finish_reason(
    steps: list[Step], reasons: list[str | None]
) -> None:
    assert finish_reasons(await stream(playing(*steps), prompt("x"))) == reasons


async def test_texts_are_framed_and_counted() -> None:
    first, last = await stream(playing("12345", "678"), prompt("1234"))
    assert first["usageMetadata"]["candidatesTokenCount"] == 2
    assert last["usageMetadata"]["candidatesTokenCount"] == 2
    assert last["usageMetadata"]["totalTokenCount"] == 3
    assert first["responseId"] == last["responseId"]
    assert last["modelVersion"] == "gemini-2.5-flash"


async def test_tables_and_messages_are_sent_as_they_are() -> None:
    table = {"candidates": [], "fieldOfTomorrow": {"a_b": 1}}
    message = GenerateContentResponse(
        candidates=[Candidate(content=Content(parts=[Part(text="\u2028")]))]
    )
    emulator = playing(Chunk(table), Chunk(message))
    first, second = await stream(emulator, prompt("x"))
    assert first == table
    assert second == {"candidates": [{"content": {"parts": [{"text": "\u2028"}]}}]}


async def test_the_whole_answer_folds_the_chunks() -> None:
    status, body = await answer(playing("It is ", "sunny", Pause(0)), WHOLE, prompt("1234"))
    assert status == 200 and text_of([body]) == "It is sunny"
    assert len(body["candidates"][0]["content"]["parts"]) == 1
    assert body["candidates"][0]["finishReason"] == "STOP"
    assert body["usageMetadata"]["totalTokenCount"] == 4


async def test_the_array_holds_the_chunks() -> None:
    _, body = await answer(playing("a", "b"), ARRAY, prompt("x"))
    assert finish_reasons(body) == [None, "STOP"]
    assert await answer(playing(End()), ARRAY, prompt("x")) == (200, [])


async def test_each_chunk_goes_out_before_the_next_step() -> None:
    emulator = playing("a", WaitForAck(), "b", WaitForAck(), "c")
    talk = ask(emulator, stream_url(), prompt("x"))
    await talk.head()
    seen = []
    for _ in range(3):
        seen += events([await talk.read()])
        emulator.ack()
    assert text_of(seen) == "abc"
    assert await talk.read_all() == []


async def test_a_pause_takes_its_seconds_of_the_given_clock() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    emulator = Emulator(Script([Rule(steps=["a", Pause(3.5), "b"])]), clock=SleepsBy(sleep))
    await stream(emulator, prompt("x"))
    assert slept == [3.5]


async def test_steps_without_bytes_lead_to_the_built_in_answer() -> None:
    assert text_of(await stream(playing(Pause(0)), prompt("hi"))) == "You said: hi"
    assert text_of(await stream(playing(), prompt("hi"))) == "You said: hi"


STATUSES = [
    (Status(code=503), "UNAVAILABLE", "The model is overloaded. Please try again later."),
    (Status(code=429), "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    (Status(code=499), "CANCELLED", "The operation was cancelled."),
    (Status(code=418), "UNKNOWN", "Scripted error 418."),
    (Status(code=400, status="FAILED_PRECONDITION", message="No."), "FAILED_PRECONDITION", "No."),
]


@pytest.mark.parametrize("url", [WHOLE, stream_url()])
@pytest.mark.parametrize(("fault", "status", "message"), STATUSES)
async def test_a_status_is_a_real_error(url: str, fault: Status, status: str, message: str) -> None:
    code, body = await answer(playing(fault, "never"), url, prompt("x"))
    assert code == body["error"]["code"] == fault.code
    assert (body["error"]["status"], body["error"]["message"]) == (status, message)


async def test_a_quota_comes_with_its_details() -> None:
    quota = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    fault = Status(code=429, quota=quota, retry_delay=38.8, details=[{"@type": "x"}])
    _, body = await answer(playing(fault), WHOLE, prompt("x"))
    help_, failure, retry, extra = body["error"]["details"]
    assert help_["@type"].endswith("Help")
    (violation,) = failure["violations"]
    assert violation["quotaId"] == quota and violation["quotaValue"] == "20"
    assert violation["quotaMetric"].endswith("/generate_content_free_tier_requests")
    assert retry["retryDelay"] == "38.8s" and extra == {"@type": "x"}
    assert "Please retry in 38.8s." in body["error"]["message"]


async def test_a_status_can_have_any_body() -> None:
    talk = ask(playing(Status(code=502, body="<html>")), WHOLE, prompt("x"))
    assert (await talk.head())[1]["content-type"] == "text/html; charset=UTF-8"
    assert await talk.read_all() == [b"<html>"]
    assert await answer(playing(Status(code=502, body={"a": 1})), WHOLE, prompt("x")) == (
        502,
        {"a": 1},
    )


async def test_an_error_of_a_plain_stream_is_an_array_of_one() -> None:
    status, body = await answer(playing(Status(code=503)), ARRAY, prompt("x"))
    assert status == 503 and [item["error"]["code"] for item in body] == [503]


async def last_write(fault: Step) -> bytes:
    talk = ask(playing("a", fault, "never"), stream_url(), prompt("x"))
    assert (await talk.head())[0] == 200
    first, last = await talk.read_all()
    assert first.startswith(b"data: ")
    return last


async def test_errors_show_up_inside_a_stream() -> None:
    event = await last_write(ErrorInStream(code=503))
    assert event.startswith(b'data: {"error":{"code":503') and event.endswith(b"}\r\n\r\n")
    naked = await last_write(NakedError(code=499))
    assert naked.startswith(b'{"error":{"code":499') and b"\n" not in naked
    pretty = await last_write(NakedError(code=499, pretty=True))
    assert pretty.startswith(b'{\n  "error": {\n    "code": 499,')
    assert await last_write(Status(code=499)) == naked


@pytest.mark.parametrize("fault", [ErrorInStream(), NakedError(), Status()])
async def test_errors_inside_an_array_are_its_last_element(fault: Step) -> None:
    _, (chunk, error) = await answer(playing("a", fault), ARRAY, prompt("x"))
    assert text_of([chunk]) == "a" and error["error"]["code"] == 500


@pytest.mark.parametrize("fault", [ErrorInStream(code=503), NakedError(code=503)])
async def test_errors_of_a_whole_answer_have_its_status(fault: Step) -> None:
    status, body = await answer(playing("a", fault), WHOLE, prompt("x"))
    assert status == body["error"]["code"] == 503


async def cut_body(emulator: Emulator, url: str) -> bytes:
    talk = ask(emulator, url, prompt("Count to nine"))
    await talk.head()
    body = b""
    with pytest.raises(Interrupted):
        while data := await talk.read():
            body += data
    assert [entry.end for entry in emulator.journal] == [JournalEnd.ERROR]
    assert emulator.journal[0].bytes == len(body)
    return body


@pytest.mark.parametrize("url", [WHOLE, stream_url(), ARRAY])
async def test_a_cut_breaks_the_connection_at_its_byte(url: str) -> None:
    talk = ask(playing("a", "b"), url, prompt("x"))
    await talk.head()
    size = len(b"".join(await talk.read_all()))
    for at_byte in (0, 1, size // 2, size - 1):
        assert len(await cut_body(playing("a", "b", Cut(at_byte=at_byte)), url)) == at_byte


@pytest.mark.parametrize("url", [WHOLE, stream_url(), ARRAY])
async def test_a_cut_without_a_byte_breaks_it_there(url: str) -> None:
    body = await cut_body(playing("a", Cut(), "never"), url)
    assert (b'"a"' in body) is (url != WHOLE) and b"never" not in body
    assert await cut_body(playing(Cut()), url) == b""


async def test_the_built_in_answer_can_be_cut() -> None:
    body = await cut_body(playing(Cut(at_byte=300)), stream_url())
    assert len(body) == 300 and b'"1, "' in body
    assert b'"finishReason":"STOP"' in await cut_body(playing(Cut(at_byte=10**6)), stream_url())


async def test_an_end_is_clean_and_without_a_reason() -> None:
    emulator = playing("a", End(), "never")
    assert finish_reasons(await stream(emulator, prompt("x"))) == [None]
    _, body = await answer(emulator, WHOLE, prompt("x"))
    assert "finishReason" not in body["candidates"][0]
    assert [entry.end for entry in emulator.journal] == [JournalEnd.FINISHED] * 2


HOLDS = [Stall(), WaitForAck(), Pause(10**6)]


@pytest.mark.parametrize("hold", HOLDS)
@pytest.mark.parametrize("url", [WHOLE, stream_url(), ARRAY])
async def test_what_holds_ends_when_the_client_leaves(url: str, hold: Step) -> None:
    emulator = playing("a", hold)
    talk = ask(emulator, url, prompt("1234"))
    if url != WHOLE:
        await talk.head()
        await talk.read()
    await talk.leave()
    (entry,) = emulator.journal
    assert entry.end is JournalEnd.ABORTED
    assert (entry.usage.total_token_count if entry.usage else 0) == (0 if url == WHOLE else 2)


async def test_an_ack_nobody_took_goes_to_the_next() -> None:
    emulator = playing(WaitForAck(), "a")
    left, stays = (ask(emulator, stream_url(), prompt("x")) for _ in range(2))
    await asyncio.sleep(0)  # let both tasks begin, so that the first waits first
    await left.leave()
    emulator.ack()
    await stays.head()
    assert text_of(events(await stays.read_all())) == "a"


@pytest.mark.parametrize("name", RECORDED)
async def test_recorded_bodies_are_served_as_they_are(name: str) -> None:
    body = RECORDED[name]
    emulator = playing(Body(content=body, slices=[1, 7, 100]))
    talk = ask(emulator, stream_url(), prompt("x"))
    status, headers = await talk.head()
    writes = await talk.read_all()
    assert b"".join(writes) == body and [len(write) for write in writes][:3] == [1, 7, 100]
    is_json = body[:1] == b"{"
    error = json.loads(body).get("error") if is_json else None
    assert status == (error["code"] if error else 200)
    assert headers["content-type"].startswith("application/json" if is_json else "text/event")
    assert emulator.journal[0].end is (JournalEnd.ERROR if error else JournalEnd.FINISHED)


async def test_a_body_takes_what_it_is_told_and_goes_on() -> None:
    body = Body(content=b"[{}]", status=201, content_type="text/plain")
    talk = ask(playing(body, "a", ErrorInStream()), WHOLE, prompt("x"))
    status, headers = await talk.head()
    raw, chunk, error = await talk.read_all()
    assert (status, headers["content-type"], raw) == (201, "text/plain", b"[{}]")
    assert text_of(events([chunk])) == "a" and events([error])[0]["error"]["code"] == 500


async def test_recorded_events_can_hold_a_naked_error() -> None:
    body = encode_event(b"{}")
    talk = ask(playing(Body(content=body), NakedError()), stream_url(), prompt("x"))
    await talk.head()
    event, error = await talk.read_all()
    assert event == body and error.startswith(b'{"error"')


async def test_other_methods_are_scripted_by_name() -> None:
    emulator = playing(Status(code=503), method="countTokens", request=1)
    url = method_url("countTokens")
    assert (await answer(emulator, WHOLE, prompt("x")))[0] == 200
    assert (await answer(emulator, url, prompt("1234")))[0] == 503
    assert (await answer(emulator, url, prompt("1234")))[1]["totalTokens"] == 1


async def test_a_scripted_model_need_not_exist() -> None:
    emulator = playing("a", model="gemini-99*")
    url = method_url("generateContent", "gemini-99-flash")
    _, body = await answer(emulator, url, prompt("x"))
    assert text_of([body]) == "a" and body["modelVersion"] == "gemini-99-flash"
