"""Messages of Anthropic's → contents: blocks, tool results, signatures, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.errors import InvalidRequest
from gemstream.wire.dialect.url_mode import URLMode
from support.anthropic_requests import (
    GEMINI_2,
    GEMINI_3,
    asked,
    contents_of,
    options_for,
    sent,
    turns,
)
from support.anthropic_sdk import envelope

PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
INLINE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
PDF = {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}
SENTINEL = "skip_thought_signature_validator"


def use(id: str = "toolu_1", name: str = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": {}, **fields}


def result(id: str = "toolu_1", content: Any = "1", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **fields}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def user_parts(*blocks: dict[str, Any], model: str = GEMINI_2, **fields: Any) -> list[Any]:
    (content,) = contents_of({"role": "user", "content": list(blocks)}, model=model, **fields)
    return list(content["parts"])


def model_parts(*blocks: dict[str, Any], **fields: Any) -> list[Any]:
    """The parts of an assistant's message between two of the user."""
    said = turns(("user", "q"), ("assistant", list(blocks)))
    said += turns(("user", [result(b["id"]) for b in blocks if b["type"] == "tool_use"] or "go"))
    return list(contents_of(*said, **fields)[1]["parts"])


def test_an_erroneous_result_with_an_image_beside_text() -> None:  # TV-40
    body = sent(
        "gemini-2.5-pro",
        max_tokens=10,
        system=[{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
        messages=turns(
            ("user", "q"),
            (
                "assistant",
                [
                    {"type": "thinking", "thinking": "t", "signature": "foreign=="},
                    use(name="rd", input={"p": 1}),
                ],
            ),
            (
                "user",
                [
                    text("see"),
                    result(content=[text("boom"), {"type": "image", "source": PNG}], is_error=True),
                ],
            ),
        ),
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "S"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "q"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "rd", "args": {"p": 1}}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "rd", "response": {"error": "boom"}}}],
            },
            {"role": "user", "parts": [{"text": "see"}, INLINE]},
        ],
        "generationConfig": {"maxOutputTokens": 10},
    }


def test_gemini_3_takes_the_image_inside_the_result_and_the_ids_on_both_sides() -> None:
    contents = contents_of(
        *turns(
            ("user", "q"),
            ("assistant", [use()]),
            ("user", [result(content=[{"type": "image", "source": PNG}])]),
        ),
        model=GEMINI_3,
    )
    assert contents[1]["parts"][0]["functionCall"]["id"] == "toolu_1"
    (response,) = contents[2]["parts"]
    assert response["functionResponse"] == {
        "id": "toolu_1",
        "name": "f",
        "response": {"output": ""},
        "parts": [INLINE],
    }


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        (text("a"), [{"text": "a"}]),
        ({**text("a"), "cache_control": {"type": "ephemeral"}}, [{"text": "a"}]),
        ({"type": "image", "source": PNG}, [INLINE]),
        (  # TV-05: white space and the other alphabet
            {"type": "image", "source": {**PNG, "data": "iVBO\n-_8="}},
            [{"inlineData": {"mimeType": "image/png", "data": "iVBO+/8="}}],
        ),
        (
            {
                "type": "document",
                "title": "T",
                "context": "C",
                "source": {**PNG, "media_type": "application/pdf"},
            },
            [{"text": "T\nC"}, PDF],
        ),
        (
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "words"},
            },
            [{"text": "words"}],
        ),
        (
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [text("words"), {"type": "image", "source": PNG}],
                },
            },
            [{"text": "words"}, INLINE],
        ),
        (
            {"type": "document", "source": {"type": "content", "content": "words"}},
            [{"text": "words"}],
        ),
        (
            {"type": "search_result", "title": "T", "source": "S", "content": [text("a")]},
            [{"text": "T\nS\na"}],
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://youtu.be/x"}},
            [{"fileData": {"mimeType": "video/*", "fileUri": "https://youtu.be/x"}}],
        ),
        (
            {
                "type": "document",
                "source": {
                    "type": "url",
                    "url": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                },
            },
            [
                {
                    "fileData": {
                        "mimeType": "application/pdf",
                        "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                    }
                }
            ],
        ),
    ],
)
def test_a_block_of_the_user_becomes(block: dict[str, Any], parts: list[Any]) -> None:
    assert user_parts(block) == parts


