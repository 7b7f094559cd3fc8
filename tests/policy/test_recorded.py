"""Every recorded answer of the service, with what it means written down by hand."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.errors import APIError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from gemstream.policy.answer import Answer, Completeness
from gemstream.policy.generation import Generation
from gemstream.policy.unary import read_response
from support.recorded import RESPONSES, framings, payloads_of, recorded

BEGINNING, END = 24, 24

# Name → first and last characters and length of text, length of thoughts, finish reason,
# prompt, candidates, thoughts and total tokens.
MEANING = {
    "streaming-failure-recitation-no-content.txt": (
        "text1text2text3text4text", "ext4text5text6text7text8", 40, 0, "RECITATION",
        9, 261, None, 270),
    "streaming-success-basic-reply-long.txt": (
        "Okay, let's dive into th", ", or health conditions.\n", 8845, 0, "STOP",
        10, 1996, None, 2006),
    "streaming-success-basic-reply-short.txt": (
        "The capital of Wyoming i", "yoming is **Cheyenne**.\n", 40, 0, "STOP", 7, 10, None, 17),
    "streaming-success-citations.txt": (
        "Okay, let's break down q", " your learning journey!\n", 6711, 0, "STOP",
        15, 1381, None, 1396),
    "streaming-success-code-execution.txt": (
        "To find the sum of the f", "t 5 prime numbers is 28.", 228, 0, "STOP", 21, 126, 95, 485),
    "streaming-success-empty-parts.txt": (
        "Here's a cute cartoon ki", "a ball of yarn for you! ", 66, 0, "STOP",
        16, 1307, None, 1323),
    "streaming-success-finish-message.txt": (
        "Hello world!", "Hello world!", 12, 0, "STOP", None, None, None, None),
    "streaming-success-no-content-parts.txt": (
        "I will generate a 3D ren", ", slightly cloudy sky.\n\n", 419, 0, "STOP",
        34, 1370, None, 1404),
    "streaming-success-thinking-function-call-thought-summary-signature.txt": (
        "", "", 0, 765, "STOP", 38, 6, 168, 212),
    "streaming-success-thinking-reply-thought-summary.txt": (
        "The sky is blue because ", "appear blue to our eyes.", 263, 1133, "STOP",
        10, 48, 540, 598),
    "streaming-success-url-context.txt": (
        "\nThe Google homepage pri", ' and an "About" section.', 361, 0, "STOP",
        438, 81, 39, 1177),
    "streaming-failure-prompt-blocked-safety.txt": ("", "", 0, 0, None, None, None, None, None),
    "unary-failure-finish-reason-safety": (
        "Safety error incoming in", "ncoming in 5, 4, 3, 2...", 38, 0, "SAFETY", 7, 20, None, 27),
    "unary-failure-only-prompt-feedback": ("", "", 0, 0, None, None, None, None, None),
    "unary-failure-with-message-no-content": ("", "", 0, 0, "OTHER", None, None, None, None),
    "unary-success-basic-reply-long": (
        "Making professional-qual", ", Hario V60, Chemex):**\n", 2591, 0, "STOP",
        9, 1612, None, 1621),
    "unary-success-basic-reply-short": (
        "Google's headquarters, a", "ain View, California**.\n", 98, 0, "STOP", 7, 22, None, 29),
    "unary-success-citations": (
        "Okay, let's break down q", "inating area of physics!", 93, 0, "STOP",
        15, 1667, None, 1682),
    "unary-success-code-execution": (
        "The first 5 prime number", "\n2 + 3 + 5 + 7 + 11 = 28", 102, 0, "STOP", 21, 96, 86, 363),
    "unary-success-google-maps-grounding": (
        "Here are a few pizza pla", ", delivery, and dine-in.", 1093, 0, "STOP", 9, 288, 87, 443),
    "unary-success-google-search-grounding-empty-grounding-chunks": (
        "The current weather in L", "humidity is around 41%.\n", 183, 0, "STOP", 8, 59, None, 67),
    "unary-success-google-search-grounding": (
        "The current weather in L", "humidity is around 41%.\n", 182, 0, "STOP", 8, 60, None, 68),
    "unary-success-thinking-function-call-thought-summary-signature": (
        "", "", 0, 1319, "STOP", 38, 8, 501, 547),
    "unary-success-thinking-reply-thought-summary": (
        "Mountain View", "Mountain View", 13, 352, "STOP", 14, 2, 24, 40),
    "unary-success-url-context-mixed-validity": (
        "\nThe valid page, https:/", "nt from being retrieved.", 793, 0, "STOP",
        118, 312, 46, 2437),
    "unary-success-url-context": (
        "Berkshire Hathaway Inc.'", "h a GEICO advertisement.", 496, 0, "STOP",
        15, 102, 142, 683),
}  # fmt: skip
REFUSALS: dict[str, tuple[type[APIError], int, str]] = {
    "streaming-failure-image-rejected": (InvalidArgument, 400, "Request contains an invalid"),
    "unary-failure-api-key": (Unauthenticated, 400, "API key not valid. Please pass a valid"),
    "unary-failure-generativelanguage-api-not-enabled": (PermissionDenied, 403, "has not been use"),
    "unary-failure-unknown-model": (NotFound, 404, "models/gemini-5.0-flash is not found"),
}
FILES = sorted(path.name for path in RESPONSES.iterdir())


def meaning_of(answer: Answer) -> tuple[Any, ...]:
    usage = answer.usage
    counts = ("prompt", "candidates", "thoughts", "total")
    return (
        answer.text[:BEGINNING],
        answer.text[-END:],
        len(answer.text),
        len(answer.thoughts),
        answer.finish_reason,
        *(getattr(usage, f"{count}_token_count") if usage else None for count in counts),
    )


def test_every_recorded_file_is_in_one_of_the_tables() -> None:
    told = {name.removesuffix(".txt") for name in (*MEANING, *REFUSALS)}
    assert {name.rpartition(".")[0] for name in FILES} == told


@pytest.mark.parametrize("framing", ["sse", "array", "objects", "naked"])
@pytest.mark.parametrize("name", [name for name in MEANING if name.startswith("streaming")])
def test_a_recorded_stream_means_what_we_wrote_down(name: str, framing: str) -> None:
    content_type, body = framings(payloads_of(name))[framing]
    generation = Generation(content_type)
    generation.receive_data(body)
    generation.receive_eof()
    assert meaning_of(generation.response()) == MEANING[name]
    assert generation.response().complete is Completeness.CONFIRMED


@pytest.mark.parametrize("name", [name for name in MEANING if name.startswith("streaming")])
def test_a_recorded_stream_as_it_came_means_the_same(name: str) -> None:
    generation = Generation("text/event-stream")
    generation.receive_data(recorded(name))
    generation.receive_eof()
    assert meaning_of(generation.response()) == MEANING[name]


@pytest.mark.parametrize(
    "name", [name for name in FILES if name.rpartition(".")[0] in MEANING], ids=str
)
def test_a_recorded_answer_means_what_we_wrote_down(name: str) -> None:
    body = recorded(name)
    response = read_response(body, "application/json", redact=bytes)
    assert meaning_of(response) == MEANING[name.rpartition(".")[0]]
    assert (response.raw, response.complete) == (body, Completeness.CONFIRMED)


@pytest.mark.parametrize(
    "name", [name for name in FILES if name.rpartition(".")[0] in REFUSALS], ids=str
)
def test_a_recorded_refusal_is_its_own_error(name: str) -> None:
    kind, code, said = REFUSALS[name.rpartition(".")[0]]
    for read in (read_unary, read_stream):
        with pytest.raises(APIError, match=said) as caught:
            read(recorded(name))
        assert (type(caught.value), caught.value.code) == (kind, code)


def read_unary(body: bytes) -> None:
    read_response(body, "application/json", redact=bytes)


def read_stream(body: bytes) -> None:
    Generation("text/event-stream").receive_data(body)


def whole(name: str) -> Answer:
    generation = Generation("text/event-stream")
    generation.receive_data(recorded(name))
    generation.receive_eof()
    return generation.response()


def test_a_blocked_prompt_is_an_answer_without_text() -> None:
    answer = whole("streaming-failure-prompt-blocked-safety.txt")
    assert (answer.block_reason, answer.finish_reason, answer.text) == ("SAFETY", None, "")


def test_the_citations_of_a_recitation_are_all_there_in_order() -> None:
    (candidate,) = whole("streaming-failure-recitation-no-content.txt").candidates
    assert candidate.citation_metadata is not None
    starts = [source.start_index for source in candidate.citation_metadata.citation_sources]
    assert starts == [110, 118, 146, 164, 373, 395, 699, 712, 757, 793]


def test_code_stands_between_the_texts_that_surround_it() -> None:
    kinds = [
        part.executable_code or part.code_execution_result or "text"
        for part in whole("streaming-success-code-execution.txt").parts
    ]
    assert [kind if kind == "text" else type(kind).__name__ for kind in kinds] == [
        "text",
        "ExecutableCode",
        "CodeExecutionResult",
        "text",
    ]


def test_a_picture_comes_whole_and_after_its_text() -> None:
    text, picture = whole("streaming-success-empty-parts.txt").parts
    assert text.text == "Here's a cute cartoon kitten playing with a ball of yarn for you! "
    assert picture.inline_data is not None
    assert picture.inline_data.content.startswith(b"\x89PNG\r\n\x1a\n")


def test_a_thought_signature_stays_with_its_function_call() -> None:
    answer = whole("streaming-success-thinking-function-call-thought-summary-signature.txt")
    thought, call = answer.parts
    assert thought.thought and thought.thought_signature is None
    assert call.function_call is not None and call.function_call.name == "now"
    assert call.function_call.args == {}
    assert call.thought_signature is not None
    assert call.thought_signature.startswith("CiIBVKhc7vB+vaaq6rA/KC79")


def test_grounding_is_that_of_the_chunk_that_brings_it() -> None:
    (candidate,) = whole("streaming-success-url-context.txt").candidates
    assert candidate.grounding_metadata is not None
    assert len(candidate.grounding_metadata.grounding_supports) == 3
    assert candidate.url_context_metadata is not None
    assert candidate.url_context_metadata.url_metadata[0]["retrievedUrl"] == "https://google.com"


def test_a_finish_message_is_kept() -> None:
    (candidate,) = whole("streaming-success-finish-message.txt").candidates
    assert candidate.finish_message == "Finished successfully"


def test_an_answer_without_candidates_is_data() -> None:
    body = recorded("unary-failure-only-prompt-feedback.json")
    answer = read_response(body, "application/json", redact=bytes)
    assert (answer.finish_reason, answer.block_reason, list(answer.candidates)) == (None, None, [])
