"""Events of one turn → chunks of the shape that generateContent answers with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gemstream.policy.fold import fold
from gemstream.policy.live.turn_chunks import FINISH_REASONS, TurnChunks
from gemstream.wire.codec import to_plain
from gemstream.wire.live.server_message import TurnCompleteReason
from gemstream.wire.response import FinishReason, GenerateContentResponse
from support.live import ASK, connected, output


def chunks_of(
    *messages: Any, limit: int | None = None
) -> tuple[list[GenerateContentResponse], TurnChunks]:
    client, _ = connected()
    client.send(ASK)
    turn = TurnChunks(limit)
    told = [turn.receive(client.receive(json.dumps(_plain(message)))) for message in messages]
    return [chunk for chunk in told if chunk is not None], turn


def _plain(message: Any) -> Any:
    return message if isinstance(message, dict) else to_plain(message)


def done(**content: Any) -> dict[str, Any]:
    return {"serverContent": {"turnComplete": True, **content}}


USAGE = {"promptTokenCount": 3, "responseTokenCount": 5, "totalTokenCount": 8}


def test_text_and_thoughts_are_the_parts_they_came_as() -> None:
    thought = {"text": "Hm", "thought": True, "thoughtSignature": "AAEC"}
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    chunks, _ = chunks_of(output(thought), output({"text": "Hi"}, code))
    parts = [to_plain(part) for chunk in chunks for part in chunk.candidates[0].content.parts]  # type: ignore[union-attr]
    assert parts == [thought, {"text": "Hi"}, code]


def test_speech_is_inline_data_and_its_transcription_text() -> None:
    sound = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}
    message = output(sound, outputTranscription={"text": "Hi"})
    (chunk,), _ = chunks_of(message)
    assert chunk.text == "Hi"
    assert [to_plain(part) for part in chunk.candidates[0].content.parts] == [sound, {"text": "Hi"}]  # type: ignore[union-attr]


def test_counts_have_the_names_of_rest_and_the_turn_ends_with_stop() -> None:
    chunks, turn = chunks_of(output({"text": "Hi"}), {**done(), "usageMetadata": USAGE})
    whole = fold(chunks)
    assert (whole.text, whole.finish_reason, turn.is_over) == ("Hi", FinishReason.STOP, True)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata.prompt_token_count == 3
    assert whole.usage_metadata.candidates_token_count == 5


def test_a_function_call_ends_the_answer() -> None:
    call = {"id": "c1", "name": "f", "args": {"x": 1}}
    chunks, turn = chunks_of(
        {"toolCall": {"functionCalls": [call]}, "usageMetadata": {"promptTokenCount": 4}}
    )
    assert [to_plain(one) for one in fold(chunks).function_calls] == [call]
    assert (chunks[0].finish_reason, turn.is_over) == (FinishReason.STOP, True)
    assert chunks[0].usage_metadata is not None


def test_a_turn_that_another_follows_is_no_end() -> None:
    chunks, turn = chunks_of(
        done(interactionStatus="IN_PROGRESS"), output({"text": "more"}), done()
    )
    assert [chunk.finish_reason for chunk in chunks] == [None, FinishReason.STOP]
    assert turn.is_over


def test_what_the_model_has_it_from_is_kept() -> None:
    grounding = {"webSearchQueries": ["sky"]}
    url = {"urlMetadata": [{"retrievedUrl": "https://example.com"}]}
    (chunk,), _ = chunks_of(
        {"serverContent": {"groundingMetadata": grounding, "urlContextMetadata": url}}
    )
    assert to_plain(chunk.candidates[0])["groundingMetadata"] == grounding
    assert to_plain(chunk.candidates[0])["urlContextMetadata"] == url


def test_what_nobody_has_a_name_for_is_kept() -> None:
    chunks, _ = chunks_of({"novelty": {"a": 1}}, {"serverContent": {"error": "x"}})
    assert [chunk.extra for chunk in chunks] == [
        {"novelty": {"a": 1}},
        {"server_content": {"error": "x"}},
    ]


def test_what_says_nothing_is_no_chunk() -> None:
    silent: list[dict[str, Any]] = [
        {"serverContent": {"generationComplete": True}},
        {"serverContent": {"waitingForInput": True}},
        {"serverContent": {"inputTranscription": {"text": "Hi"}}},
        {"sessionResumptionUpdate": {}},
        {"goAway": {"timeLeft": "300s"}},
    ]
    chunks, turn = chunks_of(*silent)
    assert (chunks, turn.is_over) == ([], False)


@pytest.mark.parametrize("reason", [*TurnCompleteReason, "NEVER_HEARD_OF"])
def test_the_reason_of_an_end_is_a_finish_reason(reason: str) -> None:
    (chunk,), _ = chunks_of(done(turnCompleteReason=reason))
    expected = FINISH_REASONS.get(TurnCompleteReason(reason), FinishReason.OTHER)
    assert chunk.finish_reason is expected
    assert chunk.candidates[0].finish_message == reason


def test_a_turn_that_is_generated_can_be_ended_without_its_end() -> None:
    generated = {"serverContent": {"generationComplete": True}}
    _, turn = chunks_of(output({"text": "Hi"}), generated)
    assert (turn.is_generated, turn.is_over) == (True, False)
    assert (turn.end().finish_reason, turn.is_over) == (FinishReason.STOP, True)
    _, another = chunks_of(generated, done(interactionStatus="IN_PROGRESS"))
    assert not another.is_generated


def test_an_interrupted_turn_is_not_whole() -> None:
    (chunk,), _ = chunks_of({"serverContent": {"interrupted": True}}, done())
    assert (chunk.finish_reason, chunk.candidates[0].finish_message) == (
        FinishReason.OTHER,
        "interrupted",
    )


@pytest.mark.parametrize(
    ("limit", "reason"),
    [(None, FinishReason.STOP), (6, FinishReason.STOP), (5, FinishReason.MAX_TOKENS)],
)
def test_a_turn_that_counts_all_the_tokens_it_may_have_ran_into_the_limit(
    limit: int | None, reason: FinishReason
) -> None:
    (chunk,), _ = chunks_of({**done(), "usageMetadata": USAGE}, limit=limit)
    assert chunk.finish_reason is reason
