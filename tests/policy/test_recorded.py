"""Every recorded answer of the service, with what it means written down by hand."""

from __future__ import annotations

import pytest

from gemstream.errors import APIError
from gemstream.policy.answer import Answer, Completeness
from gemstream.policy.generation import Generation
from gemstream.policy.unary import read_response
from support.meanings import MEANING, REFUSALS, meaning_of
from support.recorded import RESPONSES, framings, payloads_of, recorded

FILES = sorted(path.name for path in RESPONSES.iterdir())


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
    assert candidate.url_context_metadata.url_metadata[0].retrieved_url == "https://google.com"


def test_a_finish_message_is_kept() -> None:
    (candidate,) = whole("streaming-success-finish-message.txt").candidates
    assert candidate.finish_message == "Finished successfully"


def test_an_answer_without_candidates_is_data() -> None:
    body = recorded("unary-failure-only-prompt-feedback.json")
    answer = read_response(body, "application/json", redact=bytes)
    assert (answer.finish_reason, answer.block_reason, list(answer.candidates)) == (None, None, [])
