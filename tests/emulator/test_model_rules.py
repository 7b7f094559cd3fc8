"""What one model refuses that another takes, and thought signatures."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from emulator.driver import MODEL, answer, method_url, prompt, stream, text_of
from gemstream.emulator import Chunk, Emulator, Rule, Script
from gemstream.emulator.builtin.signature import needs_signatures

GEMINI_3, GEMINI_4 = "gemini-3.8-flash", "gemini-4-carbon"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


def thinking(**config: Any) -> dict[str, Any]:
    return prompt("x", generationConfig={"thinkingConfig": config})


TAKEN = [
    (GEMINI_4, {"thinkingLevel": "LOW"}),
    (GEMINI_4, {"thinking_level": "MEDIUM", "include_thoughts": True}),
    (GEMINI_4, {"thinkingLevel": "HIGH"}),
    (GEMINI_4, {"includeThoughts": True}),
    ("gemini-3.7-flash", {"thinkingLevel": "MINIMAL"}),
    (GEMINI_3, {"thinkingBudget": 100}),
    ("gemini-2.5-pro", {"thinkingBudget": -1}),
    ("gemini-2.5-pro", {"thinkingBudget": 128}),
    (MODEL, {"thinkingBudget": 0}),
    (MODEL, {"thinkingBudget": 24_576}),
    ("gemini-2.5-flash-lite", {"thinkingBudget": 0}),
]


@pytest.mark.parametrize(("model", "config"), TAKEN)
async def test_thinking_that_a_model_knows(emulator: Emulator, model: str, config: Any) -> None:
    status, _ = await answer(emulator, method_url("generateContent", model), thinking(**config))
    assert status == 200


REFUSED = [
    (GEMINI_4, {"thinkingBudget": 100}, "Thinking budget is not supported"),
    (GEMINI_4, {"thinkingBudget": -1}, "Thinking budget is not supported"),
    (GEMINI_4, {"thinkingLevel": "MINIMAL"}, "use LOW, MEDIUM or HIGH"),
    (GEMINI_4, {"thinkingLevel": "XHIGH"}, "use LOW, MEDIUM or HIGH"),
    (GEMINI_3, {"thinkingLevel": "MINIMAL"}, "MINIMAL is not supported"),
    (GEMINI_3, {"thinkingLevel": "LOW", "thinkingBudget": 1}, "only one of thinking budget"),
    ("gemini-2.5-pro", {"thinkingBudget": 0}, "only works in thinking mode"),
    ("gemini-2.5-pro", {"thinkingBudget": 100}, "between 128 and 32768"),
    (MODEL, {"thinkingBudget": 24_577}, "The thinking budget 24577 is invalid"),
    (MODEL, {"thinkingBudget": -2}, "between 0 and 24576"),
]


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
@pytest.mark.parametrize(("model", "config", "words"), REFUSED)
async def test_thinking_that_it_does_not(
    emulator: Emulator, model: str, config: Any, words: str, method: str
) -> None:
    url = method_url(method, model) + "?alt=sse"
    status, said = await answer(emulator, url, thinking(**config))
    assert status == 400 and words in said["error"]["message"]


CONFIGS = [
    ({"presencePenalty": 2}, "[-2.0, 2.0)"),
    ({"presencePenalty": -2}, None),
    ({"frequencyPenalty": -2.1}, "[-2.0, 2.0)"),
    ({"frequencyPenalty": 1.99}, None),
    ({"logprobs": 21}, "[0, 20]"),
    ({"logprobs": 20, "responseLogprobs": True}, None),
    ({"imageConfig": {"aspectRatio": "7:5"}}, "aspect_ratio must be one of 1:1"),
    ({"image_config": {"aspect_ratio": "21:9"}}, None),
    ({"imageConfig": {"imageSize": "8K"}}, "image_size must be one of 1K"),
    ({"stopSequences": list("abcde"), "candidateCount": 8}, None),
]


@pytest.mark.parametrize(("config", "words"), CONFIGS)
async def test_limits_of_a_configuration(
    emulator: Emulator, config: Any, words: str | None
) -> None:
    body = prompt("x", generationConfig=config)
    status, said = await answer(emulator, method_url("generateContent"), body)
    assert status == (200 if words is None else 400)
    assert words is None or words in said["error"]["message"]


# --- thought signatures ----------------------------------------------------------------------

TOOLS = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
SKIP = base64.b64encode(b"skip_thought_signature_validator").decode()
MODELS = [(GEMINI_3, True), (GEMINI_4, True), ("gemini-3-flash", True), (MODEL, False)]


@pytest.mark.parametrize(("model", "needs"), [*MODELS, ("gemma-4-31b-it", False), ("", False)])
def test_gemini_3_and_later_need_signatures(model: str, needs: bool) -> None:
    assert needs_signatures(model) is needs


def call(name: str = "f", signature: str | None = None) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": {}}}
    return part if signature is None else {**part, "thoughtSignature": signature}


def result(name: str = "f") -> dict[str, Any]:
    return {
        "role": "user",
        "parts": [{"functionResponse": {"name": name, "response": {"result": 1}}}],
    }


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": [*parts]}


async def ask(emulator: Emulator, contents: list[Any], name: str = GEMINI_3) -> tuple[int, str]:
    body = {"contents": contents, "tools": TOOLS}
    status, said = await answer(emulator, method_url("generateContent", name), body)
    return status, text_of([said]) if status == 200 else said["error"]["message"]


async def signed_call(emulator: Emulator, text: str = "f") -> dict[str, Any]:
    (chunk,) = await stream(emulator, prompt(text, tools=TOOLS), GEMINI_3)
    content: dict[str, Any] = chunk["candidates"][0]["content"]
    return content


async def test_a_call_comes_back_with_its_signature(emulator: Emulator) -> None:
    content = await signed_call(emulator)
    status, said = await ask(emulator, [user("f"), content, result()])
    assert (status, said) == (200, "The function f returned 1.")


@pytest.mark.parametrize(("name", "needs"), MODELS)
async def test_a_call_without_one_is_refused(emulator: Emulator, name: str, needs: bool) -> None:
    status, said = await ask(emulator, [user("f"), model(call()), result()], name)
    assert status == (400 if needs else 200)
    if needs:
        assert said.startswith(
            "Function call is missing a thought_signature in functionCall parts."
        )
        assert "function call `default_api:f` , position 2." in said


HISTORIES = [
    ([user("f"), model(call("f", SKIP)), result()], 200),
    ([user("f"), model(call("f", SKIP.rstrip("="))), result()], 200),
    ([user("f"), model(call("f", "b3RoZXI=")), result()], 200),  # made elsewhere
    ([user("f"), model(call("f", SKIP), call("g")), result()], 200),  # the first is enough
    ([user("f"), model(call("f", SKIP)), model(call("g")), result()], 200),  # one step in chunks
    ([user("f"), model({"text": "I call"}, call("f", SKIP)), result()], 200),
    ([user("f"), model(call("f")), result(), user("and now?")], 200),  # an older turn
    ([user("f"), model(call("f", SKIP)), result(), model(call("g")), result("g")], 400),
    ([user("f"), model(call("f"), call("g", SKIP)), result()], 400),
    ([user("f"), model(call("f", "")), result()], 400),
]


@pytest.mark.parametrize(("contents", "status"), HISTORIES)
async def test_each_step_of_the_current_turn_is_signed(
    emulator: Emulator, contents: list[Any], status: int
) -> None:
    assert (await ask(emulator, contents))[0] == status


async def test_a_damaged_signature_is_seen(emulator: Emulator) -> None:
    content = await signed_call(emulator)
    part = content["parts"][0]
    raw = base64.b64decode(part["thoughtSignature"])
    damaged = base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
    for wrong in (
        model({**part, "thoughtSignature": damaged}),
        model({**part, "functionCall": {"name": "g"}}),  # of another call
    ):
        status, said = await ask(emulator, [user("f"), wrong, result()])
        assert status == 400 and "must come back unchanged" in said


async def test_urlsafe_signatures_are_the_same(emulator: Emulator) -> None:
    content = await signed_call(emulator)
    part = content["parts"][0]
    raw = base64.b64decode(part["thoughtSignature"])
    snake = {
        "function_call": part["functionCall"],
        "thought_signature": base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
    assert (await ask(emulator, [user("f"), model(snake), result()]))[0] == 200


async def test_a_scripted_call_must_be_signed_too(emulator: Emulator) -> None:
    content = model(call())
    emulator.script = Script(
        [Rule(prompt="go", steps=[Chunk({"candidates": [{"content": content}]})])]
    )
    chunks = await stream(emulator, prompt("go", tools=TOOLS), GEMINI_3)
    assert chunks[0]["candidates"][0]["content"] == content
    assert (await ask(emulator, [user("go"), content, result()]))[0] == 400