@pytest.mark.parametrize(
    ("url", "options", "problem"),
    [
        ("https://example.com/a.png", {}, "not fetched here"),
        ("gs://bucket/a.png", {}, "Vertex AI only"),
        ("http://127.0.0.1/", {"urls": URLMode.PASSTHROUGH}, "only https"),
        ("https://user@example.com/", {"urls": URLMode.PASSTHROUGH}, "without a user"),
        ("file:///etc/passwd", {"urls": URLMode.PASSTHROUGH}, "only https"),
        ("https://[::1", {"urls": URLMode.PASSTHROUGH}, "only https"),
    ],
)
def test_a_url_that_may_not_go_on(url: str, options: dict[str, Any], problem: str) -> None:
    block = {"type": "image", "source": {"type": "url", "url": url}}
    with pytest.raises(
        InvalidRequest, match=rf"^messages\.0\.content\.0\.source\.url: .*{problem}"
    ):
        user_parts(block, options=options_for(**options))


def test_a_url_goes_on_where_the_operator_says_so() -> None:
    block = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    named = {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}
    passing = options_for(urls=URLMode.PASSTHROUGH)
    assert user_parts(block, options=passing) == [{"fileData": named}]
    stored = {"type": "image", "source": {"type": "url", "url": "gs://b/a.png"}}
    named = {"mimeType": "image/png", "fileUri": "gs://b/a.png"}
    assert user_parts(stored, options=options_for(is_vertex=True)) == [{"fileData": named}]


@pytest.mark.parametrize(
    ("content", "is_error", "response"),
    [
        ("plain", None, {"output": "plain"}),
        ('{"t":20}', None, {"output": {"t": 20}}),
        ("1", False, {"output": 1}),
        ([text("a"), text("b")], None, {"output": "a\nb"}),
        ([], None, {"output": ""}),
        (None, None, {"output": ""}),
        ("boom", True, {"error": "boom"}),
        ('{"t":20}', True, {"error": '{"t":20}'}),
        ("", True, {"error": "the tool failed"}),
        ([{"type": "tool_reference", "tool_name": "g"}], None, {"output": "g"}),
    ],
)
def test_a_result_becomes(content: Any, is_error: bool | None, response: dict[str, Any]) -> None:
    said = turns(
        ("user", "q"),
        ("assistant", [use()]),
        ("user", [result(content=content, is_error=is_error)]),
    )
    (part,) = contents_of(*said)[2]["parts"]
    assert part == {"functionResponse": {"name": "f", "response": response}}


def test_a_result_stays_the_json_it_was() -> None:
    said = turns(
        ("user", "q"),
        ("assistant", [use(input={"n": 9007199254740993})]),
        ("user", [result(content='{"$extra":1.0,"n":12345678901234567890123}')]),
    )
    body = asked(messages=said).body
    assert b'"args":{"n":9007199254740993}' in body
    assert b'"output":{"$extra":1.0,"n":12345678901234567890123}' in body


def test_results_stand_in_the_order_of_their_calls_and_the_last_of_an_id_counts() -> None:
    said = turns(
        ("user", "q"),
        ("assistant", [use("a"), use("b", "g")]),
        ("user", [result("b", "2"), result("a", "0"), result("a", "1")]),
    )
    parts = contents_of(*said)[2]["parts"]
    assert [(p["functionResponse"]["name"], p["functionResponse"]["response"]) for p in parts] == [
        ("f", {"output": 1}),
        ("g", {"output": 2}),
    ]


def test_results_may_come_in_several_messages_with_words_behind() -> None:  # TV-20
    said = turns(
        ("user", "q"),
        ("assistant", [use("a")]),
        ("assistant", [use("b", "g")]),
        ("user", [result("a")]),
        ("user", [result("b")]),
        ("user", "go"),
    )
    contents = contents_of(*said)
    assert [content["role"] for content in contents] == ["user", "model", "user", "user"]
    assert len(contents[1]["parts"]) == len(contents[2]["parts"]) == 2
    assert contents[3]["parts"] == [{"text": "go"}]


