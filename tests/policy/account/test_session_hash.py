"""Which requests are of one session."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.account.session_hash import session_hash
from gemstream.policy.account.sticky import StickySessions
from gemstream.wire.dialect.dialect import Dialect

GEMINI, OPENAI, ANTHROPIC = Dialect.GEMINI, Dialect.OPENAI, Dialect.ANTHROPIC


def hash_of(dialect: Dialect, body: Any, headers: Any = (), caller: str = "key") -> str:
    return session_hash(caller, dialect, dict(headers), body)


def gemini(*texts: str, **fields: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]} for text in texts], **fields}


def openai(*texts: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text} for text in texts], **fields}


def ruled(rules: str, *texts: str) -> dict[str, Any]:
    return {"messages": [{"role": "developer", "content": rules}, *openai(*texts)["messages"]]}


SYSTEM = {"systemInstruction": {"parts": [{"text": "You are brief."}]}}


@pytest.mark.parametrize(
    ("dialect", "one", "other"),
    [
        (GEMINI, gemini("hello"), gemini("hello", "and then?")),
        (GEMINI, gemini("hello", **SYSTEM), gemini("hello", "more", **SYSTEM)),
        (GEMINI, gemini("a", cachedContent="c/1"), gemini("b", cachedContent="c/1")),
        (OPENAI, openai("hello"), openai("hello", "more")),
        (OPENAI, ruled("rules", "hello"), ruled("rules", "hello", "more")),
        (OPENAI, openai("a", prompt_cache_key="k"), openai("b", prompt_cache_key="k")),
        (OPENAI, openai("a", user="u"), openai("b", user="u")),
        (ANTHROPIC, openai("a", metadata={"user_id": "u"}), openai("b", metadata={"user_id": "u"})),
        (ANTHROPIC, openai("a", system="s"), openai("a", system=[{"type": "text", "text": "s"}])),
    ],
)
def test_one_session(dialect: Dialect, one: Any, other: Any) -> None:
    name = hash_of(dialect, one)
    assert len(name) == 32
    assert int(name, 16) >= 0
    assert hash_of(dialect, other) == name


@pytest.mark.parametrize(
    ("dialect", "one", "other"),
    [
        (GEMINI, gemini("hello"), gemini("good day")),
        (GEMINI, gemini("hello", **SYSTEM), gemini("good day", **SYSTEM)),
        (GEMINI, gemini("a", cachedContent="c/1"), gemini("a", cachedContent="c/2")),
        (OPENAI, ruled("rules", "hello"), ruled("rules", "good day")),
        (OPENAI, openai("a", user="u"), openai("u")),
        (ANTHROPIC, openai("a", system="s"), openai("b", system="s")),
    ],
)
def test_other_sessions(dialect: Dialect, one: Any, other: Any) -> None:
    assert hash_of(dialect, one) != hash_of(dialect, other)


def test_the_header_says_it_whatever_the_body() -> None:
    header = {"x-session-id": "mine"}
    assert hash_of(GEMINI, gemini("a"), header) == hash_of(GEMINI, gemini("b"), header)
    assert hash_of(GEMINI, gemini("a"), header) != hash_of(GEMINI, gemini("a"))


def test_two_callers_never_share_a_session() -> None:
    assert hash_of(GEMINI, gemini("a"), caller="one") != hash_of(GEMINI, gemini("a"), caller="two")


@pytest.mark.parametrize("body", [{}, {"contents": []}, {"contents": [{"parts": [{"x": 1}]}]}])
def test_what_says_nothing_is_no_session(body: Any) -> None:
    assert hash_of(GEMINI, body) == ""


_LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_PART = st.dictionaries(st.sampled_from(["text", "parts", "role"]), _LEAF, max_size=2)
_INNER = _LEAF | st.lists(_LEAF, max_size=2) | _PART
_JSON = _INNER | st.lists(_INNER, max_size=2)
_FIELDS = st.sampled_from(
    ["contents", "systemInstruction", "messages", "system", "user", "metadata", "cachedContent"]
)


@given(st.sampled_from(list(Dialect)), st.dictionaries(_FIELDS, _JSON, max_size=3))
def test_any_body_is_taken(dialect: Dialect, body: dict[str, Any]) -> None:
    assert len(hash_of(dialect, body)) in (0, 32)


def test_sessions_are_bounded_and_the_oldest_goes() -> None:
    sticky = StickySessions()
    for number in range(20_010):
        sticky.bind(str(number), "m", "a", float(number) / 100)
    assert len(sticky) == 20_000
    assert sticky.account("0", "m", 201.0) is None
    assert sticky.account("20009", "m", 201.0) == "a"
    sticky.bind("late", "m", "a", 10_000.0)
    assert len(sticky) == 1
