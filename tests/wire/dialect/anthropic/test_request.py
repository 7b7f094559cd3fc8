"""messages_request as a whole: what it says beside the body, and bodies that are none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import InvalidRequest
from gemstream.wire.codec import decode
from gemstream.wire.dialect.anthropic.request import messages_request
from gemstream.wire.dialect.dialect import Dialect
from gemstream.wire.dialect.invalid_parameter import InvalidParameter
from gemstream.wire.dialect.refusal import refusal_of
from gemstream.wire.dialect.refusal_form import encode_refusal
from gemstream.wire.request import GenerateContentRequest
from support.anthropic_requests import asked, options_for


def test_what_is_said_beside_the_body() -> None:
    request = asked(stream=True, metadata={"user_id": "u-1"})
    assert (request.model, request.is_stream, request.session) == ("gemini-2.5-flash", True, "u-1")
    assert request.dropped == request.warnings == ()
    plain = asked()
    assert (plain.is_stream, plain.session) == (False, None)


def test_the_callers_name_of_the_model_is_kept_and_the_target_decides() -> None:
    request = asked(options=options_for("gemini-3-flash"), model="claude-sonnet-4-5")
    assert request.model == "claude-sonnet-4-5"
    assert b"claude" not in request.body


def test_fields_without_a_counterpart_are_named() -> None:
    request = asked(
        service_tier="auto",
        container="c",
        inference_geo=None,
        cache_control={"type": "ephemeral"},
        output_config={"verbosity": "low"},
        metadata={"user_id": "u", "other": 1},
        mcp_servers=[],
    )
    assert request.dropped == (
        "service_tier",
        "container",
        "mcp_servers",
        "output_config.verbosity",
        "metadata.other",
    )


@pytest.mark.parametrize(
    "thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}]
)
def test_a_conversation_that_should_be_kept_is_refused(thread: object) -> None:
    """Left out, the earlier turns would be missing and nobody would know."""
    with pytest.raises(InvalidParameter) as caught:
        asked(thread=thread)
    body = encode_refusal(Dialect.ANTHROPIC, refusal_of(caught.value), "r1")[2]
    error = msgspec.json.decode(body)["error"]
    assert error["details"] == {"error_code": "thread_unsupported_request"}
    assert asked(thread=None).dropped == ()


def test_they_are_refused_in_strict_mode() -> None:
    with pytest.raises(InvalidRequest, match="service_tier: has no counterpart"):
        asked(service_tier="auto", options=options_for(is_strict=True))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b'{"model":"\\ud800"}', "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "the body: must be an object"),
        (b"{}", "model: field required"),
        (b'{"model":5}', "model: must be text"),
        (b'{"model":""}', "model: field required"),
        (b'{"model":"m","max_tokens":1}', "messages: field required"),
        (b'{"model":"m","max_tokens":1,"messages":{}}', "messages: must be an array"),
        (b'{"model":"m","max_tokens":1,"messages":[],"system":5}', "system: must be an array"),
    ],
)
def test_a_body_that_cannot_be_used(body: bytes, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem) as caught:
        messages_request(body, options=options_for())
    status, _, said = encode_refusal(Dialect.ANTHROPIC, refusal_of(caught.value), "req_1")
    assert status == 400
    plain = msgspec.json.decode(said)
    assert plain["type"] == "error"
    assert plain["error"]["type"] == "invalid_request_error"
    assert plain["error"]["message"] == str(caught.value)
    assert plain["request_id"] == "req_1"


_blocks = st.sampled_from(
    [
        {"type": "text", "text": "a"},
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
        {"type": "tool_result", "tool_use_id": "t1", "content": "1"},
        {"type": "search_result", "title": "t", "source": "s", "content": []},
    ]
)
_messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system"]),
        "content": st.just("a") | st.lists(_blocks, max_size=3),
    }
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "text", "user", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "content", "role", "source", "data", "name", "id", "input"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {
            "model": st.just("m"),
            "max_tokens": st.just(5),
            "messages": st.lists(_messages | _json, max_size=4),
        },
        optional={
            name: _json
            for name in ("system", "tools", "tool_choice", "thinking", "output_config", "metadata")
        },
    )
)
def test_any_json_is_translated_or_refused(plain: dict[str, object]) -> None:
    try:
        request = messages_request(msgspec.json.encode(plain), options=options_for())
    except InvalidRequest as error:
        assert str(error)
    else:
        assert decode(request.body, GenerateContentRequest).extra is None