@pytest.mark.parametrize(
    ("said", "roles", "texts"),
    [
        (  # TV-19
            [("assistant", "hello"), ("assistant", ""), ("user", "")],
            ["user", "model", "user"],
            [" ", "hello", " "],
        ),
        ([("user", "")], ["user"], [" "]),
        ([("user", [])], ["user"], [" "]),
        ([("user", "a"), ("assistant", ""), ("user", "b")], ["user"], ["a", "b"]),
        ([("user", "a"), ("user", "b")], ["user"], ["a", "b"]),
        ([("user", "a"), ("assistant", "pre")], ["user", "model"], ["a", "pre"]),
        ([("user", "a"), ("assistant", "x"), ("user", "")], ["user", "model", "user"], None),
    ],
)
def test_the_passes_over_contents(said: Any, roles: list[str], texts: list[str] | None) -> None:
    contents = contents_of(*turns(*said))
    assert [content["role"] for content in contents] == roles
    if texts is not None:
        assert [part["text"] for content in contents for part in content["parts"]] == texts


def test_what_the_system_says_in_between_is_said_at_the_beginning() -> None:
    said = turns(("user", "a"), ("system", "B"), ("user", [text("c")]))
    said[2]["content"].append({"type": "mid_conv_system", "content": [text("D")]})
    body = sent(system="A", messages=said)
    assert body["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}, {"text": "D"}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "a"}, {"text": "c"}]}]


def test_or_in_its_place_where_the_operator_says_so() -> None:
    said = turns(("system", "A"), ("user", "a"), ("system", "B"))
    said += turns(("user", [{"type": "mid_conv_system", "content": "C"}]))
    body = sent(messages=said, options=options_for(inlines_late_system=True))
    assert body["systemInstruction"] == {"parts": [{"text": "A"}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "B"}, {"text": "C"}]}
    ]


def test_blocks_of_tools_that_anthropic_runs_are_left_out_and_named() -> None:
    said = turns(
        ("user", "q"),
        (
            "assistant",
            [
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
                {"type": "mcp_tool_use", "id": "m", "name": "n", "input": {}, "server_name": "s"},
                text("a"),
            ],
        ),
        ("user", [text("go"), {"type": "web_fetch_tool_result", "content": {}}]),
    )
    request = asked(messages=said)
    assert request.dropped == (
        "server_tool_use",
        "web_search_tool_result",
        "mcp_tool_use",
        "web_fetch_tool_result",
    )
    with pytest.raises(InvalidRequest, match="server_tool_use: has no counterpart"):
        asked(messages=said, options=options_for(is_strict=True))


def test_fields_of_blocks_without_a_counterpart_are_named() -> None:
    document = {
        "type": "document",
        "source": {"type": "text", "data": "words"},
        "citations": {"enabled": True},
        "cache_control": {"type": "ephemeral"},
    }
    said = turns(
        ("user", [document]),
        ("assistant", [use(caller={"type": "direct"}), {**text("a"), "citations": [{}]}]),
        ("user", [result(other=1)]),
    )
    said[0]["id"] = "msg_1"
    dropped = ("messages.id", "document.citations", "text.citations", "tool_result.other")
    assert asked(messages=said).dropped == dropped


# --- signatures ------------------------------------------------------------------------------


def test_a_signature_returns_to_its_call() -> None:  # TV-43, the way back
    block = {"type": "redacted_thinking", "data": envelope("call", "SG")}
    assert model_parts(block, use(input={"a": 1})) == [
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "SG"}
    ]


@pytest.mark.parametrize(
    ("blocks", "signatures"),
    [
        (["thinking", "call SG", "use"], ["SG"]),
        (["redacted", "call SG", "use", "use"], ["SG", None]),
        (["redacted", "call SG", "use", "redacted", "call SH", "use"], ["SG", "SH"]),
        (["thinking", "call SG", "text", "use"], [None, "SG"]),
        (["thinking", "text TS", "text", "use"], ["TS", None]),
        (["redacted", "srv SV", "text"], [None]),
        (["thinking", "foreign", "use"], [None]),
        (["redacted", "foreign", "use"], [None]),
        (["thinking", "none", "use"], [None]),
        (["thinking", "unsigned", "use"], [None]),
        (["thinking", "broken", "use"], [None]),
    ],
)
def test_where_signatures_go(blocks: list[str], signatures: list[str | None]) -> None:
    built: list[dict[str, Any]] = []
    words = iter(blocks)
    for number, word in enumerate(words):
        match word:
            case "thinking":
                built.append(
                    {"type": "thinking", "thinking": "t", "signature": _value(next(words))}
                )
            case "redacted":
                built.append({"type": "redacted_thinking", "data": _value(next(words))})
            case "use":
                built.append(use(f"toolu_{number}"))
            case _:
                built.append(text("said"))
    assert [part.get("thoughtSignature") for part in model_parts(*built)] == signatures


