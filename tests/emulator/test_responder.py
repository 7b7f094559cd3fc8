"""The built-in model, asked without HTTP: what it says, how it ends, what it costs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.test_image_header import PNG
from gemstream.emulator.builtin.answer import Answer
from gemstream.emulator.builtin.counting import count_asked_for
from gemstream.emulator.builtin.responder import compose
from gemstream.emulator.builtin.schema_filler import SchemaTooComplex
from gemstream.emulator.builtin.token_count import contents_tokens, request_tokens
from gemstream.policy.fold import fold
from gemstream.wire.codec import from_plain, to_plain
from gemstream.wire.request import GenerateContentRequest
from gemstream.wire.response import GenerateContentResponse


def answer_to(plain: dict[str, Any], *, output_limit: int = 65536, seed: int = 0) -> Answer:
    request = from_plain(plain, GenerateContentRequest)
    drafts = compose(request, output_limit=output_limit, seed=seed)
    return Answer(drafts, request_tokens(request), "m", "id")


def asking(text: str, **config: Any) -> dict[str, Any]:
    contents = [{"role": "user", "parts": [{"text": text}]}]
    return {"contents": contents, "generationConfig": config}


def said(plain: dict[str, Any]) -> str:
    return answer_to(plain).whole().text


COUNTS = [
    ("Count to 3", "1, 2, 3"),
    ("please count up to five!", "1, 2, 3, 4, 5"),
    ("count from 8 to 11 slowly", "8, 9, 10, 11"),
    ("Count down from three to zero", "3, 2, 1, 0"),
    ("count from -1 to 1", "-1, 0, 1"),
    ("count to 0", "0"),
    ("Count from ninety to ninety", "90"),
    ("recount to 3", None),
    ("count to infinity", None),
    ("the count of sheep. Go to 3", None),
]


@pytest.mark.parametrize(("prompt", "numbers"), COUNTS)
def test_it_counts(prompt: str, numbers: str | None) -> None:
    assert count_asked_for(prompt, max_characters=10_000) == numbers


def test_counting_ends_at_the_limit() -> None:
    numbers = count_asked_for("count to 999999999", max_characters=100)
    assert numbers is not None and 100 < len(numbers) < 106


SAYINGS = [
    (asking("Hello there"), "You said: Hello there"),
    (asking("héllo 👩🏽\u200d🚀"), "You said: héllo 👩🏽\u200d🚀"),
    (asking("Count to 9", stopSequences=["7", "4"]), "1, 2, 3, "),
    (asking("x", stopSequences=["not there"]), "You said: x"),
    (asking("Count to 9", maxOutputTokens=1), "1, 2"),
]


@pytest.mark.parametrize(("request_", "text"), SAYINGS)
def test_it_says(request_: dict[str, Any], text: str) -> None:
    assert said(request_) == text


ENDS = [
    (asking("Count to 9", maxOutputTokens=1), "MAX_TOKENS"),
    (asking("Count to 9", maxOutputTokens=7), "STOP"),
    (asking("Count to 9", stopSequences=["4"]), "STOP"),
    (asking("x", maxOutputTokens=1, thinkingConfig={"thinkingBudget": 100}), "MAX_TOKENS"),
]


@pytest.mark.parametrize(("request_", "reason"), ENDS)
def test_it_ends_for_a_reason(request_: dict[str, Any], reason: str) -> None:
    assert answer_to(request_).whole().finish_reason == reason


def test_the_models_own_limit_holds() -> None:
    whole = answer_to(asking("Count to 99999999"), output_limit=10).whole()
    assert len(whole.text) == 40 and whole.finish_reason == "MAX_TOKENS"


def test_files_are_seen() -> None:
    request = asking("look")
    request["contents"][0]["parts"] += [
        {"inline_data": {"mime_type": "image/png", "data": base64.urlsafe_b64encode(PNG).decode()}},
        {"inlineData": {"mimeType": "application/pdf", "data": ""}},
        {"fileData": {"fileUri": "https://example.com/film", "mimeType": "video/mp4"}},
    ]
    assert said(request) == (
        "You sent a PNG image of 640 x 480 pixels, a file of type application/pdf with 0 bytes, "
        "a file of type video/mp4 at https://example.com/film. You said: look"
    )


def with_tools(text: str, *names: str, **config: Any) -> dict[str, Any]:
    number = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    declared = [{"name": name, "parameters": number} for name in names]
    tools = [{"functionDeclarations": declared}]
    return {**asking(text), "tools": tools, "toolConfig": {"functionCallingConfig": config}}


CALLS = [
    (with_tools("roll_dice with 4", "roll_dice", "other"), ["roll_dice"]),
    (with_tools("Roll dice", "roll_dice"), ["roll_dice"]),
    (with_tools("other, then roll_dice", "roll_dice", "other"), ["other", "roll_dice"]),
    (with_tools("hello", "roll_dice"), []),
    (with_tools("controlled", "roll"), []),
    (with_tools("roll", "roll", mode="NONE"), []),
    (with_tools("hello", "a", "b", mode="ANY"), ["a"]),
    (with_tools("hello", "a", "b", mode="ANY", allowedFunctionNames=["b"]), ["b"]),
]


@pytest.mark.parametrize(("request_", "names"), CALLS)
def test_functions_are_called_when_asked(request_: dict[str, Any], names: list[str]) -> None:
    whole = answer_to(request_).whole()
    assert [call.name for call in whole.function_calls] == names
    assert all(isinstance((call.args or {})["n"], int) for call in whole.function_calls)
    assert len({call.id for call in whole.function_calls}) == len(names)


def test_the_first_call_carries_the_signature_and_the_last_the_end() -> None:
    thinking = {"includeThoughts": True}
    request = with_tools("a then b", "a", "b")
    request["generationConfig"]["thinkingConfig"] = thinking
    *thoughts, first, last = answer_to(request).chunks()
    assert thoughts and all(chunk.thoughts and not chunk.text for chunk in thoughts)
    assert base64.b64decode(first.candidates[0].content.parts[0].thought_signature)
    assert last.candidates[0].content.parts[0].thought_signature is None
    assert (first.finish_reason, last.finish_reason) == (None, "STOP")


RESULTS = [
    ({"result": 7}, "The function f returned 7."),
    ({"output": "é"}, "The function f returned é."),
    ({"a": [1]}, 'The function f returned {"a":[1]}.'),
    ({"error": "down"}, "The function f failed: down."),
]


@pytest.mark.parametrize(("response", "text"), RESULTS)
def test_results_are_told(response: dict[str, Any], text: str) -> None:
    request = with_tools("f", "f", mode="ANY")
    result = {"functionResponse": {"name": "f", "response": response}}
    request["contents"] += [{"role": "user", "parts": [result]}]
    assert said(request) == text


def test_json_is_written() -> None:
    schema = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}
    config = {"responseMimeType": "application/json"}
    assert set(json.loads(said(asking("x", **config, responseSchema=schema)))) == {"n"}
    assert set(json.loads(said(asking("x", **config, response_schema=schema)))) == {"n"}
    assert set(json.loads(said(asking("x", **config, _responseJsonSchema=schema)))) == {"n"}
    assert json.loads(said(asking("x", **config))) == {"answer": "You said: x"}


def test_a_seed_changes_what_is_made_up() -> None:
    schema = {"type": "OBJECT", "properties": {"n": {"type": "STRING"}}}
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    texts = {said(asking("x", **config, seed=seed)) for seed in range(5)}
    assert len(texts) > 1
    assert said(asking("x", **config, seed=1)) in texts


def test_an_enum_is_chosen() -> None:
    schema = {"type": "STRING", "enum": ["red", "green"]}
    config = {"responseMimeType": "text/x.enum", "responseSchema": schema}
    assert said(asking("x", **config)) in ("red", "green")
    assert len(list(answer_to(asking("x", **config)).chunks())) > 1


def test_a_schema_without_end_is_told() -> None:
    schema = {"type": "array", "minItems": 10**9}
    with pytest.raises(SchemaTooComplex):
        said(asking("x", responseMimeType="application/json", responseSchema=schema))


def test_candidates_differ_and_take_turns() -> None:
    answer = answer_to(asking("Count to 4", candidateCount=3))
    assert len({c.content.parts[0].text for c in answer.whole().candidates}) == 3
    assert [c.index for c in answer.whole().candidates] == [0, 1, 2]
    assert [chunk.candidates[0].index for chunk in answer.chunks()][:6] == [0, 1, 2, 0, 1, 2]


THINKING = [
    ({}, 0, False),
    ({"includeThoughts": False}, 0, False),
    ({"thinkingBudget": 0, "includeThoughts": True}, 0, False),
    ({"thinkingBudget": 5}, 5, False),
    ({"thinkingBudget": 5, "includeThoughts": True}, 5, True),
    ({"thinkingBudget": -1}, 30, False),
    ({"thinkingLevel": "LOW"}, 30, False),
]


@pytest.mark.parametrize(("config", "tokens", "shown"), THINKING)
def test_it_thinks_when_told(config: dict[str, Any], tokens: int, shown: bool) -> None:
    whole = answer_to(asking("x", thinkingConfig=config)).whole()
    thought = whole.usage_metadata.thoughts_token_count or 0
    assert thought == tokens if tokens < 30 else thought > 30
    assert bool(whole.thoughts) is shown
    assert whole.text == "You said: x"


_texts = st.text(max_size=60).filter(lambda t: not any("\ud800" <= c <= "\udfff" for c in t))
_configs = st.fixed_dictionaries(
    {},
    optional={
        "candidateCount": st.integers(1, 4),
        "maxOutputTokens": st.integers(1, 120),
        "stopSequences": st.lists(st.sampled_from([",", "e", "4", ": "]), max_size=3),
        "thinkingConfig": st.sampled_from([{"includeThoughts": True}, {"thinkingBudget": 9}]),
        "responseMimeType": st.sampled_from(["application/json", "text/plain"]),
    },
)


@settings(deadline=None)
@given(st.one_of(_texts, st.just("Count to 20"), st.just("call f, g")), _configs)
def test_the_stream_folds_into_the_whole(text: str, config: dict[str, Any]) -> None:
    tools = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
    answer = answer_to({**asking(text, **config), "tools": tools})
    chunks, whole = list(answer.chunks()), answer.whole()
    assert to_plain(fold(chunks)) == to_plain(fold([whole]))
    _check_usage(chunks, whole)
    _check_ends(chunks, config.get("candidateCount", 1))
    assert answer_to({**asking(text, **config), "tools": tools}) == answer


def _check_usage(chunks: list[GenerateContentResponse], whole: GenerateContentResponse) -> None:
    totals = []
    for message in (*chunks, whole):
        usage = message.usage_metadata
        parts = (
            usage.prompt_token_count,
            usage.candidates_token_count or 0,
            usage.thoughts_token_count or 0,
        )
        assert usage.total_token_count == sum(parts)
        assert usage.prompt_token_count == sum(d.token_count for d in usage.prompt_tokens_details)
        totals.append(usage.total_token_count)
    assert totals == sorted(totals) and totals[-1] == totals[-2]


def _check_ends(chunks: list[GenerateContentResponse], candidates: int) -> None:
    ended: set[int] = set()
    for chunk in chunks:
        (candidate,) = chunk.candidates
        assert candidate.index not in ended
        if candidate.finish_reason is not None:
            ended.add(candidate.index)
    assert ended == set(range(candidates))


TOKENS = [
    ([{"text": ""}], {"TEXT": 0}),
    ([{"text": "1234"}], {"TEXT": 1}),
    ([{"text": "12345"}, {"text": "1"}], {"TEXT": 3}),
    ([{"inlineData": {"mimeType": "image/png", "data": ""}}], {"TEXT": 0, "IMAGE": 258}),
    ([{"fileData": {"mimeType": "application/pdf"}}], {"TEXT": 0, "DOCUMENT": 258}),
    ([{"functionCall": {"name": "f", "args": {"a": 1}}}], {"TEXT": 7}),
    ([{"functionResponse": {"name": "f", "response": {"a": 1}}}], {"TEXT": 8}),
    ([{"executableCode": {"code": "1234"}}, {"codeExecutionResult": {"output": "1"}}], {"TEXT": 2}),
]


@pytest.mark.parametrize(("parts", "tokens"), TOKENS)
def test_tokens_follow_the_rule(parts: list[Any], tokens: dict[str, int]) -> None:
    request = from_plain({"contents": [{"parts": parts}]}, GenerateContentRequest)
    assert contents_tokens(request.contents) == tokens


def test_system_instruction_and_tools_cost_tokens() -> None:
    plain = {**with_tools("1234", "f"), "systemInstruction": {"parts": [{"text": "12345678"}]}}
    request = from_plain(plain, GenerateContentRequest)
    (function,) = request.tools[0].function_declarations
    size = len(json.dumps(to_plain(function), separators=(",", ":")))
    assert request_tokens(request) == {"TEXT": 1 + 2 + -(-size // 4)}
