"""When an answer is whole: the decided semantics of completeness, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.credentials.api_key import APIKey
from gemstream.errors import (
    APIError,
    DecodeError,
    GemstreamError,
    StreamInterrupted,
    StreamTruncated,
)
from gemstream.policy.answer import Chunk, Completeness
from gemstream.policy.generation import Generation, GenerationState, check_content_type

CONFIRMED, UNCONFIRMED = Completeness.CONFIRMED, Completeness.UNCONFIRMED
PARTIAL, STOPPED = Completeness.PARTIAL, Completeness.STOPPED

A = b'{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}'
B_STOP = b'{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}'
STOP = b'{"candidates":[{"finishReason":"STOP"}]}'
UNSET = b'{"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]}'
OTHER = b'{"candidates":[{"index":1,"content":{"parts":[{"text":"z"}]}}]}'
OTHER_STOP = b'{"candidates":[{"index":1,"finishReason":"STOP"}]}'
BOTH_STOP = b'{"candidates":[{"index":1,"finishReason":"STOP"},{"index":0,"finishReason":"STOP"}]}'
BLOCKED = b'{"promptFeedback":{"blockReason":"SAFETY"}}'
NOT_BLOCKED = b'{"promptFeedback":{"safetyRatings":[]}}'
UNBLOCKED = b'{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}'
USAGE = b'{"usageMetadata":{"promptTokenCount":1,"totalTokenCount":9}}'
TOKEN = b'{"candidates":[{"continuationToken":"dG9r"}]}'
GO_ON = b'{"candidates":[{"finishReason":"CONTINUATION","continuationToken":"bmV3"}]}'
TO_BE_CONTINUED = b'{"candidates":[{"finishReason":"CONTINUATION"}]}'
NEW_REASON = b'{"candidates":[{"finishReason":"INVENTED_TOMORROW"}]}'
ERROR = b'{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}'


def sse(*payloads: bytes) -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % payload for payload in payloads)


def generation_of(body: bytes, content_type: str = "text/event-stream") -> Generation:
    generation = Generation(content_type)
    generation.receive_data(body)
    return generation


# Chunks, whether they are a whole answer, and its text.
ANSWERS = [
    ([B_STOP], True, "b"),
    ([A, B_STOP], True, "ab"),
    ([A, STOP], True, "a"),
    ([A, NEW_REASON], True, "a"),
    ([A, TO_BE_CONTINUED], False, "a"),
    ([A], False, "a"),
    ([A, USAGE], False, "a"),
    ([USAGE], False, ""),
    ([A, UNSET], False, "a"),
    ([UNSET, A, STOP], True, "a"),
    ([A, STOP, UNSET], True, "a"),
    ([A, STOP, USAGE], True, "a"),
    ([B_STOP, B_STOP, B_STOP], True, "bbb"),
    ([B_STOP, A], True, "ba"),
    ([A, OTHER], False, "a"),
    ([A, OTHER, STOP], False, "a"),
    ([A, OTHER, OTHER_STOP], False, "a"),
    ([A, OTHER, OTHER_STOP, STOP], True, "a"),
    ([A, OTHER, BOTH_STOP], True, "a"),
    ([B_STOP, OTHER], False, "b"),
    ([OTHER, OTHER_STOP], True, ""),
    ([BLOCKED], True, ""),
    ([A, BLOCKED], True, "a"),
    ([BLOCKED, NOT_BLOCKED, USAGE], True, ""),
    ([NOT_BLOCKED], False, ""),
    ([UNBLOCKED], False, ""),
    ([b"{}"], False, ""),
    ([b'{"candidates":[]}'], False, ""),
]


@pytest.mark.parametrize(("payloads", "whole", "text"), ANSWERS)
def test_an_answer_is_whole_when_every_candidate_has_its_reason(
    payloads: list[bytes], whole: bool, text: str
) -> None:
    generation = generation_of(sse(*payloads))
    assert generation.is_finished is whole
    if whole:
        assert generation.receive_eof() == []
    else:
        with pytest.raises(StreamTruncated, match="so the answer is cut short") as caught:
            generation.receive_eof()
        assert caught.value.partial == text
    response = generation.response()
    assert (response.text, response.complete) == (text, CONFIRMED if whole else PARTIAL)


@pytest.mark.parametrize(("payloads", "whole", "text"), ANSWERS)
def test_a_broken_connection_harms_only_what_was_not_whole(
    payloads: list[bytes], whole: bool, text: str
) -> None:
    generation = generation_of(sse(*payloads))
    if whole:
        generation.receive_interruption(StreamInterrupted("reset"))
    else:
        with pytest.raises(StreamInterrupted) as caught:
            generation.receive_interruption(StreamInterrupted("reset"))
        assert caught.value.partial == text
    response = generation.response()
    assert (response.text, response.complete) == (text, UNCONFIRMED if whole else PARTIAL)


# Content type, body → how it ends at a clean end of the wire.
ENDS = [
    ("application/json", b"[" + B_STOP + b"]", CONFIRMED),
    ("application/json", b"[" + B_STOP, UNCONFIRMED),
    ("application/json", b"[" + B_STOP + b",", UNCONFIRMED),
    ("application/json", b"[" + B_STOP + b',{"cand', UNCONFIRMED),
    ("application/json", B_STOP, CONFIRMED),
    ("application/json", b"[" + A + b"]", None),
    ("application/json", b"[" + A, None),
    ("application/json", b"[]", None),
    ("application/json", b"", None),
    ("text/event-stream", sse(B_STOP)[:-4], CONFIRMED),
    ("text/event-stream", sse(B_STOP)[:-5], None),
    ("text/event-stream", sse(B_STOP) + b'data: {"cand', UNCONFIRMED),
    ("text/event-stream", sse(B_STOP) + b'{"error": {"co', UNCONFIRMED),
    ("text/event-stream", sse(B_STOP) + b": ping\n\n", CONFIRMED),
    ("text/event-stream", sse(B_STOP) + b"data: [DONE]\n\n", CONFIRMED),
    ("text/event-stream", sse(A) + b"data: [DONE]\n\n", None),
    ("text/event-stream", sse(A)[:-4], None),
    ("text/event-stream", b"", None),
]


@pytest.mark.parametrize(("content_type", "body", "complete"), ENDS)
def test_the_end_of_the_wire_is_judged(
    content_type: str, body: bytes, complete: Completeness | None
) -> None:
    generation = generation_of(body, content_type)
    if complete is None:
        with pytest.raises(StreamTruncated):
            generation.receive_eof()
            generation.check()
        assert generation.state is GenerationState.FAILED
    else:
        generation.receive_eof()
        assert generation.response().complete is complete
        assert generation.response().text == "b"
        assert generation.state is GenerationState.ENDED


def test_the_last_chunk_may_lack_its_blank_line() -> None:
    generation = generation_of(sse(A) + sse(B_STOP)[:-4])
    assert [chunk.text for chunk in generation.receive_eof()] == ["b"]
    assert generation.response().text == "ab"


def test_a_last_chunk_that_is_not_the_end_is_returned_before_the_fault() -> None:
    generation = generation_of(sse(B_STOP, OTHER)[:-4])
    assert [chunk.text for chunk in generation.receive_eof()] == [""]
    with pytest.raises(StreamTruncated) as caught:
        generation.check()
    assert caught.value.partial == "b"


# --- errors inside the stream -----------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        sse(A, ERROR),
        sse(A) + ERROR,
        sse(A) + ERROR.replace(b",", b",\n  ").replace(b"{", b"{\n", 1),
        sse(A) + b"[" + ERROR + b"]",
        sse(A, b"[" + ERROR + b"]"),
        sse(A, b'{"responseId":"r",' + ERROR[1:]),
        sse(A, B_STOP, ERROR),
    ],
)
def test_an_error_object_raises_after_the_chunks_before_it(body: bytes) -> None:
    generation = Generation("text/event-stream")
    chunks = generation.receive_data(body)
    assert chunks[0].text == "a"
    with pytest.raises(APIError, match="503 UNAVAILABLE: overloaded") as caught:
        generation.check()
    assert caught.value.retryable
    assert generation.response().text.startswith("a")


@pytest.mark.parametrize("payload", [b'{"error":null,' + B_STOP[1:], B_STOP])
def test_an_error_of_null_is_no_error(payload: bytes) -> None:
    generation = generation_of(sse(payload))
    generation.receive_eof()
    assert generation.response().text == "b"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sse(A, b"{oops}"), DecodeError),
        (sse(A, b'{"candidates":5}'), DecodeError),
        (sse(A, b"5"), DecodeError),
        (sse(A, b"null"), DecodeError),
        (sse(A, b'{"modelVersion":"\xff"}'), DecodeError),
        (sse(B_STOP, b"{oops}"), DecodeError),
        (sse(A, b'{"error":"text"}'), APIError),
        (sse(A, b'{"error":[]}'), APIError),
    ],
)
def test_after_a_fault_every_call_raises_it_again(body: bytes, kind: type[GemstreamError]) -> None:
    generation = Generation("text/event-stream")
    assert len(generation.receive_data(body)) == 1
    calls: list[Any] = [
        generation.check,
        generation.receive_eof,
        lambda: generation.receive_data(sse(STOP)),
        lambda: generation.receive_interruption(StreamInterrupted("reset")),
    ]
    faults = []
    for call in calls:
        with pytest.raises(kind) as caught:
            call()
        faults.append(caught.value)
    assert all(fault is generation.failure for fault in faults)


SECRET = "AIzaSyA-secret-key"
KEY = APIKey(SECRET)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/event-stream", sse(b'{"error":{"message":"bad key AIzaSyA-secret-key"}}')),
        ("text/event-stream", b'{"error":{"details":[{"key":"AIzaSyA-secret-key"}]}}'),
        ("text/event-stream", sse(b"not JSON, key=AIzaSyA-secret-key")),
        ("text/event-stream", sse(b'{"candidates":"AIzaSyA-secret-key"}')),
        ("text/event-stream", b"<p>x-goog-api-key: AIzaSyA-secret-key</p>"),
        ("application/json", b"<p>x-goog-api-key: AIzaSyA-secret-key</p>"),
        ("application/json", b'{"a":"AIzaSyA-secret-key'),
    ],
)
def test_a_key_that_the_service_repeats_is_in_no_error(content_type: str, body: bytes) -> None:
    generation = Generation(content_type, redact=KEY.redact)
    with pytest.raises(GemstreamError) as caught:
        generation.receive_data(body)
        generation.receive_eof()
        generation.check()
    error = caught.value
    assert SECRET not in f"{error} {error!r} {error.args} {vars(error)}"


# --- what a fault carries, and what a chunk says ----------------------------------------------


def test_a_cut_answer_carries_text_usage_and_the_newest_token() -> None:
    generation = generation_of(sse(TOKEN, A, USAGE, GO_ON.replace(b'"finishReason"', b'"x"'), A))
    with pytest.raises(StreamTruncated) as caught:
        generation.receive_eof()
    cut = caught.value
    assert (cut.partial, cut.continuation_token, cut.delivered) == ("aa", "bmV3", 0)
    assert cut.usage.total_token_count == 9
    assert cut.retryable


def test_a_token_once_given_is_kept_by_the_response() -> None:
    generation = generation_of(sse(TOKEN, A, STOP))
    generation.receive_eof()
    assert generation.response().candidates[0].continuation_token == "dG9r"


@pytest.mark.parametrize(
    ("payload", "is_final"),
    [
        (A, False),
        (B_STOP, True),
        (STOP, True),
        (OTHER_STOP, True),
        (BLOCKED, True),
        (NOT_BLOCKED, False),
        (UNBLOCKED, False),
        (USAGE, False),
        (b"{}", False),
    ],
)
def test_a_chunk_is_final_when_it_brings_a_reason(payload: bytes, is_final: bool) -> None:
    (chunk,) = Generation().receive_data(sse(payload))
    assert chunk.is_final is is_final
    assert chunk.raw == payload


def test_the_usage_of_a_chunk_is_the_merge_so_far_and_raw_its_own() -> None:
    later = b'{"usageMetadata":{"candidatesTokenCount":3}}'
    _, last = Generation().receive_data(sse(USAGE, later))
    assert last.usage is not None
    assert (last.usage.total_token_count, last.usage.candidates_token_count) == (9, 3)
    assert last.raw == later


def test_a_chunk_shows_its_text_and_reason() -> None:
    (chunk,) = Generation().receive_data(sse(B_STOP))
    assert isinstance(chunk, Chunk)
    assert repr(chunk) == "Chunk(text='b', finish_reason='STOP')"


def test_a_caller_that_wants_no_more_is_told_from_a_cut() -> None:
    generation = generation_of(sse(A))
    generation.stop()
    generation.stop()
    assert (generation.response().text, generation.response().complete) == ("a", STOPPED)


def test_stopping_after_the_end_changes_nothing() -> None:
    generation = generation_of(sse(B_STOP))
    generation.receive_eof()
    generation.stop()
    assert generation.response().complete is CONFIRMED


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/event-stream",
        "Text/Event-Stream; charset=x",
        "application/json;charset=UTF-8",
    ],
)
def test_a_readable_content_type_passes(content_type: str | None) -> None:
    check_content_type(content_type, b"")


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "text/x-bogus", "image/png"])
def test_a_body_of_another_kind_is_refused_with_its_beginning(content_type: str) -> None:
    with pytest.raises(DecodeError, match="is base_url that of a Gemini API") as caught:
        check_content_type(content_type, b"<html>" + b"x" * 1000)
    assert content_type.partition(";")[0] in str(caught.value)
    assert len(caught.value.excerpt) == 200


def test_a_second_end_changes_nothing() -> None:
    generation = Generation("text/event-stream")
    generation.receive_data(sse(B_STOP) + b"data: {")
    assert generation.receive_eof() == [] == generation.receive_eof()
    assert generation.response().complete is UNCONFIRMED


def test_nothing_comes_after_a_stop() -> None:
    generation = Generation("text/event-stream")
    generation.receive_data(sse(A))
    generation.stop()
    assert generation.receive_data(sse(B_STOP)) == [] == generation.receive_eof()
    generation.receive_interruption(StreamInterrupted("cut"))
    assert generation.response().complete is STOPPED


@pytest.mark.parametrize(("payload", "is_final"), [(A, False), (UNSET, False), (BLOCKED, True)])
def test_a_chunk_is_final_with_a_reason(payload: bytes, is_final: bool) -> None:
    [chunk] = Generation("text/event-stream").receive_data(sse(payload))
    assert chunk.is_final is is_final
