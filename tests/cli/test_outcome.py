"""What is told of an answer beside its text."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.cli.outcome import Outcome, failure, remarks
from gemstream.cli.summary import summary
from gemstream.errors import IdleTimeout
from gemstream.policy.answer import Completeness, Response
from gemstream.wire.codec import from_plain
from gemstream.wire.response import GenerateContentResponse


def answer(plain: dict[str, Any], complete: Completeness = Completeness.CONFIRMED) -> Response:
    message = from_plain(plain, GenerateContentResponse)
    return Response(message=message, usage=message.usage_metadata, complete=complete)


def candidate(*parts: dict[str, Any], finish: str = "STOP", **more: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "finishReason": finish, **more}]}


REMARKS = [
    (candidate({"text": "hi"}), 0, []),
    (candidate({"text": "hi"}, finish="MAX_TOKENS"), 0, ["the answer ended with MAX_TOKENS"]),
    (
        candidate(finish="SAFETY", finishMessage="unsafe"),
        0,
        ["the answer ended with SAFETY (unsafe)"],
    ),
    (candidate({"text": "hi"}, finish="NEW_ONE"), 0, ["the answer ended with NEW_ONE"]),
    ({"promptFeedback": {"blockReason": "SAFETY"}}, 1, ["the prompt was blocked: SAFETY"]),
    (
        {"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "no"}},
        1,
        ["the prompt was blocked: OTHER (no)"],
    ),
    ({}, 0, ["the service gave no finish reason"]),
    (
        candidate(
            {"text": "hi"},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"functionCall": {"name": "f", "args": {}}},
        ),
        0,
        ["not shown, for it is not text: inline_data image/png, function_call"],
    ),
]


@pytest.mark.parametrize(("plain", "code", "said"), REMARKS)
def test_what_the_text_does_not_say(plain: dict[str, Any], code: int, said: list[str]) -> None:
    outcome = Outcome(model="m", response=answer(plain))
    assert (outcome.exit_code, remarks(outcome)) == (code, said)


def test_an_unconfirmed_end_is_told() -> None:
    response = answer(candidate({"text": "hi"}), Completeness.UNCONFIRMED)
    (said,) = remarks(Outcome(model="m", response=response))
    assert said == "the connection broke after the finish reason; the answer should be whole"


def test_an_interruption_tells_what_was_used() -> None:
    counts = {"promptTokenCount": 4, "candidatesTokenCount": 6, "totalTokenCount": 10}
    response = answer({**candidate({"text": "hi"}), "usageMetadata": counts})
    outcome = Outcome(model="m", arrivals=[0.1], response=response, interrupted=True)
    assert remarks(outcome) == [
        "interrupted: the answer is incomplete; 1 chunk arrived, "
        "10 tokens used (4 prompt, 6 answer)"
    ]
    assert summary(outcome)["complete"] == "stopped"
    assert outcome.exit_code == 130


def test_an_interruption_before_the_first_chunk_says_so() -> None:
    outcome = Outcome(model="m", interrupted=True)
    assert remarks(outcome) == ["interrupted before the answer began"]
    assert outcome.exit_code == 130


def test_a_failure_tells_how_far_it_came() -> None:
    error = IdleTimeout("nothing for 120 s")
    error.delivered = 2
    outcome = Outcome(model="m", error=error)
    assert failure(outcome) == "nothing for 120 s (2 chunks had arrived)"
    assert (outcome.complete, outcome.exit_code) == ("partial", 5)


def test_usage_keeps_what_this_version_does_not_know() -> None:
    counts = {
        "promptTokenCount": 4,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
        "moonCount": 1,
    }
    outcome = Outcome(model="m", response=answer({"usageMetadata": counts}))
    assert summary(outcome)["usage"] == {
        "prompt_token_count": 4,
        "prompt_tokens_details": [{"modality": "TEXT", "token_count": 4}],
        "moonCount": 1,
    }
