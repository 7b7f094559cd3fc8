"""Thought signatures through callers who know nothing of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.wire.dialect.neutral import SignatureTarget
from gemstream.wire.dialect.signature import (
    SENTINEL,
    Envelope,
    decode_envelope,
    encode_envelope,
    is_enveloped,
    sign_current_turn,
    text_digest,
)

CALL = Envelope(model="gemini-3-flash", target=SignatureTarget.CALL, number=1, signature="SG+/=")


def test_the_envelope_as_it_is_written() -> None:
    prefix, _, body = encode_envelope(CALL).partition(".")
    assert prefix == "gt1"
    assert json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) == {
        "p": "gemini",
        "m": "gemini-3-flash",
        "k": "call",
        "n": 1,
        "s": "SG+/=",
    }


@given(
    st.builds(
        Envelope,
        model=st.text(),
        target=st.sampled_from(SignatureTarget),
        number=st.integers(0, 99),
        signature=st.text(min_size=1),
    ),
    st.none() | st.binary(min_size=1),
)
def test_an_envelope_comes_back(envelope: Envelope, key: bytes | None) -> None:
    carrier = encode_envelope(envelope, key=key)
    assert is_enveloped(carrier)
    assert decode_envelope(carrier, key=key) == envelope


def _carrier(**fields: Any) -> str:
    whole = {"p": "gemini", "m": "m", "k": "call", "n": 0, "s": "S", **fields}
    return "gt1." + base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "carrier",
    [
        "",
        "foreign==",
        "at1.AAAA",
        "gt1.",
        "gt1.*",
        "gt1.é",
        "gt1.AAAA",
        _carrier(p="other"),
        _carrier(s=""),
        _carrier(k="leg"),
    ],
)
def test_what_is_no_envelope_of_ours(carrier: str) -> None:
    assert decode_envelope(_carrier()) is not None
    assert decode_envelope(carrier) is None


def test_a_tag_is_checked() -> None:
    carrier = encode_envelope(CALL, key=b"k")
    assert decode_envelope(carrier, key=b"other") is None
    assert decode_envelope(encode_envelope(CALL), key=b"k") is None
    assert decode_envelope(carrier + "é", key=b"k") is None
    assert decode_envelope("gt1.\ud800.x", key=b"k") is None
    assert decode_envelope(carrier) == CALL


def _content(turn: str) -> dict[str, Any]:
    role, _, what = turn.partition(":")
    kind, _, name = what.partition(" ")
    parts: dict[str, list[dict[str, Any]]] = {
        "text": [{"text": "t"}],
        "call": [{"functionCall": {"name": name}}, {"functionCall": {"name": "sibling"}}],
        "signed": [{"functionCall": {"name": name}, "thoughtSignature": "S"}],
        "response": [{"functionResponse": {"name": name}}],
    }
    return {"role": role, "parts": parts[kind]}


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        # TV-04
        (
            "user:text, model:call old, user:response old, model:text, user:text, model:call s1, "
            "user:response s1, model:call s2, user:response s2",
            {"old": None, "s1": SENTINEL, "s2": SENTINEL},
        ),
        ("user:text, model:signed f, user:response f", {"f": "S"}),
        ("user:text, model:call f, user:response f, user:text", {"f": None}),
        ("model:call f", {"f": SENTINEL}),
    ],
)
def test_which_calls_must_be_signed(turns: str, expected: dict[str, str | None]) -> None:
    contents = [_content(turn) for turn in turns.split(", ")]
    sign_current_turn(contents)
    signed = {
        part["functionCall"]["name"]: part.get("thoughtSignature")
        for content in contents
        for part in content["parts"]
        if "functionCall" in part
    }
    assert {**signed, "sibling": None} == {**expected, "sibling": None}


def test_text_is_found_however_callers_trim_it() -> None:
    assert text_digest(" e\u0301\r\nx\n") == text_digest("é\nx")
    assert text_digest("a") != text_digest("b")
