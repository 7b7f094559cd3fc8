"""Chunks add up to what the unstreamed answer would have been, part by part."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.policy.fold import Fold, fold
from gemstream.wire.codec import decode, from_plain, to_plain
from gemstream.wire.response import GenerateContentResponse
from support.recorded import UNARY, recorded
from support.strategies import calm


def response(plain: dict[str, Any]) -> GenerateContentResponse:
    return from_plain(plain, GenerateContentResponse)


def said(value: Any) -> Any:
    """What a message says: plain JSON without lists that hold nothing."""
    if isinstance(value, dict):
        return {key: said(item) for key, item in value.items() if item != []}
    return [said(item) for item in value] if isinstance(value, list) else value


def folded(*chunks: dict[str, Any]) -> Any:
    return said(to_plain(fold(map(response, chunks))))


def candidate(**fields: Any) -> dict[str, Any]:
    return {"candidates": [fields]}


def parts(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return candidate(content={"role": "model", "parts": list(parts)}, **fields)


def text(said: str) -> dict[str, Any]:
    return {"text": said}


THOUGHT = {"text": "t", "thought": True}
SIGNED = {"text": "", "thoughtSignature": "c2ln"}
CALL = {"functionCall": {"name": "f", "args": {"a_b": 1}}, "thoughtSignature": "c2ln"}
STRANGER = {"newPart": {"x": 1}}

# Parts as chunks bring them → the parts of the folded answer.
PARTS = [
    ([[text("a")], [text("b")]], [text("ab")]),
    ([[text("a"), text("b")], [text("c")]], [text("abc")]),
    ([[text("a")], [], [text("")], [text("b")]], [text("ab")]),
    ([[], []], []),
    ([[THOUGHT], [THOUGHT], [text("a")]], [{"text": "tt", "thought": True}, text("a")]),
    ([[text("a")], [THOUGHT], [text("b")]], [text("a"), THOUGHT, text("b")]),
    ([[text("a")], [CALL], [text("b")], [text("c")]], [text("a"), CALL, text("bc")]),
    ([[CALL], [CALL]], [CALL, CALL]),
    ([[text("a")], [SIGNED]], [text("a"), SIGNED]),
    ([[SIGNED], [text("a")]], [SIGNED, text("a")]),
    ([[{"text": "a", "thoughtSignature": "c2ln"}], [text("b")]],
     [{"text": "a", "thoughtSignature": "c2ln"}, text("b")]),
    ([[text("a")], [STRANGER], [text("b")]], [text("a"), STRANGER, text("b")]),
    ([[text("a")], [{"text": "b", "new": 1}], [text("c")]],
     [text("a"), {"text": "b", "new": 1}, text("c")]),
    ([[text(str(i))] for i in range(200)], [text("".join(map(str, range(200))))]),
]  # fmt: skip


@pytest.mark.parametrize(("chunks", "whole"), PARTS)
def test_neighbouring_texts_join_and_all_else_stays_in_its_place(
    chunks: list[list[dict[str, Any]]], whole: list[dict[str, Any]]
) -> None:
    expected = {"role": "model", **({"parts": whole} if whole else {})}
    assert folded(*(parts(*chunk) for chunk in chunks)) == candidate(content=expected)


GROUNDED = {"groundingMetadata": {"webSearchQueries": ["q"], "groundingChunks": [{"web": {}}]}}

# Fields of a candidate as chunks bring them → what the folded candidate holds.
FIELDS = [
    ([{"finishReason": "STOP"}, {"finishReason": "STOP"}], {"finishReason": "STOP"}),
    ([{"finishReason": "STOP"}, {}], {"finishReason": "STOP"}),
    ([{"finishReason": "STOP"}, {"finishReason": "FINISH_REASON_UNSPECIFIED"}],
     {"finishReason": "STOP"}),
    ([{"finishReason": "STOP"}, {"finishReason": "SAFETY"}], {"finishReason": "SAFETY"}),
    ([{"index": 0}, {}], {"index": 0}),
    ([{"continuationToken": "a"}, {}, {"continuationToken": "b"}, {}], {"continuationToken": "b"}),
    ([{"tokenCount": 3}, {"tokenCount": 0}], {"tokenCount": 0}),
    ([GROUNDED, {"groundingMetadata": {}}], GROUNDED),
    ([{"groundingMetadata": {"webSearchQueries": ["q"]}},
      {"groundingMetadata": {"groundingChunks": [{"web": {}}]}}], GROUNDED),
    ([{"safetyRatings": [{"blocked": True}]}, {"safetyRatings": []}],
     {"safetyRatings": [{"blocked": True}]}),
    ([{"a": 1, "b": 1}, {"b": 2}, {"c": {"d": 3}}], {"a": 1, "b": 2, "c": {"d": 3}}),
    ([{"citationMetadata": {"citationSources": [{"startIndex": 1}]}},
      {"citationMetadata": {"citationSources": [{"startIndex": 2}], "new": 1}},
      {"citationMetadata": {"citationSources": [{"startIndex": 1}]}}],
     {"citationMetadata": {"citationSources": [{"startIndex": 1}, {"startIndex": 2}], "new": 1}}),
    ([{"citationMetadata": {"citations": [{"uri": "u"}]}},
      {"citationMetadata": {"citationSources": [{"uri": "v"}]}}],
     {"citationMetadata": {"citationSources": [{"uri": "v"}], "citations": [{"uri": "u"}]}}),
    ([{"logprobsResult": {"chosenCandidates": [{"token": "a"}], "logProbabilitySum": -1.0}},
      {"logprobsResult": {"chosenCandidates": [{"token": "b"}], "logProbabilitySum": -2.0}}],
     {"logprobsResult": {"chosenCandidates": [{"token": "a"}, {"token": "b"}],
                         "logProbabilitySum": -3.0}}),
]  # fmt: skip


@pytest.mark.parametrize(("chunks", "whole"), FIELDS)
def test_a_field_keeps_the_last_thing_said_of_it(
    chunks: list[dict[str, Any]], whole: dict[str, Any]
) -> None:
    assert folded(*(candidate(**chunk) for chunk in chunks)) == candidate(**whole)


HEADS = [
    ([{"modelVersion": "m", "responseId": "r"}, {"responseId": "r"}],
     {"modelVersion": "m", "responseId": "r"}),
    ([{"promptFeedback": {"blockReason": "SAFETY"}}, {"promptFeedback": {}}],
     {"promptFeedback": {"blockReason": "SAFETY"}}),
    ([{"promptFeedback": {"blockReason": "SAFETY"}},
      {"promptFeedback": {"safetyRatings": [{"blocked": True}]}}],
     {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": [{"blocked": True}]}}),
    ([{"usageMetadata": {"promptTokenCount": 1}}, {"usageMetadata": {"totalTokenCount": 2}}],
     {"usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2}}),
    ([{"modelVersion": "a"}, {"modelVersion": "b"}, {"modelVersion": "a"}], {"modelVersion": "a"}),
    ([{"new": 1}, {"newer": 2}, {"new": 3}], {"new": 3, "newer": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("chunks", "whole"), HEADS)
def test_what_is_said_of_the_whole_answer_is_kept(
    chunks: list[dict[str, Any]], whole: dict[str, Any]
) -> None:
    assert folded(*chunks) == whole


def test_candidates_are_told_apart_by_their_index_and_come_in_order() -> None:
    def turn(index: int, words: str) -> dict[str, Any]:
        return {"index": index, "content": {"parts": [text(words)]}}

    chunks = [[turn(1, "x")], [turn(0, "a"), turn(1, "y")], [turn(2, "!")], [turn(0, "b")]]
    assert folded(*({"candidates": chunk} for chunk in chunks)) == {
        "candidates": [turn(0, "ab"), turn(1, "xy"), turn(2, "!")]
    }


def test_many_citations_are_all_kept_in_their_order() -> None:
    sources = [{"startIndex": index} for index in range(300)]
    chunks = [candidate(citationMetadata={"citationSources": [source]}) for source in sources]
    assert folded(*chunks) == candidate(citationMetadata={"citationSources": sources})


def test_the_sum_may_be_asked_for_at_any_time() -> None:
    whole = Fold()
    texts = []
    for index in range(20):
        whole.receive(response(parts(text(f"{index} "))))
        texts.append(whole.text())
    assert texts == ["".join(f"{i} " for i in range(index + 1)) for index in range(20)]


def test_folding_one_message_keeps_what_it_says() -> None:
    plain = parts(text("a"), CALL, finishReason="STOP", new=1)
    assert folded(plain) == plain


SUCCESSES = [name for name in UNARY if name.startswith("unary-success") and name.endswith(".json")]


@pytest.mark.parametrize("name", SUCCESSES)
@settings(calm, max_examples=15)
@given(data=st.data())
def test_a_recorded_answer_cut_into_chunks_folds_back_to_itself(
    name: str, data: st.DataObject
) -> None:
    whole = msgspec.json.decode(recorded(name))
    chunks = rechunked(whole, data)
    whole_message = decode(recorded(name), GenerateContentResponse)
    assert folded(*chunks) == said(to_plain(whole_message))


def rechunked(whole: dict[str, Any], data: st.DataObject) -> list[dict[str, Any]]:
    """The answer as a stream: texts in pieces, the rest of the candidate with the last chunk."""
    (first,) = whole["candidates"]
    head = {key: value for key, value in whole.items() if key != "candidates"}
    pieces = [piece for part in first["content"]["parts"] for piece in cut_part(part, data)]
    rest = {key: value for key, value in first.items() if key != "content"}
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=len(pieces), max_size=len(pieces)))
    chunks = []
    for size in sizes:
        taken, pieces = pieces[:size], pieces[size:]
        if taken:
            chunks.append(head | {"candidates": [{"content": {"role": "model", "parts": taken}}]})
    chunks[-1]["candidates"][0] |= rest
    return chunks


def cut_part(part: dict[str, Any], data: st.DataObject) -> list[dict[str, Any]]:
    if "text" not in part or "thoughtSignature" in part:
        return [part]
    places = sorted({0, *data.draw(st.lists(st.integers(0, len(part["text"])), max_size=6))})
    ends = [*places[1:], len(part["text"])]
    return [part | {"text": part["text"][a:b]} for a, b in zip(places, ends, strict=True)]