def _value(word: str) -> str | None:
    plain = {"foreign": "EqQBCgIYAhIk==", "none": None, "unsigned": "gt1.", "broken": "gt1.$$"}
    if word in plain:
        return plain[word]
    kind, value = word.split()
    return envelope(kind, value)


def test_a_signed_thought_goes_back_with_its_signature() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": envelope("thought", "TH")}
    assert model_parts(block, text("a")) == [
        {"text": "hm", "thought": True, "thoughtSignature": "TH"},
        {"text": "a"},
    ]


def test_thoughts_are_replayed_where_the_operator_says_so() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": envelope("call", "SG")}
    parts = model_parts(block, use(), options=options_for(replays_thoughts=True))
    assert [sorted(part) for part in parts] == [
        ["text", "thought"],
        ["functionCall", "thoughtSignature"],
    ]


class Kept:
    """Signatures that were kept of earlier answers."""

    def of_call(self, call_id: str) -> str | None:
        return "KC" if call_id == "toolu_1" else None

    def of_text(self, text: str) -> str | None:
        return "KT" if text == "said so" else None


def test_kept_signatures_stand_in_for_carriers_that_did_not_come_back() -> None:
    options = options_for(signatures=Kept())
    parts = model_parts(text("said "), text("so"), use(), use("toolu_2"), options=options)
    assert [part.get("thoughtSignature") for part in parts] == [None, "KT", "KC", None]
    assert asked(options=options).wishes.keeps_signatures
    assert not asked().wishes.keeps_signatures
    carrier = {"type": "redacted_thinking", "data": envelope("call", "SG")}
    assert model_parts(carrier, use(), options=options)[0]["thoughtSignature"] == "SG"


def test_gemini_3_gets_the_sentinel_on_each_step_of_the_current_turn() -> None:  # TV-04
    said = turns(
        ("user", "q"),
        ("assistant", [use("old")]),
        ("user", [result("old")]),
        ("assistant", "done"),
        ("user", "more"),
        ("assistant", [use("s1"), use("s1b")]),
        ("user", [result("s1"), result("s1b")]),
        ("assistant", [use("s2")]),
        ("user", [result("s2")]),
    )
    contents = contents_of(*said, model=GEMINI_3)
    found = {
        part["functionCall"]["id"]: part.get("thoughtSignature")
        for content in contents
        for part in content["parts"]
        if "functionCall" in part
    }
    assert found == {"old": None, "s1": SENTINEL, "s1b": None, "s2": SENTINEL}
    assert SENTINEL not in str(contents_of(*said, model=GEMINI_2))


def test_with_a_key_only_our_own_envelopes_are_opened() -> None:
    key = b"k" * 32
    blocks = [
        {"type": "redacted_thinking", "data": envelope("call", value, key=given)}
        for value, given in (("MINE", key), ("FORGED", b"x" * 32), ("OLD", None))
    ]
    said = [block for carrier in blocks for block in (carrier, use(carrier["data"][-8:]))]
    parts = model_parts(*said, options=options_for(envelope_key=key))
    assert [part.get("thoughtSignature") for part in parts] == ["MINE", None, None]
    assert asked(options=options_for(envelope_key=key)).wishes.envelope_key == key


