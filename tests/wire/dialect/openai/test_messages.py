"""Messages and tool results: roles, order, pairing, signatures."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.wire.dialect.neutral import SignatureTarget
from gemstream.wire.dialect.openai import InvalidParameter
from gemstream.wire.dialect.signature import SENTINEL, Envelope, encode_envelope
from support.chats import FLASH_2_5, FLASH_3, VECTORS, call, gemini, result, translated

USER = {"role": "user", "content": "go"}


def contents(*messages: Any, model: str = FLASH_2_5, **options: Any) -> Any:
    return gemini({"model": model, "messages": list(messages)}, **options)["contents"]


def says(role: str, *texts: str) -> Any:
    return {"role": role, "parts": [{"text": text} for text in texts]}


def calls(*entries: Any, **more: Any) -> Any:
    return {"role": "assistant", "content": None, "tool_calls": list(entries), **more}


def test_a_history_that_begins_with_the_assistant() -> None:
    case = VECTORS["TV-19"]
    assert contents(*case["in"]) == case["out"]


def test_a_result_and_the_users_words_stay_apart() -> None:
    case = VECTORS["TV-20"]
    assert contents(USER, calls(call("c1")), *case["in_tail"])[2:] == case["out_tail"]


NEIGHBOURS = [
    ([USER, USER], [says("user", "go", "go")]),
    (
        [USER, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
        [says("user", "go"), says("model", "a", "b")],
    ),
    ([USER, {"role": "user", "content": ""}], [says("user", "go")]),
    ([{"role": "user", "content": []}], [says("user", " ")]),
    ([{"role": "system", "content": "s"}], [says("user", " ")]),
    ([USER, {"role": "assistant", "content": None}, USER], [says("user", "go", "go")]),
    ([USER, {"role": "assistant", "refusal": "no"}], [says("user", "go"), says("model", "no")]),
    (
        [USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
        [says("user", "go"), says("model", "no")],
    ),
    (
        [{"role": "user", "content": [{"type": "text", "text": t} for t in ("a", "", "b")]}],
        [says("user", "a", "b")],
    ),
]


@pytest.mark.parametrize(("messages", "expected"), NEIGHBOURS)
def test_empty_messages_vanish_and_neighbours_join(messages: Any, expected: Any) -> None:
    assert contents(*messages) == expected


def test_what_the_system_says_leaves_the_conversation() -> None:
    late = {"role": "developer", "content": [{"type": "text", "text": "B"}]}
    messages = [{"role": "system", "content": "A"}, USER, late]
    body = gemini({"messages": messages})
    assert body["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}]}
    assert body["contents"] == [says("user", "go")]


def test_a_late_system_message_may_stay_in_its_place() -> None:
    messages = [{"role": "system", "content": "A"}, USER, {"role": "system", "content": "B"}]
    body = gemini({"messages": messages}, inlines_late_system=True)
    assert body["systemInstruction"] == {"parts": [{"text": "A"}]}
    assert body["contents"] == [says("user", "go", "B")]


def test_a_system_message_among_results_parts_nothing() -> None:
    messages = [USER, calls(call("a"), call("b")), result("b"), {"role": "system", "content": "s"}]
    found = contents(*messages, {"role": "assistant", "content": ""}, result("a"))
    assert len(found[2]["parts"]) == 2


def test_results_come_in_the_order_of_the_calls_and_the_last_of_two_counts() -> None:
    found = contents(
        USER, calls(call("a", "f"), call("b", "g")), result("b"), result("a", "old"),
        result("a", "new"),
    )  # fmt: skip
    assert found[2]["parts"] == [
        {"functionResponse": {"name": "f", "response": {"output": "new"}}},
        {"functionResponse": {"name": "g", "response": {"output": 1}}},
    ]


OUTPUTS: list[tuple[Any, str]] = [
    ('{"t":20}', '{"t":20}'),
    ("plain", '"plain"'),
    ("1", "1"),
    ("NaN", '"NaN"'),
    ("", '""'),
    (None, '""'),
    ("null", "null"),
    (" 1.0 ", "1.0"),
    ("9007199254740993", "9007199254740993"),
    ('{"a":1}{"b":2}', '"{\\"a\\":1}{\\"b\\":2}"'),
    ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], '"ab"'),
]


@pytest.mark.parametrize(("content", "output"), OUTPUTS)
def test_what_a_tool_returned_is_wrapped_as_it_stands(content: Any, output: str) -> None:
    request = translated({"messages": [USER, calls(call("a")), result("a", content)]})
    assert f'"response":{{"output":{output}}}'.encode() in request.body


ARGUMENTS = [
    ('{"a":1}', '{"a":1}'),
    ('{"n":9007199254740993,"f":1.0}', '{"n":9007199254740993,"f":1.0}'),
    ("", "{}"),
    ("null", "{}"),
    ("  ", "{}"),
    ("[1]", '{"value":[1]}'),
    ("5", '{"value":5}'),
    ('{"a":', '{"_raw":"{\\"a\\":"}'),
]


@pytest.mark.parametrize(("arguments", "args"), ARGUMENTS)
def test_arguments_go_as_they_were_written(arguments: str, args: str) -> None:
    messages = [USER, calls(call("a", arguments=arguments)), result("a")]
    assert f'"args":{args}}}'.encode() in translated({"messages": messages}).body


def test_arguments_that_are_no_json_keep_their_call_or_are_refused() -> None:
    case = VECTORS["TV-08"]
    messages = [USER, calls(call("a", arguments=case["in"]["arguments"])), result("a")]
    found = contents(*messages)[1]["parts"][0]
    assert found == case["lenient_out"]
    with pytest.raises(InvalidParameter) as caught:
        contents(*messages, is_strict=True)
    assert caught.value.param == "messages[1].tool_calls[0].function.arguments"


def test_arguments_that_are_an_object_already_are_taken_as_one() -> None:
    entry = {"id": "a", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    assert contents(USER, calls(entry), result("a"))[1]["parts"][0]["functionCall"]["args"] == {
        "a": 1
    }


REFUSED = [
    ([{"role": "system", "content": [{"text": "a"}]}], "messages[0].content[0].type"),
    ([{"role": "function", "content": "1"}], "messages[0].name"),
    ([USER, calls(call("a"))], "messages[1]"),
    ([USER, calls(call("a")), USER], "messages[1]"),
    ([USER, calls(call("a"), call("b")), result("a"), USER], "messages[1]"),
    ([USER, calls(call("a")), result("b")], "messages[2].tool_call_id"),
    ([USER, result("a")], "messages[1].tool_call_id"),
    ([USER, calls(call("a")), result("a"), USER, result("a")], "messages[4].tool_call_id"),
    ([USER, calls(call("a")), {"role": "tool", "content": "1"}], "messages[2].tool_call_id"),
    ([USER, calls(call("a"), call("a")), result("a")], "messages[1].tool_calls"),
    ([USER, calls({"id": "a", "type": "function"})], "messages[1].tool_calls[0].function"),
    ([USER, calls({"function": {"name": "f"}})], "messages[1].tool_calls[0].id"),
    ([USER, calls(call("a", ""))], "messages[1].tool_calls[0].function.name"),
    ([{"role": "system", "content": [{"type": "image_url"}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": 5}], "messages[0].content"),
    ([{"role": "user", "content": [{"type": "txt"}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
]


@pytest.mark.parametrize(("messages", "param"), REFUSED)
def test_a_broken_history_is_refused_by_its_place(messages: Any, param: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        contents(*messages)
    assert caught.value.param == param


def test_a_broken_history_may_be_repaired() -> None:
    messages = [USER, calls(call("a")), result("b"), USER]
    request = translated({"messages": messages}, repairs_history=True)
    parts = json.loads(request.body)["contents"][2]["parts"]
    assert parts[0]["functionResponse"]["response"] == {"error": "missing tool result"}
    assert len(request.warnings) == 2


def test_the_legacy_form_of_a_call_and_its_result() -> None:
    found = contents(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        model=FLASH_3,
    )
    assert found[1]["parts"][0]["functionCall"] == {"name": "f", "args": {}}
    assert found[2]["parts"][0]["functionResponse"] == {"name": "f", "response": {"output": 1}}


def test_a_custom_call_holds_its_text() -> None:
    custom = {"id": "a", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
    found = contents(USER, calls(custom), result("a"))
    assert found[1]["parts"] == [{"functionCall": {"name": "sh", "args": {"input": "ls"}}}]


@pytest.mark.parametrize(
    ("model", "option", "echoed"),
    [
        (FLASH_3, None, True),
        (FLASH_2_5, None, False),
        (FLASH_2_5, True, True),
        (FLASH_3, False, False),
    ],
)
def test_ids_stand_on_both_sides_or_on_neither(model: str, option: Any, echoed: bool) -> None:
    found = contents(USER, calls(call("a")), result("a"), model=model, echoes_ids=option)
    assert ("id" in found[1]["parts"][0]["functionCall"]) is echoed
    assert ("id" in found[2]["parts"][0]["functionResponse"]) is echoed


PNG = "data:image/png;base64,iVBORw0KGgo="
IMAGE = {"type": "image_url", "image_url": {"url": PNG}}
INLINE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}


def test_an_image_in_a_result_goes_inside_it_on_gemini_3() -> None:
    content = [{"type": "text", "text": "see"}, IMAGE]
    found = contents(USER, calls(call("a")), result("a", content), model=FLASH_3)
    response = found[2]["parts"][0]["functionResponse"]
    assert (response["response"], response["parts"]) == ({"output": "see"}, [INLINE])


def test_an_image_in_a_result_goes_behind_it_before() -> None:
    found = contents(USER, calls(call("a")), result("a", [IMAGE]), USER)
    assert "parts" not in found[2]["parts"][0]["functionResponse"]
    assert found[3] == {"role": "user", "parts": [INLINE, {"text": "go"}]}


def _signed(**extra: Any) -> Any:
    return contents(USER, calls(call("a", **extra)), result("a"))[1]["parts"][0].get(
        "thoughtSignature"
    )


CARRIERS: list[dict[str, Any]] = [
    {"extra_content": {"google": {"thought_signature": "S"}}},
    {"extra_content": {"vertex": {"thought_signature": "S"}}},
    {"provider_specific_fields": {"thought_signature": "S"}},
    {"function": {"name": "f", "provider_specific_fields": {"thought_signature": "S"}}},
]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_calls_signature_is_found_wherever_clients_keep_it(carrier: dict[str, Any]) -> None:
    assert _signed(**carrier) == "S"


@pytest.mark.parametrize("value", ["", None, 5, "at1.abc", "bt1.abc"])
def test_what_is_no_signature_of_geminis_is_left_out(value: Any) -> None:
    assert _signed(extra_content={"google": {"thought_signature": value}}) is None


def test_an_envelope_is_opened() -> None:
    carrier = encode_envelope(
        Envelope(model=FLASH_3, target=SignatureTarget.CALL, number=0, signature="S")
    )
    assert _signed(extra_content={"google": {"thought_signature": carrier}}) == "S"


def test_a_signature_behind_the_id_is_taken_off_it() -> None:
    id = "call_1__thought__U0lH"
    found = contents(USER, calls(call(id)), result(id), model=FLASH_3)
    assert found[1]["parts"][0]["thoughtSignature"] == "U0lH"
    assert found[1]["parts"][0]["functionCall"]["id"] == "call_1"
    assert found[2]["parts"][0]["functionResponse"]["id"] == "call_1"


MESSAGE_CARRIERS: list[dict[str, Any]] = [
    {"extra_content": {"google": {"thought_signature": "T"}}},
    {"extra_content": {"vertex": {"thought_signature": "T"}}},
    {"provider_specific_fields": {"thought_signatures": ["T"]}},
    {"thinking_blocks": [{"type": "thinking", "signature": "T"}]},
]


@pytest.mark.parametrize("carrier", MESSAGE_CARRIERS)
def test_a_texts_signature_stands_on_the_last_text(carrier: dict[str, Any]) -> None:
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    found = contents(USER, {"role": "assistant", "content": content, **carrier})
    assert found[1]["parts"] == [{"text": "a"}, {"text": "b", "thoughtSignature": "T"}]


def test_a_signature_without_text_keeps_an_empty_part() -> None:
    extra = {"extra_content": {"google": {"thought_signature": "T"}}}
    found = contents(USER, {"role": "assistant", "content": None, **extra})
    assert found[1]["parts"] == [{"text": "", "thoughtSignature": "T"}]


def test_parts_the_service_ran_itself_come_back_first() -> None:
    ran = {"toolCall": {"id": "1"}, "thoughtSignature": "V"}
    message = {"role": "assistant", "content": "a", "extra_content": {"google": {"parts": [ran]}}}
    assert contents(USER, message)[1]["parts"] == [ran, {"text": "a"}]


def test_an_image_the_model_made_comes_back_with_its_signature_and_a_thoughts_does_not() -> None:
    signed = {**IMAGE, "extra_content": {"google": {"thought_signature": "S"}}}
    thought = {**IMAGE, "extra_content": {"google": {"thought": True}}}
    message = {"role": "assistant", "content": None, "images": [signed, thought, IMAGE]}
    found = contents(USER, message)[1]["parts"]
    assert found == [{**INLINE, "thoughtSignature": "S"}, INLINE]


class _Kept:
    def of_call(self, call_id: str) -> str | None:
        return {"a": "KEPT"}.get(call_id)

    def of_text(self, text: str) -> str | None:
        return {"said": "SAID"}.get(text)


def test_a_lost_signature_is_looked_up_behind_an_explicit_one() -> None:
    messages = [USER, calls(call("a"), content="said"), result("a")]
    parts = contents(*messages, signatures=_Kept())[1]["parts"]
    assert [part["thoughtSignature"] for part in parts] == ["SAID", "KEPT"]
    explicit = call("a", extra_content={"google": {"thought_signature": "S"}})
    parts = contents(USER, calls(explicit), result("a"), signatures=_Kept())[1]["parts"]
    assert parts[0]["thoughtSignature"] == "S"


def test_steps_of_the_current_turn_are_signed_and_no_others() -> None:
    found = contents(
        USER, calls(call("old")), result("old"), {"role": "assistant", "content": "a"}, USER,
        calls(call("s1"), call("beside")), result("s1"), result("beside"),
        calls(call("s2")), result("s2"),
        model=FLASH_3,
    )  # fmt: skip
    parts = [part for content in found for part in content["parts"]]
    signed = {
        part["functionCall"]["id"]: part.get("thoughtSignature", False)
        for part in parts
        if "functionCall" in part
    }
    beside = signed.pop("beside")
    expected = VECTORS["TV-04"]["out_signed"]
    assert signed == {id: sign and SENTINEL for id, sign in expected.items()}
    assert beside is False


def test_a_2_5_model_gets_no_sentinel() -> None:
    assert "thoughtSignature" not in contents(USER, calls(call("a")), result("a"))[1]["parts"][0]


def test_what_a_message_has_beside_its_content_is_reported() -> None:
    message = {"role": "assistant", "content": "a", "name": "bob", "audio": {"id": "1"}}
    request = translated({"messages": [USER, message, message]})
    assert request.dropped == ("messages.name", "messages.audio")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4))
def test_no_argument_changes_on_its_way(arguments: dict[str, Any]) -> None:
    written = json.dumps(arguments, ensure_ascii=False)
    found = contents(USER, calls(call("a", arguments=written)), result("a", written))
    assert found[1]["parts"][0]["functionCall"]["args"] == arguments
    assert found[2]["parts"][0]["functionResponse"]["response"]["output"] == arguments


ROLES = st.sampled_from(["system", "developer", "user", "assistant"])
MESSAGES = st.lists(
    st.builds(
        lambda role, text: {"role": role, "content": text}, ROLES, st.sampled_from(["", "x"])
    ),
    min_size=1,
    max_size=12,
)


@given(MESSAGES)
def test_any_history_begins_with_the_user_alternates_and_has_no_empty_part(messages: Any) -> None:
    found = contents(*messages)
    roles = [content["role"] for content in found]
    assert roles[0] == "user"
    assert all(a != b for a, b in itertools.pairwise(roles))
    assert all(part["text"] for content in found for part in content["parts"])
