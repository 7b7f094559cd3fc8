"""count_tokens: the request that counts and the answer that tells."""

from __future__ import annotations

import msgspec
import pytest
from anthropic.types import MessageTokensCount

from gemstream.errors import DecodeError, InvalidRequest
from gemstream.wire.dialect.anthropic.count_tokens import count_body, count_request, token_count
from support.anthropic_requests import options_for

BODY = b'{"model":"claude","system":"S","messages":[{"role":"user","content":"hi"}]}'
COUNTED = {
    "systemInstruction": {"parts": [{"text": "S"}]},
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
}


def test_the_whole_request_is_counted() -> None:
    request = count_request(BODY, options=options_for("gemini-2.5-flash"))
    assert request.model == "claude"
    assert msgspec.json.decode(request.body) == {
        "generateContentRequest": {"model": "models/gemini-2.5-flash", **COUNTED}
    }


def test_vertex_counts_the_fields_themselves() -> None:
    request = count_request(BODY, options=options_for(is_vertex=True))
    assert msgspec.json.decode(request.body) == COUNTED


def test_a_bad_request_is_refused_as_elsewhere() -> None:
    with pytest.raises(InvalidRequest, match="messages: field required"):
        count_request(b'{"model":"m"}', options=options_for())


def test_the_answer_tells_the_count() -> None:  # TV-49
    said = count_body(token_count(b'{"totalTokens":31}'))
    assert msgspec.json.decode(said) == {"input_tokens": 31}
    assert MessageTokensCount.model_validate_json(said).input_tokens == 31


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'{"totalTokens":null}', b'{"totalTokens":true}'])
def test_an_answer_without_a_count_is_the_services_fault(answer: bytes) -> None:
    with pytest.raises(DecodeError, match="no totalTokens"):
        token_count(answer)
