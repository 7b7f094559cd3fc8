"""Names and ids of function calls."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import InvalidRequest
from gemstream.wire.dialect.tool_id import OPENAI_PREFIX, ToolIds, is_usable_id
from gemstream.wire.dialect.tool_name import ToolNames


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("get_weather", "get_weather"),
        ("a.b:c-d", "a.b:c-d"),
        ("mcp/find it", "mcp_find_it"),
        ("1st", "_1st"),
        ("-x", "_-x"),
        ("été", "_t_"),
        ("x" * 130, "x" * 128),
    ],
)
def test_a_name(name: str, sent: str) -> None:
    names = ToolNames([name])
    assert (names.upstream(name), names.caller(sent)) == (sent, name)


def test_names_that_fall_together_are_told_apart() -> None:
    names = ToolNames(["a b", "a/b", "a_b"])
    assert [names.upstream(name) for name in ("a_b", "a b", "a/b")] == ["a_b", "a_b_2", "a_b_3"]
    long = ToolNames(["x" * 129, "x" * 130])
    assert long.upstream("x" * 130) == "x" * 126 + "_2"


def test_a_name_the_model_invents_stays() -> None:
    assert ToolNames(["a b"]).caller("other") == "other"


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="empty name"):
        ToolNames([""])


@given(st.lists(st.text(min_size=1, max_size=140), max_size=8, unique=True))
def test_every_name_comes_back(names: list[str]) -> None:
    both = ToolNames(names)
    sent = [both.upstream(name) for name in names]
    assert len(set(sent)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", name) for name in sent)
    assert [both.caller(name) for name in sent] == names


@pytest.mark.parametrize(
    ("value", "is_usable"),
    [("u1", True), ("x" * 64, True), ("x" * 65, False), ("", False), ("a b", False), (None, False)],
)
def test_which_ids_callers_can_take(value: str | None, is_usable: bool) -> None:
    assert is_usable_id(value) is is_usable


def test_ids_are_kept_or_made() -> None:
    ids = ToolIds("seed", OPENAI_PREFIX)
    assert ids.give("u1", candidate=0, number=0) == "u1"
    again = ids.give("u1", candidate=0, number=1)
    assert re.fullmatch(r"call_[0-9a-f]{24}", again)
    others = {ids.give(None, candidate=c, number=n) for c in (0, 1) for n in (2, 3)}
    assert len(others) == 4
    assert ToolIds("seed", OPENAI_PREFIX).give(None, candidate=0, number=1) == again
    assert ToolIds("other", OPENAI_PREFIX).give(None, candidate=0, number=1) != again