# --- bad histories -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ([("user", "q"), ("assistant", [use()]), ("user", "go")], "no tool_result for toolu_1"),
        ([("user", "q"), ("assistant", [use()])], "no tool_result for toolu_1"),
        (
            [("user", [result("x")])],
            r"messages\.0\.content\.0\.tool_use_id: is 'x', which no tool_use",
        ),
        (
            [("user", "q"), ("assistant", [use(), use()])],
            r"messages\.1\.content: two tool_use blocks have the id 'toolu_1'",
        ),
        (
            [("user", "q"), ("assistant", [use(name="")])],
            r"messages\.1\.content\.0\.name: field required",
        ),
        ([("user", "q"), ("assistant", [{**use(), "id": None}])], r"messages\.1\.content\.0\.id"),
        ([("user", [use()])], r"messages\.0\.content\.0\.type: a tool_use block has no place"),
        ([("user", [{"type": "txt"}])], r"messages\.0\.content\.0\.type: .*did you mean 'text'"),
        ([("user", [{}])], r"messages\.0\.content\.0\.type: field required"),
        (
            [("user", "q"), ("assistant", [{"text": "a"}])],
            r"messages\.1\.content\.0\.type: field required",
        ),
        ([("system", [{"text": "a"}])], r"messages\.0\.content\.0\.type: field required"),
        ([("user", [{"type": "text"}])], r"messages\.0\.content\.0\.text: field required"),
        (
            [("user", [{"type": "document", "source": {"data": "x"}}])],
            r"messages\.0\.content\.0\.source\.type: field required",
        ),
        ([("user", ["a"])], r"messages\.0\.content\.0: must be an object, not 'a'"),
        ([("user", 5)], r"messages\.0\.content: must be text or a list of blocks"),
        ([("usr", "a")], r"messages\.0\.role: .*did you mean 'user'"),
        ([(None, "a")], r"messages\.0\.role: field required"),
        (
            [("assistant", [{"type": "image", "source": PNG}])],
            r"messages\.0\.content\.0\.type",
        ),
        (
            [("user", [{"type": "image"}])],
            r"messages\.0\.content\.0\.source: field required",
        ),
        (
            [("user", [{"type": "image", "source": {**PNG, "media_type": "image/gif"}}])],
            r"source\.data: an image of type 'image/gif'",
        ),
        (
            [("user", [{"type": "image", "source": {**PNG, "data": "?"}}])],
            r"source\.data: the media is empty or not base64",
        ),
        (
            [("user", [{"type": "image", "source": {"type": "file", "file_id": "f"}}])],
            r"source\.file_id: files of Anthropic's Files API",
        ),
        (
            [("user", [{"type": "document", "source": {"type": "content", "content": [{}]}}])],
            r"source\.content\.0\.type: field required",
        ),
        (
            [("user", [{"type": "document", "source": PNG}])],
            r"source\.data: a document of type 'image/png'",
        ),
        (
            [("user", [{"type": "container_upload", "file_id": "f"}])],
            r"messages\.0\.content\.0\.type",
        ),
        ([], "messages: field required"),
    ],
)
def test_a_conversation_that_cannot_be_sent(said: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        sent(messages=turns(*said))


def test_histories_are_repaired_where_the_operator_says_so() -> None:
    said = turns(
        ("user", [result("x")]),
        ("assistant", [use("a")]),
        ("user", "go"),
        ("assistant", [use("b")]),
    )
    request = asked(messages=said, options=options_for(repairs_history=True))
    contents = contents_of(*said, options=options_for(repairs_history=True))
    missing = {"functionResponse": {"name": "f", "response": {"error": "missing tool result"}}}
    assert [content["role"] for content in contents] == [
        "user",
        "model",
        "user",
        "user",
        "model",
        "user",
    ]
    assert contents[2]["parts"] == contents[5]["parts"] == [missing]
    assert len(request.warnings) == 3


@pytest.mark.parametrize(
    ("value", "args"),
    [
        ({"a": 1}, {"a": 1}),
        (None, {}),
        ("", {}),
        ('{"a":1}', {"a": 1}),
        ('{"a":1}{"b":2}', {"_raw": '{"a":1}{"b":2}'}),  # TV-08
        ([1], {"value": [1]}),
    ],
)
def test_the_input_of_a_tool_is_never_lost(value: Any, args: dict[str, Any]) -> None:
    assert model_parts(use(input=value))[0]["functionCall"]["args"] == args


@pytest.mark.parametrize("value", ['{"a":1}{"b":2}', [1], 5])
def test_an_input_that_is_no_object_is_refused_in_strict_mode(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"messages\.1\.content\.0\.input: must be an object"):
        model_parts(use(input=value), options=options_for(is_strict=True))


def test_ids_go_along_or_not_as_the_operator_says() -> None:
    said = turns(("user", "q"), ("assistant", [use()]), ("user", [result()]))
    for model, echoes in ((GEMINI_2, True), (GEMINI_3, False)):
        options = options_for(model, echoes_ids=echoes)
        _, called, answered = contents_of(*said, model=model, options=options)
        heads = called["parts"][0]["functionCall"], answered["parts"][0]["functionResponse"]
        assert ["id" in head for head in heads] == [echoes, echoes]


def test_a_name_of_the_history_is_changed_as_the_declared_one() -> None:
    tools = [{"name": "get weather", "input_schema": {"type": "object"}}]
    said = turns(("user", "q"), ("assistant", [use(name="get weather")]), ("user", [result()]))
    request = asked(messages=said, tools=tools)
    assert request.wishes.tool_names == {"get_weather": "get weather"}
    assert request.body.count(b'"get_weather"') == 3
